import { expiresAt, type Published } from './message.ts'

interface RetainedMessage {
  readonly topicName: string
  readonly number: number
  readonly qos: 0 | 1 | 2
  readonly expiresAt: number
  /** Of all its repetitions the last: a crash may bring an earlier one back. */
  readonly lastsUntil: number
}

/** What is retained: of each topic the last message that the broker took, and what was there before. */
export class RetainedMessages {
  readonly #current = new Map<string, RetainedMessage>()
  /** By Topic Name: numbers in the order in which they were taken, -1: it was deleted. */
  readonly #history = new Map<string, { readonly number: number; readonly cause: number }[]>()
  readonly #all = new Map<number, RetainedMessage>()

  take(published: Published, now: number): void {
    const { topicName, number, qos, size } = published
    const isRemoval = size === 0
    this.#historyOf(topicName).push({ number: isRemoval ? -1 : number, cause: number })
    if (isRemoval) {
      this.#current.delete(topicName)
      return
    }
    const expiry = expiresAt(published, now)
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
      const isExpired = number === -1 && later.some((one) => this.expiryOf(one.number) <= now)
      const at = history.findLastIndex((one) => one.number === number)
      if (at < floor && !isExpired) {
        throw new Error(
          `retained on ${topicName}: ${number} after a crash, behind what was acknowledged`,
        )
      }
      this.#historyOf(topicName).push({ number, cause: -1 })
      if (number === -1) this.#current.delete(topicName)
      else this.#current.set(topicName, this.#all.get(number)!)
    }
  }

  expiryOf(number: number): number {
    return this.#all.get(number)?.expiresAt ?? Number.POSITIVE_INFINITY
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
