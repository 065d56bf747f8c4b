import { encode, type PacketInput } from '@promptmq/codec'
import { TestClient, VirtualClock, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { Engine } from '../src/engine.ts'
import { resolveOptions } from '../src/options.ts'
import { LoopClock, only, payloads, startBroker } from './harness.ts'

describe('a peer that does not read', () => {
  test('QoS 0 beyond its bytes is dropped and counted; others get everything', async () => {
    const { broker } = await startBroker({ maximumPendingBytes: 1_000 })
    const slow = await TestClient.join(broker, { clientId: 'slow' })
    await slow.subscribe('t', 0)
    const good = await TestClient.join(broker, { clientId: 'good' })
    await good.subscribe('t', 0)
    slow.transport.stall()
    for (let i = 0; i < 100; i++) await broker.publish('t', 'x'.repeat(100))
    expect(payloads(good.take())).toHaveLength(100)
    expect(slow.transport.pendingBytes).toBeLessThanOrEqual(1_000)
    slow.transport.unstall()
    const got = payloads(slow.take()).length
    expect(got).toBe(9)
    expect(broker.stats().dropped.slow).toBe(91)
  })

  test("the oldest go first with 'drop oldest', and the rest comes in order", async () => {
    const { broker } = await startBroker({ maximumPendingBytes: 1_000, whenSlow: 'drop oldest' })
    const slow = await TestClient.join(broker, { clientId: 'slow' })
    await slow.subscribe('t', 0)
    const publisher = await TestClient.join(broker, { clientId: 'publisher' })
    slow.transport.stall()
    // From this process and from a client: kept messages, and packets that are passed on.
    for (let i = 0; i < 50; i++) {
      await broker.publish('t', `${i}`.padEnd(90), { properties: { messageExpiryInterval: 60 } })
      const payload = new TextEncoder().encode(`client ${i}`.padEnd(90))
      await publisher.send({ type: 'publish', topicName: 't', payload })
    }
    await publisher.send({ type: 'publish', topicName: 't', payload: new Uint8Array(600) })
    expect(slow.transport.pendingBytes).toBeLessThanOrEqual(500)
    slow.transport.unstall()
    const got = payloads(slow.take()).map((payload) => payload.trim())
    expect(got.slice(0, 4)).toEqual(['0', 'client 0', '1', 'client 1'])
    expect(got.slice(-4)).toEqual(['48', 'client 48', '49', 'client 49'])
    expect(broker.stats().dropped.slow).toBe(101 - got.length)
    await broker.publish('t', 'after')
    expect(payloads(slow.take())).toEqual(['after'])
  })

  test('[MQTT-3.3.2-5] [MQTT-3.3.2-6] what is held back expires, and says what is left', async () => {
    const { broker, clock } = await startBroker({
      maximumPendingBytes: 1_000,
      whenSlow: 'drop oldest',
    })
    const slow = await TestClient.join(broker, {
      clientId: 'slow',
      properties: { topicAliasMaximum: 5 },
    })
    await slow.subscribe('t', 0)
    slow.transport.stall()
    const fill = () => broker.publish('t', 'x'.repeat(400))
    await fill()
    for (const messageExpiryInterval of [2, 10, 5]) {
      const properties = { messageExpiryInterval }
      await broker.publish('t', `${messageExpiryInterval}`.padEnd(100), { properties })
    }
    clock.advance(5_000)
    slow.transport.unstall()
    const got = only(slow.take(), 'publish').slice(1)
    expect(payloads(got).map((payload) => payload.trim())).toEqual(['10'])
    expect(got[0]!.properties.messageExpiryInterval).toBe(5)
    expect(broker.stats().dropped).toMatchObject({ slow: 0, expired: 2 })
    expect(broker.stats().pendingBytes).toBe(0)
  })

  test('what was held back within a turn follows at its end, though nothing has to drain', async () => {
    const { broker } = await startBroker({ maximumPendingBytes: 1_000, whenSlow: 'drop oldest' })
    const subscriber = await TestClient.join(broker, { clientId: 'subscriber' })
    await subscriber.subscribe('t', 0)
    const publisher = await TestClient.join(broker, { clientId: 'publisher' })
    const packets = [1, 2, 3, 4].map((digit) => {
      const payload = `${digit}`.repeat(200)
      return { type: 'publish', topicName: 't', payload } as const
    })
    await publisher.send(...packets)
    await publisher.send({ type: 'publish', topicName: 't', payload: '5' })
    expect(payloads(subscriber.take()).map((payload) => payload[0])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
    ])
  })

  test("with 'disconnect' it is told why and goes", async () => {
    const { broker } = await startBroker({ maximumPendingBytes: 1_000, whenSlow: 'disconnect' })
    const slow = await TestClient.join(broker, { clientId: 'slow' })
    await slow.subscribe('t', 0)
    const good = await TestClient.join(broker, { clientId: 'good' })
    await good.subscribe('t', 0)
    slow.transport.stall()
    const payload = new Uint8Array(100)
    const publish = { type: 'publish', topicName: 't', payload } as const
    for (let i = 0; i < 50; i++) await good.send(publish)
    expect(slow.isClosed).toBe(true)
    slow.transport.unstall()
    expect(slow.take().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x97 })
    expect(only(good.take(), 'publish')).toHaveLength(50)
    expect(broker.stats().connections).toBe(1)
  })

  test('those who do not read share a budget, and leave as much for one who does', async () => {
    const total = 1_000_000
    const { broker } = await startBroker({ maximumPendingBytesTotal: total })
    const clients: TestClient[] = []
    for (let i = 0; i < 4; i++) {
      const client = await TestClient.join(broker, { clientId: `client ${i}` })
      await client.subscribe('t', 0)
      client.transport.stall()
      clients.push(client)
    }
    const payload = 'x'.repeat(10_000)
    for (let i = 0; i < 100; i++) await broker.publish('t', payload)
    const pending = clients.map(({ transport }) => transport.pendingBytes)
    for (const each of pending) expect(each).toBeGreaterThan(150_000)
    expect(pending.reduce((sum, each) => sum + each)).toBeLessThan(total - 150_000)
    for (const client of clients.slice(1)) await client.drop()
    clients[0]!.transport.unstall()
    clients[0]!.transport.stall()
    for (let i = 0; i < 100; i++) await broker.publish('t', payload)
    expect(clients[0]!.transport.pendingBytes).toBeGreaterThan(450_000)
  })

  test('a message of its own for each who does not read is within the budget, too', async () => {
    const total = 1_000_000
    const { broker } = await startBroker({ maximumPendingBytesTotal: total })
    for (let i = 0; i < 20; i++) {
      const client = await TestClient.join(broker, { clientId: `client ${i}` })
      await client.subscribe(`t/${i}`, 0)
      client.transport.stall()
      await broker.publish(`t/${i}`, `${i}`.repeat(150_000))
    }
    const { pendingBytes, dropped } = broker.stats()
    expect(pendingBytes).toBeGreaterThan(total / 2)
    expect(pendingBytes).toBeLessThanOrEqual(total)
    expect(dropped.slow).toBeGreaterThan(0)
    // One that is larger than all that may wait goes out alone.
    const alone = await startBroker({ maximumPendingBytesTotal: 1_000 })
    const client = await TestClient.join(alone.broker, { clientId: 'alone' })
    await client.subscribe('t', 0)
    await alone.broker.publish('t', 'x'.repeat(100_000))
    expect(payloads(client.take())).toHaveLength(1)
  })

  test('QoS 1 waits in its queue and comes when it reads again', async () => {
    const { broker } = await startBroker()
    const slow = await TestClient.join(broker)
    await slow.subscribe('t', 1)
    slow.transport.stall()
    for (let i = 0; i < 100; i++) await broker.publish('t', String(i), { qos: 1 })
    expect(slow.transport.pendingBytes).toBeLessThan(100)
    slow.transport.unstall()
    expect(payloads(slow.take())).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
  })

  test('who is owed more than the maximum is not read from, until it reads', async () => {
    const { broker } = await startBroker({ maximumPendingBytes: 100 })
    const client = await TestClient.join(broker)
    client.transport.stall()
    const pings = Array.from({ length: 100 }, () => ({ type: 'pingreq' }) as const)
    await client.send(...pings.slice(0, 50))
    expect(client.transport.isPaused).toBe(false)
    await client.send(...pings.slice(50), { type: 'pingreq' })
    expect(client.transport.isPaused).toBe(true)
    client.transport.unstall()
    expect(client.transport.isPaused).toBe(false)
    expect(client.take()).toHaveLength(101)
  })

  test('a retained replay waits for it', async () => {
    const { broker, clock } = await startBroker()
    for (let i = 0; i < 600; i++) await broker.publish(`r/${i}`, 'x', { retain: true })
    const client = await TestClient.join(broker)
    client.transport.stall()
    await client.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: '#', qos: 0 }],
    })
    clock.advance(10)
    client.transport.unstall()
    for (let turn = 0; turn < 5; turn++) clock.advance(0)
    expect(only(client.take(), 'publish')).toHaveLength(600)
  })
})

const lentCount = ({ buffers }: Engine) =>
  buffers.reduce((sum, { lentCount }) => sum + lentCount, 0)

describe('write buffers', () => {
  test('a broker has every buffer back between turns, whoever stalled or went', () => {
    const nothing = () => {}
    const engine = new Engine(resolveOptions({ clock: new VirtualClock() }), {
      clientConnected: nothing,
      clientDisconnected: nothing,
      messageDropped: nothing,
      storeFailed: nothing,
    })
    const send = (transport: VirtualTransport, packet: PacketInput) => {
      transport.send(encode(packet, { protocolVersion: 5 }))
      expect(lentCount(engine)).toBe(0)
    }
    const transports = Array.from({ length: 20 }, (_, i) => {
      const transport = new VirtualTransport()
      engine.connect(transport)
      send(transport, { type: 'connect', clientId: `client-${i}` })
      const subscriptions = [{ topicFilter: 't', qos: 1 } as const]
      send(transport, { type: 'subscribe', packetIdentifier: 1, subscriptions })
      return transport
    })
    for (const [i, transport] of transports.entries()) {
      if (i % 3 === 0) transport.stall()
      if (i % 5 === 4) transport.close()
      const payload = new Uint8Array(i * 10_000)
      send(transports[0]!, {
        type: 'publish',
        topicName: 't',
        payload,
        qos: 1,
        packetIdentifier: i + 1,
      })
    }
    transports[1]!.send(Uint8Array.of(0xff))
    for (const transport of transports) transport.close()
    expect(lentCount(engine)).toBe(0)
    expect(engine.buffers[0]!.freeCount).toBeGreaterThan(0)
  })
})

describe('a client that keeps the broker busy', () => {
  test('is not read from until the event loop has gone round', async () => {
    const clock = new LoopClock()
    const { broker } = await startBroker({ clock })
    const client = new TestClient(broker)
    const send = async (packet: PacketInput) => {
      await client.send(packet)
      return client.transport.isPaused
    }
    await send({ type: 'connect', clientId: 'busy' })
    clock.round()
    const publish = { type: 'publish', topicName: 't', payload: new Uint8Array(100_000) } as const
    expect([await send(publish), await send(publish), await send(publish)]).toEqual([
      false,
      false,
      true,
    ])
    clock.round()
    expect(client.transport.isPaused).toBe(false)
    expect([await send(publish), await send(publish)]).toEqual([false, false])
  })
})
