/**
 * The one file that reads the time. A broker, and whoever simulates one, is given a {@link Clock}.
 *
 * One number serves for everything: milliseconds since 1970 as they stood when the process began,
 * moved on by the monotonic clock. It can be kept in a Store and compared after a restart, and a
 * wall clock that is set forward or back while the broker runs ends no session and fires no will.
 */
export interface Clock {
  /** Whole milliseconds; never goes back. */
  now(): number
  /**
   * Calls back once, not before `delayMs` have passed.
   * @param delayMs - 0 to 2,147,483,647: what Node's timers take.
   * @returns cancels.
   */
  schedule(delayMs: number, callback: () => void): () => void
  /** Calls back once, when all has been worked off that the event loop has read by now. */
  defer(callback: () => void): void
}

/** Beyond this Node's timers fire at once. */
export const LONGEST_DELAY_MS = 2_147_483_647

/** The machine's own. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  schedule(delayMs, callback) {
    if (delayMs <= 0) {
      const immediate = setImmediate(callback)
      return () => clearImmediate(immediate)
    }
    // Node's timers run on whole milliseconds and may be one early.
    const timer = setTimeout(callback, Math.min(LONGEST_DELAY_MS, Math.ceil(delayMs) + 1))
    timer.unref()
    return () => clearTimeout(timer)
  },
  defer: (callback) => void setImmediate(callback),
}
