/** On an http server that exists already: it keeps what it had, and MQTT gets its path. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:net'
import { Broker, type Door } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { attachWebSocket } from '@promptmq/websocket'
import mqtt from 'mqtt'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { CONNECT, listenOn, TLS } from './harness.ts'
import { CLOSE, RawClient } from './raw-client.ts'

let broker: Broker
let server: Server
let port: number
const clients: RawClient[] = []
beforeEach(async () => {
  broker = await Broker.start({ reasonStrings: false })
  server = createServer((request, response) => response.end(`route ${request.url}`))
  port = await listenOn(server)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await broker.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Whether MQTT is served at a path: CONNACK with Success. */
async function servesMqtt(path: string): Promise<boolean> {
  const client = new RawClient(port)
  clients.push(client)
  const { status } = await client.upgrade({ path })
  if (status !== 101) return false
  await client.send(CONNECT)
  const { payload } = await client.frame()
  return payload[0] === 0x20 && payload[3] === 0
}

/** What an endpoint of somebody else says. */
async function says(path: string): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  const [data] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  await once(socket, 'close')
  return data.toString()
}

/** Greets everybody who gets through. */
function greet(endpoint: WebSocketServer): WebSocketServer {
  return endpoint.on('connection', (socket) => socket.send('hello'))
}

test('takes its path, with a query as well, and no other', async () => {
  attachWebSocket(broker, server)
  expect(await servesMqtt('/mqtt')).toBe(true)
  expect(await servesMqtt('/mqtt?token=1')).toBe(true)
  attachWebSocket(broker, server, { path: '/other' })
  expect(await servesMqtt('/other')).toBe(true)
  expect(await servesMqtt('/mqtt')).toBe(true)
  expect(await servesMqtt('/mqtt/')).toBe(false)
  expect(await servesMqtt('/mqttx')).toBe(false)
})

test('normal routes stay', async () => {
  attachWebSocket(broker, server)
  const response = await fetch(`http://127.0.0.1:${port}/mqtt`)
  expect([response.status, await response.text()]).toEqual([200, 'route /mqtt'])
})

describe('another WebSocket endpoint stays', () => {
  /** Of the two ways that ws has to share a server, this one refuses every path but its own. */
  const withPath = () => greet(new WebSocketServer({ server, path: '/chat' }))
  const withoutServer = () => {
    const endpoint = greet(new WebSocketServer({ noServer: true }))
    server.on('upgrade', (request, stream, head) => {
      if (request.url !== '/chat') return
      endpoint.handleUpgrade(request, stream, head, (socket) =>
        endpoint.emit('connection', socket, request),
      )
    })
    return endpoint
  }

  test.each([
    ['that was there before', 'before', withPath],
    ['that came after', 'after', withPath],
    ['without a server, that was there before', 'before', withoutServer],
    ['without a server, that came after', 'after', withoutServer],
  ] as const)('%s', async (_what, when, open) => {
    if (when === 'before') open()
    const attachment = attachWebSocket(broker, server)
    if (when === 'after') open()
    expect(await servesMqtt('/mqtt')).toBe(true)
    expect(await says('/chat')).toBe('hello')
    await attachment.close()
    expect(await says('/chat')).toBe('hello')
  })
})

/** From Node 24.9 on; before, what nobody takes is answered 404. */
const asksWhichAreUpgrades = 'shouldUpgradeCallback' in createServer()

describe('what nobody upgrades is an ordinary request', () => {
  const request = (path: string, upgrade: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    socket.end(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${upgrade}\r\n\r\n`,
    )
    return new Response(socket).text()
  }

  test.skipIf(!asksWhichAreUpgrades)('such as an offer of HTTP/2, before and after', async () => {
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 200 .*route \/page/s)
    const attachments = [attachWebSocket(broker, server), attachWebSocket(broker, server)]
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 200 .*route \/page/s)
    await attachments[0]!.close()
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 200 .*route \/page/s)
  })

  test('unless somebody else listens, who gets it', async () => {
    attachWebSocket(broker, server)
    server.on('upgrade', (_request, stream) => stream.end('theirs'))
    expect(await request('/page', 'h2c')).toBe('theirs')
  })

  test('a server that makes an upgrade of everything is answered for', async () => {
    attachWebSocket(broker, server)
    Object.assign(server, { shouldUpgradeCallback: () => true })
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 404 /)
  })

  test('also where Node does not ask which requests are upgrades', async () => {
    // As before Node 24.9, whose own answer was this.
    const asked = server as { shouldUpgradeCallback?: unknown }
    const ask = asked.shouldUpgradeCallback
    delete asked.shouldUpgradeCallback
    const attachment = attachWebSocket(broker, server)
    if (ask !== undefined) asked.shouldUpgradeCallback = ask
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 404 /)
    expect(await servesMqtt('/mqtt')).toBe(true)
    await attachment.close()
    expect(await request('/page', 'h2c')).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('close', () => {
  test('takes no more upgrades; connections that came through stay', async () => {
    const { emit } = server
    const attachment = attachWebSocket(broker, server)
    const client = await RawClient.open(port)
    clients.push(client)
    await client.send(CONNECT)
    expect((await client.frame()).payload[0]).toBe(0x20)
    await attachment.close()
    await attachment.close()
    expect(await servesMqtt('/mqtt')).toBe(false)
    await client.send(wire`c0 00`)
    expect((await client.frame()).payload).toEqual(Buffer.from(wire`d0 00`))
    expect(server.emit).toBe(emit)
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  test('whoever came later keeps what is theirs', async () => {
    const first = attachWebSocket(broker, server, { path: '/1' })
    attachWebSocket(broker, server, { path: '/2' })
    await first.close()
    expect(await servesMqtt('/1')).toBe(false)
    expect(await servesMqtt('/2')).toBe(true)
  })

  test('of the broker: DISCONNECT 0x8B, a close frame, and no more upgrades', async () => {
    attachWebSocket(broker, server)
    const client = await RawClient.open(port)
    clients.push(client)
    await client.send(CONNECT)
    await client.frame()
    const closed = broker.close()
    expect((await client.frame()).payload).toEqual(Buffer.from(wire`e0 01 8b`))
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([CLOSE, 1000])
    client.destroy()
    await closed
    expect(await servesMqtt('/mqtt')).toBe(false)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
  })

  test('a broker that is closed is not attached', async () => {
    await broker.close()
    expect(() => attachWebSocket(broker, server)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_CLOSED' }),
    )
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  test('an attachment that was closed does not stay with the broker', async () => {
    const doors: Door[] = []
    const adopt = broker.adopt.bind(broker)
    let released = 0
    broker.adopt = (door) => {
      doors.push(door)
      const release = adopt(door)
      return () => {
        released++
        release()
      }
    }
    await attachWebSocket(broker, server).close()
    expect([doors.length, released]).toEqual([1, 1])
  })
})

test('on an https server, wss:// with MQTT.js', async () => {
  const secure = createTlsServer(TLS, (_request, response) => response.end('route'))
  const securePort = await listenOn(secure)
  attachWebSocket(broker, secure)
  const client = await mqtt.connectAsync(`wss://127.0.0.1:${securePort}/mqtt`, {
    ca: TLS.cert,
    protocolVersion: 5,
  })
  const received = new Promise<Buffer>((resolve) => {
    client.once('message', (_topic, payload) => resolve(payload))
  })
  await client.subscribeAsync('t', { qos: 1 })
  await client.publishAsync('t', Buffer.alloc(3_000_000, 1), { qos: 1 })
  expect(await received).toHaveLength(3_000_000)
  await client.endAsync()
  secure.close()
})
