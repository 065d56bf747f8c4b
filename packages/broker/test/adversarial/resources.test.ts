/** Well-behaved packets in numbers that nobody needs, and peers that take nothing of what they asked for. */
import { encode } from '@promptmq/codec'
import { MemoryStore } from '@promptmq/store'
import { settle, TestClient, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, text } from '../harness.ts'
import {
  bytesOf,
  connectBytes,
  expectFlatMemory,
  memoryInUse,
  type Peer,
  Siege,
  scaled,
  until,
} from './attack.ts'

const MEBIBYTE = 1024 * 1024

const subscribe = (topicFilter: string, qos: 0 | 1 | 2 = 0) =>
  ({ type: 'subscribe', packetIdentifier: 1, subscriptions: [{ topicFilter, qos }] }) as const

/** A client without a socket that never reads, but for what came before. */
async function sleeper(
  siege: Siege,
  clientId: string,
  topicFilter: string,
  qos: 0 | 1 = 0,
): Promise<VirtualTransport> {
  const transport = new VirtualTransport()
  siege.broker.connect(transport)
  transport.send(connectBytes(clientId))
  await settle()
  transport.stall()
  transport.send(bytesOf(subscribe(topicFilter, qos)))
  return transport
}

describe('retained messages', () => {
  const maximumRetainedMessages = scaled(5_000, 1_000_000)

  test(`row 60: beyond ${maximumRetainedMessages} (of 1,000,000), and beyond their bytes: 0x97`, {
    timeout: 300_000,
  }, async () => {
    await using siege = await Siege.lay({ maximumRetainedMessages })
    const flooder = await TestClient.join(siege.broker, { clientId: 'flooder' })
    const codes: number[] = []
    for (let i = 0; i < maximumRetainedMessages + 100; i += 100) {
      const packets = Array.from({ length: 100 }, (_, k) => ({
        type: 'publish' as const,
        topicName: `r/${i + k}`,
        payload: text('x'),
        qos: 1 as const,
        retain: true,
        packetIdentifier: k + 1,
      }))
      await flooder.send(...packets)
      codes.push(...only(flooder.take(), 'puback').map(({ reasonCode }) => reasonCode))
    }
    expect(codes).toHaveLength(maximumRetainedMessages + 100)
    expect(codes.filter((code) => code < 0x80)).toHaveLength(maximumRetainedMessages)
    expect(codes.slice(-100).every((code) => code === 0x97)).toBe(true)

    // A hundred subscribe to all of it and read nothing: each has a little pending, not all of it.
    const sleepers: VirtualTransport[] = []
    for (let i = 0; i < 100; i++) sleepers.push(await sleeper(siege, `sleeper ${i}`, '#', 0))
    for (let i = 0; i < 10; i++) await siege.exchange()
    expect(siege.broker.stats().pendingBytes).toBeLessThan(100 * 8_192)
    // One that reads gets everything meanwhile.
    const reader = await siege.join('reader')
    reader.sendPackets(subscribe('#'))
    await reader.await('publish', maximumRetainedMessages)
    await siege.exchange()
    expect(reader.only('publish')).toHaveLength(maximumRetainedMessages + 1)

    for (const transport of sleepers) transport.close()
    reader.destroy()
    await flooder.drop()
    for (let i = 0; i < maximumRetainedMessages; i++) {
      void siege.broker.publish(`r/${i}`, '', { retain: true })
    }
    await siege.over()
  })

  test('row 60: large ones are paced as well, so that none is dropped for who reads', async () => {
    await using siege = await Siege.lay({ maximumPendingBytes: 2 * MEBIBYTE })
    const payload = new Uint8Array(60_000)
    for (let i = 0; i < 300; i++) await siege.broker.publish(`r/${i}`, payload, { retain: true })
    const sleepers: Peer[] = []
    for (let i = 0; i < 20; i++) {
      const peer = await siege.join(`sleeper ${i}`)
      peer.socket.pause()
      peer.sendPackets(subscribe('#'))
      sleepers.push(peer)
    }
    const reader = await siege.join('reader')
    reader.sendPackets(subscribe('r/#'))
    await reader.await('publish', 300)
    expect(siege.broker.stats().dropped.slow).toBe(0)
    expect(siege.broker.stats().pendingBytes).toBeLessThan(20 * MEBIBYTE)
    for (const peer of [...sleepers, reader]) peer.destroy()
    for (let i = 0; i < 300; i++) await siege.broker.publish(`r/${i}`, '', { retain: true })
    await siege.over()
  })

  test('row 60: their bytes are bounded, for wills as for messages', async () => {
    await using siege = await Siege.lay({
      maximumRetainedMessages: 10,
      maximumRetainedBytes: 5_000,
    })
    for (let i = 0; i < 30; i++) {
      const will = { topicName: `w/${i}`, payload: new Uint8Array(1_000), qos: 0 } as const
      const client = await TestClient.join(siege.broker, {
        clientId: `${i}`,
        will: { ...will, retain: true },
      })
      await client.drop()
    }
    expect(siege.broker.stats()).toMatchObject({ retainedMessages: 4 })
    for (let i = 30; i < 60; i++) {
      const will = { topicName: `w/${i}`, payload: text('x'), qos: 0, retain: true } as const
      const client = await TestClient.join(siege.broker, { clientId: `${i}`, will })
      await client.drop()
    }
    expect(siege.broker.stats()).toMatchObject({ retainedMessages: 10 })
    for (let i = 0; i < 60; i++) await siege.broker.publish(`w/${i}`, '', { retain: true })
    await siege.over()
  })

  test('row 60: who subscribes to all of it and goes queues what a session may, and no more is looked at', async () => {
    const maximumQueuedMessages = 100
    await using siege = await Siege.lay({ maximumQueuedMessages })
    for (let i = 0; i < 10_000; i++) {
      void siege.broker.publish(`r/${i}`, 'x', { qos: 1, retain: true })
    }
    const properties = { sessionExpiryInterval: 600 }
    for (let i = 0; i < 50; i++) {
      const transport = await sleeperThatReturns(siege, properties)
      transport.close()
    }
    // Those that found no room were not even asked for.
    expect(siege.broker.stats().dropped['queue full']).toBeLessThanOrEqual(50)
    const client = await TestClient.join(siege.broker, {
      clientId: 'r',
      cleanStart: false,
      properties,
    })
    const got = new Set<string>()
    while (siege.broker.stats().queuedBytes > 0 || got.size === 0) {
      for (const { packetIdentifier, topicName } of only(client.take(), 'publish')) {
        got.add(topicName)
        client.transport.send(bytesOf({ type: 'puback', packetIdentifier: packetIdentifier! }))
      }
      await settle()
    }
    expect(got.size).toBeGreaterThanOrEqual(maximumQueuedMessages)
    await client.send({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
    for (let i = 0; i < 10_000; i++) void siege.broker.publish(`r/${i}`, '', { retain: true })
    await siege.over()
  })

  async function sleeperThatReturns(
    siege: Siege,
    properties: { sessionExpiryInterval: number },
  ): Promise<VirtualTransport> {
    const transport = new VirtualTransport()
    siege.broker.connect(transport)
    transport.send(bytesOf({ type: 'connect', clientId: 'r', cleanStart: false, properties }))
    await settle()
    transport.stall()
    transport.send(bytesOf(subscribe('#', 1)))
    await settle()
    return transport
  }
})

describe('sessions', () => {
  const maximumSessions = scaled(2_000, 200_000)
  const forever = { sessionExpiryInterval: 0xffff_ffff }

  test(`row 61: beyond ${maximumSessions} (of 1,000,000) that stay: 0x97; they end as they are told in CONNACK`, {
    timeout: 300_000,
  }, async () => {
    await using siege = await Siege.lay({
      maximumSessions,
      maximumSessionExpiry: 3_600,
      maximumQueuedBytesTotal: 10 * MEBIBYTE,
    })
    const before = await memoryInUse()
    for (let i = 1; i < maximumSessions; i++) {
      const transport = new VirtualTransport()
      siege.broker.connect(transport)
      const connect = { type: 'connect', clientId: `s ${i}`, properties: forever } as const
      transport.send(bytesOf(connect))
      transport.send(bytesOf(subscribe('t', 1)))
      if (i % 100 === 0) await settle()
      transport.close()
    }
    expect(siege.broker.stats()).toMatchObject({
      sessions: maximumSessions,
      subscriptions: maximumSessions,
    })
    const each = ((await memoryInUse()) - before) / maximumSessions
    expect(each).toBeLessThan(4_000)

    const one = await siege.open()
    one.sendPackets({ type: 'connect', clientId: 'one more', properties: forever })
    expect((await one.await('connack')).reasonCode).toBe(0x97)
    const old = await siege.open(4)
    old.sendPackets({ type: 'connect', clientId: 'old', cleanStart: false, protocolVersion: 4 })
    await old.closed()
    expect(old.received.toString('hex')).toBe('20020003')
    // Who has one comes back, and who needs none that stays gets in.
    const back = await siege.join('s 1', { cleanStart: false, properties: forever })
    expect(back.only('connack')[0]).toMatchObject({
      sessionPresent: true,
      properties: { sessionExpiryInterval: 3_600 },
    })
    const passing = await siege.join('passing')
    const passingOld = await siege.join('passing too', {}, 4)
    await siege.exchange()
    for (const peer of [back, passing, passingOld]) peer.destroy()

    // What waits for all of them has a bound.
    for (let i = 0; i < 10; i++) {
      await siege.broker.publish('t', new Uint8Array(MEBIBYTE / 4), { qos: 1 })
      await siege.exchange()
    }
    const { queuedBytes } = siege.broker.stats()
    // However little is left, a session may hold one message.
    const least = maximumSessions * (MEBIBYTE / 4 + 1)
    expect(queuedBytes).toBeLessThanOrEqual(10 * MEBIBYTE + least)
    // The message itself is there once, whoever waits for it.
    expect((await memoryInUse()) - before).toBeLessThan(maximumSessions * 5_000 + 20 * MEBIBYTE)

    siege.clock.advance(3_600_000)
    await until(() => siege.broker.stats().sessions === 1)
    await siege.over()
  })

  test('row 61: with a Store, and after a restart, the same', async () => {
    const store = new MemoryStore()
    const options = { store, maximumSessions: 10 }
    {
      await using siege = await Siege.lay(options)
      for (let i = 0; i < 20; i++) {
        const peer = await siege.open()
        peer.sendPackets({ type: 'connect', clientId: `s ${i}`, properties: forever })
        expect((await peer.await('connack')).reasonCode).toBe(i < 9 ? 0 : 0x97)
        peer.destroy()
      }
      await until(() => siege.broker.stats().openTransports === 1)
    }
    await using siege = await Siege.lay(options)
    for (let i = 0; i < 20; i++) {
      const peer = await siege.open()
      peer.sendPackets({
        type: 'connect',
        clientId: `s ${i}`,
        cleanStart: false,
        properties: forever,
      })
      expect((await peer.await('connack')).reasonCode).toBe(i < 9 ? 0 : 0x97)
      peer.destroy()
    }
    for (let i = 0; i < 9; i++) (await siege.join(`s ${i}`)).destroy()
    await until(() => siege.broker.stats().sessions === 1)
    await siege.exchange()
  })
})

describe('row 62: a large payload', () => {
  const size = scaled(9, 90) * MEBIBYTE
  const publish = encode(
    { type: 'publish', topicName: 't', payload: new Uint8Array(size) },
    { protocolVersion: 5 },
  )

  test(`row 62: ${size / MEBIBYTE} MB (of 90) take at most twice as much on their way in, and nothing after`, {
    timeout: 300_000,
  }, async () => {
    await using siege = await Siege.lay({ maximumPacketSize: size + 100 })
    const transport = new VirtualTransport()
    siege.broker.connect(transport)
    transport.send(connectBytes('big'))
    const before = await memoryInUse()
    let most = 0
    const chunk = 64 * 1024
    for (let at = 0; at < publish.length; at += chunk) {
      transport.send(publish.subarray(at, at + chunk))
      await until(() => !transport.isPaused)
      if (at % (scaled(9, 64) * chunk) === 0) most = Math.max(most, (await memoryInUse()) - before)
    }
    expect(siege.broker.stats().published).toBe(2)
    expect(most).toBeGreaterThan(size / 2)
    expect(most).toBeLessThan(2 * size)
    // The next packets take the place of what was read last.
    await siege.exchange()
    transport.send(bytesOf({ type: 'pingreq' }))
    expect((await memoryInUse()) - before).toBeLessThan(MEBIBYTE)
    transport.close()
    await siege.over()
  })

  test('row 62: above the limit it is refused by its header', async () => {
    await using siege = await Siege.lay({ maximumPacketSize: size })
    const answer = await siege.answerTo(connectBytes('big'), publish.subarray(0, 5))
    expect(answer.subarray(-3).toString('hex')).toBe('e00195')
    await siege.over()
  })

  test.each([0, 1, 2] as const)(
    'row 62: one for many who do not read is in memory once, at QoS %i',
    async (qos) => {
      const payload = new Uint8Array(MEBIBYTE)
      await using siege = await Siege.lay()
      const sockets: Peer[] = []
      for (let i = 0; i < 50; i++) {
        const peer = await siege.join(`${i}`, {}, i % 2 === 0 ? 5 : 4)
        peer.sendPackets(subscribe('t', qos))
        await peer.await('suback')
        peer.socket.pause()
        sockets.push(peer)
      }
      const publisher = await siege.join('publisher')
      const before = await memoryInUse()
      for (let i = 1; i <= 8; i++) {
        const identified = qos === 0 ? {} : { qos, packetIdentifier: i }
        publisher.sendPackets({ type: 'publish', topicName: 't', payload, ...identified })
      }
      await until(() => siege.broker.stats().published === 9)
      await siege.exchange()
      expect(siege.broker.stats().pendingBytes).toBeGreaterThan((50 * MEBIBYTE) / 2)
      expect((await memoryInUse()) - before).toBeLessThan(20 * MEBIBYTE)
      // All is as it was sent for who reads again.
      for (const peer of sockets) peer.socket.resume()
      for (const peer of sockets) {
        const packet = await peer.await('publish')
        expect(Buffer.compare(packet.payload, payload)).toBe(0)
        peer.destroy()
      }
      publisher.destroy()
      await siege.over()
    },
    60_000,
  )
})

describe('row 63: many who do not read', () => {
  test(`row 63: ${scaled(300, 10_000)} (of 10,000) sleepers at QoS 0: bytes are bounded, others get everything`, {
    timeout: 300_000,
  }, async () => {
    const maximumPendingBytesTotal = 4 * MEBIBYTE
    await using siege = await Siege.lay({ maximumPendingBytesTotal })
    const sleepers: VirtualTransport[] = []
    const count = scaled(300, 10_000)
    for (let i = 0; i < count; i++) sleepers.push(await sleeper(siege, `${i}`, 't', 0))
    const reader = await siege.join('reader')
    reader.sendPackets(subscribe('t'))
    await reader.await('suback')
    const publisher = await siege.join('publisher')
    const payload = new Uint8Array(1_024)
    for (let i = 1; i <= 400; i++) {
      publisher.sendPackets({ type: 'publish', topicName: 't', payload })
      if (i % 20 === 0) {
        await reader.await('publish', i)
        await siege.exchange()
      }
    }
    // However little is left, each may have a chunk's worth.
    const most = maximumPendingBytesTotal + count * 64 * 1024
    const { pendingBytes, dropped } = siege.broker.stats()
    expect(pendingBytes).toBeLessThanOrEqual(most)
    expect(dropped.slow).toBeGreaterThan(0)
    expect(reader.only('publish')).toHaveLength(400)
    for (const transport of sleepers) transport.close()
    for (const peer of [reader, publisher]) peer.destroy()
    await siege.over()
  })

  test('row 63: over sockets, at QoS 1: what waits is in bounded queues; who is too slow may be sent away', async () => {
    await using siege = await Siege.lay({
      maximumQueuedMessages: 50,
      maximumPendingBytes: MEBIBYTE,
      whenSlow: 'disconnect',
    })
    const sleepers: Peer[] = []
    for (let i = 0; i < 40; i++) {
      const peer = await siege.join(`${i}`)
      peer.sendPackets(subscribe(i < 20 ? 'one' : 'zero', i < 20 ? 1 : 0))
      await peer.await('suback')
      peer.socket.pause()
      sleepers.push(peer)
    }
    const publisher = await siege.join('publisher')
    const payload = new Uint8Array(100_000)
    const isOver = () => {
      const { connections, dropped } = siege.broker.stats()
      return connections === 22 && dropped['queue full'] > 0
    }
    for (let i = 0; !isOver(); i++) {
      const identified = { qos: 1, packetIdentifier: (i % 1_000) + 1 } as const
      publisher.sendPackets({ type: 'publish', topicName: 'zero', payload })
      publisher.sendPackets({ type: 'publish', topicName: 'one', payload, ...identified })
      if (i % 10 === 0) await siege.exchange()
      await publisher.await('puback', i + 1)
    }
    const { queuedBytes } = siege.broker.stats()
    expect(queuedBytes).toBeLessThanOrEqual(20 * 50 * (payload.length + 10))
    for (const peer of sleepers.slice(20)) peer.socket.resume()
    for (const peer of sleepers.slice(20)) await peer.ended()
    for (const peer of [...sleepers, publisher]) peer.destroy()
    siege.clock.advance(2_000)
    await siege.over()
  })
})

test(`row 64: ${scaled(3_000, 10_000)} (of 10,000) clients with retained wills die at once: all are published`, {
  timeout: 300_000,
}, async () => {
  await using siege = await Siege.lay()
  const count = scaled(3_000, 10_000)
  const subscriber = await siege.join('subscriber')
  subscriber.sendPackets(subscribe('w/#', 1))
  await subscriber.await('suback')
  const alive = await siege.join('alive', { keepAlive: 2 })
  const transports: VirtualTransport[] = []
  for (let i = 0; i < count; i++) {
    const transport = new VirtualTransport()
    siege.broker.connect(transport)
    const will = { topicName: `w/${i}`, payload: text(`${i}`), qos: 1, retain: true } as const
    transport.send(bytesOf({ type: 'connect', clientId: `${i}`, cleanStart: true, will }))
    transports.push(transport)
  }
  await siege.exchange()
  siege.clock.advance(2_000)
  alive.sendPackets({ type: 'pingreq' })
  await alive.await('pingresp')
  let acknowledged = 0
  subscriber.socket.on('data', () => {
    const packets = subscriber.only('publish').slice(acknowledged)
    const identifiers = packets.map(({ packetIdentifier }) => packetIdentifier!)
    acknowledged += packets.length
    subscriber.sendPackets(
      ...identifiers.map((packetIdentifier) => ({ type: 'puback', packetIdentifier }) as const),
    )
  })
  for (const transport of transports) transport.close(new Error('power lost'))
  await subscriber.await('publish', count)
  expect(new Set(payloads(subscriber.packets)).size).toBe(count)
  expect(siege.broker.stats().retainedMessages).toBe(count)
  siege.clock.advance(2_999)
  await siege.exchange()
  expect(alive.isEnded).toBe(false)
  for (const peer of [alive, subscriber]) peer.destroy()
  for (let i = 0; i < count; i++) void siege.broker.publish(`w/${i}`, '', { retain: true })
  await siege.over()
})

describe('row 65: flapping', () => {
  test(`row 65: ${scaled(600, 60_000)} (of 600,000) over sockets, under one name and under many`, {
    timeout: 600_000,
  }, async () => {
    await using siege = await Siege.lay()
    await expectFlatMemory(scaled(300, 30_000), async (round) => {
      const peer = await siege.open(round % 3 === 0 ? 4 : 5)
      const clientId = round % 2 === 0 ? 'one' : `many ${round}`
      const protocolVersion = round % 3 === 0 ? 4 : 5
      const some = { topicFilter: `t/${round % 7}/+`, qos: 1 } as const
      peer.sendPackets(
        { type: 'connect', clientId, cleanStart: true, protocolVersion },
        { type: 'subscribe', packetIdentifier: 1, subscriptions: [some] },
      )
      if (round % 5 > 0) await peer.await('suback')
      peer.destroy()
    })
    await siege.over()
    expect(siege.broker.stats().subscriptions).toBe(1)
  })

  test(`row 65: ${scaled(10_000, 200_000)} without sockets, with sessions that stay for a second`, {
    timeout: 600_000,
  }, async () => {
    await using siege = await Siege.lay()
    const properties = { sessionExpiryInterval: 1 }
    await expectFlatMemory(scaled(5_000, 100_000), async (round) => {
      const transport = new VirtualTransport()
      siege.broker.connect(transport)
      const will = { topicName: 'w', payload: text(''), qos: 1, retain: false } as const
      const clientId = `c ${round % 1_000}`
      transport.send(bytesOf({ type: 'connect', clientId, cleanStart: false, properties, will }))
      transport.send(bytesOf(subscribe(`t/${round}`, 2)))
      const publish = { type: 'publish', topicName: `t/${round}`, payload: text('x') } as const
      transport.send(bytesOf({ ...publish, qos: 2, packetIdentifier: 1 }))
      transport.close()
      if (round % 100 === 0) {
        await settle()
        siege.clock.advance(1_000)
      }
    })
    siege.clock.advance(1_000)
    await siege.over()
  })
})
