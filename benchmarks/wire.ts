/**
 * Whole brokers over sockets, side by side: ours, aedes and, where they are installed, mosquitto and
 * nats-server, each in a process of its own on one core, the load on another.
 *
 *   npm run bench:wire -- [--quick] [--gate] [--save] [--times N] [--only TEXT] [--brokers A,B] [--sink]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machineName } from './harness/results.ts'
import { short, table } from './harness/table.ts'
import { BROKERS, type BrokerKind, SINK } from './wire/brokers.ts'
import { report } from './wire/report.ts'
import { type Run, runOnce, type Timing } from './wire/run.ts'
import { SCENARIOS, type Scenario } from './wire/scenarios.ts'
import { type Row, rowsOf, summaryOf } from './wire/summary.ts'
import { cpuChart, latencyChart, rateChart } from './wire/wire-charts.ts'
import { judge, MOST_REPEATS, unknownScenarios, type WireGates } from './wire/wire-gates.ts'

const HELP = `Whole brokers over sockets, side by side.

npm run bench:wire -- [OPTION ...]

  --quick         four scenarios beside aedes, once each: a minute
  --gate          fail, with exit code 1, where one of these is beyond its bound in
                  benchmarks/wire-gates.json, after up to three repeats, or where ours loses,
                  repeats or disorders a message
  --save          keep the result in benchmarks/results: wire.md, charts, all runs as JSON
  --times N       runs of each, interleaved; default 3, with --quick 1
  --only TEXT     scenarios whose name has it
  --brokers A,B   promptmq, aedes, mosquitto, nats; default: those that are installed
  --sink          what the load can do where there is no broker
`

const FULL: Timing = { warmUpMs: 1_000, measureMs: 3_000, longestMs: 120_000 }
const QUICK: Timing = { warmUpMs: 700, measureMs: 1_500, longestMs: 30_000 }
const RESULTS = new URL('results/', import.meta.url)
const GATES = new URL('wire-gates.json', import.meta.url)
const RIVAL = 'aedes'

const flag = { type: 'boolean', default: false } as const
const text = { type: 'string', default: '' } as const
const { values } = parseArgs({
  options: {
    ...{ quick: flag, gate: flag, save: flag, sink: flag, help: flag },
    ...{ times: text, only: text, brokers: text },
  },
})
if (values.help) process.stdout.write(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const scenarios = SCENARIOS.filter(
    ({ name, quick }) => name.includes(values.only) && (!values.quick || quick),
  )
  const brokers = chosenBrokers()
  const times = Number(values.times || (values.quick ? 1 : 3))
  const runs: Run[] = []
  for (let time = 0; time < times; time++) {
    for (const scenario of scenarios) runs.push(...(await runScenario(scenario, brokers)))
  }
  const names = brokers.map(({ name }) => name)
  const rows = rowsOf(scenarios, names, runs)
  for (const row of rows) console.log(`\n${tableOf(row)}`)
  if (values.save) save(rows, brokers, runs, times)
  return values.gate ? gate(scenarios, runs) : 0
}

function chosenBrokers(): readonly BrokerKind[] {
  if (values.sink) return [SINK]
  const wanted = values.brokers === '' ? undefined : values.brokers.split(',')
  const quick = values.quick ? ['promptmq', RIVAL] : undefined
  return BROKERS.filter(
    ({ name, version }) => (wanted ?? quick ?? [name]).includes(name) && version() !== undefined,
  )
}

/** A scenario on each broker that can do it. */
async function runScenario(scenario: Scenario, brokers: readonly BrokerKind[]): Promise<Run[]> {
  const runs: Run[] = []
  for (const kind of brokers) {
    if (scenario.without?.includes(kind.name)) continue
    // A start that fails, on a machine that is busy with others, is given a second chance.
    const run = (await tryOnce(kind, scenario)) ?? (await tryOnce(kind, scenario))
    if (run === undefined) continue
    runs.push(run)
    process.stderr.write(`${describe(run)}\n`)
  }
  return runs
}

async function tryOnce(kind: BrokerKind, scenario: Scenario): Promise<Run | undefined> {
  try {
    return await runOnce(kind, scenario, values.quick ? QUICK : FULL)
  } catch (error) {
    process.stderr.write(`${scenario.name}, ${kind.name}: ${(error as Error).message}\n`)
    return undefined
  }
}

function describe(run: Run): string {
  const bad = [
    run.lost === 0 ? '' : `lost ${run.lost}`,
    run.repeated === 0 ? '' : `repeated ${run.repeated}`,
    run.disordered === 0 ? '' : `disordered ${run.disordered}`,
  ].filter((text) => text !== '')
  const cpu = `${run.cpuPerMessage.toFixed(2)} us CPU, load ${(run.ownCpu * 100).toFixed(0)} %`
  const p99 = `p99 ${(run.p99 / 1000).toFixed(1)} ms`
  const rate = `${Math.round(run.rate).toLocaleString('en')}/s`
  return [`${run.scenario}, ${run.broker}: ${rate}`, cpu, p99, ...bad].join(', ')
}

function tableOf({ scenario, summaries }: Row): string {
  const head = [scenario.name, 'messages/s', '±', 'mosquitto', 'us CPU', 'p99 ms', 'MiB', 'wrong']
  const count = (value: number) => Math.round(value).toLocaleString('en')
  return table(
    head,
    summaries.map(({ broker, rate, spread, times, cpu, p99, rss, wrong }) => [
      broker,
      count(rate),
      count(spread),
      Number.isNaN(times) ? '-' : `${short(times)}x`,
      cpu.toFixed(2),
      Number.isNaN(p99) ? '-' : short(p99),
      short(rss / 2 ** 20),
      String(wrong),
    ]),
  )
}

function save(
  rows: readonly Row[],
  brokers: readonly BrokerKind[],
  runs: readonly Run[],
  times: number,
): void {
  const date = new Date().toISOString()
  const versions = Object.fromEntries(brokers.map(({ name, version }) => [name, version() ?? '']))
  const circumstances = {
    date,
    machine: machineName(),
    node: process.version,
    times,
    versions,
  }
  const names = Object.keys(versions)
  const files = {
    'wire.md': report(rows, circumstances),
    'wire-rate.svg': rateChart(rows, names),
    'wire-cpu.svg': cpuChart(rows, names),
    'wire-latency.svg': latencyChart(rows, names),
    [`wire-${date.slice(0, 19).replaceAll(':', '-')}.json`]: `${JSON.stringify({ ...circumstances, runs }, null, 1)}\n`,
  }
  for (const [name, content] of Object.entries(files))
    writeFileSync(new URL(name, RESULTS), content)
}

async function gate(scenarios: readonly Scenario[], measured: readonly Run[]): Promise<number> {
  const gates = JSON.parse(readFileSync(GATES, 'utf8')) as WireGates
  const rivals = BROKERS.filter(({ name }) => name === 'promptmq' || name === RIVAL)
  const failures = unknownScenarios(
    gates,
    SCENARIOS.map(({ name }) => name),
  ).map((name) => `${name} is in wire-gates.json and is no scenario`)
  for (const scenario of scenarios.filter(({ quick }) => quick)) {
    let runs = measured
    let reasons = reasonsOf(scenario, gates, runs)
    for (let repeat = 0; repeat < MOST_REPEATS && reasons.length > 0; repeat++) {
      // That a message is lost is no noise.
      if ((summaryOf(runs, scenario.name, 'promptmq')?.wrong ?? 0) > 0) break
      console.log(`measured again: ${scenario.name} ${reasons.join('; ')}`)
      runs = await runScenario(scenario, rivals)
      reasons = reasonsOf(scenario, gates, runs)
    }
    if (reasons.length > 0) failures.push(`${scenario.name} ${reasons.join('; ')}`)
  }
  for (const failure of failures) console.log(`gate failed: ${failure}`)
  if (failures.length === 0) console.log(`\n${Object.keys(gates).length} wire gates passed`)
  return failures.length === 0 ? 0 : 1
}

function reasonsOf({ name }: Scenario, gates: WireGates, runs: readonly Run[]): string[] {
  return judge(name, gates, summaryOf(runs, name, 'promptmq'), summaryOf(runs, name, RIVAL))
}
