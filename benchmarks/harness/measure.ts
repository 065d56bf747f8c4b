/**
 * Times a case's two sides in turns, and counts what they allocate.
 *
 *   round   1            2            ...          n
 *           ours rival   ours rival                ours rival      each for `roundMs`
 *
 * A round's two times were taken within the same few milliseconds, so that whatever else the machine did
 * then was in both: their ratio is steadier than either, and the median of the ratios steadier still.
 */
import { getHeapStatistics } from 'node:v8'
import { Bench } from 'tinybench'
import type { Case, Figures, Suite, Timing, Work } from './suite.ts'

export interface MeasureOptions {
  readonly rounds: number
  /** How long a side runs in a round. */
  readonly roundMs: number
}

/** Rounds that are not counted: the engine compiles meanwhile. */
const WARM_UP_ROUNDS = 5

/** Operations over which bytes are counted, or as many as take so long. */
const COUNTED_OPERATIONS = 1_000_000
const LONGEST_COUNT_MS = 1_000
const MOST_COUNTS = 3

/** Bytes an operation that are as good as none. */
const NOTHING = 0.01

/** Everything that the sides return goes here, or the compiler might drop their work. */
let consumed = 0

export function measureCase(suite: Suite, one: Case, options: MeasureOptions): Figures {
  one.assertEqualWork()
  const { operations, ours, rival } = one
  const rounds = timeInTurns([ours, rival], options)
  const [ourTimes, theirTimes] = [0, 1].map((side) =>
    rounds.map((times) => (times[side]! * 1e6) / operations),
  )
  return {
    suite: suite.name,
    name: one.name,
    rival: suite.rival,
    ours: timingOf(ourTimes!),
    theirs: timingOf(theirTimes!),
    ratio: median(rounds.map(([our, their]) => their! / our!)),
    bytes: bytesPerOperation(ours, operations),
    theirBytes: countBytes(rival, operations, 1000),
  }
}

/** @returns for each round the median time of a call of each side, in milliseconds. */
function timeInTurns(sides: readonly Work[], { rounds, roundMs }: MeasureOptions): number[][] {
  const bench = new Bench({ time: roundMs, iterations: 3, warmup: false, throws: true })
  for (const [index, work] of sides.entries()) {
    bench.add(String(index), () => {
      consumed += work()
    })
  }
  const list: number[][] = []
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    bench.reset()
    bench.runSync()
    if (round >= 0) list.push(bench.tasks.map(medianLatency))
  }
  return list
}

function medianLatency({ result }: Bench['tasks'][number]): number {
  if (result.state !== 'completed') throw new Error(`a side ended as '${result.state}'`)
  return result.latency.p50
}

/**
 * Bytes that one operation allocates, counted by V8, which knows of every byte that it hands out. The
 * engine itself takes some now and then, so the least of three counts is given.
 */
export function bytesPerOperation(work: Work, operations: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let count = 0; count < MOST_COUNTS && least > NOTHING; count++) {
    least = Math.min(least, countBytes(work, operations, COUNTED_OPERATIONS))
  }
  return least
}

function countBytes(work: Work, operations: number, counted: number): number {
  const calls = Math.ceil(counted / operations)
  const end = performance.now() + LONGEST_COUNT_MS
  const before = getHeapStatistics().total_allocated_bytes
  let done = 0
  while (done < calls) {
    consumed += work()
    done++
    // The clock is read seldom: each time it makes a number.
    if ((done & 15) === 0 && performance.now() > end) break
  }
  return (getHeapStatistics().total_allocated_bytes - before) / (done * operations)
}

function timingOf(values: readonly number[]): Timing {
  const middle = median(values)
  return { median: middle, spread: median(values.map((value) => Math.abs(value - middle))) }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** For the end of a run: that what was consumed is used. */
export function consumedWork(): number {
  return consumed
}
