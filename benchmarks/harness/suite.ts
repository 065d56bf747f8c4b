/** What a benchmark file declares: named pieces of work, each beside the same work done otherwise. */

/** One way to do the work of a case: does it once, and returns something that depends on it. */
export type Work = () => number

export interface Case {
  readonly name: string
  /** What one call of `ours` or `rival` does so many of. */
  readonly operations: number
  readonly ours: Work
  readonly rival: Work
  /** Throws unless both sides do the same work. Called before anything is timed. */
  readonly assertEqualWork: () => void
}

export interface Suite {
  /** As in `gates.json`; the file is `micro/NAME.bench.ts`. */
  readonly name: string
  /** Whose work stands beside ours. */
  readonly rival: string
  readonly cases: readonly Case[]
}

/** What was measured of one case. Times in nanoseconds and bytes are of one operation. */
export interface Figures {
  readonly suite: string
  readonly name: string
  readonly rival: string
  /** Median of the rounds, and the median of how far they lie from it. */
  readonly ours: Timing
  readonly theirs: Timing
  /** How many times faster ours is: the median of the rounds' ratios. */
  readonly ratio: number
  /** Allocated by ours, counted over a million operations or a second. */
  readonly bytes: number
  readonly theirBytes: number
}

export interface Timing {
  readonly median: number
  readonly spread: number
}
