/** What was retained on one topic; a number of `null`: nothing any more. */
interface Entry {
  readonly number: number | null
  /** Of the message that set or removed it. */
  readonly cause: number
  /** It was there before a crash, perhaps, and others since. */
  readonly isUncertain: boolean
  isSafe: boolean
}

/**
 * The retained messages as they must be: on each topic the last that the broker took. After a crash it
 * may be any of those since the last that was acknowledged.
 */
export class RetainedModel {
  readonly #entries = new Map<string, Entry[]>()
  /** By topic: where in its list that begins which may be there now. */
  readonly #first = new Map<string, number>()

  /**
   * The broker has taken a message with RETAIN.
   * @param isRemoval - its payload is empty.
   * @param isUncertain - or has had it before a crash, and others since.
   */
  set(topicName: string, cause: number, isRemoval: boolean, isUncertain: boolean): void {
    const entries = this.#entries.get(topicName) ?? [
      { number: null, cause: -1, isUncertain: false, isSafe: true },
    ]
    entries.push({ number: isRemoval ? null : cause, cause, isUncertain, isSafe: false })
    this.#entries.set(topicName, entries)
    if (!isUncertain || !this.#first.has(topicName)) {
      this.#first.set(topicName, isUncertain ? 0 : entries.length - 1)
    }
  }

  /** It was acknowledged: it outlives a crash. */
  acknowledged(topicName: string, cause: number): void {
    for (const entry of this.#entries.get(topicName) ?? []) {
      if (entry.cause === cause && !entry.isUncertain) entry.isSafe = true
    }
  }

  crashed(): void {
    for (const [topicName, entries] of this.#entries) {
      this.#first.set(
        topicName,
        entries.findLastIndex(({ isSafe }) => isSafe),
      )
    }
  }

  /** Whether it was ever retained there. */
  was(topicName: string, number: number): boolean {
    return (this.#entries.get(topicName) ?? []).some((entry) => entry.number === number)
  }

  /** @param got - by topic, what a new subscriber to all of them got. @throws Error where it is another. */
  check(got: ReadonlyMap<string, number>): void {
    for (const [topicName, entries] of this.#entries) {
      const possible = entries.slice(this.#first.get(topicName)).map(({ number }) => number)
      const number = got.get(topicName) ?? null
      if (!possible.includes(number)) {
        throw new Error(`retained on ${topicName}: ${number}, not ${possible.join(' or ')}`)
      }
    }
    for (const topicName of got.keys()) {
      if (!this.#entries.has(topicName))
        throw new Error(`nothing was ever retained on ${topicName}`)
    }
  }
}
