import { TestClient, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { SlabPool, WriteBuffer } from '../src/write-buffer.ts'
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
    const pool = new SlabPool()
    const transport = new VirtualTransport()
    const buffer = new WriteBuffer(pool, transport)
    for (const byte of [1, 2, 3]) append(buffer, byte)
    expect(buffer.length).toBe(3)
    buffer.flush()
    buffer.flush()
    expect(transport.writeCount).toBe(1)
    expect(transport.taken()).toEqual(Uint8Array.of(1, 2, 3))
    expect(pool.freeCount).toBe(1)
  })

  test('what does not fit any more is flushed first; more than a slab gets memory of its own', () => {
    const pool = new SlabPool(1)
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
    expect(pool.freeCount).toBe(1)
  })

  test('a slab that the transport keeps is not used again', () => {
    const pool = new SlabPool()
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
    expect(pool.freeCount).toBe(0)
  })
})
