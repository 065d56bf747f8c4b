/** What one session must get, may get, and has got: by the rules of the standard, not by the broker. */

/** A message as it was published. The numbers of a series grow. */
export interface Published {
  readonly number: number
  readonly topicName: string
  /** Client Identifier. */
  readonly publisher: string
  /** What is in order: a client's messages, and its wills. */
  readonly series: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** RETAIN with an empty payload: it carries no number, and nobody is asked whether it came. */
  readonly isRemoval: boolean
}

interface Expected {
  readonly published: Published
  /** Of the delivery. */
  readonly qos: 0 | 1 | 2
  /** It was repeated: what comes may be the repetition, behind younger ones. */
  isLate: boolean
  /** How often it has to come; 0 for what may be lost. */
  mustCount: number
  /** The same before a crash made it doubtful. */
  formerMustCount: number
  /** How often it may come anew: at QoS 1 a repetition of the publisher's is another message. */
  mayCount: number
  gotCount: number
  /** Of those, the ones without DUP. */
  firstCount: number
}

/** How a client is there, as far as messages are concerned. */
export type Presence = 'reads' | 'stalls' | 'away'

/** A session's subscriptions and messages, as long as it lasts. */
export class Expectations {
  readonly subscriptions = new Map<string, { readonly qos: 0 | 1 | 2; readonly noLocal: boolean }>()
  readonly #clientId: string
  /** By number and QoS: what is repeated may come at another, where a subscription has changed. */
  readonly #expected = new Map<string, Expected>()
  /** The youngest that came first, by series, topic and QoS. */
  readonly #youngest = new Map<string, number>()

  constructor(clientId: string) {
    this.#clientId = clientId
  }

  /** The broker has taken a message. @param isAgain - it is a repetition. */
  published(published: Published, presence: Presence, isAgain: boolean): void {
    const qos = this.#qosOf(published)
    if (qos === null || (qos === 0 && presence === 'away')) return
    const known = this.#expected.get(`${published.number} q${qos}`)
    if (known !== undefined) {
      known.mustCount++
      known.mayCount++
      known.isLate ||= isAgain
      return
    }
    this.#expect(published, qos, qos > 0 || presence === 'reads' ? 1 : 0, isAgain)
  }

  /**
   * A QoS 2 message comes again after a crash: the broker may have kept that it has it, or not.
   */
  publishedAfterCrash(published: Published, presence: Presence): void {
    const qos = this.#qosOf(published)
    if (qos === null || (qos === 0 && presence === 'away')) return
    const known = this.#expected.get(`${published.number} q${qos}`)
    if (known === undefined) {
      this.#expect(published, qos, 0, true)
      return
    }
    known.isLate = true
    // Only what goes out at QoS 2 waits for the commit.
    if (qos < 2) known.mayCount++
    if (qos > 0) known.mustCount = Math.max(known.formerMustCount, known.mustCount)
  }

  /** @throws Error where it may not come, or not now. */
  got(number: number, topicName: string, qos: number, dup: boolean): void {
    const expected = this.#expected.get(`${number} q${qos}`)
    if (expected === undefined) throw new Error(`${number} was not for it at QoS ${qos}`)
    const { published } = expected
    if (published.topicName !== topicName) throw new Error(`${number} came on ${topicName}`)
    if (expected.gotCount === 0 && !expected.isLate) this.#checkOrder(expected)
    expected.gotCount++
    if (!dup) expected.firstCount++
    // At QoS 1 it may come again, and says so.
    const count = qos === 1 ? expected.firstCount : expected.gotCount
    if (count > expected.mayCount) throw new Error(`${number} came again at QoS ${qos}`)
  }

  /** What has not come, and had to. */
  missing(): number[] {
    return [...this.#expected.values()]
      .filter(({ mustCount, gotCount }) => gotCount < mustCount)
      .map(({ published }) => published.number)
  }

  /** Whether a message has to come above QoS 0: a kept session's must be in the Store. */
  mustGet(number: number): boolean {
    return [1, 2].some((qos) => (this.#expected.get(`${number} q${qos}`)?.mustCount ?? 0) > 0)
  }

  /** The connection is gone: what was on its way at QoS 0 may be lost. */
  disconnected(): void {
    for (const expected of this.#expected.values()) if (expected.qos === 0) expected.mustCount = 0
  }

  /** The broker is gone, but for what was kept. @param isSafe - a message was acknowledged. */
  crashed(isSafe: (number: number) => boolean): void {
    for (const expected of this.#expected.values()) {
      expected.formerMustCount = Math.max(expected.formerMustCount, expected.mustCount)
      if (expected.qos === 0 || !isSafe(expected.published.number)) expected.mustCount = 0
      // That it was sent, or acknowledged, may not be kept: then it comes again, and may not say so.
      if (expected.qos === 1) expected.mayCount *= 2
      expected.isLate = true
    }
  }

  #expect(published: Published, qos: 0 | 1 | 2, mustCount: number, isLate: boolean): void {
    this.#expected.set(`${published.number} q${qos}`, {
      published,
      qos,
      isLate,
      mustCount,
      formerMustCount: 0,
      mayCount: 1,
      gotCount: 0,
      firstCount: 0,
    })
  }

  #qosOf({ topicName, publisher, qos }: Published): 0 | 1 | 2 | null {
    let granted = -1
    for (const [filter, subscription] of this.subscriptions) {
      if (subscription.noLocal && publisher === this.#clientId) continue
      if (matches(filter, topicName)) granted = Math.max(granted, subscription.qos)
    }
    return granted < 0 ? null : (Math.min(qos, granted) as 0 | 1 | 2)
  }

  #checkOrder({ published, qos }: Expected): void {
    const { number, topicName, series } = published
    const key = `${series} ${topicName} ${qos}`
    const youngest = this.#youngest.get(key) ?? -1
    if (number < youngest) throw new Error(`${number} came after ${youngest}: ${key}`)
    this.#youngest.set(key, number)
  }
}

/** Level by level, as §4.7 says it. */
export function matches(filter: string, topicName: string): boolean {
  const levels = topicName.split('/')
  const wanted = filter.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}
