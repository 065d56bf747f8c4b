/**
 * What good clients feel of bad ones: their latency with and without, how long the broker's event loop is
 * held up, what memory it takes.
 *
 *   npm run bench:neighbours -- [--seconds N] [--save]
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { short, table } from './harness/table.ts'
import {
  flooder,
  Pairs,
  pairTopic,
  reader,
  retain,
  stalledSubscriber,
} from './neighbours/clients.ts'
import { Host, type Row } from './neighbours/running-host.ts'

const HELP = `What good clients feel of bad ones.

npm run bench:neighbours -- [OPTION ...]

  --seconds N   of each measurement; default 5
  --save        keep the tables in benchmarks/results/neighbours.md
`

const RESULT = fileURLToPath(new URL('results/neighbours.md', import.meta.url))
const MEBIBYTE = 2 ** 20

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const whileMs = Number(values.seconds) * 1000

if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  spawnSync('taskset', ['-cp', '1', String(process.pid)])
  const tables = [await stalled(), await flood(), await replay()]
  const text = `${tables.join('\n\n')}\n`
  process.stdout.write(text)
  if (values.save) {
    const head = `# Neighbours\n\nNode ${process.version}, ${new Date().toISOString().slice(0, 10)}.`
    writeFileSync(RESULT, `${head}\n\n\`\`\`\n${text}\`\`\`\n`)
  }
  process.exit(0)
}

/** A thousand who subscribe and do not read, beside a hundred pairs at 20,000 messages a second. */
async function stalled(): Promise<string> {
  const host = await Host.start()
  const pairs = await Pairs.connect(host.port, 100, 20_000)
  await pairs.run(2_000)
  const rows = [await host.measure('without', pairs, whileMs)]
  for (let i = 0; i < 1_000; i++) {
    await stalledSubscriber(host.port, i, pairTopic(i % 100), 'neighbours/large')
  }
  rows.push(await host.measure('1,000 are there, their sockets fill', pairs, whileMs))
  const stop = await flooder(host.port, 'neighbours/large', 65_536, 20)
  // Until every socket is full, and the budget.
  await sleep(10_000)
  rows.push(await host.measure('their sockets and the budget are full', pairs, whileMs))
  rows.push(await host.measure('a while later', pairs, whileMs))
  stop()
  host.stop()
  return tableOf('1,000 stalled subscribers, 100 pairs at 20,000/s', rows)
}

/** One who publishes as fast as it can, beside a hundred at 10 messages a second each. */
async function flood(): Promise<string> {
  const host = await Host.start()
  const pairs = await Pairs.connect(host.port, 100, 1_000)
  await pairs.run(2_000)
  const rows = [await host.measure('without', pairs, whileMs)]
  const stop = await flooder(host.port, 'neighbours/flood', 64)
  rows.push(await host.measure('nobody subscribes to the flood', pairs, whileMs))
  await reader(host.port, 'neighbours/flood', 'reader')
  rows.push(await host.measure('one subscribes to it', pairs, whileMs))
  stop()
  host.stop()
  return tableOf('one flood, 100 pairs at 10/s each', rows)
}

/** Somebody asks for 100,000 retained messages again and again, beside the same hundred. */
async function replay(): Promise<string> {
  const host = await Host.start()
  await retain(host.port, 100_000)
  const pairs = await Pairs.connect(host.port, 100, 1_000)
  await pairs.run(2_000)
  const rows = [await host.measure('without', pairs, whileMs)]
  let isOver = false
  const asking = (async () => {
    for (let i = 0; !isOver; i++) {
      const close = await reader(host.port, 'neighbours/retained/#', `asker-${i}`)
      await sleep(200)
      close()
    }
  })()
  rows.push(await host.measure('five times a second', pairs, whileMs))
  isOver = true
  await asking
  host.stop()
  return tableOf('a replay of 100,000 retained messages, 100 pairs at 10/s each', rows)
}

function tableOf(title: string, rows: readonly Row[]): string {
  const head = [title, 'p50 ms', 'p99 ms', 'lost', 'delay p99 ms', 'max ms', 'MiB', 'dropped']
  return table(
    head,
    rows.map(({ name, p50, p99, lost, delayP99, delayMax, rss, dropped }) => [
      name,
      ...[p50, p99].map(short),
      String(lost),
      ...[delayP99, delayMax, rss / MEBIBYTE].map(short),
      String(dropped),
    ]),
  )
}
