/** Packets that are well-formed each, and together ask for more than a client may have. */
import { Broker } from '@promptmq/broker'
import {
  DecodeContext,
  type Packet,
  PacketDecoder,
  type PacketInput,
  Sender,
} from '@promptmq/codec'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test, vi } from 'vitest'
import { only, payloads, text } from '../harness.ts'
import { bytesOf, connectBytes, expectFlatMemory, Siege, scaled, until } from './attack.ts'

const kept = { cleanStart: false, properties: { sessionExpiryInterval: 600 } } as const
const forgotten = { type: 'disconnect', properties: { sessionExpiryInterval: 0 } } as const

function publish(
  topicName: string,
  payload: string | Uint8Array,
  qos: 0 | 1 | 2 = 0,
  packetIdentifier = 1,
  dup = false,
): PacketInput {
  const bytes = typeof payload === 'string' ? text(payload) : payload
  if (qos === 0) return { type: 'publish', topicName, payload: bytes }
  return { type: 'publish', topicName, payload: bytes, qos, packetIdentifier, dup }
}

const subscribe = (topicFilter: string, qos: 0 | 1 | 2, identifier?: number): PacketInput => ({
  type: 'subscribe',
  packetIdentifier: 1,
  subscriptions: [{ topicFilter, qos }],
  ...(identifier !== undefined && { properties: { subscriptionIdentifier: identifier } }),
})

/** Everything that comes to a client, until the broker has no more for it. */
async function all(client: TestClient): Promise<Packet[]> {
  const packets: Packet[] = []
  for (let quiet = 0; quiet < 3; quiet++) {
    await settle()
    const some = client.take()
    if (some.length > 0) quiet = -1
    packets.push(...some)
  }
  return packets
}

describe('QoS 2 that is never completed', () => {
  test(`row 49: [MQTT-4.3.3-10] one identifier ${scaled(20_000, 1_000_000)} times (of 1,000,000): one delivery, one slot`, {
    timeout: 300_000,
  }, async () => {
    await using siege = await Siege.lay()
    const subscriber = await TestClient.join(siege.broker, { clientId: 'subscriber' })
    await subscriber.subscribe('t', 0)
    const attacker = await TestClient.join(siege.broker, { clientId: 'attacker' })
    const chunk = Buffer.concat(Array.from({ length: 100 }, () => bytesOf(publish('t', 'x', 2, 1))))
    let pubrecCount = 0
    await expectFlatMemory(scaled(100, 5_000), async () => {
      attacker.transport.send(chunk)
      pubrecCount += only(await all(attacker), 'pubrec').length
    })
    expect(pubrecCount).toBe(scaled(20_000, 1_000_000))
    expect(payloads(subscriber.take())).toEqual(['x'])
    await attacker.send({ type: 'pubrel', packetIdentifier: 1 })
    await attacker.send({ type: 'pubrel', packetIdentifier: 1 })
    expect(only(attacker.take(), 'pubcomp').map(({ reasonCode }) => reasonCode)).toEqual([0, 0x92])
    for (const client of [attacker, subscriber]) await client.drop()
    await siege.over()
  })

  test.each(['at once', 'after a hook'])(
    'row 50: [MQTT-3.3.4-7] beyond Receive Maximum in one segment, decided %s: 0x93',
    async (when) => {
      const receiveMaximum = 50
      await using siege = await Siege.lay({ receiveMaximum }, (broker) => {
        if (when === 'after a hook') {
          broker.use({
            name: 'slow',
            authorizePublish: ({ clientId }) =>
              clientId === 'witness' || new Promise((resolve) => setImmediate(() => resolve(true))),
          })
        }
      })
      const subscriber = await siege.join('subscriber')
      subscriber.sendPackets(subscribe('t', 0))
      await subscriber.await('suback')
      const attacker = await siege.join('attacker')
      const payload = new Uint8Array(64 * 1024)
      const packets = Array.from({ length: 200 }, (_, i) =>
        bytesOf(publish('t', payload, 2, i + 1)),
      )
      attacker.send(...packets)
      await attacker.ended()
      siege.clock.advance(2_000)
      expect(attacker.only('pubrec')).toHaveLength(receiveMaximum)
      expect(attacker.packets.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x93 })
      await siege.exchange()
      await subscriber.await('publish', receiveMaximum)
      await siege.broker.publish('t', 'end')
      expect((await subscriber.await('publish', receiveMaximum + 1)).payload).toHaveLength(3)
      for (const peer of [attacker, subscriber]) peer.destroy()
      await siege.over()
    },
  )

  test('row 50: a repetition is counted once, on this connection and the next', async () => {
    await using siege = await Siege.lay({ receiveMaximum: 10 })
    const ten = (dup: boolean) =>
      Array.from({ length: 10 }, (_, i) => publish('t', 'x', 2, i + 1, dup))
    const attacker = await TestClient.join(siege.broker, { clientId: 'a', ...kept })
    await attacker.send(...ten(false), ...ten(true), ...ten(true))
    expect(only(attacker.take(), 'pubrec')).toHaveLength(30)
    await attacker.drop()
    const again = await TestClient.join(siege.broker, { clientId: 'a', ...kept })
    await again.send(...ten(true))
    expect(only(again.take(), 'pubrec')).toHaveLength(10)
    await again.send(...ten(true).map((packet, i) => ({ ...packet, packetIdentifier: 20 + i })))
    expect(again.isClosed).toBe(false)
    await again.send(publish('t', 'x', 2, 99))
    expect(again.take().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x93 })
    const last = await TestClient.join(siege.broker, { clientId: 'a' })
    await last.drop()
    await siege.over()
  })

  test('row 50: before 5.0 there is no Receive Maximum: all identifiers may be held, and no more', async () => {
    await using siege = await Siege.lay()
    const attacker = await TestClient.join(siege.broker, { clientId: 'a' }, 4)
    for (let from = 1; from <= 65_535; from += 1_000) {
      const count = Math.min(1_000, 65_536 - from)
      await attacker.send(...Array.from({ length: count }, (_, i) => publish('t', '', 2, from + i)))
    }
    expect(only(await all(attacker), 'pubrec')).toHaveLength(65_535)
    expect(attacker.isClosed).toBe(false)
    await attacker.drop()
    await siege.over()
  })

  test('row 51: [MQTT-3.1.2-4] an identifier that was held is new after Clean Start', async () => {
    await using siege = await Siege.lay()
    const subscriber = await TestClient.join(siege.broker, { clientId: 'subscriber' })
    await subscriber.subscribe('t', 2)
    for (const [payload, connect] of [
      ['first', kept],
      ['second', { ...kept, cleanStart: true }],
      ['third', { cleanStart: true }],
      ['fourth', { cleanStart: true }],
    ] as const) {
      const client = await TestClient.join(siege.broker, { clientId: 'a', ...connect })
      await client.send(publish('t', payload, 2, 7))
      await client.drop()
    }
    expect(payloads(subscriber.take())).toEqual(['first', 'second', 'third', 'fourth'])
    await subscriber.drop()
    await siege.over()
  })

  test('row 52: a first sending that was cut leaves nothing: its repetition is delivered, once', async () => {
    await using siege = await Siege.lay()
    const subscriber = await siege.join('subscriber')
    subscriber.sendPackets(subscribe('t', 0))
    await subscriber.await('suback')
    const whole = bytesOf(publish('t', 'whole', 2, 12))
    const first = await siege.join('a', kept)
    first.send(whole.subarray(0, -1))
    first.destroy()
    await until(() => siege.broker.stats().connections === 2)
    const second = await siege.join('a', kept)
    const repetition = Buffer.from(whole)
    repetition[0]! |= 0b1000
    second.send(repetition, repetition)
    await second.await('pubrec', 2)
    second.sendPackets({ type: 'pubrel', packetIdentifier: 12 })
    await second.await('pubcomp')
    second.sendPackets(forgotten)
    await second.closed()
    await siege.broker.publish('t', 'end')
    await until(() => payloads(subscriber.packets).includes('end'))
    expect(payloads(subscriber.packets)).toEqual(['whole', 'end'])
    subscriber.destroy()
    await siege.over()
  })

  test('row 53: an identifier that is held for an hour is held', async () => {
    await using siege = await Siege.lay()
    const subscriber = await TestClient.join(siege.broker, { clientId: 'subscriber' })
    await subscriber.subscribe('t', 2)
    const client = await TestClient.join(siege.broker, { clientId: 'a' })
    await client.send(publish('t', 'x', 2, 7))
    siege.clock.advance(3_600_000)
    await client.send(publish('t', 'x', 2, 7, true))
    await client.send({ type: 'pubrel', packetIdentifier: 7 })
    const answers = client.take().map(({ type }) => type)
    expect(answers).toEqual(['pubrec', 'pubrec', 'pubcomp'])
    expect(payloads(subscriber.take())).toEqual(['x'])
    for (const each of [client, subscriber]) await each.drop()
    await siege.over()
  })
})

test('row 54: [MQTT-2.2.1-4] an identifier that is held is passed over, wrap after wrap', async () => {
  await using siege = await Siege.lay()
  const client = await TestClient.join(siege.broker, { clientId: 'holder', ...kept })
  await client.subscribe('t', 1)
  const count = 2 * 65_536
  const got: string[] = []
  let heldPayload = ''
  for (let next = 0; next < count; ) {
    for (let i = 0; i < 512; i++) void siege.broker.publish('t', String(next++), { qos: 1 })
    const packets = only(await all(client), 'publish')
    got.push(...payloads(packets))
    const identifiers = packets.map(({ packetIdentifier }) => packetIdentifier!)
    const holds = identifiers.indexOf(79)
    if (holds >= 0) {
      expect(heldPayload).toBe('')
      heldPayload = payloads(packets)[holds]!
    }
    await client.send(
      ...identifiers
        .filter((each) => each !== 79)
        .map((packetIdentifier) => ({ type: 'puback', packetIdentifier }) as const),
    )
  }
  expect(got).toEqual(Array.from({ length: count }, (_, i) => String(i)))
  await client.drop()
  const again = await TestClient.join(siege.broker, { clientId: 'holder', ...kept })
  expect(again.take()).toMatchObject([{ type: 'publish', packetIdentifier: 79, dup: true }])
  expect(heldPayload).toBe('78')
  await again.send({ type: 'puback', packetIdentifier: 79 }, forgotten)
  await siege.over()
})

describe('row 55: Topic Aliases', () => {
  const aliased = (topicName: string, topicAlias: number): PacketInput => ({
    type: 'publish',
    topicName,
    payload: text(''),
    properties: { topicAlias },
  })

  /** As {@link aliased}, also for what an encoder refuses. */
  const raw = (topicAlias: number) =>
    Uint8Array.of(0x30, 7, 0, 1, 0x74, 3, 0x23, topicAlias >> 8, topicAlias)

  test('row 55: unknown 0x82, 0 and above the maximum [MQTT-3.3.2-8] [MQTT-3.3.2-9] 0x94', async () => {
    await using siege = await Siege.lay({ topicAliasMaximum: 10 })
    for (const [bytes, code] of [
      [bytesOf(aliased('', 1)), 0x82],
      [raw(0), 0x94],
      [raw(11), 0x94],
      [raw(65_535), 0x94],
    ] as const) {
      const answer = await siege.answerTo(connectBytes('a'), bytes)
      expect(answer.subarray(-3)).toEqual(Buffer.of(0xe0, 1, code))
    }
    await siege.over()
  })

  test('row 55: [MQTT-3.3.2-7] none outlives its connection', async () => {
    await using siege = await Siege.lay()
    const client = await TestClient.join(siege.broker, { clientId: 'a', ...kept })
    await client.send(aliased('t', 1), aliased('', 1))
    await client.drop()
    const again = await TestClient.join(siege.broker, { clientId: 'a', ...kept })
    await again.send(aliased('', 1))
    expect(again.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }])
    const last = await TestClient.join(siege.broker, { clientId: 'a' })
    await last.drop()
    await siege.over()
  })

  test('row 55: one that is set anew again and again stands for the last, and takes no memory', async () => {
    await using siege = await Siege.lay()
    const subscriber = await TestClient.join(siege.broker, { clientId: 'subscriber' })
    const client = await TestClient.join(siege.broker, { clientId: 'a' })
    await expectFlatMemory(scaled(20_000, 200_000), async (round) => {
      client.transport.send(bytesOf(aliased(`t/${round % 500}/${'x'.repeat(500)}`, 1)))
      if (round % 100 === 0) await settle()
    })
    await subscriber.subscribe('#', 0)
    await client.send(aliased('last', 1), aliased('', 1))
    expect(only(subscriber.take(), 'publish').map(({ topicName }) => topicName)).toEqual([
      'last',
      'last',
    ])
    for (const each of [client, subscriber]) await each.drop()
    await siege.over()
  })

  test('row 55: the longest names under the most aliases are bounded in bytes', async () => {
    await using siege = await Siege.lay({
      topicAliasMaximum: 65_535,
      maximumTopicAliasBytes: 300_000,
    })
    const client = await TestClient.join(siege.broker, { clientId: 'a' })
    const long = (i: number) => `${i}`.padEnd(65_535, 'x')
    for (let i = 1; i <= 4; i++) await client.send(aliased(long(i), i))
    // The same once more, and another in the place of one, is no more.
    for (let i = 1; i <= 4; i++) await client.send(aliased(long(i), i), aliased(long(i + 4), i))
    await client.send(aliased('short', 5), aliased('', 5), aliased('', 4))
    expect(client.isClosed).toBe(false)
    await client.send(aliased(long(9), 9))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x97 }])
    // What the tenth would have said is not said.
    expect(siege.broker.stats().protocolErrors).toBe(0)
    await siege.over()
  })
})

describe('limits of the client', () => {
  /** Sizes of the packets in what came. */
  function sizesOf(bytes: Uint8Array, protocolVersion: 4 | 5 = 5): number[] {
    const decoder = new PacketDecoder(new DecodeContext({ protocolVersion, sender: Sender.Server }))
    decoder.push(bytes)
    const sizes: number[] = []
    while (decoder.next() !== 0) sizes.push(decoder.end - decoder.packetStart)
    return sizes
  }

  test('row 56: [MQTT-3.1.2-25] what is too large takes no place of Receive Maximum', async () => {
    await using siege = await Siege.lay()
    const client = await TestClient.join(siege.broker, {
      clientId: 'small',
      properties: { maximumPacketSize: 64, receiveMaximum: 10 },
    })
    await client.subscribe('t', 2)
    for (const qos of [1, 2] as const) {
      for (let i = 0; i < 100; i++) await siege.broker.publish('t', 'x'.repeat(64), { qos })
      for (let i = 0; i < 10; i++) await siege.broker.publish('t', `small ${i}`, { qos })
      await settle()
      const packets = only(client.take(), 'publish')
      expect(payloads(packets)).toEqual(Array.from({ length: 10 }, (_, i) => `small ${i}`))
      const type = qos === 1 ? 'puback' : 'pubrec'
      for (const { packetIdentifier } of packets) {
        await client.send({ type, packetIdentifier: packetIdentifier! })
        if (qos === 2) await client.send({ type: 'pubcomp', packetIdentifier: packetIdentifier! })
      }
      client.take()
    }
    // The same where they wait for a place, and where they wait for the client.
    for (let i = 0; i < 10; i++) await siege.broker.publish('t', `again ${i}`, { qos: 1 })
    for (let i = 0; i < 100; i++) await siege.broker.publish('t', 'x'.repeat(64), { qos: 1 })
    await siege.broker.publish('t', 'last', { qos: 1 })
    const waiting = only(await all(client), 'publish')
    await client.send(
      ...waiting.map(
        ({ packetIdentifier }) =>
          ({ type: 'puback', packetIdentifier: packetIdentifier! }) as const,
      ),
    )
    expect(payloads(await all(client))).toEqual(['last'])
    expect(siege.broker.stats().dropped['too large']).toBe(300)
    await client.drop()
    await siege.over()
  })

  test('row 57: [MQTT-3.1.2-24] Maximum Packet Size 1 to 40: whatever is done, no packet is larger', async () => {
    await using siege = await Siege.lay({ reasonStrings: true })
    let acceptedCount = 0
    for (let maximumPacketSize = 1; maximumPacketSize <= 40; maximumPacketSize++) {
      const properties = { maximumPacketSize, receiveMaximum: 1 }
      const filters = (count: number) => Array.from({ length: count }, (_, i) => `t/${i}/#`)
      const subscriptions = (count: number) =>
        filters(count).map((topicFilter) => ({ topicFilter, qos: 1 }) as const)
      for (const attack of [
        [{ type: 'subscribe', packetIdentifier: 1, subscriptions: subscriptions(1) }],
        [{ type: 'subscribe', packetIdentifier: 1, subscriptions: subscriptions(50) }],
        [{ type: 'unsubscribe', packetIdentifier: 1, topicFilters: filters(50) }],
        [publish('$x', '', 1), publish('x', '', 2, 2), { type: 'pubrel', packetIdentifier: 9 }],
        [{ type: 'pingreq' }, { type: 'connack', reasonCode: 0 }],
        [publish('x', '', 1), publish('x', '', 1), { type: 'connect', clientId: 'a' }],
      ] as PacketInput[][]) {
        const peer = await siege.open()
        peer.sendPackets({ type: 'connect', clientId: 'a', keepAlive: 1, properties })
        peer.sendPackets(...attack)
        await until(() => peer.isClosed || peer.packets.length > 1)
        await siege.broker.publish('t/0/x', 'x'.repeat(maximumPacketSize), { qos: 1 })
        await siege.broker.publish('t/0', '', { qos: 1 })
        await siege.broker.publish('t/0', '', { qos: 0 })
        siege.clock.advance(1_500)
        await peer.closed()
        for (const size of sizesOf(peer.received)) {
          expect(size).toBeLessThanOrEqual(maximumPacketSize)
        }
        if (peer.received.length > 0) acceptedCount++
      }
    }
    expect(acceptedCount).toBeGreaterThan(100)
    await siege.over()
  })

  test('row 57: a SUBSCRIBE that could not be answered is refused with 0x95, and nothing of it done', async () => {
    await using siege = await Siege.lay()
    const properties = { maximumPacketSize: 20, sessionExpiryInterval: 600 }
    const client = await TestClient.join(siege.broker, { clientId: 'a', properties })
    const many = Array.from({ length: 16 }, (_, i) => ({ topicFilter: `${i}`, qos: 1 }) as const)
    const just = many.slice(0, 15)
    await client.send({ type: 'subscribe', packetIdentifier: 1, subscriptions: just })
    expect(only(client.take(), 'suback')[0]!.reasonCodes).toHaveLength(15)
    await client.send({ type: 'subscribe', packetIdentifier: 1, subscriptions: many })
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }])
    expect(siege.broker.stats().subscriptions).toBe(16)
    const again = await TestClient.join(siege.broker, {
      clientId: 'a',
      cleanStart: false,
      properties,
    })
    const topicFilters = many.map(({ topicFilter }) => topicFilter)
    await again.send({ type: 'unsubscribe', packetIdentifier: 1, topicFilters })
    expect(again.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }])
    expect(siege.broker.stats().subscriptions).toBe(16)
    const last = await TestClient.join(siege.broker, { clientId: 'a' })
    await last.drop()
    await siege.over()
  })

  test('row 57: who takes no CONNACK takes nothing from anybody', async () => {
    await using siege = await Siege.lay()
    const told: string[] = []
    siege.broker.on('clientConnect', ({ clientId }) => told.push(`connect ${clientId}`))
    siege.broker.on('clientDisconnect', ({ clientId }) => told.push(`disconnect ${clientId}`))
    const victim = await siege.join('a', kept)
    victim.sendPackets(subscribe('t', 1))
    await victim.await('suback')
    for (const maximumPacketSize of [1, 2, 5, 8]) {
      const connect = { type: 'connect', clientId: 'a', cleanStart: true } as const
      const answer = await siege.answerTo(
        bytesOf({ ...connect, properties: { maximumPacketSize } }),
      )
      expect(answer).toHaveLength(0)
    }
    expect(told).toEqual(['connect a'])
    await siege.broker.publish('t', 'x', { qos: 1 })
    await victim.await('publish')
    victim.sendPackets(forgotten)
    await victim.closed()
    await siege.over()
  })

  test('row 58: intervals of 136 years do not end today, nor after 25 or 50 days', async () => {
    await using siege = await Siege.lay()
    const other = await siege.join('other')
    other.sendPackets(subscribe('will', 0))
    await other.await('suback')
    const expiry = { sessionExpiryInterval: 0xffff_fffe }
    const properties = { willDelayInterval: 0xffff_ffff, messageExpiryInterval: 0xffff_ffff }
    const will = {
      topicName: 'will',
      payload: text('x'),
      qos: 0,
      retain: false,
      properties,
    } as const
    const client = await siege.join('a', { properties: expiry, will, keepAlive: 65_535 })
    client.sendPackets(subscribe('t', 1))
    await client.await('suback')
    client.destroy()
    await until(() => siege.broker.stats().connections === 2)
    const messageExpiryInterval = 0xffff_ffff
    await siege.broker.publish('t', 'kept', { qos: 1, properties: { messageExpiryInterval } })
    const day = 86_400_000
    for (const days of [1, 24, 1, 25, 365 * 135]) {
      siege.clock.advance(days * day)
      await siege.exchange()
      expect(siege.broker.stats()).toMatchObject({ sessions: 3, subscriptions: 3 })
      expect(other.only('publish')).toEqual([])
    }
    const again = await siege.join('a', { cleanStart: false, properties: expiry })
    expect(again.only('connack')[0]!.sessionPresent).toBe(true)
    expect(payloads([await again.await('publish')])).toEqual(['kept'])
    // Without one that comes back it ends when it is due, and not before; and its will with it.
    again.sendPackets({ type: 'puback', packetIdentifier: 1 })
    await siege.exchange()
    again.destroy()
    const last = await siege.join('b', { properties: expiry, will })
    last.destroy()
    await until(() => siege.broker.stats().connections === 2)
    siege.clock.advance(0xffff_fffe * 1_000 - 1)
    await siege.exchange()
    expect(siege.broker.stats().sessions).toBe(4)
    siege.clock.advance(1)
    await other.await('publish')
    expect(payloads(other.packets)).toEqual(['x'])
    other.destroy()
    await siege.over()
  })

  test("row 58: nothing asks Node for a timer that is longer than Node's", async () => {
    const asked = vi.spyOn(globalThis, 'setTimeout')
    try {
      await using broker = await Broker.start({ hookTimeoutMs: 2_147_483_647 })
      broker.use({
        name: 'hangs',
        authorizePublish: (_client, { isWill }) => isWill || new Promise(() => {}),
      })
      const will = { topicName: 'w', payload: text(''), qos: 0, retain: false } as const
      const client = await TestClient.join(broker, {
        clientId: 'a',
        keepAlive: 65_535,
        will: { ...will, properties: { willDelayInterval: 0xffff_ffff } },
        properties: { sessionExpiryInterval: 0xffff_fffe },
      })
      await client.send(publish('t', '', 1))
      await client.drop()
      await settle()
      expect(broker.stats().sessions).toBe(1)
      const delays = asked.mock.calls.map(([, delay]) => delay ?? 0)
      expect(Math.max(...delays)).toBe(2_147_483_647)
    } finally {
      asked.mockRestore()
    }
  })
})

describe('row 59: huge SUBSCRIBEs', () => {
  const filters = Array.from({ length: 5_000 }, (_, i) =>
    Array.from({ length: 13 }, (_, level) => ((i >> level) & 1 ? '+' : 'a')).join('/'),
  )
  const topicName = Array.from({ length: 13 }, () => 'a').join('/')

  test('row 59: 20,000 filters in one packet: 0x97; 1,024 are answered', async () => {
    await using siege = await Siege.lay()
    const many = (count: number): PacketInput => ({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: Array.from({ length: count }, (_, i) => ({ topicFilter: `${i}`, qos: 0 })),
    })
    const answer = await siege.answerTo(connectBytes('a'), bytesOf(many(20_000)))
    expect(answer.subarray(-3).toString('hex')).toBe('e00197')
    const peer = await siege.join('a')
    peer.sendPackets(many(1_024))
    expect((await peer.await('suback')).reasonCodes).toHaveLength(1_024)
    peer.destroy()
    await siege.over()
  })

  test.each([
    [5, 5_000],
    [4, 0],
  ] as const)(
    'row 59: [MQTT-3.3.4-4] 5,000 overlapping filters, MQTT %i: one copy with %i identifiers',
    async (version, identifierCount) => {
      await using siege = await Siege.lay()
      const client = await TestClient.join(siege.broker, { clientId: 'greedy' }, version)
      for (const [i, filter] of filters.entries()) {
        client.transport.send(
          version === 5
            ? bytesOf(subscribe(filter, 0, i + 1))
            : Uint8Array.of(0x82, filter.length + 5, 0, 1, 0, filter.length, ...text(filter), 0),
        )
        if (i % 100 === 0) await settle()
      }
      await all(client)
      expect(siege.broker.stats().subscriptions).toBe(5_001)
      for (let i = 0; i < 20; i++) {
        // So that the route is made anew each time.
        await client.subscribe('other', 0)
        await siege.broker.publish(topicName, String(i))
        const [packet, ...rest] = only(await all(client), 'publish')
        expect(rest).toEqual([])
        expect(payloads([packet!])).toEqual([String(i)])
        const identifiers = packet!.properties.subscriptionIdentifiers
        expect(new Set(identifiers).size).toBe(identifierCount)
      }
      await client.drop()
      await siege.over()
    },
  )

  test('row 59: identifiers that make the packet too large for the client: dropped, it stays', async () => {
    await using siege = await Siege.lay()
    const properties = { maximumPacketSize: 1_000 }
    const client = await TestClient.join(siege.broker, { clientId: 'greedy', properties })
    for (const [i, filter] of filters.slice(0, 1_000).entries()) {
      client.transport.send(bytesOf(subscribe(filter, 1, i + 1)))
      if (i % 100 === 0) await settle()
    }
    await all(client)
    for (const qos of [0, 1] as const) await siege.broker.publish(topicName, 'x', { qos })
    expect(await all(client)).toEqual([])
    expect(client.isClosed).toBe(false)
    expect(siege.broker.stats().dropped['too large']).toBe(2)
    await client.drop()
    await siege.over()
  })
})

describe('row 68: what goes away while it is being told', () => {
  /** Three subscribers, of whom the first one's queue is full: a message for all drops its copy. */
  async function crowd(siege: Siege): Promise<TestClient[]> {
    const clients: TestClient[] = []
    for (const clientId of ['first', 'second', 'third']) {
      const client = await TestClient.join(siege.broker, { clientId })
      await client.subscribe('t', 1)
      clients.push(client)
    }
    clients[0]!.transport.stall()
    await siege.broker.publish('t', 'in flight', { qos: 1 })
    for (let i = 0; siege.broker.stats().dropped['queue full'] === 0; i++) {
      await siege.broker.publish('t', `queued ${i}`, { qos: 1 })
    }
    for (const client of clients.slice(1)) await all(client)
    return clients
  }

  const bounded = { maximumQueuedMessages: 3 }
  const attackers = { clientId: 'publisher' }

  test.each(['a client', 'the embedder'])(
    'row 68: a neighbour that goes in the middle of a message of %s: the next is served, nothing is left',
    async (who) => {
      await using siege = await Siege.lay(bounded)
      const clients = await crowd(siege)
      const publisher = await TestClient.join(siege.broker, attackers)
      siege.broker.on('drop', () => {
        if (who === 'a client') clients[1]!.transport.close()
        else siege.broker.disconnect('second')
      })
      if (who === 'a client') await publisher.send(publish('t', 'y'.repeat(2_000), 1))
      else await siege.broker.publish('t', 'y'.repeat(2_000), { qos: 1 })
      await settle()
      expect(payloads(await all(clients[2]!))).toEqual(['y'.repeat(2_000)])
      for (const client of [clients[0]!, clients[2]!, publisher]) await client.drop()
      await siege.over()
    },
  )

  test('row 68: one that unsubscribes, and one that subscribes, in mid-message', async () => {
    await using siege = await Siege.lay(bounded)
    const clients = await crowd(siege)
    const late = await TestClient.join(siege.broker, { clientId: 'late' })
    const publisher = await TestClient.join(siege.broker, attackers)
    siege.broker.once('drop', () => {
      clients[1]!.transport.send(
        bytesOf({ type: 'unsubscribe', packetIdentifier: 1, topicFilters: ['t'] }),
      )
      late.transport.send(bytesOf(subscribe('t', 1)))
    })
    await publisher.send(publish('t', 'during', 1))
    expect(payloads(await all(clients[2]!))).toEqual(['during'])
    await all(clients[1]!)
    await all(late)
    await publisher.send(publish('t', 'after', 1))
    expect(payloads(await all(clients[2]!))).toEqual(['after'])
    expect(await all(clients[1]!)).toEqual([])
    expect(payloads(await all(late))).toEqual(['after'])
    for (const client of [...clients, late, publisher]) await client.drop()
    await siege.over()
  })

  test('row 68: a hook that publishes, and a listener that does, disturb no message', async () => {
    await using siege = await Siege.lay(bounded, (broker) => {
      broker.use({
        name: 'tells',
        authorizePublish({ clientId }, { topicName }) {
          if (clientId !== 'witness') void broker.publish('told', `${clientId} ${topicName}`)
          return true
        },
      })
      broker.on('drop', ({ clientId }) => void broker.publish('told', `dropped ${clientId}`))
    })
    const clients = await crowd(siege)
    await clients[2]!.subscribe('told', 0)
    const publisher = await TestClient.join(siege.broker, attackers)
    await publisher.send(...[1, 2, 3].map((i) => publish('t', `message ${i}`, 1, i)))
    const packets = await all(clients[2]!)
    const told = ['publisher t', 'dropped first']
    expect(payloads(packets)).toEqual([
      ...told,
      'message 1',
      ...told,
      'message 2',
      ...told,
      'message 3',
    ])
    expect(only(await all(publisher), 'puback')).toHaveLength(3)
    for (const client of [...clients, publisher]) await client.drop()
    await siege.over()
  })

  const identified = { cleanStart: true, keepAlive: 0 } as const

  test.each([
    [0, true],
    [1, true],
    [2, true],
    [1, false],
    [2, false],
  ] as const)(
    'row 68: a hook that disconnects who publishes at QoS %i, and answers %s: nothing is done',
    async (qos, decision) => {
      await using siege = await Siege.lay({}, (broker) => {
        broker.use({
          name: 'bans',
          authorizePublish({ clientId }) {
            return clientId === 'publisher' ? broker.disconnect(clientId) && decision : true
          },
        })
      })
      const watcher = await TestClient.join(siege.broker, { clientId: 'watcher' })
      await watcher.subscribe('t', 0)
      const publisher = await TestClient.join(siege.broker, attackers)
      await publisher.send(publish('t', 'x', qos), { type: 'pingreq' })
      expect(publisher.isClosed).toBe(true)
      expect(publisher.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98 }])
      expect(await all(watcher)).toEqual([])
      await watcher.drop()
      await siege.over()
    },
  )

  test('row 68: a hook through which another takes over who publishes', async () => {
    let other: TestClient | undefined
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'connects',
        authorizePublish({ clientId }) {
          if (clientId !== 'publisher') return true
          other = new TestClient(broker)
          other.transport.send(bytesOf({ type: 'connect', ...attackers, ...identified }))
          return true
        },
      })
    })
    const publisher = await TestClient.join(siege.broker, attackers)
    await publisher.send(publish('t', 'x', 2))
    expect(publisher.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8e }])
    expect(other!.take()).toMatchObject([{ type: 'connack', reasonCode: 0 }])
    expect(siege.broker.stats()).toMatchObject({ connections: 2, sessions: 2 })
    await other!.drop()
    await siege.over()
  })

  test('row 68: a hook that disconnects who subscribes is asked no more, and nothing is subscribed', async () => {
    const asked: string[] = []
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'bans',
        authorizeSubscribe({ clientId }, { topicFilter }) {
          if (clientId === 'witness') return true
          asked.push(topicFilter)
          return broker.disconnect(clientId)
        },
      })
    })
    const client = await TestClient.join(siege.broker, { clientId: 'subscriber' })
    const subscriptions = ['t', 'u'].map((topicFilter) => ({ topicFilter, qos: 1 as const }))
    await client.send({ type: 'subscribe', packetIdentifier: 1, subscriptions })
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98 }])
    expect(asked).toEqual(['t'])
    await siege.over()
  })

  test.each(['authenticate', 'authorizePublish'] as const)(
    'row 68: a transport that is closed while %s decides about a CONNECT leaves nothing behind',
    async (kind) => {
      let client: TestClient | undefined
      const close = ({ clientId }: { clientId: string }) => {
        if (clientId !== 'witness') client!.transport.close()
        return true
      }
      await using siege = await Siege.lay({}, (broker) => {
        broker.use({ name: 'closes', [kind]: close })
      })
      client = new TestClient(siege.broker)
      const will = { topicName: 'will', payload: new Uint8Array(1), qos: 0, retain: true } as const
      const properties = { sessionExpiryInterval: 60 }
      await client.send({ type: 'connect', clientId: 'gone', ...identified, will, properties })
      expect(client.take()).toEqual([])
      await siege.over()
    },
  )

  test.each(['continue', 'success', 'failure'] as const)(
    'row 68: a method that disconnects who authenticates anew, and answers %s',
    async (kind) => {
      await using siege = await Siege.lay()
      let isAnew = false
      siege.broker.use({
        name: 'steps',
        authenticationMethods: [
          {
            name: 'M',
            begin: () => ({
              next() {
                if (!isAnew) return { kind: 'success' }
                siege.broker.disconnect('steps')
                return { kind }
              },
            }),
          },
        ],
      })
      const client = await TestClient.join(siege.broker, {
        clientId: 'steps',
        properties: { authenticationMethod: 'M' },
      })
      isAnew = true
      await client.send({
        type: 'auth',
        reasonCode: 0x19,
        properties: { authenticationMethod: 'M' },
      })
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98 }])
      await siege.over()
    },
  )

  test('row 68: a subscription of this process that ends in the middle, and a broker that closes', async () => {
    const siege = await Siege.lay(bounded)
    const clients = await crowd(siege)
    const local = siege.broker.subscribe('t')
    const publisher = await TestClient.join(siege.broker, attackers)
    siege.broker.once('drop', () => void local.return?.())
    await publisher.send(publish('t', 'one', 1))
    expect((await local.next()).done).toBe(true)
    expect(payloads(await all(clients[2]!))).toEqual(['one'])
    let closing: Promise<void> | undefined
    siege.broker.once('drop', () => {
      closing = siege.broker.close()
    })
    await publisher.send(publish('t', 'two', 1))
    expect(payloads(await all(clients[2]!))).toEqual(['two'])
    for (const client of [...clients, publisher]) client.transport.close()
    await siege[Symbol.asyncDispose]()
    await closing
    expect(siege.broker.stats()).toMatchObject({ connections: 0, sessions: 0, queuedBytes: 0 })
  })
})
