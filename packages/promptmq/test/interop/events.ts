/** Milliseconds that a test waits for what it expects: far beyond what a slow machine takes. */
const PATIENCE_MS = 10_000

/** The same promise, or a failure that says what did not come in time. */
export async function within<T>(promise: Promise<T>, what: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`not within ${PATIENCE_MS} ms: ${what()}`)),
    PATIENCE_MS,
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What came and nobody has taken yet; may be waited for. */
export class Inbox<T> {
  readonly #items: T[] = []
  #arrived: (() => void)[] = []

  push(item: T): void {
    this.#items.push(item)
    for (const wake of this.#arrived.splice(0)) wake()
  }

  /** Waits until `count` are there, and takes them. */
  async take(count: number): Promise<T[]> {
    const wait = async () => {
      while (this.#items.length < count) await new Promise<void>((wake) => this.#arrived.push(wake))
    }
    await within(wait(), () => `${count} items, but ${JSON.stringify(this.#items).slice(0, 1_000)}`)
    return this.#items.splice(0, count)
  }

  /** Waits for the first that is looked for; it and all others stay. */
  async find(matches: (item: T) => boolean, what: string): Promise<T> {
    const wait = async () => {
      for (;;) {
        const found = this.#items.find(matches)
        if (found !== undefined) return found
        await new Promise<void>((wake) => this.#arrived.push(wake))
      }
    }
    return within(wait(), () => `${what}, but ${JSON.stringify(this.#items).slice(0, 1_000)}`)
  }

  /** All that came, and was not taken. */
  get items(): readonly T[] {
    return this.#items
  }
}
