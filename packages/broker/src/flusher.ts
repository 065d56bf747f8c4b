import type { Clock } from './clock.ts'

/** Writes of one round of the event loop: a system call takes microseconds, others are waiting. */
const MOST_WRITES = 256

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
 * more than what a message costs otherwise. Where there are many to write to, the loop goes round in
 * between, so that a message to a hundred thousand subscribers keeps nobody waiting.
 */
export class Flusher {
  readonly #clock: Clock
  readonly #touched = new List()
  readonly #waiting = new List()
  #isScheduled = false
  #writesLeft = MOST_WRITES
  #roundCount = 0
  readonly #loopEnded = () => this.#flushWaiting()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rounds of the event loop in which there was something to write. */
  get roundCount(): number {
    return this.#roundCount
  }

  /** It has something to write. */
  touch(one: Flushable): void {
    if (one.isTouched) return
    one.isTouched = true
    this.#touched.push(one)
  }

  /** @param isLent - the chunk that was read changes now. */
  endTurn(isLent: boolean): void {
    for (let one = this.#touched.shift(); one !== null; one = this.#touched.shift()) {
      one.isTouched = false
      if (one.length >= LARGE && this.#writesLeft > 0) this.#flush(one)
      else if (one.length > 0) this.#wait(one, isLent)
    }
    if (!this.#waiting.isEmpty || this.#writesLeft < MOST_WRITES) this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.defer(this.#loopEnded)
  }

  #flush(one: Flushable): void {
    this.#writesLeft--
    one.flush()
  }

  #wait(one: Flushable, isLent: boolean): void {
    if (isLent) one.settle()
    if (one.isWaiting) return
    one.isWaiting = true
    this.#waiting.push(one)
  }

  #flushWaiting(): void {
    this.#isScheduled = false
    this.#roundCount++
    this.#writesLeft = MOST_WRITES
    for (let one = this.#waiting.shift(); one !== null; one = this.#waiting.shift()) {
      one.isWaiting = false
      this.#flush(one)
      if (this.#writesLeft === 0) break
    }
    if (!this.#waiting.isEmpty) this.#schedule()
    else this.#writesLeft = MOST_WRITES
  }
}

/** First in, first out; keeps its memory from turn to turn, but none of what was in it. */
class List {
  readonly #items: (Flushable | null)[] = []
  #head = 0
  #end = 0

  get isEmpty(): boolean {
    return this.#head === this.#end
  }

  push(one: Flushable): void {
    this.#items[this.#end++] = one
  }

  shift(): Flushable | null {
    if (this.isEmpty) return null
    const one = this.#items[this.#head]!
    this.#items[this.#head++] = null
    if (this.isEmpty) {
      this.#head = 0
      this.#end = 0
    }
    return one
  }
}
