import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatDifference, parseExchanges, readExchanges, runExchanges } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { judge, parseDifferences, withTable } from '../wire-exchanges/differences.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const known = parseDifferences(
  readFileSync(join(root, 'fixtures/wire/differences/mosquitto-2.0.11.json'), 'utf8'),
)

describe('a difference', () => {
  const [exchange] = parseExchanges(
    'ping.json',
    JSON.stringify([
      {
        name: 'n',
        statements: ['MQTT-3.12.4-1'],
        protocolVersion: 5,
        steps: [{ open: 'c' }, { on: 'c', expect: 'close' }],
      },
    ]),
  )
  const seen = { file: 'ping', exchange: 'n', step: 2, expected: '', got: 'nothing', bytes: '' }
  const words = { does: 'a', ours: 'b', why: 'c', verdict: 'choice' } as const
  const knows = (more: object = {}) => ({
    broker: 'x',
    differences: [{ file: 'ping', exchange: 'n', step: 2, got: 'nothing', ...words, ...more }],
  })

  test('is explained where the same came at the same step', () => {
    const outcome = { exchange: exchange!, difference: seen }
    expect(judge(outcome, knows())).toBe('explained')
    expect(judge(outcome, knows({ step: 1 }))).toBe('unexplained')
    expect(judge(outcome, knows({ got: 'PINGRESP' }))).toBe('unexplained')
    expect(judge(outcome, knows({ file: 'pong' }))).toBe('unexplained')
  })

  test('that is not there any more is told', () => {
    const outcome = { exchange: exchange!, difference: null }
    expect(judge(outcome, knows())).toBe('explained and not there')
    expect(judge(outcome, { broker: 'x', differences: [] })).toBe('same')
  })

  test('is explained by words and a verdict', () => {
    expect(parseDifferences(JSON.stringify(knows()))).toEqual(knows())
    const text = (more: object) => JSON.stringify(knows(more))
    expect(() => parseDifferences(text({ why: '' }))).toThrow("'n' is not explained")
    expect(() => parseDifferences(text({ verdict: 'fine' }))).toThrow("'n' has no verdict")
  })

  test('is a row of the table of its verdict', () => {
    const marks =
      'head\n<!-- made by npm run wire-exchanges -- --document -->\nold\n<!-- end of what is made -->\nfoot\n'
    const text = withTable(marks, knows({ does: 'says | *x*' }))
    expect(text).toContain('| ping: n | says \\| \\*x\\* | b | c |')
    expect(text).not.toContain('old')
    expect(withTable(text, knows({ does: 'says | *x*' }))).toBe(text)
    expect(() => withTable('no marks', knows())).toThrow('no marks')
  })
})

test('the tables of the document are those of the data', () => {
  const document = readFileSync(join(root, 'docs/wire-exchanges.md'), 'utf8')
  expect(withTable(document, known)).toBe(document)
})

test('each explanation is of an exchange that there is', () => {
  const exchanges = readExchanges(join(root, 'fixtures/wire'))
  const names = new Set(exchanges.map(({ file, name }) => `${file}: ${name}`))
  const lost = known.differences.map(({ file, exchange }) => `${file}: ${exchange}`)
  expect(lost.filter((name) => !names.has(name))).toEqual([])
})

const path = `${process.env.PATH}:/usr/sbin`
const version = spawnSync('mosquitto', ['-h'], { env: { PATH: path }, encoding: 'utf8' }).stdout

describe.skipIf(!version?.includes('mosquitto version 2.0.11'))('mosquitto 2.0.11', () => {
  test('differs where it is known to, and nowhere else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-exchanges-'))
    const port = await freePort()
    const config = join(folder, 'mosquitto.conf')
    writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
    const child = spawn('mosquitto', ['-c', config], {
      env: { PATH: path },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    try {
      await running(child)
      const exchanges = readExchanges(join(root, 'fixtures/wire'))
      const outcomes = await runExchanges(
        exchanges,
        { host: '127.0.0.1', port },
        { timeoutMs: 3_000 },
      )
      const surprises = outcomes.flatMap((outcome) => {
        const judgement = judge(outcome, known)
        if (judgement === 'same' || judgement === 'explained') return []
        const { exchange, difference } = outcome
        return `${judgement}: ${difference === null ? exchange.name : formatDifference(difference)}`
      })
      expect(surprises).toEqual([])
    } finally {
      await end(child)
      rmSync(folder, { recursive: true, force: true })
    }
  }, 120_000)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Fulfilled when it says that it is running. */
function running(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
    child.stderr!.on('data', (chunk) => {
      text += chunk
      if (text.includes(' running')) resolve()
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
