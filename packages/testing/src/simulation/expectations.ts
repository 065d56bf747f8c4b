/** What one session must get, may get, and has got: by the rules of the standard, not by the broker. */

/** A message as it was published. The numbers of a publisher's messages grow. */
export interface Published {
  readonly number: number
  readonly topicName: string
  readonly publisher: string
  readonly qos: 0 | 1 | 2
}

interface Expected {
  readonly published: Published
  /** Of the delivery. */
  readonly qos: 0 | 1 | 2
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

/** A session's subscriptions and messages, as long as it lasts. */
export class Expectations {
  readonly subscriptions = new Map<string, { readonly qos: 0 | 1 | 2; readonly noLocal: boolean }>()
  readonly #clientId: string
  /** By number and QoS: what is repeated may come at another, where a subscription has changed. */
  readonly #expected = new Map<string, Expected>()
  /** The youngest that came first, by publisher, topic and QoS. */
  readonly #youngest = new Map<string, number>()

  constructor(clientId: string) {
    this.#clientId = clientId
  }

  /**
   * The broker has taken a message.
   * @param presence - of this session's client.
   * @param isAgain - it is a repetition.
   */
  published(published: Published, presence: 'reads' | 'stalls' | 'away', isAgain: boolean): void {
    const qos = this.#qosOf(published)
    if (qos === null || (qos === 0 && presence === 'away')) return
    const known = this.#expected.get(`${published.number} q${qos}`)
    if (known !== undefined) {
      known.acceptedCount++
      known.isLate ||= isAgain
      return
    }
    const mustCome = qos > 0 || presence === 'reads'
    this.#expected.set(`${published.number} q${qos}`, {
      published,
      qos,
      mustCome,
      isLate: isAgain,
      acceptedCount: 1,
      gotCount: 0,
      firstCount: 0,
    })
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
    if (count > expected.acceptedCount) throw new Error(`${number} came again at QoS ${qos}`)
  }

  /** What has not come, and had to. */
  missing(): number[] {
    return [...this.#expected.values()]
      .filter(({ mustCome, gotCount, acceptedCount }) => mustCome && gotCount < acceptedCount)
      .map(({ published }) => published.number)
  }

  /** The connection is gone: what was on its way at QoS 0 may be lost. */
  disconnected(): void {
    for (const expected of this.#expected.values()) {
      if (expected.qos === 0) expected.mustCome = false
    }
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
    const { number, topicName, publisher } = published
    const key = `${publisher} ${topicName} ${qos}`
    const youngest = this.#youngest.get(key) ?? -1
    if (number < youngest) throw new Error(`${number} came after ${youngest}: ${key}`)
    this.#youngest.set(key, number)
  }
}

/** Level by level, as §4.7 says it. */
function matches(filter: string, topicName: string): boolean {
  const levels = topicName.split('/')
  const wanted = filter.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}
