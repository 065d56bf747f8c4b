/**
 * Bounds that CI holds: `wire-gates.json` has, for each scenario of `--quick`, how many times aedes' rate
 * ours must be at least. Machines differ, so a bound is about half of what was measured.
 */
import type { Summary } from './summary.ts'

/** By scenario. */
export type WireGates = Readonly<Record<string, number>>

/** How often a scenario that failed is measured again. */
export const MOST_REPEATS = 3

/** Why a scenario fails its gate; empty: it passes. */
export function judge(
  scenario: string,
  gates: WireGates,
  ours: Summary | undefined,
  rival: Summary | undefined,
): string[] {
  const bound = gates[scenario]
  if (bound === undefined) return ['has no gate in wire-gates.json']
  if (ours === undefined) return ['could not be run']
  if (rival === undefined) return ['could not be run with aedes']
  const reasons: string[] = []
  const ratio = ours.rate / rival.rate
  // Written so that what is no number fails, and so does a rival that delivered nothing.
  if (!(ratio >= bound && ratio < Number.POSITIVE_INFINITY)) {
    reasons.push(`is ${ratio.toFixed(1)}x as fast as aedes, at least ${bound}x is asked`)
  }
  if (ours.wrong > 0) reasons.push(`lost, repeated or disordered ${ours.wrong} messages`)
  return reasons
}

/** Gates of scenarios that there are not. */
export function unknownScenarios(gates: WireGates, scenarios: readonly string[]): string[] {
  return Object.keys(gates).filter((name) => !scenarios.includes(name))
}
