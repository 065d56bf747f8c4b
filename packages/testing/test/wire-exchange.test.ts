import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { decode } from '@promptmq/codec'
import { formatDifference, parseExchanges, runExchange, runExchanges } from '@promptmq/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { ExpectedPacket } from '../src/wire-exchange/exchange.ts'
import { tellMismatch } from '../src/wire-exchange/match.ts'
import { Names } from '../src/wire-exchange/names.ts'
import { lengthFault, readNotation } from '../src/wire-exchange/notation.ts'

const pairs = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the notation', () => {
  test('is hex pairs, texts, repetitions, names, and what is for the reader', () => {
    const names = new Names('7abc')
    names.set('m', 0x1234)
    names.set('id', 'ab')
    expect(pairs(readNotation("30 | 'a/@run' ff*3 ; PUBLISH, 'note'", names))).toBe(
      `30${Buffer.from('a/7abc').toString('hex')}ffffff`,
    )
    expect(pairs(readNotation('10 ## | $m | $id', names))).toBe('1006123400026162')
    expect(pairs(readNotation(`30 ## | '€'*100`, names)).slice(0, 6)).toBe('30ac02')
  })

  test('is nothing else', () => {
    const names = new Names('7abc')
    for (const line of ['3', '30 0', 'zz', "'open", '3003']) {
      expect(() => readNotation(line, names), line).toThrow('neither hex pairs')
    }
    expect(() => readNotation('$m', names)).toThrow('$m stands for nothing yet')
  })

  test('tells a length that is not right', () => {
    const fault = (...bytes: number[]) => lengthFault(Uint8Array.from(bytes))
    expect(fault(0xc0, 0)).toBe('')
    expect(fault(0x30, 3, 0, 1)).toBe('Remaining Length 3, 2 bytes follow')
    expect(fault(0x30)).toBe('it ends in its Fixed Header')
    expect(fault(0x30, 0x80, 0x80, 0x80, 0x80, 1)).toBe('its Remaining Length is none')
  })
})

describe('an expected packet', () => {
  const mismatch = (expected: object, bytes: string, isStrict = false, names = new Names('7abc')) =>
    tellMismatch(
      expected as ExpectedPacket,
      decode(readNotation(bytes, names), { protocolVersion: 5, sender: 2 }),
      { names, isStrict },
    )

  const publish = { type: 'publish', topicName: '@run', payload: 'x' }
  test.each([
    ['as it is', publish, "30 08 | 00 04 '@run' | 00 | 'x'", ''],
    ['another type', { type: 'puback', packetIdentifier: 1 }, 'd0 00', 'type'],
    ['another topic', publish, "30 08 | 00 04 'zzzz' | 00 | 'x'", 'topicName'],
    ['another payload', publish, "30 08 | 00 04 '@run' | 00 | 'y'", 'payload'],
    ['RETAIN that is not named', publish, "31 08 | 00 04 '@run' | 00 | 'x'", 'retain'],
    ['QoS that is not named', publish, "32 0a | 00 04 '@run' | 00 01 | 00 | 'x'", 'qos'],
    [
      'a property that is not named',
      publish,
      "30 0a | 00 04 '@run' | 02 01 01 | 'x'",
      'payloadFormatIndicator',
    ],
    [
      'a property that is absent',
      { ...publish, properties: { contentType: 'a' } },
      "30 08 | 00 04 '@run' | 00 | 'x'",
      'contentType',
    ],
    [
      'a property that must be absent',
      { ...publish, properties: { contentType: null } },
      "30 0c | 00 04 '@run' | 04 03 00 01 'a' | 'x'",
      'contentType',
    ],
    ['bytes', { ...publish, payload: { $bytes: '00*2' } }, "30 09 | 00 04 '@run' | 00 | 00 00", ''],
    [
      'a failure that is not named',
      { type: 'puback', packetIdentifier: 1 },
      '40 03 | 00 01 | 87',
      'reasonCode',
    ],
    [
      'a success that is not named',
      { type: 'puback', packetIdentifier: 1 },
      '40 03 | 00 01 | 10',
      '',
    ],
    ['a code', { type: 'disconnect', reasonCode: '0x81' }, 'e0 01 82', 'reasonCode'],
    [
      'codes in order',
      { type: 'suback', packetIdentifier: 1, reasonCodes: [0, 1] },
      '90 05 | 00 01 | 00 | 01 00',
      'reasonCodes',
    ],
    [
      'one of several',
      { type: 'disconnect', reasonCode: { $oneOf: ['0x81', '0x82'] } },
      'e0 01 82',
      '',
    ],
    [
      'between',
      { type: 'disconnect', reasonCode: { $between: [0x83, 0x90] } },
      'e0 01 82',
      'reasonCode',
    ],
  ])('%s', (_what, expected, bytes, result) => {
    expect(mismatch(expected, bytes)).toBe(result)
  })

  test('what is advised is a matter of strictness', () => {
    const expected = { type: 'disconnect', reasonCode: { $advised: ['0x81', '0x82'] } }
    expect([mismatch(expected, 'e0 01 82'), mismatch(expected, 'e0 01 82', true)]).toEqual([
      '',
      'reasonCode',
    ])
    expect(mismatch(expected, 'e0 01 81', true)).toBe('')
  })

  test('a name stands for the first value that it gets', () => {
    const names = new Names('7abc')
    const puback = (packetIdentifier: unknown, bytes: string) =>
      mismatch({ type: 'puback', packetIdentifier }, bytes, false, names)
    expect(puback('$a', '40 02 00 05')).toBe('')
    expect(puback('$a', '40 02 00 06')).toBe('packetIdentifier')
    expect(puback({ $new: '$b' }, '40 02 00 05')).toBe('packetIdentifier')
    expect(puback({ $new: '$b' }, '40 02 00 06')).toBe('')
    expect([names.get('a'), names.get('b')]).toEqual([5, 6])
  })

  test('a list in any order has each of them once', () => {
    const identifiers = (list: number[]) => ({
      ...publish,
      properties: { subscriptionIdentifiers: { $anyOrder: list } },
    })
    const bytes = "30 0c | 00 04 '@run' | 04 0b 01 0b 02 | 'x'"
    expect(mismatch(identifiers([2, 1]), bytes)).toBe('')
    expect(mismatch(identifiers([2, 2]), bytes)).toBe('subscriptionIdentifiers')
    expect(mismatch(identifiers([2, 1, 1]), bytes)).toBe('subscriptionIdentifiers')
  })
})

const exchange = (steps: unknown[], more: object = {}) =>
  JSON.stringify([{ name: 'n', statements: ['MQTT-3.12.4-1'], protocolVersion: 5, steps, ...more }])
const CLOSE = { on: 'c', expect: 'close' }

describe('an exchange that could not fail, or for the wrong reason, is refused', () => {
  const expecting = (packet: object) => [{ open: 'c' }, { on: 'c', expect: packet }]
  test.each([
    ['proves no statement', exchange([], { statements: [] })],
    ["'PING' is no id", exchange([], { statements: ['PING'] })],
    ['protocolVersion is 3, 4 or 5', exchange([], { protocolVersion: 6 })],
    ["'what' is no key of an exchange", exchange([], { what: 1 })],
    ['expects nothing', exchange([{ open: 'c' }])],
    ['step 1: {"do":1} is no step', exchange([{ do: 1 }])],
    ["step 1: no connection is called 'c'", exchange([CLOSE])],
    ["'to' is no key of send", exchange([{ open: 'c' }, { on: 'c', send: 'c0 00', to: 1 }])],
    [
      'Remaining Length 1, 0 bytes follow: c0 01',
      exchange([{ open: 'c' }, { on: 'c', send: 'c0 01' }]),
    ],
    [
      "step 2: 'connect' is no packet that a server sends",
      exchange(expecting({ type: 'connect' })),
    ],
    ['puback names no packetIdentifier', exchange(expecting({ type: 'puback' }))],
    ['pingresp has no reasonCode', exchange(expecting({ type: 'pingresp', reasonCode: 0 }))],
    [
      'publish names no packetIdentifier',
      exchange(expecting({ type: 'publish', topicName: 'a', payload: '', qos: 1 })),
    ],
    [
      "'colour' is no property",
      exchange(expecting({ type: 'disconnect', reasonCode: 0, properties: { colour: 1 } })),
    ],
    ['which means nothing', exchange(expecting({ type: 'disconnect', reasonCode: { $maybe: 1 } }))],
    [
      "optional is 'advised' or 'allowed'",
      exchange([{ open: 'c' }, { on: 'c', expect: { type: 'pingresp' }, optional: true }]),
    ],
    ['close stands alone', exchange([{ open: 'c' }, { ...CLOSE, optional: 'advised' }])],
    [
      'has no name of its own',
      `[${exchange([{ open: 'c' }, CLOSE]).slice(1, -1)},${exchange([{ open: 'c' }, CLOSE]).slice(1, -1)}]`,
    ],
  ])('%s', (message, text) => {
    expect(() => parseExchanges('file.json', text)).toThrow(message)
    expect(() => parseExchanges('file.json', text)).toThrow('file.json: ')
  })
})

describe('a broker that answers wrongly is found out', () => {
  const servers: Server[] = []
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  /** Answers each chunk with the next of `answers`, `close` for one; then with nothing. */
  async function scripted(...answers: string[]): Promise<{ host: string; port: number }> {
    const rest = [...answers]
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', () => {
        const answer = rest.shift()
        if (answer === 'close') socket.end()
        else if (answer !== undefined) socket.write(readNotation(answer, new Names('7abc')))
      })
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  }

  async function differenceOf(steps: unknown[], answers: string[], options = {}, more = {}) {
    const [parsed] = parseExchanges('file.json', exchange(steps, more))
    const address = await scripted(...answers)
    const difference = await runExchange(parsed!, address, {
      run: '7abc',
      timeoutMs: 100,
      ...options,
    })
    return difference === null
      ? null
      : `${difference.step}: ${difference.got} ${difference.bytes}`.trim()
  }

  const PING = { on: 'c', send: 'c0 00 ; PINGREQ' }
  const CONNACK = '20 03 00 00 00'
  const disconnect = { type: 'disconnect', reasonCode: '0x81' }

  test('by a packet that is another one, with its bytes', async () => {
    const steps = [{ join: 'c' }, PING, { on: 'c', expect: disconnect }, CLOSE]
    expect(await differenceOf(steps, [CONNACK, 'e0 01 82'])).toBe(
      '3: DISCONNECT {"reasonCode":130} e0 01 82',
    )
    expect(await differenceOf(steps, [CONNACK, 'e0 01 81'])).toBe('4: nothing')
    expect(await differenceOf(steps, [CONNACK, 'd0 00'])).toBe('3: PINGRESP d0 00')
    expect(await differenceOf(steps, [CONNACK, 'close'])).toBe('3: the end of the connection')
    expect(await differenceOf(steps, ['20 03 01 00 00'])).toBe(
      '1: CONNACK {"sessionPresent":true,"reasonCode":0} 20 03 01 00 00',
    )
  })

  test('by what no server may send', async () => {
    const steps = [{ open: 'c' }, PING, { on: 'c', expect: { type: 'pingresp' } }]
    expect(await differenceOf(steps, ['d0 01 00'])).toContain('3: no packet: ERR_MQTT_')
    expect(await differenceOf(steps, ['c0 00'])).toContain('3: no packet: ERR_MQTT_')
    expect(await differenceOf(steps, ['30 04 | 00 00 | 00 | 00'])).toContain(
      '3: no packet: ERR_MQTT_',
    )
  })

  test('by a packet too many, where nothing is expected or the end', async () => {
    const silence = [{ join: 'c' }, { on: 'c', expect: 'nothing' }]
    expect(await differenceOf(silence, [CONNACK, 'd0 00'])).toBeNull()
    expect(
      await differenceOf(silence, [`${CONNACK} | 30 08 00 04 '@run' 00 'x'`, 'd0 00']),
    ).toMatch(/^2: PUBLISH \{"topicName":"@run","payload":"x",/)
    expect(await differenceOf([{ open: 'c' }, PING, CLOSE], ['d0 00'])).toBe('3: PINGRESP d0 00')
  })

  test('by one that is left out, unless it may be', async () => {
    const steps = (optional: string) => [
      { join: 'c' },
      PING,
      { on: 'c', expect: disconnect, optional },
      CLOSE,
    ]
    const strict = { isStrict: true }
    expect(await differenceOf(steps('advised'), [CONNACK, 'close'])).toBeNull()
    expect(await differenceOf(steps('advised'), [CONNACK, 'close'], strict)).toBe(
      '3: the end of the connection',
    )
    expect(await differenceOf(steps('allowed'), [CONNACK, 'close'], strict)).toBeNull()
    expect(await differenceOf(steps('allowed'), [CONNACK])).toBe('3: nothing')
  })

  test('by packets of which one is missing, in whatever order the others come', async () => {
    const packets = [{ type: 'puback', packetIdentifier: 1 }, { type: 'pingresp' }]
    const steps = [{ open: 'c' }, PING, { on: 'c', expectInAnyOrder: packets }]
    expect(await differenceOf(steps, ['d0 00 40 02 00 01'])).toBeNull()
    expect(await differenceOf(steps, ['d0 00 40 02 00 02'])).toBe(
      '3: PUBACK {"packetIdentifier":2,"reasonCode":0} 40 02 00 02',
    )
    expect(await differenceOf(steps, ['d0 00'])).toBe('3: nothing')
  })

  test('a packet on one of several connections, which has a name from there on', async () => {
    const steps = [
      { open: 'a' },
      { open: 'c' },
      PING,
      { on: ['a', 'c'], expect: { type: 'pingresp' }, as: 'taker' },
      { on: 'taker', send: 'c0 00' },
      CLOSE,
    ]
    expect(await differenceOf(steps, ['d0 00', 'close'])).toBeNull()
    expect(await differenceOf(steps, ['close', 'close'])).toBe('4: the end of the connection')
  })

  test('who refuses a version may do so in the form of an earlier one', async () => {
    const refused = { type: 'connack', sessionPresent: false, reasonCode: '0x84' }
    const steps = [{ open: 'c' }, PING, { on: 'c', expect: refused }]
    expect(await differenceOf(steps, ['20 02 00 01'])).toBeNull()
    expect(await differenceOf(steps, ['20 02 00 02'])).toContain('3: CONNACK')
  })

  test('a name goes from what came into what is sent', async () => {
    const [parsed] = parseExchanges(
      'file.json',
      exchange([
        { open: 'c' },
        PING,
        { on: 'c', expect: { type: 'pubrec', packetIdentifier: '$m' } },
        { on: 'c', send: '62 02 | $m' },
        { on: 'c', expect: { type: 'pubcomp', packetIdentifier: '$m' } },
        { halfClose: 'c' },
        CLOSE,
      ]),
    )
    const address = await scripted('50 02 00 07', '70 02 00 07')
    const received: Buffer[] = []
    servers[0]!.on('connection', (socket: Socket) =>
      socket.on('data', (chunk: Buffer) => received.push(chunk)),
    )
    expect(await runExchange(parsed!, address, { timeoutMs: 1_000 })).toBeNull()
    expect(pairs(Buffer.concat(received))).toBe('c00062020007')
  })

  test('all of them are told in their order, in words that name the place', async () => {
    const text = JSON.stringify(
      ['first', 'second'].flatMap(
        (name) => JSON.parse(exchange([{ open: 'c' }, PING, CLOSE], { name })) as unknown[],
      ),
    )
    const outcomes = await runExchanges(
      parseExchanges('file.json', text),
      await scripted('d0 00', 'd0 00'),
    )
    expect(outcomes.map(({ exchange: { name } }) => name)).toEqual(['first', 'second'])
    expect(formatDifference(outcomes[1]!.difference!)).toBe(
      `file.json: 'second', step 3: expected {"on":"c","expect":"close"}, got PINGRESP (d0 00)`,
    )
  })

  test('nobody listens: the error of the system', async () => {
    const address = await scripted()
    servers.pop()!.close()
    const [parsed] = parseExchanges('file.json', exchange([{ open: 'c' }, CLOSE]))
    await expect(runExchange(parsed!, address)).rejects.toThrow('ECONNREFUSED')
  })
})
