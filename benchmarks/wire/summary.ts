import { median } from '../harness/measure.ts'
import type { Run } from './run.ts'
import type { Scenario } from './scenarios.ts'

/** Beside whom goals are set. */
const BASE = 'mosquitto'

/** What a broker came to in a scenario: medians of its runs. */
export interface Summary {
  readonly scenario: string
  readonly broker: string
  /** Messages a second, and the median of how far the runs lie from it. */
  readonly rate: number
  readonly spread: number
  /** Microseconds of processor time a message. */
  readonly cpu: number
  /** Milliseconds. */
  readonly p99: number
  /** Bytes. */
  readonly rss: number
  /** Lost, repeated and disordered messages of all runs. */
  readonly wrong: number
}

/** @returns `undefined` where the broker was not run in that scenario. */
export function summaryOf(
  runs: readonly Run[],
  scenario: string,
  broker: string,
): Summary | undefined {
  const own = runs.filter((run) => run.scenario === scenario && run.broker === broker)
  if (own.length === 0) return undefined
  const rate = median(own.map((run) => run.rate))
  return {
    scenario,
    broker,
    rate,
    spread: median(own.map((run) => Math.abs(run.rate - rate))),
    cpu: median(own.map((run) => run.cpuPerMessage)),
    p99: median(own.map((run) => run.p99)) / 1000,
    rss: median(own.map((run) => run.rss)),
    wrong: own.reduce((sum, run) => sum + run.lost + run.repeated + run.disordered, 0),
  }
}

/**
 * How many times the figure that the scenario is about is another's: of rates more is better, of CPU
 * less.
 */
export function timesAsMuch({ measures }: Scenario, one: Summary, other: Summary): number {
  return measures === 'rate' ? one.rate / other.rate : one.cpu / other.cpu
}

/** A scenario's figures, broker by broker, and what they are beside the base's. */
export interface Row {
  readonly scenario: Scenario
  readonly summaries: readonly (Summary & { readonly times: number })[]
  /** Whether ours reached the goal; `undefined` without the base. */
  readonly isReached: boolean | undefined
}

export function rowsOf(
  scenarios: readonly Scenario[],
  brokers: readonly string[],
  runs: readonly Run[],
): Row[] {
  return scenarios.map((scenario) => {
    const base = summaryOf(runs, scenario.name, BASE)
    const summaries = brokers
      .map((broker) => summaryOf(runs, scenario.name, broker))
      .filter((summary) => summary !== undefined)
      .map((summary) => ({
        ...summary,
        times: base === undefined ? Number.NaN : timesAsMuch(scenario, summary, base),
      }))
    return { scenario, summaries, isReached: reached(scenario, summaries) }
  })
}

function reached(
  { goal, measures }: Scenario,
  summaries: readonly { readonly broker: string; readonly times: number }[],
): boolean | undefined {
  const times = summaries.find(({ broker }) => broker === 'promptmq')?.times
  if (times === undefined || Number.isNaN(times)) return undefined
  return measures === 'rate' ? times >= goal : times <= goal
}
