import type { ConnectInput, Packet } from '@promptmq/codec'
import { TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker } from './harness.ts'

const KEPT: Partial<ConnectInput> = {
  clientId: 's',
  cleanStart: false,
  properties: { sessionExpiryInterval: 100 },
}

const isPresent = (client: TestClient): boolean => only(client.take(), 'connack')[0]!.sessionPresent

describe('Session State, §4.1', () => {
  test('[MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-3] Clean Start 0 resumes what there is', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.connect(broker, KEPT)
    expect(isPresent(first)).toBe(false)
    await first.subscribe('t', 1)
    await first.drop()
    await broker.publish('t', 'while away', { qos: 1 })
    const second = await TestClient.connect(broker, KEPT)
    const packets = second.take()
    expect(packets).toMatchObject([
      { type: 'connack', sessionPresent: true },
      { type: 'publish', dup: false },
    ])
    expect(payloads(packets)).toEqual(['while away'])
  })

  test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] Clean Start 1 begins anew', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    await broker.publish('t', 'lost', { qos: 1 })
    const second = await TestClient.connect(broker, { ...KEPT, cleanStart: true })
    expect(second.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
    expect(broker.stats()).toMatchObject({ subscriptions: 0, sessions: 1 })
  })

  test('[MQTT-3.1.2-23] a session lasts for its Session Expiry Interval and no longer', async () => {
    const { broker, clock } = await startBroker()
    for (const [seconds, expected] of [
      [99.999, true],
      [100, false],
    ] as const) {
      const client = await TestClient.join(broker, KEPT)
      await client.drop()
      clock.advance(seconds * 1000)
      const again = await TestClient.connect(broker, KEPT)
      expect(isPresent(again)).toBe(expected)
    }
  })

  test('a session that never expires is there after a century, one of 0 seconds is gone at once', async () => {
    const { broker, clock } = await startBroker()
    const connect = (sessionExpiryInterval: number) => ({
      ...KEPT,
      clientId: `c${sessionExpiryInterval}`,
      properties: { sessionExpiryInterval },
    })
    for (const interval of [0, 0xffff_fffe, 0xffff_ffff]) {
      const client = await TestClient.join(broker, connect(interval))
      await client.drop()
    }
    expect(broker.stats().sessions).toBe(2)
    clock.advance(100 * 365 * 86_400_000)
    expect(broker.stats().sessions).toBe(2)
    clock.advance(40 * 365 * 86_400_000)
    expect(broker.stats().sessions).toBe(1)
  })

  test('in 3.1.1 Clean Session 0 keeps the session, 1 ends it', async () => {
    const { broker, clock } = await startBroker()
    const kept = await TestClient.join(broker, { clientId: 'k', cleanStart: false }, 4)
    await kept.subscribe('t', 1)
    await kept.drop()
    clock.advance(1e9)
    await broker.publish('t', 'x', { qos: 1 })
    const again = await TestClient.connect(broker, { clientId: 'k', cleanStart: false }, 4)
    const packets = again.take()
    expect(packets[0]).toMatchObject({ type: 'connack', sessionPresent: true })
    expect(payloads(packets)).toEqual(['x'])
    await again.drop()
    const clean = await TestClient.connect(broker, { clientId: 'k', cleanStart: true }, 4)
    expect(isPresent(clean)).toBe(false)
    await clean.drop()
    expect(broker.stats().sessions).toBe(0)
  })

  test('DISCONNECT may change the Session Expiry Interval, but not raise it from 0', async () => {
    const { broker } = await startBroker()
    const ends = await TestClient.join(broker, KEPT)
    await ends.send({ type: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    expect(broker.stats().sessions).toBe(0)
    const clean = await TestClient.join(broker, { clientId: 'c' })
    await clean.send({
      type: 'disconnect',
      reasonCode: 0,
      properties: { sessionExpiryInterval: 1 },
    })
    expect(clean.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }])
  })

  test('[MQTT-4.4.0-1] [MQTT-3.3.1-1] what was in flight is resent in order, with DUP, under its identifiers', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 2)
    for (const [index, qos] of ([1, 2, 1, 2, 2] as const).entries()) {
      await broker.publish('t', String(index), { qos })
    }
    const sent = only(first.take(), 'publish')
    await first.send(
      { type: 'puback', packetIdentifier: sent[2]!.packetIdentifier! },
      { type: 'pubrec', packetIdentifier: sent[1]!.packetIdentifier! },
      { type: 'pubrec', packetIdentifier: sent[4]!.packetIdentifier! },
      { type: 'pubcomp', packetIdentifier: sent[4]!.packetIdentifier! },
    )
    await first.drop()
    const second = await TestClient.join(broker, KEPT)
    const again = second
      .take()
      .map((packet: Packet) => [
        packet.type,
        'packetIdentifier' in packet && packet.packetIdentifier,
        packet.type === 'publish' && packet.dup,
      ])
    expect(again).toEqual([
      ['publish', sent[0]!.packetIdentifier, true],
      ['pubrel', sent[1]!.packetIdentifier, false],
      ['publish', sent[3]!.packetIdentifier, true],
    ])
  })

  test('messages that waited keep their order behind what is resent', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, {
      ...KEPT,
      properties: { sessionExpiryInterval: 100, receiveMaximum: 2 },
    })
    await first.subscribe('t', 1)
    for (let i = 0; i < 5; i++) await broker.publish('t', String(i), { qos: 1 })
    await first.drop()
    for (let i = 5; i < 8; i++) await broker.publish('t', String(i), { qos: 1 })
    const second = await TestClient.join(broker, KEPT)
    expect(payloads(second.take())).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
  })

  test('QoS 0 is not kept for who is away', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 2)
    await first.drop()
    await broker.publish('t', 'zero')
    await broker.publish('t', 'one', { qos: 1 })
    const second = await TestClient.join(broker, KEPT)
    expect(payloads(second.take())).toEqual(['one'])
  })

  test.each([
    ['drop newest', ['0', '1', '2']],
    ['drop oldest', ['2', '3', '4']],
  ] as const)('a full queue: %s', async (whenQueueFull, expected) => {
    const { broker } = await startBroker({ maximumQueuedMessages: 3, whenQueueFull })
    const drops: string[] = []
    broker.on('drop', ({ clientId, topicName, reason }) =>
      drops.push(`${clientId} ${topicName} ${reason}`),
    )
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    for (let i = 0; i < 5; i++) await broker.publish('t', String(i), { qos: 1 })
    const second = await TestClient.join(broker, KEPT)
    expect(payloads(second.take())).toEqual(expected)
    expect(drops).toEqual(['s t queue full', 's t queue full'])
    expect(broker.stats().dropped['queue full']).toBe(2)
  })

  test('who is told of a client may publish to it at once, and of one that is gone to its queue', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    broker.on('clientDisconnect', () => void broker.publish('t', 'gone', { qos: 1 }))
    broker.on('clientConnect', () => void broker.publish('t', 'welcome'))
    await first.drop()
    const second = await TestClient.join(broker, KEPT)
    const got = only(second.take(), 'publish')
    expect(got.map(({ dup, payload }) => [dup, Buffer.from(payload).toString()])).toEqual([
      [false, 'gone'],
      [false, 'welcome'],
    ])
  })

  test('a session resumed by another version goes on', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    await broker.publish('t', 'x', { qos: 1, properties: { contentType: 'text/plain' } })
    const second = await TestClient.join(broker, { clientId: 's', cleanStart: false }, 4)
    expect(payloads(second.take())).toEqual(['x'])
  })
})

describe('Keep Alive, §3.1.2.10', () => {
  test('[MQTT-3.1.2-22] silence for one and a half times ends the connection, not a moment before', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.join(broker, { keepAlive: 2 })
    clock.advance(2_999)
    await client.send({ type: 'pingreq' })
    expect(client.take()).toMatchObject([{ type: 'pingresp' }])
    clock.advance(2_999)
    expect(client.isClosed).toBe(false)
    clock.advance(1)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8d }])
    expect(client.isClosed).toBe(true)
  })

  test('bytes of an unfinished packet do not count', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.join(broker, { keepAlive: 2 })
    await client.sendBytes(Uint8Array.of(0x30, 0x7f))
    for (let second = 0; second < 3; second++) {
      expect(client.isClosed).toBe(false)
      await client.sendBytes(Uint8Array.of(0))
      clock.advance(1_000)
    }
    expect(client.isClosed).toBe(true)
  })

  test('0 turns it off', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.join(broker, { keepAlive: 0 })
    clock.advance(1e12)
    expect(client.isClosed).toBe(false)
  })

  test('while a hook decides, the client is not silent', async () => {
    const { broker, clock } = await startBroker({ hookTimeoutMs: 60_000 })
    broker.use({ name: 'slow', authorizePublish: () => new Promise(() => {}) })
    const client = await TestClient.join(broker, { keepAlive: 2 })
    await client.send({ type: 'publish', topicName: 't', payload: new Uint8Array(0) })
    clock.advance(30_000)
    expect(client.isClosed).toBe(false)
  })
})
