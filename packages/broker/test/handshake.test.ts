import type { Broker } from '@promptmq/broker'
import type { ConnectInput, ProtocolVersion } from '@promptmq/codec'
import { settle, TestClient, VirtualTransport, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, startBroker, text } from './harness.ts'

/** Sends bytes on a fresh connection: what comes back, and whether it was closed. */
async function exchange(broker: Broker, bytes: Uint8Array) {
  const transport = new VirtualTransport()
  broker.connect(transport)
  transport.send(bytes)
  await settle()
  return { answer: transport.taken(), isClosed: transport.isEnded }
}

describe('CONNECT, §3.1', () => {
  test('[MQTT-3.1.4-5] a valid CONNECT is answered with Success', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.connect(broker, { clientId: 'a' })
    expect(client.take()).toMatchObject([
      {
        type: 'connack',
        sessionPresent: false,
        reasonCode: 0,
        properties: { topicAliasMaximum: 32, maximumPacketSize: 16 * 1024 * 1024 },
      },
    ])
  })

  test.each([
    ['5.0', wire`10 0d 00 04 "MQTT" 05 02 00 3c 00 | 00 00`],
    ['3.1.1', wire`10 0d 00 04 "MQTT" 04 02 00 3c 00 01 "a"`],
    ['3.1', wire`10 0f 00 06 "MQIsdp" 03 02 00 3c 00 01 "a"`],
  ])('MQTT %s is served', async (version, connect) => {
    const { broker } = await startBroker()
    const { answer, isClosed } = await exchange(broker, connect)
    expect(answer[0]).toBe(0x20)
    if (version !== '5.0') expect(answer).toEqual(wire`20 02 00 00`)
    expect(isClosed).toBe(false)
  })

  test.each([
    ['MQTT-3.1.0-1', 'PINGREQ first', wire`c0 00`, ''],
    ['MQTT-3.1.0-1', 'a PUBLISH of 256 MB first', wire`30 ff ff ff 7f`, ''],
    [
      'MQTT-3.1.2-1',
      'another protocol name',
      wire`10 0e 00 04 "MQTX" 05 02 00 3c 00 00 01 "a"`,
      '',
    ],
    ['MQTT-3.1.2-1', 'HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), ''],
    [
      'MQTT-3.1.2-2',
      'version 6',
      wire`10 0e 00 04 "MQTT" 06 02 00 3c 00 00 01 "a"`,
      '20 03 00 84 00',
    ],
    ['MQTT-3.1.2-2', 'version 2', wire`10 0e 00 04 "MQTT" 02 02 00 3c 00 00 01 "a"`, '20 02 00 01'],
    [
      'MQTT-3.1.2-3',
      'the reserved flag',
      wire`10 0e 00 04 "MQTT" 05 03 00 3c 00 00 01 "a"`,
      '20 03 00 81 00',
    ],
    [
      'MQTT-3.1.2-11',
      'Will QoS without a will',
      wire`10 0e 00 04 "MQTT" 05 0a 00 3c 00 00 01 "a"`,
      '20 03 00 81 00',
    ],
    [
      'MQTT-1.5.4-2',
      'U+0000 in the Client Identifier',
      wire`10 0e 00 04 "MQTT" 05 02 00 3c 00 00 01 00`,
      '20 03 00 81 00',
    ],
    [
      'MQTT-3.1.4-1',
      '3.1.1 with the reserved flag',
      wire`10 0d 00 04 "MQTT" 04 03 00 3c 00 01 "a"`,
      '',
    ],
    [
      'MQTT-3.1.2-24',
      'Receive Maximum 0',
      wire`10 11 00 04 "MQTT" 05 02 00 3c 03 21 00 00 00 01 "a"`,
      '20 03 00 82 00',
    ],
    ['MQTT-1.5.5-1', 'a Remaining Length of five bytes', wire`10 ff ff ff ff 01`, ''],
    [
      'MQTT-3.1.3-8',
      '3.1.1 without a name for a session to keep',
      wire`10 0c 00 04 "MQTT" 04 00 00 3c 00 00`,
      '20 02 00 02',
    ],
    [
      'MQTT-4.7.2-1',
      'a will to a name of the server',
      wire`10 18 00 04 "MQTT" 05 06 00 3c 00 00 01 "a" 00 00 04 "$SYS" 00 01 "x"`,
      '20 03 00 87 00',
    ],
  ])('[%s] %s is refused and closed', async (_statement, _what, bytes, expected) => {
    const { broker } = await startBroker({ reasonStrings: false })
    const { answer, isClosed } = await exchange(broker, bytes)
    expect(Buffer.from(answer).toString('hex')).toBe(expected.replaceAll(' ', ''))
    expect(isClosed).toBe(true)
    expect(broker.stats().sessions).toBe(0)
  })

  test('[MQTT-3.1.4-1] a CONNECT cut anywhere is waited for, and its peer is closed in time', async () => {
    const connect = wire`10 22 00 04 "MQTT" 05 ee 00 0a 00 00 01 "c" 05 18 00 00 00 05 00 01 "w" 00 03 "bye" 00 01 "u" 00 01 "p"`
    for (let cut = 0; cut < connect.length; cut++) {
      const { broker, clock } = await startBroker()
      const transport = new VirtualTransport()
      broker.connect(transport)
      transport.send(connect.subarray(0, cut))
      await settle()
      expect(transport.isEnded).toBe(false)
      clock.advance(9_999)
      expect(transport.isEnded).toBe(false)
      clock.advance(1)
      expect(transport.isEnded).toBe(true)
      expect(transport.taken()).toHaveLength(0)
      expect(broker.stats()).toMatchObject({ connections: 0, sessions: 0 })
    }
  })

  test('[MQTT-3.1.0-2] a second CONNECT is a protocol error', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'a' })
    await client.send({ type: 'connect', clientId: 'a', cleanStart: true, keepAlive: 0 })
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }])
    expect(client.isClosed).toBe(true)
  })

  test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] without a name it is given one, each another', async () => {
    const { broker } = await startBroker()
    const names = new Set<string | undefined>()
    for (let i = 0; i < 100; i++) {
      const client = await TestClient.connect(broker, { clientId: '' })
      names.add(only(client.take(), 'connack')[0]!.properties.assignedClientIdentifier)
    }
    expect(names.size).toBe(100)
    expect(names.has(undefined)).toBe(false)
    expect(broker.stats().connections).toBe(100)
  })

  test('a Keep Alive above the maximum is answered with the one in force, in 5.0', async () => {
    const { broker } = await startBroker({ maximumKeepAlive: 60 })
    for (const [keepAlive, answered] of [
      [0, 60],
      [61, 60],
      [60, undefined],
      [10, undefined],
    ] as const) {
      const client = await TestClient.connect(broker, { clientId: 'k', keepAlive })
      const [connack] = only(client.take(), 'connack')
      expect(connack!.properties.serverKeepAlive).toBe(answered)
    }
  })

  test('a Session Expiry Interval above the maximum is cut, and said so', async () => {
    const { broker } = await startBroker({ maximumSessionExpiry: 100 })
    const client = await TestClient.connect(broker, { properties: { sessionExpiryInterval: 101 } })
    expect(client.take()).toMatchObject([{ properties: { sessionExpiryInterval: 100 } }])
  })

  test('[MQTT-3.1.2-24] a client that cannot take a CONNACK is closed', async () => {
    const { broker } = await startBroker()
    for (let maximumPacketSize = 1; maximumPacketSize < 20; maximumPacketSize++) {
      const client = await TestClient.connect(broker, { properties: { maximumPacketSize } })
      const size = client.transport.taken().length
      expect(size).toBeLessThanOrEqual(maximumPacketSize)
      expect(client.isClosed).toBe(size === 0)
    }
  })

  test('more connections than the maximum are refused with 0x97', async () => {
    const { broker } = await startBroker({ maximumConnections: 2 })
    await TestClient.join(broker, { clientId: 'a' })
    await TestClient.join(broker, { clientId: 'b' })
    const third = await TestClient.connect(broker, { clientId: 'c' })
    expect(third.take()).toMatchObject([{ type: 'connack', reasonCode: 0x97 }])
    expect(third.isClosed).toBe(true)
    expect(broker.stats().connections).toBe(2)
  })

  test('an Authentication Method is answered with 0x8C: there is none', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.connect(broker, { properties: { authenticationMethod: 'X' } })
    expect(client.take()).toMatchObject([{ reasonCode: 0x8c }])
    expect(client.isClosed).toBe(true)
  })

  test('AUTH without a method is a protocol error', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.sendBytes(wire`f0 06 18 04 15 00 01 "m"`)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }])
  })

  test('[MQTT-3.1.4-6] nothing behind a refused CONNECT is processed', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'nobody', authenticate: () => Promise.resolve(false) })
    const client = new TestClient(broker)
    await client.send(
      { type: 'connect', clientId: 'a', cleanStart: true, keepAlive: 0 },
      { type: 'publish', topicName: 't', payload: text('x'), retain: true },
    )
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
    expect(broker.stats()).toMatchObject({ retainedMessages: 0, sessions: 0 })
  })

  test('[MQTT-3.2.0-1] packets sent right behind CONNECT are answered after CONNACK', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'slow', authenticate: () => Promise.resolve(true) })
    const client = new TestClient(broker)
    await client.send(
      { type: 'connect', clientId: 'a', cleanStart: true, keepAlive: 0 },
      { type: 'pingreq' },
      { type: 'pingreq' },
    )
    expect(client.take().map(({ type }) => type)).toEqual(['connack', 'pingresp', 'pingresp'])
  })
})

describe('take-over, §3.1.4', () => {
  test.each<[ProtocolVersion, string[]]>([
    [5, ['disconnect']],
    [4, []],
  ])('[MQTT-3.1.4-3] the older connection ends (version %i)', async (version, last) => {
    const { broker } = await startBroker()
    const connect: Partial<ConnectInput> = { clientId: 'same' }
    const first = await TestClient.join(broker, connect, version)
    const second = await TestClient.join(broker, connect, version)
    const packets = first.take()
    expect(packets.map(({ type }) => type)).toEqual(last)
    if (version === 5) expect(packets).toMatchObject([{ reasonCode: 0x8e }])
    expect(first.isClosed).toBe(true)
    expect(second.isClosed).toBe(false)
    expect(broker.stats()).toMatchObject({ connections: 1, sessions: 1 })
  })

  test('a client that races with itself leaves exactly one connection', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'slow', authenticate: () => Promise.resolve(true) })
    const clients = Array.from({ length: 50 }, () => new TestClient(broker))
    await Promise.all(
      clients.map((client) =>
        client.send({ type: 'connect', clientId: 'twin', cleanStart: false, keepAlive: 0 }),
      ),
    )
    expect(clients.filter((client) => !client.isClosed)).toHaveLength(1)
    expect(broker.stats()).toMatchObject({ connections: 1, sessions: 1 })
  })

  test('a session belongs to who made it: another user neither resumes nor ends it', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'anybody', authenticate: () => true })
    const alice = await TestClient.join(broker, { clientId: 'x', userName: 'alice' })
    const mallory = await TestClient.connect(broker, { clientId: 'x', userName: 'mallory' })
    expect(mallory.take()).toMatchObject([{ reasonCode: 0x87 }])
    expect(mallory.isClosed).toBe(true)
    expect(alice.isClosed).toBe(false)
  })

  test('a refused CONNECT does nothing to who is connected', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'password', authenticate: ({ password }) => password?.[0] === 1 })
    const alice = await TestClient.join(broker, {
      clientId: 'x',
      userName: 'a',
      password: Uint8Array.of(1),
    })
    const forged = await TestClient.connect(broker, {
      clientId: 'x',
      userName: 'a',
      password: Uint8Array.of(2),
    })
    expect(forged.take()).toMatchObject([{ sessionPresent: false, reasonCode: 0x87 }])
    expect(alice.isClosed).toBe(false)
  })
})
