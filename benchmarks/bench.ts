/**
 * Measures hot paths beside their rivals.
 *
 *   npm run bench -- [SUITE ...] [--gate] [--save] [--compare] [--quick]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { driftChart } from './harness/drift-chart.ts'
import {
  type Failure,
  type Gates,
  judge,
  repeatFailed,
  unknownSuites,
  unmeasured,
} from './harness/gates.ts'
import type { MeasureOptions } from './harness/measure.ts'
import { compare, lastResult, resultOf, saveResult } from './harness/results.ts'
import { runSuite, suiteNames } from './harness/runner.ts'
import type { Figures } from './harness/suite.ts'
import { short, table } from './harness/table.ts'

const HELP = `Measures hot paths beside their rivals, interleaved in one process.

npm run bench -- [SUITE ...] [OPTION ...]

  --gate      fail where a case is beyond its bound in benchmarks/gates.json, after
              measuring it again up to three times
  --save      keep the result, with machine and Node version, in benchmarks/results
  --compare   show the drift against the last saved result, as a table and as
              benchmarks/results/drift.svg
  --quick     a third of the rounds
  --list      the names of the suites
`

const RESULTS = fileURLToPath(new URL('results', import.meta.url))
const GATES = fileURLToPath(new URL('gates.json', import.meta.url))
const DRIFT = fileURLToPath(new URL('results/drift.svg', import.meta.url))

const FULL: MeasureOptions = { rounds: 21, roundMs: 15 }
const QUICK: MeasureOptions = { rounds: 7, roundMs: 15 }

process.exitCode = await main()

async function main(): Promise<number> {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse()
  } catch (error) {
    return complain((error as Error).message)
  }
  const { values, positionals } = parsed
  const known = suiteNames()
  if (values.help) return print(HELP)
  if (values.list) return print(`${known.join('\n')}\n`)
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) return complain(`there is no suite '${unknown}'`)

  const suites = positionals.length > 0 ? positionals : known
  const options = values.quick ? QUICK : FULL
  const figures = await measure(suites, options)
  // Before a new result is saved, the last one is what is compared with.
  if (values.compare) showDrift(figures)
  if (values.save) print(`saved as ${shown(saveResult(RESULTS, resultOf(figures)))}\n`)
  return values.gate ? gate(suites, figures) : 0
}

function parse() {
  const flag = { type: 'boolean', default: false } as const
  return parseArgs({
    allowPositionals: true,
    options: { gate: flag, save: flag, compare: flag, quick: flag, list: flag, help: flag },
  })
}

async function measure(suites: readonly string[], options: MeasureOptions): Promise<Figures[]> {
  print(
    `node ${process.version}; times are of one operation, medians of ${options.rounds} rounds\n`,
  )
  const all: Figures[] = []
  for (const suite of suites) {
    const figures = await runSuite(suite, [], options)
    print(`\n${tableOf(suite, figures)}\n`)
    all.push(...figures)
  }
  return all
}

function tableOf(suite: string, figures: readonly Figures[]): string {
  const rival = figures[0]?.rival ?? 'rival'
  const header = [suite, 'ours', '±', 'B', rival, '±', 'B', 'ratio']
  return table(
    header,
    figures.map(({ name, ours, theirs, bytes, theirBytes, ratio }) => [
      name,
      `${short(ours.median)} ns`,
      short(ours.spread),
      short(bytes),
      `${short(theirs.median)} ns`,
      short(theirs.spread),
      short(theirBytes),
      `${short(ratio)}x`,
    ]),
  )
}

function showDrift(figures: readonly Figures[]): void {
  const last = lastResult(RESULTS)
  if (last === undefined) {
    print('\nnothing is saved to compare with\n')
    return
  }
  const drifts = compare(last.figures, figures).filter(({ suite }) =>
    figures.some((each) => each.suite === suite),
  )
  const change = (before: number | undefined, now: number | undefined) =>
    before === undefined || now === undefined ? '-' : `${short(before)} > ${short(now)}`
  const rows = drifts.map(({ suite, name, before, now }) => [
    `${suite}: ${name}`,
    change(before?.ratio, now?.ratio),
    before && now ? `${((now.ratio / before.ratio - 1) * 100).toFixed(0)} %` : '-',
    change(before?.ours.median, now?.ours.median),
    change(before?.bytes, now?.bytes),
  ])
  const since = `since ${last.date.slice(0, 10)}, node ${last.node}`
  print(`\n${table([since, 'ratio', 'drift', 'ns', 'B'], rows)}\n`)
  const labels = {
    before: `${last.date.slice(0, 10)}, ${last.node}`,
    now: `now, ${process.version}`,
  }
  writeFileSync(DRIFT, driftChart('How many times faster than its rival', drifts, labels))
  print(`drawn as ${shown(DRIFT)}\n`)
}

async function gate(suites: readonly string[], figures: readonly Figures[]): Promise<number> {
  const gates = JSON.parse(readFileSync(GATES, 'utf8')) as Gates
  for (const each of figures) {
    const reasons = judge(each, gates)
    if (reasons.length > 0)
      print(`measured again: ${each.suite}, ${each.name} ${reasons.join('; ')}\n`)
  }
  const failures = await repeatFailed(figures, gates, (suite, cases) =>
    runSuite(suite, cases, FULL),
  )
  const missing = [...unmeasured(gates, suites, figures), ...unknownSuites(gates, suiteNames())]
  for (const each of failures) print(`gate failed: ${describe(each)}\n`)
  for (const each of missing) print(`gate failed: ${each} is in gates.json and was not measured\n`)
  if (failures.length + missing.length > 0) return 1
  return print(`\n${figures.length} gates passed\n`)
}

function describe({ suite, name, reasons }: Failure): string {
  return `${suite}, ${name} ${reasons.join('; ')}`
}

function shown(path: string): string {
  return relative(process.cwd(), path)
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}

function complain(text: string): 2 {
  process.stderr.write(`bench: ${text}; see --help\n`)
  return 2
}
