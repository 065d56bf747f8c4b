/**
 * Bounds that CI holds: `gates.json` has one for each case, and no more.
 *
 *   { "publish-decode": { "as offsets": { "ratio": 18, "bytes": 0.5 } } }
 *
 * `ratio` is how many times faster than the rival ours must be at least, `bytes` what an operation may
 * allocate at most. Bytes are exact; ratios leave room below what was measured.
 */
import type { Figures } from './suite.ts'

export interface Gate {
  readonly ratio: number
  readonly bytes: number
}

/** By suite, by case. */
export type Gates = Readonly<Record<string, Readonly<Record<string, Gate>>>>

/** How often a case that failed is measured again: noise does not fail four times. */
export const MOST_REPEATS = 3

/** Why a case fails its gate; empty: it passes. */
export function judge(figures: Figures, gates: Gates): string[] {
  const gate = gates[figures.suite]?.[figures.name]
  if (gate === undefined) return ['has no gate in gates.json']
  const reasons: string[] = []
  // Written so that what is no number fails.
  if (!(figures.ratio >= gate.ratio)) {
    reasons.push(`is ${figures.ratio.toFixed(1)}x as fast, at least ${gate.ratio}x is asked`)
  }
  if (!(figures.bytes <= gate.bytes)) {
    reasons.push(`allocates ${figures.bytes.toFixed(2)} B, at most ${gate.bytes} B is asked`)
  }
  return reasons
}

/** Gates of these suites whose case was not measured. */
export function unmeasured(
  gates: Gates,
  suites: readonly string[],
  measured: readonly Figures[],
): string[] {
  return suites.flatMap((suite) =>
    Object.keys(gates[suite] ?? {})
      .filter((name) => !measured.some((each) => each.suite === suite && each.name === name))
      .map((name) => `${suite}, ${name}`),
  )
}

/** Gates of suites that there are not. */
export function unknownSuites(gates: Gates, suites: readonly string[]): string[] {
  return Object.keys(gates).filter((suite) => !suites.includes(suite))
}

/** A failure that stayed: which case, and why the last time. */
export interface Failure {
  readonly suite: string
  readonly name: string
  readonly reasons: readonly string[]
}

/**
 * Measures the cases that failed again, up to {@link MOST_REPEATS} times each.
 *
 * @param measureAgain - measures these cases of a suite.
 */
export async function repeatFailed(
  measured: readonly Figures[],
  gates: Gates,
  measureAgain: (suite: string, cases: readonly string[]) => Promise<readonly Figures[]>,
): Promise<Failure[]> {
  const failures: Failure[] = []
  for (const suite of new Set(measured.map((figures) => figures.suite))) {
    let failed = failuresOf(
      measured.filter((figures) => figures.suite === suite),
      gates,
    )
    for (let repeat = 0; repeat < MOST_REPEATS && failed.length > 0; repeat++) {
      const names = failed.map(({ name }) => name)
      failed = failuresOf(await measureAgain(suite, names), gates)
    }
    failures.push(...failed)
  }
  return failures
}

function failuresOf(measured: readonly Figures[], gates: Gates): Failure[] {
  return measured
    .map((figures) => ({
      suite: figures.suite,
      name: figures.name,
      reasons: judge(figures, gates),
    }))
    .filter(({ reasons }) => reasons.length > 0)
}
