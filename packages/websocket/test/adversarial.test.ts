/**
 * What has broken WebSocket servers of others, over real sockets. In each case another client is there
 * before, and is served as ever after.
 */
import type { IncomingMessage } from 'node:http'
import { deflateRawSync } from 'node:zlib'
import type { Broker, Logger } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CONNECT, PINGREQ, PINGRESP, packet, serve, subscribe } from './harness.ts'
import { BINARY, CONTINUATION, frame, PING, PONG, RawClient } from './raw-client.ts'

let broker: Broker
let port: number
let bystander: RawClient
let clients: RawClient[]

beforeEach(() => begin())
afterEach(async () => {
  expect(await pings(bystander)).toBe(true)
  for (const client of clients) client.destroy()
  await broker.close()
})

async function begin(...options: Parameters<typeof serve>): Promise<void> {
  clients = []
  const served = await serve(...options)
  broker = served.broker
  port = served.port
  bystander = await join()
}

/** Instead of what `beforeEach` has begun. */
async function beginAnew(...options: Parameters<typeof serve>): Promise<void> {
  bystander.destroy()
  await broker.close()
  await begin(...options)
}

async function open(): Promise<RawClient> {
  const client = await RawClient.open(port)
  clients.push(client)
  return client
}

async function join(): Promise<RawClient> {
  const client = await open()
  await client.send(CONNECT)
  expect((await client.frame()).payload[0]).toBe(0x20)
  return client
}

async function pings(client: RawClient): Promise<boolean> {
  await client.send(PINGREQ)
  return (await client.frame()).payload.equals(PINGRESP)
}

/** What a client is answered that ought not to be let in by its upgrade request. */
async function refused(options: Parameters<RawClient['upgrade']>[0]): Promise<[number, string]> {
  const client = new RawClient(port)
  clients.push(client)
  const { status, body } = await client.upgrade(options)
  return [status, body]
}

describe('a Remaining Length beyond the frame', () => {
  test('is waited for; what follows belongs to it', async () => {
    const client = await join()
    await client.send(subscribe('#'))
    await client.frame()
    // 4,096 bytes are announced, three are in the frame.
    await client.send(wire`30 80 20 00 01 61`)
    expect(await pings(bystander)).toBe(true)
    expect(broker.stats().published).toBe(0)
    await client.send(Buffer.alloc(4_092))
    expect(await pings(bystander)).toBe(true)
    expect(broker.stats().published).toBe(0)
    await client.send(PINGREQ.subarray(0, 1))
    const published = await client.bytes(4_099)
    expect(published.subarray(0, 6)).toEqual(Buffer.from(wire`30 80 20 00 01 61`))
    expect(await pings(client)).toBe(true)
  })

  test('beyond what is accepted is refused on its header', async () => {
    const client = await join()
    await client.send(wire`30 ff ff ff 7f 00`)
    expect((await client.frame()).payload).toEqual(Buffer.from(wire`e0 01 95`))
    expect(await client.closeCode()).toBe(1000)
  })
})

describe('a message that does not end', () => {
  test('131,000 continuation frames of a byte', async () => {
    const client = await join()
    const one = frame(CONTINUATION, Buffer.of(0xc0), { fin: false })
    const closed = client.closeCode()
    await client.sendBytes(
      frame(BINARY, Buffer.of(0xc0), { fin: false }),
      ...Array.from({ length: 131 }, () => Buffer.concat(Array(1_000).fill(one))),
    )
    expect(await closed).toBe(1008)
  })

  test('as many fragments as are allowed are no harm, one more is', async () => {
    await beginAnew({ maximumFragments: 64 })
    const client = await join()
    const fragments = (count: number) => [
      frame(BINARY, PINGREQ, { fin: false }),
      ...Array.from({ length: count - 2 }, () => frame(CONTINUATION, PINGREQ, { fin: false })),
      frame(CONTINUATION, PINGREQ),
    ]
    await client.sendBytes(...fragments(64))
    expect(await client.bytes(128)).toEqual(Buffer.concat(Array(64).fill(PINGRESP)))
    await client.sendBytes(...fragments(65))
    expect(await client.closeCode()).toBe(1008)
  })

  test('more bytes than are allowed, in one frame: its header is enough', async () => {
    await beginAnew({ maximumMessageSize: 100_000 })
    const client = await join()
    await client.send(Buffer.alloc(100_000, PINGREQ))
    await client.bytes(100_000)
    await client.sendBytes(frame(BINARY, Buffer.alloc(100_001)).subarray(0, 20))
    expect(await client.closeCode()).toBe(1009)
  })

  test('more bytes than are allowed, in fragments', async () => {
    await beginAnew({ maximumMessageSize: 100_000 })
    const client = await join()
    const part = Buffer.alloc(60_000)
    await client.sendBytes(
      frame(BINARY, part, { fin: false }),
      frame(CONTINUATION, part, { fin: false }),
    )
    expect(await client.closeCode()).toBe(1009)
  })

  test('before anybody is known it may hold a CONNECT, and no more', async () => {
    await beginAnew({}, { maximumConnectSize: 10_000 })
    const client = await open()
    const size = 1_000_000
    await client.sendBytes(frame(BINARY, Buffer.alloc(size, 0x10)).subarray(0, 200_000))
    expect(await client.closeCode()).toBe(1009)
  })

  test('in fragments as well', async () => {
    await beginAnew({}, { maximumConnectSize: 10_000 })
    const client = await open()
    const first = frame(BINARY, Buffer.alloc(6_000, 0x10), { fin: false })
    const more = frame(CONTINUATION, Buffer.alloc(6_000, 0x10), { fin: false })
    await client.sendBytes(first, more)
    expect(await client.closeCode()).toBe(1009)
  })

  test('a peer that is not answered yet is not read from beyond that', async () => {
    const decided = Promise.withResolvers<boolean>()
    await beginAnew({}, { maximumConnectSize: 10_000 })
    broker.use({ name: 'slow', authenticate: () => decided.promise })
    const client = await open()
    const publish = { type: 'publish', topicName: 't', payload: Buffer.alloc(16_000_000) } as const
    const bytes = frame(BINARY, packet(publish))
    await client.sendBytes(frame(BINARY, CONNECT))
    let isSent = false
    const sent = client.sendBytes(bytes).then(() => {
      isSent = true
    })
    for (let i = 0; i < 5; i++) expect(await pings(bystander)).toBe(true)
    expect(isSent).toBe(false)
    decided.resolve(true)
    expect((await client.frame()).payload[0]).toBe(0x20)
    await sent
    expect(await pings(client)).toBe(true)
    expect(broker.stats().published).toBe(1)
  })

  test('a large message right behind CONNECT is not too large', async () => {
    await beginAnew({}, { maximumConnectSize: 1_000 })
    const client = await open()
    const publish = { type: 'publish', topicName: 't', payload: Buffer.alloc(4_000_000) } as const
    await client.sendBytes(
      Buffer.concat([
        frame(BINARY, CONNECT),
        frame(BINARY, packet(publish)),
        frame(BINARY, PINGREQ),
      ]),
    )
    expect((await client.frame()).payload[0]).toBe(0x20)
    expect((await client.frame()).payload).toEqual(PINGRESP)
    expect(broker.stats().published).toBe(1)
  })

  test('a frame that trickles in, each byte a segment, has an end', async () => {
    await beginAnew({ maximumMessageSize: 10_000 })
    const client = await join()
    const bytes = frame(BINARY, Buffer.alloc(5_000, 0xc0))
    const closed = client.closeCode()
    for (let i = 0; i < bytes.length; i++) {
      await client.sendBytes(bytes.subarray(i, i + 1))
      await new Promise(setImmediate)
      if (client.socket.destroyed) break
    }
    expect(await closed).toBe(1008)
  })
})

describe('upgrade requests', () => {
  /** Some versions of Node refuse so many, others leave out those beyond the 2,000th. */
  test('2,000 headers before those that count: refused', async () => {
    const client = new RawClient(port)
    clients.push(client)
    const started = performance.now()
    const many = Array.from({ length: 2_000 }, () => 'a:')
    client.socket.write(
      [
        'GET /mqtt HTTP/1.1',
        'Host: x',
        ...many,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: mqtt',
        '\r\n',
      ].join('\r\n'),
    )
    const { status } = await client.answer()
    expect([400, 426, 431]).toContain(status)
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('2,000 headers behind them are no harm', async () => {
    const headers = Array.from({ length: 2_000 }, () => 'a:')
    const started = performance.now()
    expect([101, 431]).toContain((await refused({ headers }))[0])
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test.each([
    ['32,000 spaces', `b${' '.repeat(32_000)}x`],
    ['as many as fit', `b${' '.repeat(15_000)}x`],
    ['as many, and mqtt', `mqtt, b${' '.repeat(15_000)}x`],
    ['commas', `mqtt${','.repeat(15_000)}x`],
  ])('a crafted Sec-WebSocket-Protocol: %s', async (_what, protocols) => {
    const started = performance.now()
    const [status] = await refused({ protocols })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('without the subprotocol: 400, and why', async () => {
    const why = "the subprotocol 'mqtt' is not offered\n"
    for (const protocols of [null, 'chat', 'mqttx', 'MQTT', 'mqtt3'])
      expect(await refused({ protocols })).toEqual([400, why])
  })

  test('with a body', async () => {
    for (const header of ['Content-Length: 5', 'Transfer-Encoding: chunked'])
      expect(await refused({ headers: [header] })).toEqual([400, 'an upgrade has no body\n'])
    expect(await refused({ headers: ['Content-Length: 0'] })).toEqual([101, ''])
  })

  test.each([
    ['another version', 'Sec-WebSocket-Version: 99', 400],
    ['another upgrade', 'Upgrade: h2c', 400],
  ])('for %s', async (_what, header, expected) => {
    const client = new RawClient(port)
    clients.push(client)
    const headers = [
      'GET /mqtt HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: mqtt',
      header,
      ...(header.startsWith('Upgrade') ? ['Sec-WebSocket-Version: 13'] : ['Upgrade: websocket']),
    ]
    client.socket.write(`${headers.join('\r\n')}\r\n\r\n`)
    expect((await client.answer()).status).toBe(expected)
  })

  test('a peer that resets while it is refused harms nobody', async () => {
    for (let i = 0; i < 20; i++) {
      const client = new RawClient(port)
      const upgrade = client.upgrade({ protocols: 'chat' }).catch(() => undefined)
      client.socket.resetAndDestroy()
      await upgrade
    }
  })
})

describe('the Origin', () => {
  const origin = (value: string) => ({ headers: [`Origin: ${value}`] })

  test('of a foreign page is refused with 403, where a list is given', async () => {
    await beginAnew({ allowedOrigins: ['https://app.example'] })
    const why = 'the origin is not allowed\n'
    expect(await refused(origin('https://evil.example'))).toEqual([403, why])
    expect(await refused(origin('null'))).toEqual([403, why])
    const client = await RawClient.open(port, origin('https://app.example'))
    clients.push(client)
    await client.send(CONNECT)
    expect((await client.frame()).payload[0]).toBe(0x20)
  })

  test('is what a function says, with the request; what throws or is not true denies', async () => {
    const errors: string[] = []
    const logger: Logger = {
      debug() {},
      info() {},
      warn() {},
      error: (_fields, message) => errors.push(message),
    }
    const answers: Record<string, unknown> = {
      '/yes': true,
      '/1': 1,
      '/later': Promise.resolve(true),
    }
    const allowedOrigins = (_origin: string | undefined, { url = '' }: IncomingMessage) => {
      if (url === '/throws') throw new Error('no')
      return (url in answers ? answers[url] : url === '/mqtt') as boolean
    }
    await beginAnew({ allowedOrigins }, { logger })
    for (const path of ['/1', '/later', '/throws', '/else'])
      expect((await refused({ path }))[0]).toBe(403)
    expect(errors).toEqual(['allowedOrigins threw'])
    clients.push(await RawClient.open(port, { path: '/yes' }))
  })
})

describe('compression', () => {
  test('is never negotiated', async () => {
    const client = new RawClient(port)
    clients.push(client)
    const { status, headers } = await client.upgrade({
      headers: ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'],
    })
    expect(status).toBe(101)
    expect(headers.has('sec-websocket-extensions')).toBe(false)
  })

  test('a bomb that is sent all the same is a fault of its first frame', async () => {
    const client = await join()
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024))
    const before = process.memoryUsage().arrayBuffers
    await client.sendBytes(frame(BINARY, bomb, { rsv: 0x40 }))
    expect(await client.closeCode()).toBe(1002)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })
})

describe('frames that are nothing of MQTT', () => {
  test.each([
    ['not masked', Buffer.from('8202c000', 'hex'), 1002],
    ['of a reserved type', frame(3, PINGREQ), 1002],
    ['a continuation of nothing', frame(CONTINUATION, PINGREQ), 1002],
    ['a ping in fragments', frame(PING, Buffer.of(), { fin: false }), 1002],
    ['of 2^62 bytes', Buffer.from('82ff4000000000000000', 'hex'), 1009],
  ])('%s: closed', async (_what, bytes, code) => {
    const client = await join()
    await client.sendBytes(bytes)
    expect(await client.closeCode()).toBe(code)
  })

  test('a ping is answered, and is no sign of life for Keep Alive', async () => {
    const client = await open()
    await client.send(wire`10 0d 00 04 "MQTT" 05 02 00 01 00 | 00 00`)
    await client.frame()
    await client.sendBytes(frame(PING, Buffer.from('are you there?')))
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.toString()]).toEqual([PONG, 'are you there?'])
    const pinging = setInterval(() => client.sendBytes(frame(PING, Buffer.of())), 100)
    try {
      for (;;) {
        const { opcode: next, payload: bytes } = await client.frame()
        if (next !== BINARY) continue
        expect(bytes).toEqual(Buffer.from(wire`e0 01 8d`))
        break
      }
    } finally {
      clearInterval(pinging)
    }
  })

  test.each([
    ['empty messages', frame(BINARY, Buffer.of())],
    ['pongs that nobody asked for', frame(PONG, Buffer.of())],
    [
      'messages of a byte',
      Buffer.concat(Array.from(PINGREQ, (one) => frame(BINARY, Buffer.of(one)))),
    ],
  ])('a flood of %s leaves room for others', async (_what, crumb) => {
    const client = await join()
    client.socket.on('data', () => {})
    const flood = Buffer.concat(Array(10_000).fill(crumb))
    let isFlooding = true
    const flooding = (async () => {
      while (isFlooding) await client.sendBytes(flood)
    })()
    let slowest = 0
    for (let i = 0; i < 50; i++) {
      const started = performance.now()
      expect(await pings(bystander)).toBe(true)
      slowest = Math.max(slowest, performance.now() - started)
    }
    isFlooding = false
    client.destroy()
    await flooding
    expect(slowest).toBeLessThan(1_000)
  })

  test('a flood of pings ends the connection', async () => {
    const client = await join()
    await client.sendBytes(Buffer.concat(Array(10_000).fill(frame(PING, Buffer.of()))))
    await client.closed
  })
})

test('bytes that are no frame, behind the upgrade of one connection too many, end nothing else', async () => {
  await beginAnew({}, { maximumConnectionsPerAddress: 1 })
  await open() // Twice as many are let in, to be told.
  const thrown: unknown[] = []
  const note = (error: unknown) => thrown.push(error)
  process.on('uncaughtExceptionMonitor', note)
  for (let i = 0; i < 5; i++) {
    const client = new RawClient(port)
    clients.push(client)
    // A reserved opcode.
    const upgraded = client.upgrade({ headers: [], behind: frame(3, wire`00`) })
    await Promise.race([upgraded.catch(() => {}), client.closed])
    await client.closed
  }
  process.off('uncaughtExceptionMonitor', note)
  expect(thrown).toEqual([])
})
