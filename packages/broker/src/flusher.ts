import type { Clock } from './clock.ts'

/** From this many bytes a write does not wait for more. */
const LARGE = 16 * 1024

/** Who has something to write. */
export interface Flushable {
  /** Bytes that wait. */
  readonly length: number
  /** Writes them. */
  flush(): void
  /** Keeps a copy of what lies in memory that is lent for the turn. */
  settle(): void
  /** Both are the Flusher's. */
  isTouched: boolean
  isWaiting: boolean
}

/**
 * Who has something to write, and when it is written: much, at the end of the turn; little, when the
 * event loop has worked off all that it has read, since others may add to it. A system call costs
 * more than what a message costs otherwise.
 */
export class Flusher {
  readonly #clock: Clock
  #touched: Flushable[] = []
  #waiting: Flushable[] = []
  #isScheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** It has something to write. */
  touch(one: Flushable): void {
    if (one.isTouched) return
    one.isTouched = true
    this.#touched.push(one)
  }

  /** @param isLent - the chunk that was read changes now. */
  endTurn(isLent: boolean): void {
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const one of touched) {
      one.isTouched = false
      if (one.length >= LARGE) one.flush()
      else if (one.length > 0) this.#wait(one, isLent)
    }
    if (this.#waiting.length === 0 || this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.defer(() => this.#flushWaiting())
  }

  #wait(one: Flushable, isLent: boolean): void {
    if (isLent) one.settle()
    if (one.isWaiting) return
    one.isWaiting = true
    this.#waiting.push(one)
  }

  #flushWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#isScheduled = false
    for (const one of waiting) {
      one.isWaiting = false
      one.flush()
    }
  }
}
