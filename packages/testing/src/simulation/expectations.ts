import { matches, sharedFilter } from './matches.ts'
import {
  type Arrived,
  expiresAt,
  IdentifierLists,
  identifiersOf,
  type Presence,
  type Published,
  type SimSubscription,
  type StoredDelivery,
} from './message.ts'
import { Replays } from './replays.ts'
import type { RetainedMessages } from './retained-messages.ts'

const NEVER = Number.POSITIVE_INFINITY

interface Expected {
  readonly published: Published
  /** The broker's: those that it took first have a lower one. */
  readonly order: number
  /** Of the delivery. */
  readonly qos: 0 | 1 | 2
  readonly identifiers: IdentifierLists
  expiresAt: number
  /** False for what may be dropped: QoS 0 to a client that does not read. */
  mustCome: boolean
  /** It was repeated: what comes may be the repetition, behind younger ones. */
  isLate: boolean
  /** How often the broker took it: at QoS 1 a repetition is another message. */
  acceptedCount: number
  gotCount: number
  /** Of those, the ones without DUP. */
  firstCount: number
}

/** What one session must get, may get, and has got: by the rules of the standard, not by the broker. */
export class Expectations {
  readonly subscriptions = new Map<string, SimSubscription>()
  /** Empty messages that it may have coming. */
  unnumberedCount = 0
  /** By Topic Filter: whether it is subscribed to, where the last word on it was acknowledged. */
  readonly acknowledged = new Map<string, boolean>()
  readonly replays: Replays
  readonly #clientId: string
  /**
   * By number, QoS and RETAIN as delivered: what is repeated may come at another, where a subscription has
   * changed.
   */
  readonly #expected = new Map<string, Expected>()
  /** The youngest that came first, by publisher, topic and QoS. */
  #youngest = new Map<string, number>()
  #order = 0

  constructor(clientId: string, retained: RetainedMessages) {
    this.#clientId = clientId
    this.replays = new Replays(retained)
  }

  /**
   * The broker has taken a message.
   * @param isLate - it is a repetition, or younger ones were taken before.
   * @returns the QoS at which it is delivered; `null`: not at all.
   */
  published(published: Published, presence: Presence, isLate: boolean, now: number): number | null {
    const subscriptions = this.#matching(published)
    if (subscriptions.length === 0) {
      if (isLate) this.#excuse(published.number)
      return null
    }
    const granted = Math.max(...subscriptions.map(({ qos }) => qos))
    const qos = Math.min(published.qos, granted) as 0 | 1 | 2
    if (qos === 0 && presence === 'away') return null
    const identifiers = identifiersOf(subscriptions)
    const retain = published.retain && this.retainAsPublished(published)
    const key = keyOf(published.number, qos, retain)
    const known = this.#expected.get(key)
    if (known !== undefined) {
      known.acceptedCount++
      known.identifiers.add(identifiers)
      known.isLate ||= isLate
      // The repetition expires at another time, if at all: which of them comes is open.
      const expiry = expiresAt(published, now)
      if (Math.min(known.expiresAt, expiry) < NEVER) known.mustCome = false
      known.expiresAt = Math.max(known.expiresAt, expiry)
      return qos
    }
    this.#expected.set(key, {
      published,
      order: this.#order++,
      qos,
      identifiers: new IdentifierLists(identifiers),
      expiresAt: expiresAt(published, now),
      mustCome: qos > 0 || presence === 'reads',
      isLate,
      acceptedCount: 1,
      gotCount: 0,
      firstCount: 0,
    })
    return qos
  }

  /** Whether it comes with RETAIN as it was published. */
  retainAsPublished(published: Published): boolean {
    return this.#matching(published).some((one) => one.retainAsPublished)
  }

  /** @throws Error where it may not come, or not now. */
  got(arrived: Arrived): void {
    const { number, qos, retain } = arrived
    const expected = this.#expected.get(keyOf(number, qos, retain))
    if (retain) this.#gotRetained(arrived, expected)
    else if (expected === undefined) throw new Error(`${number} was not for it at QoS ${qos}`)
    else this.#gotLive(arrived, expected, true)
  }

  #gotLive(arrived: Arrived, expected: Expected, isOrdered: boolean): void {
    const { number, topicName, qos, dup } = arrived
    const { published } = expected
    if (published.topicName !== topicName) throw new Error(`${number} came on ${topicName}`)
    if (isTooLate(arrived, expected)) throw new Error(`${number} was sent after it had expired`)
    if (!expected.identifiers.has(arrived)) {
      throw new Error(`${number} came with the identifiers ${arrived.identifiers}`)
    }
    if (isOrdered && expected.gotCount === 0 && !expected.isLate) this.#checkOrder(expected)
    expected.gotCount++
    if (!dup) expected.firstCount++
    if (comeCount(expected) > expected.acceptedCount)
      throw new Error(`${number} came again at QoS ${qos}`)
  }

  /** @param expected - it comes as it was published, or was in the Store after a crash. */
  #gotRetained(arrived: Arrived, expected: Expected | undefined): void {
    const { number, topicName, dup, qos } = arrived
    if (expected !== undefined && dup && qos === 1) {
      // Or it was replayed: which of them comes again cannot be told.
      expected.gotCount++
      this.replays.excuse(topicName, number)
      return
    }
    // Where it is expected for both reasons, the one that may yet lapse waits for the next.
    const isOpen =
      expected !== undefined &&
      comeCount(expected) < expected.acceptedCount &&
      !isTooLate(arrived, expected)
    const isMissed = expected?.mustCome && expected.gotCount < expected.acceptedCount
    const isLive = isOpen && (isMissed || !this.replays.owes(arrived))
    const isLike = expected?.identifiers.has(arrived) ?? false
    const isReplayed = this.replays.mayBring(arrived)
    if (isLive && isLike) {
      this.#gotLive(arrived, expected, !isReplayed)
      return
    }
    // What was taken for it before may have been replayed, and the other way around.
    const asReplayed = isLike && !isReplayed ? { ...arrived, identifiers: null } : arrived
    if (this.replays.take(asReplayed)) return
    if (!isReplayed || expected === undefined || comeCount(expected) >= expected.acceptedCount) {
      throw new Error(`retained ${number} was not asked for at QoS ${qos}`)
    }
    expected.gotCount++
    expected.firstCount++
  }

  /** How many messages may wait for it, at most. */
  openAtMost(): number {
    let count = this.unnumberedCount + this.replays.openAtMost()
    for (const expected of this.#expected.values()) {
      if (expected.qos > 0) count += Math.max(0, expected.acceptedCount - comeCount(expected))
    }
    return count
  }

  /** What has not come, and had to. */
  missing(now: number): number[] {
    const all = [...this.#expected.values()]
    const missing = all
      .filter((one) => isMissing(one, now))
      .map(({ published }) => published.number)
    // Or it came, and what expired was the one that was taken for it.
    const mayHaveCome = (number: number) =>
      all.some((one) => one.published.number === number && one.gotCount > 0 && one.expiresAt <= now)
    return [...missing, ...this.replays.missing(now).filter((number) => !mayHaveCome(number))]
  }

  /**
   * The connection is gone: what was on its way at QoS 0 may be lost.
   * @param isFull - its queue is: what is left of retained messages is not looked at.
   */
  disconnected(isFull: boolean): void {
    this.replays.disconnected(isFull)
    for (const expected of this.#expected.values()) {
      if (expected.qos === 0) expected.mustCome = false
    }
  }

  /** @returns what must not have been lost in a crash, and is not among `stored`. */
  lost(
    stored: readonly StoredDelivery[],
    isAcknowledged: (number: number) => boolean,
    now: number,
  ): number[] {
    const numbers = new Set(stored.map(({ number }) => number))
    return [...this.#expected.values()]
      .filter((one) => one.qos > 0 && one.gotCount === 0 && isMissing(one, now))
      .map(({ published }) => published.number)
      .filter((number) => isAcknowledged(number) && !numbers.has(number))
  }

  /**
   * What is expected after a crash: what the Store has.
   * @param former - of the same session, `null` where it was another one.
   * @param mayBeLate - whether what was dropped on a topic may be back.
   */
  static restored(
    clientId: string,
    retained: RetainedMessages,
    stored: readonly StoredDelivery[],
    messages: ReadonlyMap<number, Published>,
    former: Expectations | null,
    mayBeLate: (topicName: string) => boolean,
  ): Expectations {
    const restored = new Expectations(clientId, retained)
    if (former !== null) {
      restored.#youngest = former.#youngest
      restored.#order = former.#order
    }
    for (const delivery of stored) {
      const published = messages.get(delivery.number)
      if (published === undefined || sharedTopic(published.topicName)) continue
      restored.#restore(published, delivery, former, mayBeLate(published.topicName))
    }
    return restored
  }

  #restore(
    published: Published,
    { qos, retain, identifiers }: StoredDelivery,
    former: Expectations | null,
    mayBeLate: boolean,
  ): void {
    const key = keyOf(published.number, qos, retain)
    const known = this.#expected.get(key)
    if (known !== undefined) {
      known.acceptedCount++
      known.identifiers.add(identifiers)
      return
    }
    const old = former === null ? undefined : former.#expected.get(key)
    const hasCome = (old?.gotCount ?? 0) > 0 || retain
    const cameAtQos2 = qos === 2 && !retain && hasCome
    this.#expected.set(key, {
      published,
      order: old?.order ?? 0,
      qos,
      identifiers: new IdentifierLists(identifiers),
      // A retained one may be of a SUBSCRIBE before its repetition, which expires at another time.
      expiresAt: retain ? NEVER : (old?.expiresAt ?? NEVER),
      // A retained one may have come before, on the same Packet Identifier.
      mustCome: !retain && (old?.mustCome ?? published.expiry === 0),
      isLate: hasCome || mayBeLate || (old?.isLate ?? true),
      acceptedCount: 1,
      gotCount: cameAtQos2 ? 1 : 0,
      firstCount: cameAtQos2 ? 1 : 0,
    })
  }

  /** Its repetition is for nobody here, and is answered without the Store having the first. */
  #excuse(number: number): void {
    for (const expected of this.#expected.values()) {
      if (expected.published.number === number) expected.mustCome = false
    }
  }

  #matching({ topicName, publisher }: Published): SimSubscription[] {
    const isOwn = publisher === this.#clientId
    return [...this.subscriptions]
      .filter(([filter, { noLocal }]) => {
        if (sharedFilter(filter) !== null || (noLocal && isOwn)) return false
        return matches(filter, topicName)
      })
      .map(([, subscription]) => subscription)
  }

  #checkOrder({ published, qos, order }: Expected): void {
    const { number, topicName, publisher } = published
    const key = `${publisher} ${topicName} ${qos}`
    const youngest = this.#youngest.get(key) ?? -1
    if (order < youngest) throw new Error(`${number} came after younger ones: ${key}`)
    this.#youngest.set(key, order)
  }
}

/** Topics that only shared subscriptions match, so that each message has one reason to come. */
export function sharedTopic(topicName: string): boolean {
  return topicName.startsWith('s')
}

function keyOf(number: number, qos: number, retain: boolean): string {
  return `${number} q${qos}${retain ? ' r' : ''}`
}

/** Its delivery began after it had expired. At QoS 2 it may have waited for the Store since before. */
function isTooLate({ qos, dup, writtenAfter }: Arrived, { expiresAt }: Expected): boolean {
  return !dup && qos < 2 && writtenAfter >= expiresAt
}

/** At QoS 1 it may come again, and says so. */
function comeCount({ qos, firstCount, gotCount }: Expected): number {
  return qos === 1 ? firstCount : gotCount
}

function isMissing(
  { mustCome, gotCount, acceptedCount, expiresAt }: Expected,
  now: number,
): boolean {
  return mustCome && gotCount < acceptedCount && expiresAt > now
}
