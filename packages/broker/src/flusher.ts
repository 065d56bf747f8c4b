import type { Clock } from './clock.ts'

/** Writes of one round of the event loop: a system call takes microseconds, others are waiting. */
const MOST_WRITES = 256

/** Of those, the ones that a crowd is left where others have as much to write. */
const CROWD_WRITES = 64

/** Bits of {@link Flushable.waitsIn}. */
const FEW = 1
const CROWD = 2

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
  waitsIn: number
}

/**
 * Who has something to write, and when it is written: much, at the end of the turn; little, when the
 * event loop has worked off all that it has read, since others may add to it. A system call costs
 * more than what a message costs otherwise. Where there are many to write to, the loop goes round in
 * between, and those that a turn wrote to with very many others wait in a line of their own: a message
 * to a hundred thousand subscribers keeps nobody else waiting.
 */
export class Flusher {
  readonly #clock: Clock
  readonly #touched = new List()
  /** In the order in which they came. */
  readonly #few = new List()
  /** Those of turns with more to write to than one round writes. */
  readonly #crowd = new List()
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
    const line = this.#touched.count > MOST_WRITES ? CROWD : FEW
    for (let one = this.#touched.shift(); one !== null; one = this.#touched.shift()) {
      one.isTouched = false
      if (one.length >= LARGE && this.#writesLeft > 0) this.#flush(one)
      else if (one.length > 0) this.#wait(one, line, isLent)
    }
    if (this.#isAnyWaiting || this.#writesLeft < MOST_WRITES) this.#schedule()
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

  /** Who waits in the crowd may come to wait with the few as well, not the other way round. */
  #wait(one: Flushable, line: number, isLent: boolean): void {
    if (isLent) one.settle()
    if (one.waitsIn & (line | FEW)) return
    one.waitsIn |= line
    if (line === FEW) this.#few.push(one)
    else this.#crowd.push(one)
  }

  get #isAnyWaiting(): boolean {
    return this.#few.count + this.#crowd.count > 0
  }

  #flushWaiting(): void {
    this.#isScheduled = false
    this.#roundCount++
    this.#writesLeft = MOST_WRITES
    this.#flushSome(this.#few, FEW, CROWD_WRITES)
    this.#flushSome(this.#crowd, CROWD, 0)
    this.#flushSome(this.#few, FEW, 0)
    if (this.#isAnyWaiting) this.#schedule()
    else this.#writesLeft = MOST_WRITES
  }

  /** @param reserved - writes that are left to others. */
  #flushSome(line: List, bit: number, reserved: number): void {
    while (this.#writesLeft > reserved) {
      const one = line.shift()
      if (one === null) return
      one.waitsIn &= ~bit
      if (one.length > 0) this.#flush(one)
    }
  }
}

/** First in, first out; keeps its memory from turn to turn, but none of what was in it. */
class List {
  readonly #items: (Flushable | null)[] = []
  #head = 0
  #end = 0

  get count(): number {
    return this.#end - this.#head
  }

  push(one: Flushable): void {
    this.#items[this.#end++] = one
  }

  shift(): Flushable | null {
    if (this.count === 0) return null
    const one = this.#items[this.#head]!
    this.#items[this.#head++] = null
    if (this.count === 0) {
      this.#head = 0
      this.#end = 0
    }
    return one
  }
}
