import { encode, type PacketInput } from '@promptmq/codec'
import { TestClient, VirtualClock, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { Engine } from '../src/engine.ts'
import { resolveOptions } from '../src/options.ts'
import { WriteBuffer, writeBufferPool } from '../src/write-buffer.ts'
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

function append(buffer: WriteBuffer, byte: number): void {
  const offset = buffer.reserve(1)
  buffer.bytes[offset] = byte
}

describe('WriteBuffer', () => {
  test('packets of a turn leave in one write; the slab goes back', () => {
    const pool = writeBufferPool()
    const transport = new VirtualTransport()
    const buffer = new WriteBuffer(pool, transport)
    for (const byte of [1, 2, 3]) append(buffer, byte)
    expect(buffer.length).toBe(3)
    buffer.flush()
    buffer.flush()
    expect(transport.writeCount).toBe(1)
    expect(transport.taken()).toEqual(Uint8Array.of(1, 2, 3))
    expect(pool).toMatchObject({ freeCount: 1, lentCount: 0 })
  })

  test('what does not fit any more is flushed first; more than a slab gets memory of its own', () => {
    const pool = writeBufferPool()
    const transport = new VirtualTransport()
    const buffer = new WriteBuffer(pool, transport)
    const sizes = [60_000, 10_000, 100_000, 65_536, 1]
    for (const [index, size] of sizes.entries()) {
      const offset = buffer.reserve(size)
      buffer.bytes.fill(index + 1, offset, offset + size)
    }
    buffer.flush()
    const sent = transport.taken()
    expect(sent).toHaveLength(sizes.reduce((sum, size) => sum + size))
    let at = 0
    for (const [index, size] of sizes.entries()) {
      expect(sent.subarray(at, at + size).every((byte) => byte === index + 1)).toBe(true)
      at += size
    }
    expect(pool).toMatchObject({ freeCount: 1, lentCount: 0 })
  })

  test('a slab that the transport keeps is not used again', () => {
    const pool = writeBufferPool()
    class Keeping extends VirtualTransport {
      readonly kept: Uint8Array[] = []
      override write(bytes: Uint8Array): boolean {
        this.kept.push(bytes)
        return false
      }
    }
    const transport = new Keeping()
    const buffer = new WriteBuffer(pool, transport)
    append(buffer, 1)
    buffer.flush()
    append(buffer, 2)
    buffer.flush()
    expect(transport.kept.map((bytes) => bytes[0])).toEqual([1, 2])
    expect(pool).toMatchObject({ freeCount: 0, lentCount: 0 })
  })

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
      expect(engine.buffers.lentCount).toBe(0)
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
    expect(engine.buffers.lentCount).toBe(0)
    expect(engine.buffers.freeCount).toBeGreaterThan(0)
  })
})
