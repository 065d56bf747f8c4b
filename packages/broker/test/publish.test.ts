import type { PacketInput, ProtocolVersion } from '@promptmq/codec'
import { TestClient, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const publish = (
  topicName: string,
  payload: string,
  rest: Partial<Extract<PacketInput, { type: 'publish' }>> = {},
): PacketInput => ({ type: 'publish', topicName, payload: text(payload), ...rest })

describe('PUBLISH from one client to another, §3.3', () => {
  const versions: ProtocolVersion[] = [3, 4, 5]
  const pairs = versions.flatMap((from) => versions.map((to) => [from, to] as const))

  test.each(pairs)('QoS 0 from version %i to %i', async (from, to) => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' }, to)
    await subscriber.subscribe('a/+', 0)
    const publisher = await TestClient.join(broker, { clientId: 'p' }, from)
    await publisher.send(publish('a/b', 'one'), publish('a/b', 'two'), publish('b', 'not'))
    const got = only(subscriber.take(), 'publish')
    expect(got.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['one', 'two'])
    expect(got).toMatchObject([
      { topicName: 'a/b', qos: 0, dup: false, retain: false },
      { topicName: 'a/b', qos: 0, dup: false, retain: false },
    ])
    expect(publisher.take()).toEqual([])
  })

  test('above QoS 0 each subscriber has its own identifiers, and the rest as it was', async () => {
    const { broker } = await startBroker()
    const properties = { contentType: 'x', userProperties: [['a', 'b']] as [string, string][] }
    const subscribers: TestClient[] = []
    for (const count of [0, 3]) {
      const subscriber = await TestClient.join(broker, { clientId: `s${count}` })
      await subscriber.subscribe('t', 1)
      for (let i = 0; i < count; i++) await broker.publish('t', 'before', { qos: 1 })
      subscribers.push(subscriber)
    }
    for (const subscriber of subscribers) subscriber.take()
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    const packet = { qos: 1, properties } as const
    await publisher.send(
      publish('t', 'one', { ...packet, packetIdentifier: 700 }),
      publish('t', 'two', { ...packet, packetIdentifier: 701, dup: true }),
    )
    for (const [i, first] of [4, 4].entries()) {
      const got = only(subscribers[i]!.take(), 'publish')
      expect(payloads(got)).toEqual(['one', 'two'])
      expect(got).toMatchObject([
        { packetIdentifier: first, qos: 1, dup: false, retain: false, properties },
        { packetIdentifier: first + 1, qos: 1, dup: false, retain: false, properties },
      ])
    }
    expect(only(publisher.take(), 'puback').map((one) => one.packetIdentifier)).toEqual([700, 701])
  })

  test('[MQTT-3.8.4-8] the QoS delivered is the lower of published and granted', async () => {
    const { broker } = await startBroker()
    for (const granted of [0, 1, 2] as const) {
      const subscriber = await TestClient.join(broker, { clientId: `s${granted}` })
      await subscriber.subscribe('t', granted)
      const publisher = await TestClient.join(broker, { clientId: 'p' })
      await publisher.send(
        publish('t', '0'),
        publish('t', '1', { qos: 1, packetIdentifier: 1 }),
        publish('t', '2', { qos: 2, packetIdentifier: 2 }),
      )
      const qos = only(subscriber.take(), 'publish').map((packet) => packet.qos)
      expect(qos).toEqual([0, Math.min(1, granted), Math.min(2, granted)])
    }
  })

  test('[MQTT-3.3.4-1] [MQTT-2.2.1-5] [MQTT-4.3.2-4] each QoS is answered as it demands, with its identifier', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 0)
    await client.send(
      publish('t', '0'),
      publish('t', '1', { qos: 1, packetIdentifier: 0x1234 }),
      publish('t', '2', { qos: 2, packetIdentifier: 0x1235 }),
    )
    const answers = client.take().filter(({ type }) => type !== 'publish')
    expect(answers).toMatchObject([
      { type: 'puback', packetIdentifier: 0x1234, reasonCode: 0 },
      { type: 'pubrec', packetIdentifier: 0x1235, reasonCode: 0 },
    ])
  })

  test('nobody subscribed: 0x10 in 5.0, a plain acknowledgement before', async () => {
    const { broker } = await startBroker()
    const v5 = await TestClient.join(broker, { clientId: 'a' }, 5)
    await v5.send(publish('t', 'x', { qos: 1, packetIdentifier: 1 }))
    expect(v5.take()).toMatchObject([{ type: 'puback', reasonCode: 0x10 }])
    const v4 = await TestClient.join(broker, { clientId: 'b' }, 4)
    await v4.sendBytes(wire`32 06 00 01 "t" 00 01 "x"`)
    expect(v4.transport.taken()).toEqual(wire`40 02 00 01`)
  })

  test('[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-18] properties arrive unaltered and in order', async () => {
    const { broker } = await startBroker()
    const properties = {
      payloadFormatIndicator: 1,
      contentType: 'text/plain',
      responseTopic: 'answers/1',
      correlationData: Uint8Array.of(0, 255, 1),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
        ['', ''],
        ['__proto__', 'x'],
      ] as const,
    }
    for (const qos of [0, 1, 2] as const) {
      const subscriber = await TestClient.join(broker, { clientId: 's' })
      await subscriber.subscribe('t', qos)
      const publisher = await TestClient.join(broker, { clientId: 'p' })
      const identified = qos === 0 ? {} : { packetIdentifier: 1 }
      await publisher.send(publish('t', 'x', { qos, properties, ...identified }))
      expect(only(subscriber.take(), 'publish')[0]!.properties).toMatchObject(properties)
    }
  })

  test('[MQTT-3.3.1-3] the outgoing DUP says nothing of the incoming one', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 1)
    await client.send(publish('t', 'x', { qos: 1, packetIdentifier: 9, dup: true }))
    expect(only(client.take(), 'publish')).toMatchObject([{ dup: false }])
  })

  test('[MQTT-3.3.2-6] the Message Expiry Interval is what is left of it', async () => {
    const { broker, clock } = await startBroker()
    const connect = { clientId: 's', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const subscriber = await TestClient.join(broker, connect)
    await subscriber.subscribe('t', 1)
    await subscriber.drop()
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    await publisher.send(
      publish('t', 'late', {
        qos: 1,
        packetIdentifier: 1,
        properties: { messageExpiryInterval: 10 },
      }),
      publish('t', 'gone', {
        qos: 1,
        packetIdentifier: 2,
        properties: { messageExpiryInterval: 3 },
      }),
    )
    clock.advance(3_000)
    const again = await TestClient.join(broker, connect)
    const got = only(again.take(), 'publish')
    expect(got.map((packet) => packet.properties.messageExpiryInterval)).toEqual([7])
    expect(broker.stats().dropped.expired).toBe(1)
  })

  test('order is kept for each publisher and topic, whatever the chunks', async () => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' })
    await subscriber.subscribe('#', 0)
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    const packets = Array.from({ length: 1000 }, (_, i) => publish(`t/${i % 7}`, String(i)))
    await publisher.send(...packets)
    expect(payloads(subscriber.take())).toEqual(packets.map((_, i) => String(i)))
    expect(subscriber.transport.writeCount).toBeLessThan(5)
  })

  test('a payload larger than a slab arrives whole', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 1)
    const payload = new Uint8Array(1_000_000).map((_, i) => i % 251)
    await client.send({ type: 'publish', topicName: 't', payload })
    await client.send({ type: 'publish', topicName: 't', payload, qos: 1, packetIdentifier: 1 })
    const got = only(client.take(), 'publish')
    expect(got).toHaveLength(2)
    for (const packet of got) expect(Buffer.compare(packet.payload, payload)).toBe(0)
  })

  test('[MQTT-3.2.2-15] a packet above the maximum ends the connection at its header', async () => {
    const { broker } = await startBroker({ maximumPacketSize: 1000 })
    const client = await TestClient.join(broker)
    await client.sendBytes(wire`30 e6 07`)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }])
    expect(client.isClosed).toBe(true)
  })

  test.each([
    ['MQTT-3.3.1-4', 'QoS 3', wire`36 07 00 01 "t" 00 01 00 78`, 0x81],
    ['MQTT-3.3.2-2', 'a wildcard', wire`30 06 00 03 "a/#" 00`, 0x90],
    ['MQTT-3.3.4-6', 'a Subscription Identifier', wire`30 06 00 01 "t" 02 0b 01`, 0x82],
    ['MQTT-2.2.1-3', 'Packet Identifier 0', wire`32 06 00 01 "t" 00 00 00`, 0x82],
    ['MQTT-3.3.2-8', 'Topic Alias 0', wire`30 07 00 01 "t" 03 23 00 00`, 0x94],
    ['MQTT-3.3.2-9', 'a Topic Alias above the maximum', wire`30 07 00 01 "t" 03 23 00 21`, 0x94],
    ['MQTT-3.3.2-7', 'an alias that was never set', wire`30 06 00 00 03 23 00 01`, 0x82],
    ['MQTT-2.1.3-1', 'PUBREL with other flags', wire`60 02 00 01`, 0x81],
    ['MQTT-3.2.2-1', 'a packet that only servers send', wire`d0 00`, 0x82],
  ])('[%s] %s ends the connection', async (_statement, _what, bytes, reasonCode) => {
    const { broker } = await startBroker()
    const witness = await TestClient.join(broker, { clientId: 'w' })
    await witness.subscribe('#', 0)
    const client = await TestClient.join(broker)
    await client.sendBytes(bytes)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }])
    expect(client.isClosed).toBe(true)
    expect(witness.take()).toEqual([])
    expect(broker.stats().protocolErrors).toBe(1)
  })

  test('[MQTT-3.3.2-12] Topic Aliases from 1 to the maximum work, and may be set anew', async () => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' })
    await subscriber.subscribe('#', 0)
    const client = await TestClient.join(broker, { clientId: 'p' })
    const alias = (topicName: string, topicAlias: number) =>
      publish(topicName, 'x', { properties: { topicAlias } })
    await client.send(
      alias('a', 1),
      alias('b', 32),
      alias('', 1),
      alias('', 32),
      alias('c', 1),
      alias('', 1),
    )
    const got = only(subscriber.take(), 'publish')
    expect(got.map(({ topicName }) => topicName)).toEqual(['a', 'b', 'a', 'b', 'c', 'c'])
    expect(got.every(({ properties }) => properties.topicAlias === undefined)).toBe(true)
  })

  test('names of the server are not published to', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('$SYS/#', 0)
    await client.send(
      publish('$SYS/x', '0'),
      publish('$SYS/x', '1', { qos: 1, packetIdentifier: 1 }),
      publish('$share/g/a', '2', { qos: 2, packetIdentifier: 2 }),
    )
    expect(client.take()).toMatchObject([
      { type: 'puback', reasonCode: 0x87 },
      { type: 'pubrec', reasonCode: 0x87 },
    ])
  })

  test('[MQTT-3.8.3-3] No Local', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'a' })
    await client.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [
        { topicFilter: 't', qos: 1, noLocal: true, retainAsPublished: false, retainHandling: 0 },
      ],
    })
    client.take()
    await client.send(publish('t', 'own'))
    const other = await TestClient.join(broker, { clientId: 'b' })
    await other.send(publish('t', 'other'))
    expect(payloads(client.take())).toEqual(['other'])
  })
})

describe('QoS 2 inwards, §4.3.3', () => {
  test('[MQTT-4.3.3-10] a repetition is acknowledged and not delivered again', async () => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' })
    await subscriber.subscribe('t', 0)
    const client = await TestClient.join(broker, { clientId: 'p' })
    const packet = { qos: 2, packetIdentifier: 7 } as const
    await client.send(publish('t', 'x', packet), publish('t', 'x', { ...packet, dup: true }))
    expect(client.take()).toMatchObject([{ type: 'pubrec' }, { type: 'pubrec' }])
    await client.send({ type: 'pubrel', packetIdentifier: 7 })
    expect(client.take()).toMatchObject([{ type: 'pubcomp', packetIdentifier: 7, reasonCode: 0 }])
    await client.send(publish('t', 'y', packet))
    expect(payloads(subscriber.take())).toEqual(['x', 'y'])
  })

  test('PUBREL of an identifier that is not held: 0x92', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send({ type: 'pubrel', packetIdentifier: 3 })
    expect(client.take()).toMatchObject([{ type: 'pubcomp', reasonCode: 0x92 }])
  })

  test('a held identifier survives the connection with its session', async () => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' })
    await subscriber.subscribe('t', 0)
    const connect = { clientId: 'p', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const packet = { qos: 2, packetIdentifier: 7 } as const
    const client = await TestClient.join(broker, connect)
    await client.send(publish('t', 'x', packet))
    await client.drop()
    const again = await TestClient.join(broker, connect)
    await again.send(publish('t', 'x', { ...packet, dup: true }))
    expect(payloads(subscriber.take())).toEqual(['x'])
    await again.drop()
    const clean = await TestClient.join(broker, { ...connect, cleanStart: true })
    await clean.send(publish('t', 'new', packet))
    expect(payloads(subscriber.take())).toEqual(['new'])
  })

  test('more than the Receive Maximum ends the connection with 0x93; a repetition does not count', async () => {
    const { broker } = await startBroker({ receiveMaximum: 3 })
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([{ properties: { receiveMaximum: 3 } }])
    const packet = (packetIdentifier: number) => publish('t', 'x', { qos: 2, packetIdentifier })
    await client.send(packet(1), packet(2), packet(3), packet(3), packet(1))
    expect(client.isClosed).toBe(false)
    await client.send({ type: 'pubrel', packetIdentifier: 2 }, packet(4))
    expect(client.isClosed).toBe(false)
    client.take()
    await client.send(packet(5))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x93 }])
  })
})

test('a PUBREL that answers nothing makes no room under the Receive Maximum', async () => {
  const { broker } = await startBroker({ receiveMaximum: 2 })
  const client = await TestClient.join(broker)
  const packet = (packetIdentifier: number) => publish('t', 'x', { qos: 2, packetIdentifier })
  await client.send(packet(1), packet(2), { type: 'pubrel', packetIdentifier: 9 })
  expect(only(client.take(), 'pubcomp')).toMatchObject([{ reasonCode: 0x92 }])
  await client.send(packet(3))
  expect(only(client.take(), 'disconnect')).toMatchObject([{ reasonCode: 0x93 }])
})

describe('QoS 1 and 2 outwards, §4.3', () => {
  test('[MQTT-4.3.2-3] QoS 1 is over with PUBACK, QoS 2 with PUBCOMP', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 2)
    await client.send(
      publish('t', 'one', { qos: 1, packetIdentifier: 1 }),
      publish('t', 'two', { qos: 2, packetIdentifier: 2 }),
    )
    const [one, two] = only(client.take(), 'publish')
    await client.send(
      { type: 'puback', packetIdentifier: one!.packetIdentifier! },
      { type: 'pubrec', packetIdentifier: two!.packetIdentifier! },
    )
    expect(client.take()).toMatchObject([
      { type: 'pubrel', packetIdentifier: two!.packetIdentifier },
    ])
    await client.send({ type: 'pubcomp', packetIdentifier: two!.packetIdentifier! })
    expect(client.take()).toEqual([])
    expect(client.isClosed).toBe(false)
  })

  test("the client's Receive Maximum is never exceeded, and nothing is lost by it", async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { properties: { receiveMaximum: 2 } })
    await client.subscribe('t', 1)
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    for (let i = 0; i < 7; i++)
      await publisher.send(publish('t', String(i), { qos: 1, packetIdentifier: i + 1 }))
    const seen: string[] = []
    for (
      let got = only(client.take(), 'publish');
      got.length > 0;
      got = only(client.take(), 'publish')
    ) {
      expect(got.length).toBeLessThanOrEqual(2)
      seen.push(...payloads(got))
      await client.send(
        ...got.map((one) => ({ type: 'puback', packetIdentifier: one.packetIdentifier! }) as const),
      )
    }
    expect(seen).toEqual(['0', '1', '2', '3', '4', '5', '6'])
  })

  test.each([
    ['PUBREC for a QoS 1 message', { type: 'pubrec' as const }, 1 as const],
    ['PUBCOMP before PUBREC', { type: 'pubcomp' as const }, 2 as const],
    ['PUBACK for a QoS 2 message', { type: 'puback' as const }, 2 as const],
  ])('%s is a protocol error', async (_what, answer, qos) => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 2)
    await broker.publish('t', 'x', { qos })
    const [got] = only(client.take(), 'publish')
    await client.send({ ...answer, packetIdentifier: got!.packetIdentifier! })
    expect(only(client.take(), 'disconnect')).toMatchObject([{ reasonCode: 0x82 }])
  })

  test('stray acknowledgements are survived, PUBREC is told so', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      { type: 'puback', packetIdentifier: 9 },
      { type: 'pubcomp', packetIdentifier: 9 },
      { type: 'pubrec', packetIdentifier: 9 },
      { type: 'pubrec', packetIdentifier: 9, reasonCode: 0x80 },
    )
    expect(client.take()).toMatchObject([{ type: 'pubrel', packetIdentifier: 9, reasonCode: 0x92 }])
    expect(client.isClosed).toBe(false)
  })

  test('PUBREC with a failure ends the delivery without PUBREL', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { properties: { receiveMaximum: 1 } })
    await client.subscribe('t', 2)
    await broker.publish('t', 'one', { qos: 2 })
    await broker.publish('t', 'two', { qos: 2 })
    const [got] = only(client.take(), 'publish')
    await client.send({
      type: 'pubrec',
      packetIdentifier: got!.packetIdentifier!,
      reasonCode: 0x97,
    })
    expect(client.take()).toMatchObject([{ type: 'publish', payload: text('two') }])
  })

  test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] what is too large for the client is dropped, the rest flows', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, {
      properties: { maximumPacketSize: 40, receiveMaximum: 1 },
    })
    await client.subscribe('t', 2)
    const fits = 40 - 2 - 3 - 2 - 1
    for (const qos of [0, 1, 2] as const) {
      await broker.publish('t', 'x'.repeat(fits + (qos === 0 ? 3 : 1)), { qos })
      await broker.publish('t', 'x'.repeat(fits), { qos })
      const got = only(client.take(), 'publish')
      expect(got).toHaveLength(1)
      expect(got[0]!.payload).toHaveLength(fits)
      if (qos === 1)
        await client.send({ type: 'puback', packetIdentifier: got[0]!.packetIdentifier! })
    }
    expect(broker.stats().dropped['too large']).toBe(3)
  })
})
