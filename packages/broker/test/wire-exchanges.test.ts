/** The exchanges of `fixtures/wire` with a broker over real sockets, as with any other broker. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Broker } from '@promptmq/broker'
import { formatDifference, readExchanges, runExchange } from '@promptmq/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const FIXTURES = new URL('../../../fixtures/', import.meta.url)
const EXCHANGES = readExchanges(fileURLToPath(new URL('wire', FIXTURES)))

let broker: Broker
let port = 0

beforeAll(async () => {
  broker = await Broker.start()
  port = (await broker.listen({ port: 0 })).port
})
afterAll(() => broker.close())

describe.each([...new Set(EXCHANGES.map(({ file }) => file))])('%s', (file) => {
  const exchanges = EXCHANGES.filter((exchange) => exchange.file === file)
  test.each(exchanges)('$statements $name', async (exchange) => {
    const options = { isStrict: true, timeoutMs: 10_000 }
    const difference = await runExchange(exchange, { host: '127.0.0.1', port }, options)
    expect(difference === null ? '' : formatDifference(difference)).toBe('')
  })
})

test('every statement that an exchange names is one of the standards', () => {
  const standards = JSON.parse(readFileSync(new URL('statements.json', FIXTURES), 'utf8')) as {
    [version: string]: { id: string }[]
  }
  const idsOf = (version: string, prefix: string) =>
    standards[version]!.map(({ id }) => `${prefix}${id}`)
  const known = new Set([...idsOf('v5', ''), ...idsOf('v3.1.1', '3.1.1 ')])
  const unknown = EXCHANGES.flatMap(({ statements }) => statements).filter((id) => !known.has(id))
  expect(unknown).toEqual([])
})
