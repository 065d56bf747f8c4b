import type { PacketInput, SubscriptionInput } from '@promptmq/codec'
import { TestClient, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker } from './harness.ts'

const subscribe = (
  subscriptions: SubscriptionInput[],
  subscriptionIdentifier?: number,
): PacketInput => ({
  type: 'subscribe',
  packetIdentifier: 5,
  subscriptions,
  properties: { subscriptionIdentifier },
})

describe('SUBSCRIBE, §3.8', () => {
  test('[MQTT-3.8.4-6] [MQTT-3.9.3-1] one SUBACK, a code for each filter, in order', async () => {
    const { broker } = await startBroker({ maximumSubscriptions: 4 })
    broker.use({
      name: 'acl',
      authorizeSubscribe: (_client, { topicFilter }) => topicFilter !== 'secret',
    })
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([
        { topicFilter: 'a', qos: 0 },
        { topicFilter: 'a/#/b', qos: 1 },
        { topicFilter: 'b', qos: 2 },
        { topicFilter: 'secret', qos: 1 },
        { topicFilter: '$share/g/secret', qos: 1 },
        { topicFilter: '$share//x', qos: 1 },
        { topicFilter: '$share/g/c', qos: 1 },
        { topicFilter: 'd', qos: 1 },
        { topicFilter: 'one too many', qos: 1 },
        { topicFilter: 'a', qos: 1 },
      ]),
    )
    expect(client.take()).toMatchObject([
      {
        type: 'suback',
        packetIdentifier: 5,
        reasonCodes: [0, 0x8f, 2, 0x87, 0x87, 0x8f, 1, 1, 0x97, 1],
      },
    ])
    expect(broker.stats().subscriptions).toBe(4)
  })

  test('a hook may grant less', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'cap', authorizeSubscribe: () => 1 })
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([
        { topicFilter: 'a', qos: 2 },
        { topicFilter: 'b', qos: 0 },
      ]),
    )
    expect(client.take()).toMatchObject([{ reasonCodes: [1, 0] }])
  })

  test('asynchronous decisions keep the order of filters and of packets', async () => {
    const { broker } = await startBroker()
    broker.use({
      name: 'acl',
      authorizeSubscribe: async (_client, { topicFilter }) => topicFilter === 'a',
    })
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([
        { topicFilter: 'b', qos: 1 },
        { topicFilter: 'a', qos: 1 },
      ]),
      { type: 'pingreq' },
    )
    expect(client.take()).toMatchObject([{ reasonCodes: [0x87, 1] }, { type: 'pingresp' }])
  })

  test('before 5.0 a refusal is 0x80', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, {}, 4)
    await client.send(
      subscribe([
        { topicFilter: '#/', qos: 1 },
        { topicFilter: 'a', qos: 1 },
      ]),
    )
    expect(client.take()).toMatchObject([{ type: 'suback', reasonCodes: [0x80, 1] }])
  })

  test('[MQTT-3.3.4-3] [MQTT-3.3.4-4] overlapping filters give one copy, with the highest QoS and each identifier', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([{ topicFilter: 'a/#', qos: 0 }], 1),
      subscribe([{ topicFilter: 'a/+', qos: 2 }], 268_435_455),
      subscribe([{ topicFilter: 'a/b', qos: 1 }]),
    )
    client.take()
    await broker.publish('a/b', 'x', { qos: 2 })
    const got = only(client.take(), 'publish')
    expect(got).toHaveLength(1)
    expect(got[0]).toMatchObject({ qos: 2 })
    expect([...got[0]!.properties.subscriptionIdentifiers].sort((a, b) => a - b)).toEqual([
      1, 268_435_455,
    ])
  })

  test('[MQTT-3.8.4-3] subscribing again replaces options and identifier', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([{ topicFilter: 'a', qos: 2 }], 1),
      subscribe([{ topicFilter: 'a', qos: 1 }], 2),
    )
    client.take()
    await broker.publish('a', 'x', { qos: 2 })
    expect(only(client.take(), 'publish')).toMatchObject([
      { qos: 1, properties: { subscriptionIdentifiers: [2] } },
    ])
    expect(broker.stats().subscriptions).toBe(1)
  })

  test.each([
    ['MQTT-3.8.3-2', 'no filter', wire`82 03 00 01 00`, 0x82],
    ['MQTT-3.8.3-5', 'a reserved option', wire`82 07 00 01 00 00 01 "a" 40`, 0x81],
    [
      'MQTT-3.8.3-4',
      'No Local on a shared subscription',
      wire`82 10 00 01 00 00 0a "$share/g/a" 04`,
      0x82,
    ],
    ['MQTT-2.1.3-1', 'other flags', wire`80 07 00 01 00 00 01 "a" 00`, 0x81],
    ['MQTT-3.10.3-2', 'UNSUBSCRIBE without a filter', wire`a2 03 00 01 00`, 0x82],
  ])('[%s] %s ends the connection', async (_statement, _what, bytes, reasonCode) => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.sendBytes(bytes)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }])
  })
})

describe('UNSUBSCRIBE, §3.10', () => {
  test('[MQTT-3.10.4-1] [MQTT-3.10.4-5] by exact comparison, one code each', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([
        { topicFilter: 'a/+', qos: 1 },
        { topicFilter: '$share/g/a', qos: 1 },
      ]),
    )
    client.take()
    await client.send({
      type: 'unsubscribe',
      packetIdentifier: 6,
      topicFilters: ['a/b', 'a/+', '$share/g/a', 'x#'],
    })
    expect(client.take()).toMatchObject([
      { type: 'unsuback', packetIdentifier: 6, reasonCodes: [0x11, 0, 0, 0x8f] },
    ])
    await broker.publish('a/b', 'x')
    expect(client.take()).toEqual([])
    expect(broker.stats().subscriptions).toBe(0)
  })

  test('in 3.1.1 UNSUBACK is but an identifier', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, {}, 4)
    await client.sendBytes(wire`a2 05 00 0c 00 01 "a"`)
    expect(client.transport.taken()).toEqual(wire`b0 02 00 0c`)
  })
})

describe('shared subscriptions, §4.8.2', () => {
  test('[MQTT-4.8.2-4] each message goes to one member, and to everybody else', async () => {
    const { broker } = await startBroker()
    const members = [
      await TestClient.join(broker, { clientId: 'm1' }),
      await TestClient.join(broker, { clientId: 'm2' }),
    ]
    for (const member of members) await member.subscribe('$share/g/t', 1)
    const other = await TestClient.join(broker, { clientId: 'o' })
    await other.subscribe('t', 0)
    for (let i = 0; i < 10; i++) await broker.publish('t', String(i), { qos: 1 })
    const shares = members.map((member) => payloads(member.take()))
    expect(shares.map((share) => share.length)).toEqual([5, 5])
    expect(shares.flat().sort()).toEqual([...'0123456789'])
    expect(payloads(other.take())).toHaveLength(10)
  })

  test('a member that is away gets nothing while another is there', async () => {
    const { broker } = await startBroker()
    const kept = { clientId: 'away', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const away = await TestClient.join(broker, kept)
    await away.subscribe('$share/g/t', 1)
    const here = await TestClient.join(broker, { clientId: 'here' })
    await here.subscribe('$share/g/t', 1)
    await away.drop()
    for (let i = 0; i < 4; i++) await broker.publish('t', String(i), { qos: 1 })
    const got = only(here.take(), 'publish')
    expect(got).toHaveLength(4)
    for (const { packetIdentifier } of got) {
      await here.send({ type: 'puback', packetIdentifier: packetIdentifier! })
    }
    await here.drop()
    await broker.publish('t', 'waits', { qos: 1 })
    await broker.publish('t', 'lost at QoS 0')
    const back = await TestClient.join(broker, kept)
    expect(payloads(back.take())).toEqual(['waits'])
  })
})

describe('retained messages, §3.3.1.3', () => {
  test('[MQTT-3.3.1-5] [MQTT-3.3.1-8] the last one with RETAIN is what a new subscriber gets', async () => {
    const { broker } = await startBroker()
    await broker.publish('r', 'old', { retain: true })
    await broker.publish('r', 'new', { retain: true, qos: 1 })
    await broker.publish('r', 'not kept')
    const client = await TestClient.join(broker)
    await client.send(subscribe([{ topicFilter: 'r', qos: 2 }], 7))
    expect(client.take()).toMatchObject([
      { type: 'suback' },
      {
        type: 'publish',
        retain: true,
        qos: 1,
        dup: false,
        properties: { subscriptionIdentifiers: [7] },
      },
    ])
  })

  test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] an empty payload removes it, and is delivered', async () => {
    const { broker } = await startBroker()
    await broker.publish('r', 'x', { retain: true })
    const client = await TestClient.join(broker)
    await client.subscribe('r', 0).catch(() => {})
    await broker.publish('r', '', { retain: true })
    const got = only(client.take(), 'publish')
    expect(got.at(-1)!.payload).toHaveLength(0)
    expect(broker.stats().retainedMessages).toBe(0)
  })

  test('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] Retain Handling', async () => {
    const { broker } = await startBroker()
    await broker.publish('r', 'x', { retain: true })
    for (const [retainHandling, counts] of [
      [0, [1, 1]],
      [1, [1, 0]],
      [2, [0, 0]],
    ] as const) {
      const client = await TestClient.join(broker)
      const seen: number[] = []
      for (let i = 0; i < 2; i++) {
        await client.send(subscribe([{ topicFilter: 'r', qos: 0, retainHandling }]))
        seen.push(payloads(client.take()).length)
      }
      expect(seen).toEqual(counts)
    }
  })

  test('[MQTT-3.3.1-12] [MQTT-3.3.1-13] Retain As Published', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      subscribe([
        { topicFilter: 'a', qos: 1, retainAsPublished: true },
        { topicFilter: 'b', qos: 1 },
      ]),
    )
    client.take()
    for (const topicName of ['a', 'b'])
      for (const retain of [true, false]) await broker.publish(topicName, 'x', { retain })
    expect(only(client.take(), 'publish').map(({ retain }) => retain)).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  test('[MQTT-4.8.2-1] a shared subscription gets none', async () => {
    const { broker } = await startBroker()
    await broker.publish('r', 'x', { retain: true })
    const client = await TestClient.join(broker)
    await client.subscribe('$share/g/r', 1)
    await client.send({ type: 'pingreq' })
    expect(client.take()).toMatchObject([{ type: 'pingresp' }])
  })

  test('expired ones are not sent and are gone', async () => {
    const { broker, clock } = await startBroker()
    await broker.publish('r', 'x', { retain: true, properties: { messageExpiryInterval: 5 } })
    clock.advance(5_000)
    const client = await TestClient.join(broker)
    await client.send(subscribe([{ topicFilter: '#', qos: 0 }]))
    expect(payloads(client.take())).toEqual([])
    expect(broker.stats().retainedMessages).toBe(0)
  })

  test('10,000 to one `#` arrive paced by the Receive Maximum, all of them', async () => {
    const { broker, clock } = await startBroker()
    for (let i = 0; i < 10_000; i++)
      await broker.publish(`r/${i}`, String(i), { retain: true, qos: 1 })
    const client = await TestClient.join(broker, { properties: { receiveMaximum: 10 } })
    await client.send(subscribe([{ topicFilter: '#', qos: 1 }]))
    const seen = new Set<string>()
    for (let turn = 0; turn < 5_000 && seen.size < 10_000; turn++) {
      const got = only(client.take(), 'publish')
      expect(got.length).toBeLessThanOrEqual(10)
      for (const { topicName } of got) seen.add(topicName)
      await client.send(
        ...got.map(
          ({ packetIdentifier }) =>
            ({ type: 'puback', packetIdentifier: packetIdentifier! }) as const,
        ),
      )
      clock.advance(0)
    }
    expect(seen.size).toBe(10_000)
  })

  test('a replay is sliced: others are served in between, and it goes on by itself', async () => {
    const { broker, clock } = await startBroker()
    for (let i = 0; i < 1_000; i++) await broker.publish(`r/${i}`, 'x', { retain: true })
    const client = await TestClient.join(broker)
    await client.send(subscribe([{ topicFilter: '#', qos: 0 }]))
    const first = payloads(client.take()).length
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(1_000)
    let all = first
    for (let turn = 0; turn < 10; turn++) {
      clock.advance(0)
      all += payloads(client.take()).length
    }
    expect(all).toBe(1_000)
  })

  test('what is retained while a replay waits comes as it is published, and not once more', async () => {
    const { broker } = await startBroker()
    await broker.publish('a', 'before', { retain: true, qos: 1 })
    await broker.publish('b', 'replaced', { retain: true, qos: 1 })
    const client = await TestClient.join(broker, { properties: { receiveMaximum: 1 } })
    await client.send(subscribe([{ topicFilter: '#', qos: 2 }]))
    await broker.publish('b', 'later', { retain: true, qos: 2 })
    await broker.publish('c', 'new', { retain: true, qos: 2 })
    const seen: [string, boolean][] = []
    for (let turn = 0; turn < 10; turn++) {
      for (const packet of client.take()) {
        if (packet.type === 'publish') {
          const { payload, retain, qos, packetIdentifier } = packet
          seen.push([Buffer.from(payload).toString(), retain])
          const type = qos === 1 ? 'puback' : 'pubrec'
          await client.send({ type, packetIdentifier: packetIdentifier! })
        } else if (packet.type === 'pubrel') {
          await client.send({ type: 'pubcomp', packetIdentifier: packet.packetIdentifier })
        }
      }
    }
    expect(seen).toEqual([
      ['before', true],
      ['later', false],
      ['new', false],
    ])
  })

  test('UNSUBSCRIBE ends a replay; subscribing again in the midst of one loses nothing', async () => {
    const { broker, clock } = await startBroker()
    for (let i = 0; i < 1_000; i++) await broker.publish(`r/${i}`, 'x', { retain: true })
    const client = await TestClient.join(broker)
    await client.send(subscribe([{ topicFilter: '#', qos: 0 }]))
    const first = payloads(client.take()).length
    await client.send({ type: 'unsubscribe', packetIdentifier: 6, topicFilters: ['#'] })
    for (let turn = 0; turn < 10; turn++) clock.advance(0)
    expect(payloads(client.take())).toEqual([])
    expect(first).toBeLessThan(1_000)

    await client.send(subscribe([{ topicFilter: '#', qos: 0, retainHandling: 1 }]))
    await client.send(subscribe([{ topicFilter: '#', qos: 0, retainHandling: 1 }]))
    for (let turn = 0; turn < 10; turn++) clock.advance(0)
    expect(payloads(client.take())).toHaveLength(1_000)
  })

  test('what a kept session had not been sent yet waits for its return', async () => {
    const { broker } = await startBroker()
    for (let i = 0; i < 100; i++) await broker.publish(`r/${i}`, 'x', { retain: true, qos: 1 })
    const kept = {
      clientId: 's',
      cleanStart: false,
      properties: { sessionExpiryInterval: 100, receiveMaximum: 3 },
    }
    const client = await TestClient.join(broker, kept)
    await client.send(subscribe([{ topicFilter: '#', qos: 1 }]))
    expect(payloads(client.take())).toHaveLength(3)
    await client.drop()
    const again = await TestClient.join(broker, {
      ...kept,
      properties: { sessionExpiryInterval: 100 },
    })
    expect(new Set(only(again.take(), 'publish').map(({ topicName }) => topicName)).size).toBe(100)
  })

  test('bounds in count and bytes are answered with 0x97; replacing and removing go on', async () => {
    const { broker } = await startBroker({ maximumRetainedMessages: 1, maximumRetainedBytes: 100 })
    const client = await TestClient.join(broker)
    const retain = (topicName: string, size: number): PacketInput => ({
      type: 'publish',
      topicName,
      payload: new Uint8Array(size),
      retain: true,
      qos: 1,
      packetIdentifier: 1,
    })
    await client.send(
      retain('a', 10),
      retain('b', 10),
      retain('a', 90),
      retain('a', 101),
      retain('a', 0),
      retain('b', 1),
    )
    expect(only(client.take(), 'puback').map(({ reasonCode }) => reasonCode)).toEqual([
      0x10, 0x97, 0x10, 0x97, 0x10, 0x10,
    ])
    const old = await TestClient.join(broker, { clientId: 'old' }, 4)
    await old.send(retain('c', 1))
    expect(old.take()).toEqual([])
    expect(old.isClosed).toBe(true)
  })
})
