import { Budget } from './budget.ts'
import type { Message } from './message.ts'

/** A QoS 1 or 2 message that waits to be sent to one session. */
export interface Waiting {
  readonly message: Message
  readonly qos: 1 | 2
  /** RETAIN as it is delivered. */
  readonly retain: boolean
  readonly identifiers: readonly number[]
  /** Its place in the Store's queue, 0: not stored. */
  readonly position: number
}

/** One that its session has not acknowledged. */
export type Undelivered = Omit<Waiting, 'retain'>

/**
 * What waits for a session: connected but without a place in flight, or away.
 *
 *        memory (a window)              the Store
 *   [ oldest ... youngest held ]   [ spilled ... youngest ]
 *     shift() <--                        <-- spill()
 *
 * Order is by arrival. Once something is spilled, all that follows is spilled too, until the window
 * has been read empty and is filled from the Store again. A session that is not stored never spills.
 *
 * Invariant: count = in memory + spilled; byteSize covers both.
 */
export class Outbox {
  #items: Waiting[] = []
  #head = 0
  #byteSize = 0
  readonly #budget: Budget
  #spilledCount = 0
  #spilledBytes = 0

  /** @param budget - of the memory that all outboxes share; a message counts in each. */
  constructor(budget = new Budget({ total: Number.POSITIVE_INFINITY })) {
    this.#budget = budget
  }

  /** Messages that wait, wherever they are. */
  get count(): number {
    return this.#items.length - this.#head + this.#spilledCount
  }

  get byteSize(): number {
    return this.#byteSize + this.#spilledBytes
  }

  /** Bytes of those in memory. */
  get heldBytes(): number {
    return this.#byteSize
  }

  get heldCount(): number {
    return this.#items.length - this.#head
  }

  /** Those in memory, the oldest first. */
  held(): readonly Waiting[] {
    return this.#items.slice(this.#head)
  }

  get spilledCount(): number {
    return this.#spilledCount
  }

  push(waiting: Waiting): void {
    this.#items.push(waiting)
    this.#hold(waiting.message.size)
  }

  shift(): Waiting | undefined {
    const waiting = this.#items[this.#head]
    if (waiting === undefined) return undefined
    this.#hold(-waiting.message.size)
    this.#items[this.#head] = undefined as unknown as Waiting
    this.#head++
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return waiting
  }

  /** Counts what only the Store holds. */
  spill(count: number, byteSize: number): void {
    this.#spilledCount += count
    this.#spilledBytes += byteSize
  }

  /** Takes a page that was read from the Store; an empty one says that the Store has no more. */
  unspill(page: readonly Waiting[]): void {
    for (const waiting of page) {
      this.push(waiting)
      // Never below 0: after a restart the sum is the Store's, which may count less for a message.
      this.#spilledBytes = Math.max(0, this.#spilledBytes - waiting.message.size)
    }
    this.#spilledCount -= page.length
    if (page.length === 0 || this.#spilledCount <= 0) {
      this.#spilledCount = 0
      this.#spilledBytes = 0
    }
  }

  clear(): void {
    this.#items = []
    this.#head = 0
    this.#hold(-this.#byteSize)
    this.#spilledCount = 0
    this.#spilledBytes = 0
  }

  #hold(byteSize: number): void {
    this.#byteSize += byteSize
    this.#budget.changed(byteSize)
  }
}
