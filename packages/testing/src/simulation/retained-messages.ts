import { expiresAt, type Published } from './message.ts'

interface RetainedMessage {
  readonly topicName: string
  readonly number: number
  readonly qos: 0 | 1 | 2
  readonly expiresAt: number
  /** Of all its repetitions the last: a crash may bring an earlier one back. */
  readonly lastsUntil: number
}

/** What a message left on its topic. */
interface Change {
  /** -1: nothing. */
  readonly number: number
  readonly expiresAt: number
  /** The number of the message; -1: a crash. */
  readonly cause: number
}

const NOTHING = { number: -1, expiresAt: Number.POSITIVE_INFINITY }

/** What is retained: of each topic the last message that the broker took, and what was there before. */
export class RetainedMessages {
  readonly #current = new Map<string, RetainedMessage>()
  /** By Topic Name, in the order in which they were taken. */
  readonly #history = new Map<string, Change[]>()
  readonly #all = new Map<number, RetainedMessage>()

  take(published: Published, now: number): void {
    const { topicName, number, qos, size } = published
    const expiry = expiresAt(published, now)
    const isRemoval = size === 0
    const left = isRemoval ? NOTHING : { number, expiresAt: expiry }
    this.#historyOf(topicName).push({ ...left, cause: number })
    if (isRemoval) {
      this.#current.delete(topicName)
      return
    }
    const lastsUntil = Math.max(expiry, this.#all.get(number)?.lastsUntil ?? 0)
    const message = { topicName, number, qos, expiresAt: expiry, lastsUntil }
    this.#current.set(topicName, message)
    this.#all.set(number, message)
  }

  /**
   * After a crash: what the Store has takes the place of all.
   * @param isAcknowledged - whether the publisher of a number was answered.
   * @throws Error where that is older than what was acknowledged.
   */
  restore(
    stored: ReadonlyMap<string, number>,
    isAcknowledged: (number: number) => boolean,
    now: number,
  ): void {
    for (const [topicName, history] of this.#history) {
      const number = stored.get(topicName) ?? -1
      const floor = history.findLastIndex(({ cause }) => isAcknowledged(cause))
      // The broker deletes what has expired when it comes to it.
      const later = history.slice(Math.max(0, floor))
      const isExpired = number === -1 && later.some((one) => one.expiresAt <= now)
      const at = history.findLastIndex((one) => one.number === number)
      if (at < floor && !isExpired) {
        throw new Error(
          `retained on ${topicName}: ${number} after a crash, behind what was acknowledged`,
        )
      }
      this.#historyOf(topicName).push({ ...(history[at] ?? NOTHING), cause: -1 })
      if (number === -1) this.#current.delete(topicName)
      else this.#current.set(topicName, this.#all.get(number)!)
    }
  }

  qosOf(number: number): number {
    return this.#all.get(number)?.qos ?? 0
  }

  [Symbol.iterator](): IterableIterator<RetainedMessage> {
    return this.#current.values()
  }

  #historyOf(topicName: string) {
    const history = this.#history.get(topicName) ?? []
    this.#history.set(topicName, history)
    return history
  }
}
