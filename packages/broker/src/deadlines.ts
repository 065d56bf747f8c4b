import { type Clock, LONGEST_DELAY_MS } from './clock.ts'

/**
 * Everything that is due later: keep alive, session expiry, delayed wills, time-outs. One binary
 * heap by time and one timer of the clock for its top, so that a hundred thousand sessions cost no
 * timers, and a deadline in a hundred years does not fire today.
 *
 *           [0] soonest
 *        [1]     [2]         children of i: 2i + 1, 2i + 2; a Deadline knows its index
 *
 * Setting, moving and cancelling cost O(log n).
 */
export class Deadline {
  /** Milliseconds on the clock; meaningless while not set. */
  at = 0
  index = -1
  readonly #deadlines: Deadlines
  readonly due: () => void

  constructor(deadlines: Deadlines, due: () => void) {
    this.#deadlines = deadlines
    this.due = due
  }

  get isSet(): boolean {
    return this.index !== -1
  }

  /** Its time has come, and the timer that sees to it has not fired yet. */
  isDue(now: number): boolean {
    return this.index !== -1 && this.at <= now
  }

  /** Sets it, or moves it. @param at - milliseconds on the clock. */
  set(at: number): void {
    this.#deadlines.set(this, at)
  }

  cancel(): void {
    this.#deadlines.cancel(this)
  }
}

/** Everything that is due later, in one heap with one timer of the clock. */
export class Deadlines {
  readonly #clock: Clock
  readonly #fired: () => void
  readonly #heap: Deadline[] = []
  readonly #timer = () => this.#fire()
  #cancelTimer: (() => void) | null = null
  /** When the timer of the clock fires. */
  #timerAt = Number.POSITIVE_INFINITY

  /** @param fired - called once after all that were due at a moment. */
  constructor(clock: Clock, fired: () => void) {
    this.#clock = clock
    this.#fired = fired
  }

  get size(): number {
    return this.#heap.length
  }

  /** @param due - called when its time has come; it may be set again from there. */
  create(due: () => void): Deadline {
    return new Deadline(this, due)
  }

  set(deadline: Deadline, at: number): void {
    deadline.at = at
    if (deadline.index === -1) {
      deadline.index = this.#heap.length
      this.#heap.push(deadline)
    }
    this.#sift(deadline)
    this.#arm()
  }

  cancel(deadline: Deadline): void {
    const { index } = deadline
    if (index === -1) return
    const last = this.#heap.pop()!
    deadline.index = -1
    if (last === deadline) return
    this.#heap[index] = last
    last.index = index
    this.#sift(last)
  }

  /** Forgets all of them. */
  clear(): void {
    for (const deadline of this.#heap) deadline.index = -1
    this.#heap.length = 0
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #fire(): void {
    this.#cancelTimer = null
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.cancel(top)
      top.due()
    }
    this.#arm()
    this.#fired()
  }

  /** A timer that comes too early is left alone: it finds nothing due and arms again. */
  #arm(): void {
    const top = this.#heap[0]
    if (top === undefined || top.at >= this.#timerAt) return
    this.#cancelTimer?.()
    const delay = Math.min(LONGEST_DELAY_MS, Math.max(1, top.at - this.#clock.now()))
    this.#timerAt = top.at
    this.#cancelTimer = this.#clock.schedule(delay, this.#timer)
  }

  #sift(deadline: Deadline): void {
    const heap = this.#heap
    let { index } = deadline
    while (index > 0) {
      const above = (index - 1) >> 1
      if (heap[above]!.at <= deadline.at) break
      this.#move(heap[above]!, index)
      index = above
    }
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.at < heap[below]!.at) below++
      if (heap[below]!.at >= deadline.at) break
      this.#move(heap[below]!, index)
      index = below
    }
    this.#move(deadline, index)
  }

  #move(deadline: Deadline, index: number): void {
    this.#heap[index] = deadline
    deadline.index = index
  }
}
