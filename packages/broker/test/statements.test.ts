/**
 * Statements of MQTT 5.0 that no other file has at hand: each by its id, on packets, over a virtual
 * transport and a virtual clock.
 */
import { encode, type PacketInput } from '@promptmq/codec'
import { TestClient, VirtualTransport, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const publish = (
  topicName: string,
  payload: string,
  rest: Partial<Extract<PacketInput, { type: 'publish' }>> = {},
): PacketInput => ({ type: 'publish', topicName, payload: text(payload), ...rest })

const subscribe = (packetIdentifier: number, ...filters: [string, 0 | 1 | 2][]): PacketInput => ({
  type: 'subscribe',
  packetIdentifier,
  subscriptions: filters.map(([topicFilter, qos]) => ({ topicFilter, qos })),
})

const durable = { cleanStart: false, properties: { sessionExpiryInterval: 3_600 } }

describe('CONNECT and CONNACK', () => {
  test('[MQTT-3.1.2-28] [MQTT-4.12.0-6] CONNACK has nothing that was not asked for', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.connect(broker)
    const [connack] = only(client.take(), 'connack')
    expect(connack!.properties.responseInformation).toBeUndefined()
    expect(connack!.properties.authenticationMethod).toBeUndefined()
  })

  test('[MQTT-3.1.2-29] without Problem Information no answer has reasons or properties', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authorizePublish: () => false, authorizeSubscribe: () => false })
    const client = await TestClient.join(broker, { properties: { requestProblemInformation: 0 } })
    await client.send(
      publish('t', 'x', { qos: 1, packetIdentifier: 1 }),
      publish('t', 'x', { qos: 2, packetIdentifier: 2 }),
      subscribe(3, ['t', 0]),
      { type: 'unsubscribe', packetIdentifier: 4, topicFilters: ['none'] },
    )
    const answers = client.take()
    expect(answers.map(({ type }) => type)).toEqual(['puback', 'pubrec', 'suback', 'unsuback'])
    for (const answer of answers) {
      expect(answer).toMatchObject({ properties: { reasonString: undefined, userProperties: [] } })
    }
  })

  test('[MQTT-3.1.3-2] a session is known by its Client Identifier alone', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, { clientId: 'c', ...durable })
    await first.drop()
    const transport = new VirtualTransport('another address')
    broker.connect(transport)
    const userProperties: [string, string][] = [['k', 'v']]
    const properties = { sessionExpiryInterval: 3_600, userProperties }
    const connect = { type: 'connect', clientId: 'c', cleanStart: false, properties } as const
    transport.send(encode(connect, { protocolVersion: 5 }))
    // CONNACK, Session Present, Success.
    expect(transport.taken()).toMatchObject({ 0: 0x20, 2: 1, 3: 0 })
  })

  test('[MQTT-3.1.3-5] each letter and digit is good in a Client Identifier, 1 to 23 of them', async () => {
    const { broker } = await startBroker()
    const all = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
    const ids = [...all, ...(all.match(/.{1,23}/g) ?? [])]
    for (const clientId of ids) await TestClient.join(broker, { clientId })
    expect(broker.stats().connections).toBe(new Set(ids).size)
  })

  test('[MQTT-3.1.3-9] a client that is back in time has no will published, not then nor later', async () => {
    const { broker, clock } = await startBroker()
    const watcher = await TestClient.join(broker, { clientId: 'watcher' })
    await watcher.subscribe('w', 0)
    const will = { topicName: 'w', payload: text('bye'), properties: { willDelayInterval: 3 } }
    const dying = await TestClient.join(broker, { clientId: 'd', ...durable, will })
    await dying.drop()
    clock.advance(1_000)
    await TestClient.join(broker, { clientId: 'd', ...durable })
    clock.advance(3_600_000)
    expect(payloads(watcher.take())).toEqual([])
  })

  test('[MQTT-3.1.4-2] [MQTT-3.2.2-7] who is refused is told and closed, and takes nothing over', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'auth', authenticate: ({ userName }) => userName === 'good' })
    const good = await TestClient.join(broker, { clientId: 'c', userName: 'good' })
    const bad = await TestClient.connect(broker, { clientId: 'c', userName: 'bad' })
    expect(only(bad.take(), 'connack')).toMatchObject([{ sessionPresent: false, reasonCode: 0x87 }])
    expect(bad.isClosed).toBe(true)
    await good.send({ type: 'pingreq' })
    expect(good.take()).toEqual([{ type: 'pingresp' }])
  })

  test('[MQTT-3.1.4-4] Clean Start is obeyed on a take-over as well', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, { clientId: 'c', ...durable })
    await first.subscribe('t', 1)
    const second = await TestClient.connect(broker, { clientId: 'c', ...durable })
    expect(only(second.take(), 'connack')[0]).toMatchObject({ sessionPresent: true })
    const third = await TestClient.connect(broker, { clientId: 'c', cleanStart: true })
    expect(only(third.take(), 'connack')[0]).toMatchObject({ sessionPresent: false })
    await broker.publish('t', 'x', { qos: 1 })
    expect(third.take()).toEqual([])
    expect([first.isClosed, second.isClosed, third.isClosed]).toEqual([true, true, false])
  })

  test('[MQTT-3.2.0-2] [MQTT-3.2.2-9] one CONNACK, and full support goes without saying', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.connect(broker)
    expect(only(client.take(), 'connack')).toHaveLength(1)
    await client.subscribe('t', 2)
    await client.send(publish('t', 'x', { qos: 2, packetIdentifier: 1 }), { type: 'pingreq' })
    const again = client.take()
    expect(only(again, 'connack')).toHaveLength(0)
    const [connack] = only((await TestClient.connect(broker, { clientId: 'd' })).take(), 'connack')
    expect(connack!.properties.maximumQoS).toBeUndefined()
    expect(connack!.properties.retainAvailable).toBeUndefined()
  })

  test('[MQTT-3.2.2-16] assigned Client Identifiers are all different', async () => {
    const { broker } = await startBroker()
    const assigned: (string | undefined)[] = []
    for (let i = 0; i < 1_000; i++) {
      const client = await TestClient.connect(broker, { clientId: '' })
      assigned.push(only(client.take(), 'connack')[0]!.properties.assignedClientIdentifier)
    }
    expect(new Set(assigned).size).toBe(1_000)
    expect(assigned).not.toContain(undefined)
  })

  test('[MQTT-3.2.2-19] [MQTT-3.2.2-20] a CONNACK that refuses fits the Maximum Packet Size', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authenticate: () => false })
    const client = new TestClient(broker)
    const properties = { maximumPacketSize: 8 }
    client.transport.send(
      encode({ type: 'connect', clientId: 'c', properties }, { protocolVersion: 5 }),
    )
    const answer = client.transport.taken()
    expect(answer.length).toBeLessThanOrEqual(8)
    expect([...answer]).toEqual([...wire`20 03 00 87 00`])
  })

  test('[MQTT-3.2.2-22] without a Server Keep Alive the one that was asked for is in force', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.connect(broker, { keepAlive: 2 })
    expect(only(client.take(), 'connack')[0]!.properties.serverKeepAlive).toBeUndefined()
    clock.advance(2_999)
    expect(client.isClosed).toBe(false)
    clock.advance(2)
    expect(client.isClosed).toBe(true)
  })
})

describe('what a server may leave out', () => {
  const will = { topicName: 'w', payload: text('bye') }

  test('[MQTT-3.2.2-9] [MQTT-3.2.2-10] a maximum QoS is told, and the most that is granted', async () => {
    for (const maximumQoS of [0, 1] as const) {
      const { broker } = await startBroker({ maximumQoS })
      const client = await TestClient.connect(broker)
      expect(only(client.take(), 'connack')[0]!.properties.maximumQoS).toBe(maximumQoS)
      await client.send(subscribe(1, ['a', 0], ['b', 1], ['c', 2]))
      expect(only(client.take(), 'suback')[0]!.reasonCodes).toEqual([0, maximumQoS, maximumQoS])
      await client.send(publish('t', 'x', { qos: 2, packetIdentifier: 1 }))
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x9b }])
      expect(client.isClosed).toBe(true)
    }
  })

  test('[MQTT-3.2.2-12] a will above it is refused', async () => {
    const { broker } = await startBroker({ maximumQoS: 0 })
    const client = await TestClient.connect(broker, { will: { ...will, qos: 1 } })
    expect(only(client.take(), 'connack')).toMatchObject([{ reasonCode: 0x9b }])
    expect(client.isClosed).toBe(true)
  })

  test('[MQTT-3.2.2-13] without retained messages neither a will nor a message may be one', async () => {
    const { broker } = await startBroker({ retainAvailable: false })
    const refused = await TestClient.connect(broker, { will: { ...will, retain: true } })
    expect(only(refused.take(), 'connack')).toMatchObject([{ reasonCode: 0x9a }])
    expect(refused.isClosed).toBe(true)
    const client = await TestClient.connect(broker)
    expect(only(client.take(), 'connack')[0]!.properties.retainAvailable).toBe(0)
    await client.send(publish('t', 'x', { retain: true }))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x9a }])
    expect(broker.stats().retainedMessages).toBe(0)
  })
})

describe('PUBLISH', () => {
  test('[MQTT-3.3.2-16] [MQTT-3.3.2-20] Response Topic and Correlation Data come byte for byte', async () => {
    const { broker } = await startBroker()
    const subscriber = await TestClient.join(broker, { clientId: 's' })
    await subscriber.subscribe('t', 0)
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    const all = Uint8Array.from({ length: 65_535 }, (_, i) => i & 0xff)
    for (const correlationData of [new Uint8Array(0), all]) {
      const properties = { correlationData, responseTopic: 'answer/é/to', contentType: 'a/b' }
      await publisher.send(publish('t', 'x', { properties }))
      expect(only(subscriber.take(), 'publish')[0]!.properties).toMatchObject(properties)
    }
  })

  test('[MQTT-3.3.2-1] [MQTT-3.3.2-3] the Topic Name comes first, whatever filter matched it', async () => {
    const { broker } = await startBroker()
    for (const [i, filter] of ['a/b', 'a/+', '#', 'a/#', 'a/b/#', '+/b'].entries()) {
      const client = await TestClient.join(broker, { clientId: `c${i}` })
      await client.subscribe(filter, 0)
      await broker.publish('a/b', 'x')
      await broker.publish('other', 'x', { properties: { contentType: 'none' } })
      const bytes = client.transport.taken()
      expect([...bytes.subarray(0, 9)]).toEqual([...wire`30 07 00 03 "a/b" 00 "x"`])
      expect(bytes.length > 9).toBe(filter === '#')
    }
  })

  test('[MQTT-4.3.1-1] [MQTT-4.3.3-2] first bytes of deliveries', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    for (const [qos, firstByte] of [
      [0, 0x30],
      [1, 0x32],
      [2, 0x34],
    ] as const) {
      await client.subscribe(`t/${qos}`, qos)
      await broker.publish(`t/${qos}`, 'x', { qos })
      expect(client.transport.taken()[0]).toBe(firstByte)
    }
  })
})

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  test('[MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.10.4-4] each is answered with its identifier', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(
      subscribe(7, ['a', 0]),
      { type: 'unsubscribe', packetIdentifier: 65_535, topicFilters: ['a'] },
      subscribe(1, ['b', 1]),
    )
    expect(client.take()).toMatchObject([
      { type: 'suback', packetIdentifier: 7 },
      { type: 'unsuback', packetIdentifier: 65_535 },
      { type: 'suback', packetIdentifier: 1 },
    ])
  })

  test('[MQTT-3.8.4-4] subscribing again loses nothing and repeats nothing', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 1)
    const expected: string[] = []
    for (let i = 0; i < 50; i++) {
      await broker.publish('t', String(i), { qos: 1 })
      expected.push(String(i))
      await client.send(subscribe(i + 2, ['t', i % 2 === 0 ? 1 : 2]))
    }
    expect(payloads(client.take())).toEqual(expected)
  })

  test('[MQTT-3.8.4-5] [MQTT-3.8.4-7] filters of one packet are as many packets: the last wins', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(subscribe(1, ['t', 0], ['u', 2], ['t', 1]))
    expect(only(client.take(), 'suback')[0]!.reasonCodes).toEqual([0, 2, 1])
    await broker.publish('t', 'x', { qos: 2 })
    expect(only(client.take(), 'publish')).toMatchObject([{ qos: 1 }])
  })

  test('[MQTT-3.10.4-2] [MQTT-3.10.4-6] after UNSUBACK nothing comes; one code a filter, in order', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(subscribe(1, ['a', 0], ['b', 0]))
    const topicFilters = ['a', 'none', 'b', 'a']
    await client.send({ type: 'unsubscribe', packetIdentifier: 2, topicFilters })
    expect(only(client.take(), 'unsuback')[0]!.reasonCodes).toEqual([0, 0x11, 0, 0x11])
    await broker.publish('a', 'x')
    expect(client.take()).toEqual([])
  })

  test('[MQTT-3.10.4-3] what is in flight is completed after UNSUBSCRIBE, also on the next connection', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'c', ...durable })
    await client.subscribe('t', 2)
    await broker.publish('t', 'one', { qos: 2 })
    const packetIdentifier = only(client.take(), 'publish')[0]!.packetIdentifier!
    await client.send({ type: 'unsubscribe', packetIdentifier: 9, topicFilters: ['t'] })
    await client.send({ type: 'pubrec', packetIdentifier })
    expect(only(client.take(), 'pubrel')).toMatchObject([{ packetIdentifier }])
    await client.drop()
    const again = await TestClient.join(broker, { clientId: 'c', ...durable })
    expect(only(again.take(), 'pubrel')).toMatchObject([{ packetIdentifier }])
  })

  test('[MQTT-4.8.2-3] each member of a group gets the lower of published and granted QoS', async () => {
    const { broker } = await startBroker()
    const members: TestClient[] = []
    for (const qos of [0, 2] as const) {
      const member = await TestClient.join(broker, { clientId: `m${qos}` })
      await member.subscribe('$share/g/t', qos)
      members.push(member)
    }
    for (let i = 0; i < 4; i++) await broker.publish('t', String(i), { qos: 1 })
    const got = members.map((member) => only(member.take(), 'publish').map(({ qos }) => qos))
    expect(got).toEqual([
      [0, 0],
      [1, 1],
    ])
  })

  test('[MQTT-4.8.2-6] what a member refuses goes to nobody else', async () => {
    const { broker } = await startBroker()
    const members: TestClient[] = []
    for (const clientId of ['a', 'b']) {
      const member = await TestClient.join(broker, { clientId })
      await member.subscribe('$share/g/t', 1)
      members.push(member)
    }
    await broker.publish('t', 'x', { qos: 1 })
    const packetIdentifier = only(members[0]!.take(), 'publish')[0]!.packetIdentifier!
    await members[0]!.send({ type: 'puback', packetIdentifier, reasonCode: 0x80 })
    expect(members.map((member) => member.take())).toEqual([[], []])
  })
})

describe('Maximum Packet Size', () => {
  test.each([
    ['MQTT-3.4.2-2 MQTT-3.4.2-3', 'PUBACK', publish('t', 'x', { qos: 1, packetIdentifier: 1 })],
    ['MQTT-3.5.2-2 MQTT-3.5.2-3', 'PUBREC', publish('t', 'x', { qos: 2, packetIdentifier: 1 })],
    ['MQTT-3.7.2-2 MQTT-3.7.2-3', 'PUBCOMP', { type: 'pubrel', packetIdentifier: 1 } as const],
    ['MQTT-3.9.2-1 MQTT-3.9.2-2', 'SUBACK', subscribe(1, ['t', 0])],
    [
      'MQTT-3.11.2-1 MQTT-3.11.2-2',
      'UNSUBACK',
      { type: 'unsubscribe', packetIdentifier: 1, topicFilters: ['none'] } as const,
    ],
  ])(
    '[%s] %s that refuses is within it, without a reason in words',
    async (_ids, _name, packet) => {
      const { broker } = await startBroker()
      broker.use({ name: 'no', authorizePublish: () => false, authorizeSubscribe: () => false })
      const connect = { type: 'connect', clientId: 'c', keepAlive: 0 } as const
      const client = new TestClient(broker)
      // CONNACK alone takes more; it is within the larger limit and the answers are within 6.
      await client.send({ ...connect, properties: { maximumPacketSize: 20 } })
      client.take()
      await client.send(packet)
      const answer = client.transport.taken()
      expect(answer.length).toBeGreaterThan(3)
      expect(answer.length).toBeLessThanOrEqual(6)
    },
  )

  test('[MQTT-3.6.2-2] [MQTT-3.6.2-3] PUBREL for what is not known is within it', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { properties: { maximumPacketSize: 20 } })
    client.transport.send(encode({ type: 'pubrec', packetIdentifier: 5 }, { protocolVersion: 5 }))
    expect([...client.transport.taken()]).toEqual([...wire`62 03 00 05 92`])
  })

  test('[MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.14.4-2] DISCONNECT is within it, and the last there is', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { properties: { maximumPacketSize: 20 } })
    client.transport.send(wire`36 05 00 01 "t" | 00 01`)
    expect([...client.transport.taken()]).toEqual([...wire`e0 01 81`])
    expect(client.isClosed).toBe(true)
    client.transport.send(wire`c0 00`)
    expect(client.transport.taken()).toHaveLength(0)
  })
})

test('[MQTT-3.12.4-1] PINGREQ is answered with PINGRESP', async () => {
  const { broker } = await startBroker()
  const client = await TestClient.join(broker)
  client.transport.send(wire`c0 00 c0 00`)
  expect([...client.transport.taken()]).toEqual([...wire`d0 00 d0 00`])
})

test('[MQTT-3.14.0-1] before CONNACK no DISCONNECT is sent, whatever is wrong', async () => {
  const { broker } = await startBroker()
  for (const bytes of [
    wire`c0 00`,
    wire`30 07 00 03 "a/b" 00 "!"`,
    wire`10 ff ff ff ff 01`,
    wire`10 0e 00 04 "MQTT" 05 03 00 3c 00 00 01 "a"`,
    wire`f0 00`,
  ]) {
    const client = new TestClient(broker)
    await client.sendBytes(bytes)
    expect(client.transport.taken().includes(0xe0)).toBe(false)
    expect(client.isClosed).toBe(true)
  }
})

test('[MQTT-4.12.0-1] a method of authentication that is not known is refused with 0x8C', async () => {
  const { broker } = await startBroker()
  const client = await TestClient.connect(broker, { properties: { authenticationMethod: 'X' } })
  expect(only(client.take(), 'connack')).toMatchObject([{ reasonCode: 0x8c }])
  expect(client.isClosed).toBe(true)
})

describe('sessions and deliveries', () => {
  test('[MQTT-4.1.0-1] a session lasts as long as its connection, whatever its expiry', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.join(broker, { properties: { sessionExpiryInterval: 1 } })
    await client.subscribe('t', 1)
    await broker.publish('t', 'one', { qos: 1 })
    clock.advance(1_000_000)
    await broker.publish('t', 'two', { qos: 1 })
    const got = only(client.take(), 'publish')
    expect(payloads(got)).toEqual(['one', 'two'])
    expect(new Set(got.map((one) => one.packetIdentifier)).size).toBe(2)
  })

  test('[MQTT-4.1.0-2] a session that has expired is gone with all that waited', async () => {
    const { broker, clock } = await startBroker()
    const properties = { sessionExpiryInterval: 1 }
    const client = await TestClient.join(broker, { clientId: 'c', cleanStart: false, properties })
    await client.subscribe('t', 1)
    await client.drop()
    await broker.publish('t', 'x', { qos: 1 })
    clock.advance(2_000)
    expect(broker.stats()).toMatchObject({ sessions: 0, subscriptions: 0 })
    const again = await TestClient.connect(broker, { clientId: 'c', cleanStart: false, properties })
    expect(only(again.take(), 'connack')).toMatchObject([{ sessionPresent: false }])
  })

  test('[MQTT-4.3.3-1] a Packet Identifier is used until PUBCOMP', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('t', 2)
    await broker.publish('t', 'one', { qos: 2 })
    await client.send({ type: 'pubrec', packetIdentifier: 1 })
    for (let i = 0; i < 20; i++) await broker.publish('t', 'more', { qos: 2 })
    expect(only(client.take(), 'publish').filter((one) => one.packetIdentifier === 1)).toHaveLength(
      1,
    )
  })

  test('[MQTT-4.3.3-3] without PUBREC the PUBLISH comes again, with DUP', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'c', ...durable })
    await client.subscribe('t', 2)
    await broker.publish('t', 'x', { qos: 2 })
    await client.drop()
    const again = await TestClient.join(broker, { clientId: 'c', ...durable })
    expect(only(again.take(), 'publish')).toMatchObject([
      { packetIdentifier: 1, dup: true, qos: 2, topicName: 't' },
    ])
  })

  test('[MQTT-4.3.3-8] [MQTT-4.3.3-9] QoS 2 is answered, and a refusal frees the identifier', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'acl', authorizePublish: (_, { topicName }) => topicName === 'good' })
    const client = await TestClient.join(broker)
    await client.subscribe('#', 0)
    const packet = { qos: 2, packetIdentifier: 9 } as const
    await client.send(publish('bad', 'x', packet), publish('good', 'y', packet))
    const got = client.take()
    expect(only(got, 'pubrec').map(({ reasonCode }) => reasonCode)).toEqual([0x87, 0])
    expect(payloads(got)).toEqual(['y'])
  })

  test('[MQTT-4.3.3-13] PUBREL is answered also when the message has expired meanwhile', async () => {
    const { broker, clock } = await startBroker()
    const client = await TestClient.join(broker)
    const properties = { messageExpiryInterval: 1 }
    await client.send(publish('t', 'x', { qos: 2, packetIdentifier: 3, properties }))
    clock.advance(2_000)
    await client.send({ type: 'pubrel', packetIdentifier: 3 })
    expect(only(client.take(), 'pubcomp')).toMatchObject([{ packetIdentifier: 3, reasonCode: 0 }])
  })

  test('[MQTT-4.5.0-1] who is away gets QoS 1 and 2 on its return', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'c', ...durable })
    await client.subscribe('t', 2)
    await client.drop()
    for (const qos of [0, 1, 2] as const) await broker.publish('t', `qos ${qos}`, { qos })
    const again = await TestClient.join(broker, { clientId: 'c', ...durable })
    expect(payloads(again.take())).toEqual(['qos 1', 'qos 2'])
  })

  test('[MQTT-4.6.0-5] order holds over a stalled socket, a queue, a window of 1 and a return', async () => {
    const { broker } = await startBroker()
    const join = () => {
      const properties = { ...durable.properties, receiveMaximum: 1 }
      return TestClient.join(broker, { clientId: 'c', cleanStart: false, properties })
    }
    const got: string[] = []
    let client = await join()
    await client.subscribe('t', 1)
    let next = 0
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) await broker.publish('t', String(next++), { qos: 1 })
    }
    const read = async () => {
      for (;;) {
        const packets = only(client.take(), 'publish')
        if (packets.length === 0) return
        expect(packets).toHaveLength(1)
        got.push(...payloads(packets))
        await client.send({ type: 'puback', packetIdentifier: packets[0]!.packetIdentifier! })
      }
    }
    await send(5)
    client.transport.stall()
    await send(5)
    client.transport.unstall()
    await read()
    await send(5)
    await client.drop()
    await send(5)
    client = await join()
    await read()
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
  })

  test('[MQTT-4.8.2-5] a QoS 2 message whose session has ended goes to nobody else', async () => {
    const { broker, clock } = await startBroker()
    const properties = { sessionExpiryInterval: 1 }
    const first = await TestClient.join(broker, { clientId: 'first', properties })
    await first.subscribe('$share/g/t', 2)
    await broker.publish('t', 'x', { qos: 2 })
    expect(only(first.take(), 'publish')).toHaveLength(1)
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 2)
    await first.drop()
    clock.advance(2_000)
    expect(broker.stats().sessions).toBe(1)
    expect(second.take()).toEqual([])
  })

  test('[MQTT-4.9.0-1] the quota begins at the Receive Maximum, with each connection', async () => {
    const { broker } = await startBroker()
    const connect = {
      clientId: 'c',
      cleanStart: false,
      properties: { sessionExpiryInterval: 3_600, receiveMaximum: 2 },
    }
    const client = await TestClient.join(broker, connect)
    await client.subscribe('t', 1)
    for (let i = 0; i < 5; i++) await broker.publish('t', String(i), { qos: 1 })
    expect(payloads(client.take())).toEqual(['0', '1'])
    await client.drop()
    const again = await TestClient.join(broker, connect)
    expect(payloads(again.take())).toEqual(['0', '1'])
    await again.send({ type: 'puback', packetIdentifier: 1 })
    expect(payloads(again.take())).toEqual(['2'])
  })
})
