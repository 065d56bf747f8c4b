import type { Clock } from '@promptmq/broker'

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/**
 * A clock that stands still until it is told to move.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock()
 * clock.schedule(1_000, () => console.log('a second later'))
 * clock.advance(1_000)
 * ```
 */
export class VirtualClock implements Clock {
  #now: number
  #timers: Timer[] = []
  #order = 0

  /** @param start - milliseconds since 1970. */
  constructor(start = 1_700_000_000_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + delayMs, order: this.#order++, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }

  /** At once: nothing else has been read. */
  defer(callback: () => void): void {
    callback()
  }

  /** Timers that wait. */
  get pendingCount(): number {
    return this.#timers.length
  }

  /** Moves on, and calls back in between whatever comes due, each at its own time. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      const due = next
      this.#timers = this.#timers.filter((one) => one !== due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = until
  }

  #next(until: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at > until) continue
      if (next === undefined || timer.at < next.at) next = timer
      else if (timer.at === next.at && timer.order < next.order) next = timer
    }
    return next
  }
}

/** Lets every promise that can settle settle. No time passes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
