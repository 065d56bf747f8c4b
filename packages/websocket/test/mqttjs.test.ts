/** MQTT.js, which most web pages use, over ws://. */
import { Broker } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { listenWebSocket } from '@promptmq/websocket'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { BINARY, frame, RawClient } from './raw-client.ts'

let broker: Broker
let port: number
const clients: MqttClient[] = []
beforeAll(async () => {
  broker = await Broker.start()
  port = (await listenWebSocket(broker, { port: 0 })).port
})
afterEach(() => Promise.all(clients.splice(0).map((client) => client.endAsync(true))))
afterAll(() => broker.close())

interface Received {
  readonly topic: string
  readonly payload: Buffer
  readonly packet: IPublishPacket
}

async function join(options: IClientOptions, url = `ws://127.0.0.1:${port}/mqtt`) {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ...options })
  clients.push(client)
  const messages: Received[] = []
  client.on('message', (topic, payload, packet) => messages.push({ topic, payload, packet }))
  await new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
  return {
    client,
    /** Waits until `count` messages have come, and takes them. */
    async take(count: number): Promise<Received[]> {
      while (messages.length < count)
        await new Promise((resolve) => client.once('message', resolve))
      return messages.splice(0)
    },
  }
}

describe.each<[string, IClientOptions]>([
  ['5.0', { protocolVersion: 5 }],
  ['3.1.1', { protocolVersion: 4 }],
  ['3.1', { protocolVersion: 3, protocolId: 'MQIsdp' }],
])('MQTT %s', (_version, mode) => {
  test('publishes and receives at QoS 0, 1 and 2', async () => {
    const subscriber = await join({ ...mode, clientId: 'sub' })
    await subscriber.client.subscribeAsync('qos/#', { qos: 2 })
    const publisher = await join({ ...mode, clientId: 'pub' })
    for (const qos of [0, 1, 2] as const)
      await publisher.client.publishAsync(`qos/${qos}`, `message ${qos}`, { qos })
    const got = await subscriber.take(3)
    expect(got.map(({ topic, payload, packet }) => [topic, String(payload), packet.qos])).toEqual([
      ['qos/0', 'message 0', 0],
      ['qos/1', 'message 1', 1],
      ['qos/2', 'message 2', 2],
    ])
  })

  test('large messages come as they went, both ways, and the small ones behind them', async () => {
    const { client, take } = await join({ ...mode, clientId: 'large' })
    await client.subscribeAsync('large', { qos: 1 })
    const payload = Buffer.alloc(12_000_000)
    for (let i = 0; i < payload.length; i += 4) payload.writeUInt32BE(i, i)
    await Promise.all([
      client.publishAsync('large', payload, { qos: 1 }),
      client.publishAsync('large', 'small', { qos: 1 }),
    ])
    const [large, small] = await take(2)
    expect(large!.payload.equals(payload)).toBe(true)
    expect(String(small!.payload)).toBe('small')
  })

  test('many messages keep their order', async () => {
    const { client, take } = await join({ ...mode, clientId: 'many' })
    await client.subscribeAsync('many', { qos: 1 })
    for (let i = 0; i < 5_000; i++) client.publish('many', String(i), { qos: i % 2 === 0 ? 0 : 1 })
    const numbers = (await take(5_000)).map(({ payload }) => Number(payload))
    for (const parity of [0, 1]) {
      const ofOne = numbers.filter((number) => number % 2 === parity)
      expect(ofOne).toEqual(Array.from({ length: 2_500 }, (_, i) => 2 * i + parity))
    }
  })
})

test('a client over TCP and one over WebSocket meet', async () => {
  const { port: tcpPort } = await broker.listen({ port: 0 })
  const overTcp = await join({ clientId: 'tcp' }, `mqtt://127.0.0.1:${tcpPort}`)
  const overWebSocket = await join({ clientId: 'ws' })
  await overWebSocket.client.subscribeAsync('meet', { qos: 2 })
  await overTcp.client.subscribeAsync('answer', { qos: 2 })
  await overTcp.client.publishAsync('meet', 'hello', { qos: 2 })
  expect(String((await overWebSocket.take(1))[0]!.payload)).toBe('hello')
  await overWebSocket.client.publishAsync('answer', 'hello yourself', { qos: 2 })
  expect(String((await overTcp.take(1))[0]!.payload)).toBe('hello yourself')
})

test('the will of a client whose WebSocket closes without DISCONNECT is published', async () => {
  const watcher = await join({ clientId: 'watcher' })
  await watcher.client.subscribeAsync('status')
  const dying = await RawClient.open(port)
  await dying.send(
    wire`10 1e 00 04 "MQTT" 04 06 00 00 | 00 04 "dies" | 00 06 "status" | 00 04 "gone"`,
  )
  expect((await dying.frame()).payload[0]).toBe(0x20)
  // A close frame is the WebSocket's way to go; MQTT's is DISCONNECT.
  await dying.sendBytes(frame(8, Buffer.from([0x03, 0xe8])))
  expect(await dying.closeCode()).toBe(1000)
  expect(String((await watcher.take(1))[0]!.payload)).toBe('gone')
  dying.destroy()
})

test('a session is resumed over WebSocket', async () => {
  const session: IClientOptions = { clientId: 'kept', clean: false, protocolVersion: 4 }
  const first = await join(session)
  await first.client.subscribeAsync('kept', { qos: 1 })
  await first.client.endAsync()
  await broker.publish('kept', 'while away', { qos: 1 })
  const second = await join(session)
  expect(String((await second.take(1))[0]!.payload)).toBe('while away')
})

test('a frame with a message behind DISCONNECT is not a message', async () => {
  const seen: string[] = []
  broker.on('clientDisconnect', ({ clientId }) => seen.push(clientId))
  const client = await RawClient.open(port)
  await client.send(wire`10 0d 00 04 "MQTT" 04 02 00 00 | 00 01 "d"`)
  await client.frame()
  const before = broker.stats().published
  await client.sendBytes(
    frame(BINARY, wire`e0 00 | 30 04 00 01 "t" "x"`),
    frame(BINARY, wire`30 04 00 01 "t" "x"`),
  )
  expect(await client.closeCode()).toBe(1000)
  expect(seen.filter((clientId) => clientId === 'd')).toHaveLength(1)
  expect(broker.stats().published).toBe(before)
  client.destroy()
})
