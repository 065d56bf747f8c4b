/**
 * Has the exchanges of `fixtures/wire` with a broker that listens somewhere, ours or any other.
 *
 *   npm run wire-exchanges -- --port 1883     with whoever listens there
 *     --host NAME           default 127.0.0.1
 *     --only TEXT           exchanges whose file or name has it
 *     --differences FILE    what is known of this broker, as in fixtures/wire/differences
 *     --strict              what the standard only advises must be done, too
 *   npm run wire-exchanges -- --document      makes the table of docs/wire-exchanges.md
 *
 * Prints a line for each exchange. Ends with exit code 1 where one differs and nothing explains it,
 * and where an explained difference is not there any more.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatDifference, readExchanges, runExchanges } from '@promptmq/testing'
import { type Judgement, judge, parseDifferences, withTable } from './wire-exchanges/differences.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const document = join(root, 'docs/wire-exchanges.md')

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '1883' },
    only: { type: 'string', default: '' },
    differences: { type: 'string' },
    strict: { type: 'boolean', default: false },
    document: { type: 'boolean', default: false },
  },
})

if (options.document) writeDocument()
else await runAll()

function writeDocument(): void {
  const known = parseDifferences(
    readFileSync(join(root, 'fixtures/wire/differences/mosquitto-2.0.11.json'), 'utf8'),
  )
  writeFileSync(document, withTable(readFileSync(document, 'utf8'), known))
}

async function runAll(): Promise<void> {
  const { host, port, only, differences: path, strict } = options
  const known =
    path === undefined
      ? { broker: '', differences: [] }
      : parseDifferences(readFileSync(path, 'utf8'))
  const exchanges = readExchanges(join(root, 'fixtures/wire')).filter(
    ({ file, name }) => file.includes(only) || name.includes(only),
  )
  if (exchanges.length === 0) throw new Error(`no exchange has '${only}' in its file or name`)
  const address = { host, port: Number(port) }
  const outcomes = await runExchanges(exchanges, address, { isStrict: strict })
  const counts: Record<Judgement, number> = {
    same: 0,
    explained: 0,
    unexplained: 0,
    'explained and not there': 0,
  }
  for (const outcome of outcomes) {
    const judgement = judge(outcome, known)
    counts[judgement]++
    const { exchange, difference } = outcome
    const what = difference === null ? `${exchange.file}.json: '${exchange.name}'` : ''
    console.log(`${judgement}: ${difference === null ? what : formatDifference(difference)}`)
  }
  console.log(`wire exchanges: ${exchanges.length} with ${host}:${port}`)
  for (const [judgement, count] of Object.entries(counts)) {
    if (count > 0) console.log(`  ${count} ${judgement}`)
  }
  if (counts.unexplained > 0 || counts['explained and not there'] > 0) process.exitCode = 1
}
