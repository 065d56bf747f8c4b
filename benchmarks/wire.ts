/**
 * Whole brokers over sockets, side by side: ours, aedes and, where they are installed, mosquitto and
 * nats-server, each in a process of its own on one core, the load on another.
 *
 *   npm run bench:wire -- [--quick] [--times N] [--only TEXT] [--brokers A,B] [--sink]
 */
import { parseArgs } from 'node:util'
import { median } from './harness/measure.ts'
import { short, table } from './harness/table.ts'
import { BROKERS, type BrokerKind, SINK } from './wire/brokers.ts'
import { type Run, runOnce, type Timing } from './wire/run.ts'
import { SCENARIOS, type Scenario } from './wire/scenarios.ts'

const HELP = `Whole brokers over sockets, side by side.

npm run bench:wire -- [OPTION ...]

  --quick         four scenarios beside aedes, two minutes
  --times N       runs of each, interleaved; default 3
  --only TEXT     scenarios whose name has it
  --brokers A,B   promptmq, aedes, mosquitto, nats; default: those that are installed
  --sink          what the load can do where there is no broker
`

const FULL: Timing = { warmUpMs: 1_000, measureMs: 3_000 }
const QUICK: Timing = { warmUpMs: 700, measureMs: 1_500 }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    times: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    brokers: { type: 'string', default: '' },
    sink: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const scenarios = SCENARIOS.filter(
    ({ name, quick }) => name.includes(values.only) && (!values.quick || quick),
  )
  const brokers = chosenBrokers()
  const runs: Run[] = []
  for (let time = 0; time < Number(values.times); time++) {
    for (const scenario of scenarios) {
      for (const kind of brokers) {
        if (scenario.without?.includes(kind.name)) continue
        const run = await tryOnce(kind, scenario)
        if (run === undefined) continue
        runs.push(run)
        process.stderr.write(`${describe(run)}\n`)
      }
    }
  }
  for (const scenario of scenarios) console.log(`\n${tableOf(scenario, brokers, runs)}`)
}

function chosenBrokers(): readonly BrokerKind[] {
  if (values.sink) return [SINK]
  const wanted = values.brokers === '' ? undefined : values.brokers.split(',')
  const quick = values.quick ? ['promptmq', 'aedes'] : undefined
  return BROKERS.filter(
    ({ name, version }) => (wanted ?? quick ?? [name]).includes(name) && version() !== undefined,
  )
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

function tableOf(scenario: Scenario, brokers: readonly BrokerKind[], runs: readonly Run[]): string {
  const of = (name: string) =>
    runs.filter((run) => run.scenario === scenario.name && run.broker === name)
  const base = median(of('mosquitto').map(({ rate }) => rate))
  const rows = brokers
    .filter(({ name }) => of(name).length > 0)
    .map(({ name }) => {
      const all = of(name)
      const rate = median(all.map((run) => run.rate))
      return [
        name,
        Math.round(rate).toLocaleString('en'),
        Number.isNaN(base) ? '-' : `${short(rate / base)}x`,
        median(all.map((run) => run.cpuPerMessage)).toFixed(2),
        (median(all.map((run) => run.p99)) / 1000).toFixed(2),
        (median(all.map((run) => run.rss)) / 2 ** 20).toFixed(0),
        String(median(all.map((run) => run.lost))),
      ]
    })
  const head = [scenario.name, 'messages/s', 'mosquitto', 'us CPU', 'p99 ms', 'MiB', 'lost']
  return table(head, rows)
}
