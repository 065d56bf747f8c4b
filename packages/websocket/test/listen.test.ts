/** On a port of its own. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Broker } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { listenWebSocket } from '@promptmq/websocket'
import mqtt from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { CONNECT, listenOn, PINGREQ, PINGRESP, serve, TLS } from './harness.ts'
import { CLOSE, RawClient } from './raw-client.ts'

const brokers: Broker[] = []
afterEach(() => Promise.all(brokers.splice(0).map((broker) => broker.close())))

async function start(...options: Parameters<typeof serve>) {
  const served = await serve(...options)
  brokers.push(served.broker)
  return served
}

describe('paths', () => {
  test('any, unless one is given', async () => {
    const any = await start()
    for (const path of ['/', '/mqtt', '/a/b?c']) {
      const client = new RawClient(any.port)
      expect((await client.upgrade({ path })).status).toBe(101)
      client.destroy()
    }
    const one = await start({ path: '/mqtt' })
    for (const [path, status] of [
      ['/mqtt?a', 101],
      ['/', 404],
      ['/mqtt/a', 404],
    ] as const) {
      const client = new RawClient(one.port)
      expect((await client.upgrade({ path })).status).toBe(status)
      client.destroy()
    }
  })

  test('what is no upgrade is told so, and let go', async () => {
    const { port } = await start()
    const response = await fetch(`http://127.0.0.1:${port}/mqtt`)
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect(response.headers.get('connection')).toContain('close')
    await response.text()
  })
})

describe('where it listens', () => {
  test('is told; a port in use is named', async () => {
    const other = createServer()
    const port = await listenOn(other)
    const broker = await Broker.start({ reasonStrings: false })
    brokers.push(broker)
    await expect(listenWebSocket(broker, { port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    })
    other.close()
    const listener = await listenWebSocket(broker, { port: 0, host: '127.0.0.1' })
    expect(listener).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) })
    expect(listener.port).toBeGreaterThan(0)
  })

  test('a broker that closes meanwhile leaves no port open', async () => {
    const probe = createServer()
    const port = await listenOn(probe)
    await new Promise((resolve) => probe.close(resolve))
    const broker = await Broker.start({ reasonStrings: false })
    const listening = listenWebSocket(broker, { port })
    const closed = broker.close()
    await expect(listening).rejects.toMatchObject({ code: 'ERR_PROMPTMQ_CLOSED' })
    await closed
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
  })
})

describe('close', () => {
  test('of the broker: DISCONNECT 0x8B, a close frame, and the port is free', async () => {
    const { broker, port } = await start()
    const client = await RawClient.open(port)
    await client.send(CONNECT)
    await client.frame()
    const closed = broker.close()
    expect((await client.frame()).payload).toEqual(Buffer.from(wire`e0 01 8b`))
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([CLOSE, 1000])
    client.destroy()
    await closed
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
  })

  test('of the listener: who came through stays', async () => {
    const broker = await Broker.start({ reasonStrings: false })
    brokers.push(broker)
    const listener = await listenWebSocket(broker, { port: 0 })
    const client = await RawClient.open(listener.port)
    await client.send(CONNECT)
    await client.frame()
    const closed = listener.close()
    await expect(fetch(`http://127.0.0.1:${listener.port}`)).rejects.toThrow()
    await client.send(PINGREQ)
    expect((await client.frame()).payload).toEqual(PINGRESP)
    client.destroy()
    await closed
  })

  test.each([
    ['ws', {}],
    ['wss', { tls: TLS }],
  ])('does not wait for those who never finished their upgrade: %s', async (scheme, options) => {
    const { broker, port } = await start(options)
    const silent = connect(port, '127.0.0.1')
    await once(silent, 'connect')
    const half = 'tls' in options ? connectTls({ port, ca: TLS.cert }) : connect(port, '127.0.0.1')
    half.write('GET / HTTP/1.1\r\nHost: x\r\n')
    const ends = [silent, half].map((socket) => {
      socket.on('error', () => {})
      return once(socket, 'close')
    })
    await once(half, 'tls' in options ? 'secureConnect' : 'connect')
    // They are served in the order in which they came: when this one is through, they are there.
    const last = await mqtt.connectAsync(`${scheme}://127.0.0.1:${port}`, { ca: TLS.cert })
    const started = performance.now()
    await broker.close()
    expect(performance.now() - started).toBeLessThan(1_500)
    await Promise.all(ends)
    await last.endAsync(true)
  })
})

describe('deadlines', () => {
  test.each([
    ['nothing', ''],
    ['half a request', 'GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgr'],
  ])('who has sent %s is cut off', async (_what, bytes) => {
    const { port } = await start({}, { connectTimeoutMs: 200 })
    const socket = connect(port, '127.0.0.1')
    socket.write(bytes)
    socket.resume()
    const started = performance.now()
    await once(socket, 'close')
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('so is who never finishes the TLS handshake', async () => {
    const { port } = await start({ tls: TLS }, { connectTimeoutMs: 200 })
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'close')
  })

  test('and who sends no CONNECT after the upgrade', async () => {
    const { port } = await start({}, { connectTimeoutMs: 200 })
    const client = await RawClient.open(port)
    await client.closed
  })
})

test('wss:// with a certificate', async () => {
  const { port } = await start({ tls: TLS })
  const client = await mqtt.connectAsync(`wss://127.0.0.1:${port}`, { ca: TLS.cert })
  const received = new Promise<string>((resolve) => {
    client.once('message', (_topic, payload) => resolve(payload.toString()))
  })
  await client.subscribeAsync('t', { qos: 2 })
  await client.publishAsync('t', 'over TLS', { qos: 2 })
  expect(await received).toBe('over TLS')
  await client.endAsync()
})
