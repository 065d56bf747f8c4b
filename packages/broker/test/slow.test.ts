import { encode, type PacketInput } from '@promptmq/codec'
import { TestClient, VirtualClock, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { Engine } from '../src/engine.ts'
import { resolveOptions } from '../src/options.ts'
import { only, payloads, startBroker } from './harness.ts'

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

const lentCount = ({ buffers }: Engine) => buffers.small.lentCount + buffers.large.lentCount

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
    expect(engine.buffers.small.freeCount + engine.buffers.large.freeCount).toBeGreaterThan(0)
  })
})
