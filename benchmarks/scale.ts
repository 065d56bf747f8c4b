/**
 * What grows with what: matches and memory with the number of subscriptions, memory with the number of
 * idle connections.
 *
 *   npm run bench:scale -- [--save] [--matching] [--fan-out] [--idle]
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './harness/measure.ts'
import { short, table } from './harness/table.ts'
import { measureFanOut } from './scale/fan-out.ts'
import { growthChart } from './scale/growth-chart.ts'
import { type Idle, measureIdle } from './scale/idle.ts'
import { type Growth, SHAPES } from './scale/matching.ts'

const HELP = `What grows with what.

npm run bench:scale -- [OPTION ...]

  --matching   only matches, against the number of subscriptions
  --fan-out    only one message to very many
  --idle       only idle connections; needs 12,000 file descriptors
  --save       keep the tables in benchmarks/results/scale.md, the chart in scale.svg
`

const COUNTS = [1_000, 10_000, 100_000, 1_000_000]
const IDLE_COUNT = 10_000
const TIMES = 3
const MATCHING = fileURLToPath(new URL('scale/matching.ts', import.meta.url))
const RESULTS = new URL('results/', import.meta.url)

const flag = { type: 'boolean', default: false } as const
const { values } = parseArgs({
  options: { matching: flag, 'fan-out': flag, idle: flag, save: flag, help: flag },
})
if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const wantsAll = !values.matching && !values['fan-out'] && !values.idle
  const tables: string[] = []
  if (wantsAll || values.matching) tables.push(matching())
  if (wantsAll || values['fan-out']) tables.push(await fanOut())
  if (wantsAll || values.idle) tables.push(await idle())
  const text = `${tables.join('\n\n')}\n`
  process.stdout.write(text)
  if (values.save) {
    const head = `# Scale\n\nNode ${process.version}, ${new Date().toISOString().slice(0, 10)}.`
    const chart = '![matches and memory against subscriptions](scale.svg)'
    writeFileSync(new URL('scale.md', RESULTS), `${head}\n\n\`\`\`\n${text}\`\`\`\n\n${chart}\n`)
  }
  process.exit(0)
}

function matching(): string {
  const growths = Object.keys(SHAPES).flatMap((shape) =>
    COUNTS.map((count) => measureGrowth(shape, count)),
  )
  if (values.save) writeFileSync(new URL('scale.svg', RESULTS), growthChart(growths))
  return table(
    ['filters', 'count', 'bytes each', 'match ns', 'subscribe, match, unsubscribe ns'],
    growths.map(({ shape, count, bytesEach, match, churn }) => [
      shape,
      count.toLocaleString('en'),
      ...[bytesEach, match, churn].map(short),
    ]),
  )
}

function measureGrowth(shape: string, count: number): Growth {
  const parameters = ['--expose-gc', '--conditions=promptmq-source', MATCHING, shape, String(count)]
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${shape}, ${count}: ${stderr}`)
  return JSON.parse(stdout) as Growth
}

async function fanOut(): Promise<string> {
  const rows: string[][] = []
  for (const qos of [0, 1] as const) {
    for (const count of [1_000, 10_000, 100_000]) {
      const { total, longest } = await measureFanOut(qos, count)
      rows.push([`QoS ${qos}`, count.toLocaleString('en'), short(total), short(longest)])
    }
  }
  const head = ['one message', 'subscribers', 'all have it after ms', 'longest slice ms']
  return table(head, rows)
}

async function idle(): Promise<string> {
  spawnSync('taskset', ['-cp', '1', String(process.pid)])
  const runs: Idle[] = []
  for (let time = 0; time < TIMES; time++) runs.push(await measureIdle(IDLE_COUNT))
  return table(
    ['idle connections, one subscription each', 'KiB each', 'connect and subscribe, a second'],
    [
      [
        IDLE_COUNT.toLocaleString('en'),
        short(median(runs.map(({ bytesEach }) => bytesEach)) / 1024),
        Math.round(median(runs.map(({ rate }) => rate))).toLocaleString('en'),
      ],
    ],
  )
}
