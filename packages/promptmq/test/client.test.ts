import type { Packet, Publish } from '@promptmq/codec'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConnectOptions } from '../src/client/connect-options.ts'
import { formatAddress } from '../src/client/connect-options.ts'
import { PacketIdentifiers } from '../src/client/packet-identifiers.ts'
import { Client, type OutgoingMessage } from '../src/client.ts'
import { type Peer, ScriptedServer } from './scripted-server.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const message: OutgoingMessage = {
  topicName: 'a/b',
  payload: bytes('x'),
  qos: 0,
  retain: false,
  properties: {},
}

let server: ScriptedServer
let log: string[]

beforeEach(async () => {
  server = await ScriptedServer.start()
  log = []
})
afterEach(() => server.close())

function optionsWith(more: Partial<ConnectOptions> = {}): ConnectOptions {
  return {
    address: { host: '127.0.0.1', port: server.port },
    clientId: 'me',
    cleanStart: true,
    keepAlive: 60,
    userName: undefined,
    password: undefined,
    will: undefined,
    properties: {},
    connectTimeoutMs: 10_000,
    log: (line) => log.push(line),
    ...more,
  }
}

/** A client and its peer, connected. */
async function pair(connack: object = {}, more: Partial<ConnectOptions> = {}) {
  const [client, peer] = await Promise.all([
    Client.connect(optionsWith(more)),
    server.welcome(connack),
  ])
  return { client, peer }
}

/** What a client takes, as text. */
function collect(client: Client): string[] {
  const taken: string[] = []
  client.onMessage = ({ topicName, payload }) => {
    taken.push(`${topicName} ${Buffer.from(payload).toString()}`)
  }
  return taken
}

function publication(more: Partial<Publish> = {}) {
  return { type: 'publish', topicName: 'a', payload: bytes('x'), qos: 0, ...more } as const
}

/** Everything that went before has been taken when this has come back. */
async function roundTrip(client: Client, peer: Peer): Promise<Packet[]> {
  const answer = client.subscribe({ subscriptions: [{ topicFilter: 'sync', qos: 0 }] })
  const packets: Packet[] = []
  for (;;) {
    const packet = await peer.next()
    if (packet === 'end') throw new Error('the client ended the connection')
    if (packet.type === 'subscribe') {
      peer.send({ type: 'suback', packetIdentifier: packet.packetIdentifier, reasonCodes: [0] })
      await answer
      return packets
    }
    packets.push(packet)
  }
}

describe('CONNECT', () => {
  test('[MQTT-3.1.0-1] it comes first, and says all that was asked for', async () => {
    const connecting = Client.connect(
      optionsWith({
        cleanStart: false,
        keepAlive: 7,
        userName: 'u',
        password: 'ü',
        properties: { sessionExpiryInterval: 3, receiveMaximum: 9 },
        will: {
          topicName: 'w',
          payload: bytes('gone'),
          qos: 1,
          retain: true,
          properties: { willDelayInterval: 2 },
        },
      }),
    )
    const peer = await server.accept()
    expect(await peer.next()).toMatchObject({
      type: 'connect',
      protocolVersion: 5,
      clientId: 'me',
      cleanStart: false,
      keepAlive: 7,
      userName: 'u',
      password: bytes('ü'),
      properties: { sessionExpiryInterval: 3, receiveMaximum: 9 },
      will: {
        topicName: 'w',
        payload: bytes('gone'),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 2 },
      },
    })
    peer.send({ type: 'connack', reasonCode: 0, sessionPresent: true })
    expect((await connecting).connack.sessionPresent).toBe(true)
    expect(log).toEqual(['sending CONNECT', 'received CONNACK'])
  })

  test('a refusal is told with the name of its Reason Code and its Reason String', async () => {
    const connecting = Client.connect(optionsWith())
    const refused = expect(connecting).rejects.toThrow(
      `127.0.0.1:${server.port} refused the connection: Not authorized (0x87): go away`,
    )
    const peer = await server.accept()
    await peer.expect('connect')
    peer.send({ type: 'connack', reasonCode: 0x87, properties: { reasonString: 'go away' } })
    await refused
    expect(await peer.next()).toBe('end')
  })

  test('a server that is not there is named', async () => {
    const { port } = server
    await server.close()
    await expect(
      Client.connect(optionsWith({ address: { host: '127.0.0.1', port } })),
    ).rejects.toThrow(`cannot connect to 127.0.0.1:${port}: connection refused (ECONNREFUSED)`)
    server = await ScriptedServer.start()
  })

  test('a server that hangs up, says something else or nothing at all', async () => {
    const place = `127.0.0.1:${server.port}`
    const attempts: [string, (peer: Peer) => void][] = [
      [`${place} closed the connection`, (peer) => peer.socket.end()],
      [`${place} answered CONNECT with PINGRESP`, (peer) => peer.send({ type: 'pingresp' })],
      [`${place} does not keep to MQTT 5: `, (peer) => peer.sendHex('20 02 00 01')],
      [`${place} does not keep to MQTT 5: `, (peer) => peer.sendHex('00 00')],
      [`${place} did not answer CONNECT in time`, () => {}],
    ]
    for (const [text, answer] of attempts) {
      const connecting = Client.connect(
        optionsWith({ connectTimeoutMs: text.endsWith('time') ? 50 : 10_000 }),
      )
      const failed = expect(connecting).rejects.toThrow(text)
      const peer = await server.accept()
      await peer.expect('connect')
      answer(peer)
      await failed
    }
  })

  test('[MQTT-3.2.2-4] a session that was not asked for ends the connection', async () => {
    const connecting = Client.connect(optionsWith())
    const failed = expect(connecting).rejects.toThrow('says that it has a session')
    const peer = await server.accept()
    await peer.expect('connect')
    peer.send({ type: 'connack', reasonCode: 0, sessionPresent: true })
    await failed
    expect(await peer.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x82 })
  })

  test('it can be given up, before and after the connection is made', async () => {
    await expect(Client.connect(optionsWith(), undefined, AbortSignal.abort())).rejects.toThrow(
      'no answer in time',
    )
    const controller = new AbortController()
    const connecting = Client.connect(optionsWith(), undefined, controller.signal)
    const failed = expect(connecting).rejects.toThrow('did not answer CONNECT in time')
    const peer = await server.accept()
    await peer.expect('connect')
    controller.abort()
    await failed
    expect(await peer.next()).toBe('end')
  })

  test('what follows CONNACK in the same chunk is taken', async () => {
    const taken: string[] = []
    const connecting = Client.connect(optionsWith({ cleanStart: false }), ({ payload }) => {
      taken.push(Buffer.from(payload).toString())
    })
    const peer = await server.accept()
    await peer.expect('connect')
    peer.send(
      { type: 'connack', reasonCode: 0, sessionPresent: true },
      publication({ qos: 1, packetIdentifier: 1, payload: bytes('first') }),
      publication({ qos: 1, packetIdentifier: 2, payload: bytes('second') }),
    )
    expect(await peer.expect('puback')).toMatchObject({ packetIdentifier: 1 })
    expect(await peer.expect('puback')).toMatchObject({ packetIdentifier: 2 })
    await connecting
    expect(taken).toEqual(['first', 'second'])
  })

  test('addresses are written as one writes them', () => {
    expect(formatAddress({ host: 'h', port: 1 })).toBe('h:1')
    expect(formatAddress({ host: '::1', port: 1 })).toBe('[::1]:1')
    expect(formatAddress({ path: '/run/x' })).toBe('/run/x')
  })
})

describe('publishing', () => {
  test('[MQTT-2.2.1-2] QoS 0 has no Packet Identifier and no answer', async () => {
    const { client, peer } = await pair()
    expect(await client.publish(message)).toBe(0)
    const packet = await peer.expect('publish')
    expect(packet).toMatchObject({ topicName: 'a/b', payload: bytes('x'), qos: 0, dup: false })
    expect(packet.packetIdentifier).toBeUndefined()
  })

  test('[MQTT-4.3.2-3] QoS 1 is over at PUBACK, with its Reason Code', async () => {
    const { client, peer } = await pair()
    const outcomes = [
      client.publish({ ...message, qos: 1 }),
      client.publish({ ...message, qos: 1 }),
    ]
    const first = await peer.expect('publish')
    const second = await peer.expect('publish')
    expect(first.packetIdentifier).not.toBe(second.packetIdentifier) // [MQTT-4.3.2-1]
    peer.send({ type: 'puback', packetIdentifier: second.packetIdentifier!, reasonCode: 0x97 })
    expect(await outcomes[1]).toBe(0x97)
    peer.send({ type: 'puback', packetIdentifier: first.packetIdentifier!, reasonCode: 0x10 })
    expect(await outcomes[0]).toBe(0x10)
    await client.settled()
  })

  test('[MQTT-4.3.3-4] QoS 2 answers PUBREC with PUBREL, [MQTT-4.3.3-5] and is over at PUBCOMP', async () => {
    const { client, peer } = await pair()
    let isOver = false
    const outcome = client.publish({ ...message, qos: 2 }).finally(() => {
      isOver = true
    })
    const { packetIdentifier = 0 } = await peer.expect('publish')
    peer.send({ type: 'pubrec', packetIdentifier, reasonCode: 0 })
    expect(await peer.expect('pubrel')).toMatchObject({ packetIdentifier, reasonCode: 0 })
    await roundTrip(client, peer)
    expect(isOver).toBe(false)
    peer.send({ type: 'pubcomp', packetIdentifier, reasonCode: 0 })
    expect(await outcome).toBe(0)
  })

  test('[MQTT-4.4.0-2] PUBREC from 0x80 ends it, without PUBREL', async () => {
    const { client, peer } = await pair()
    const outcome = client.publish({ ...message, qos: 2 })
    const { packetIdentifier = 0 } = await peer.expect('publish')
    peer.send({ type: 'pubrec', packetIdentifier, reasonCode: 0x87 })
    expect(await outcome).toBe(0x87)
    expect(await roundTrip(client, peer)).toEqual([])
  })

  test('answers to what was never sent are answered or passed over', async () => {
    const { client, peer } = await pair()
    peer.send({ type: 'puback', packetIdentifier: 9 }, { type: 'pubcomp', packetIdentifier: 9 })
    peer.send({ type: 'pubrec', packetIdentifier: 9, reasonCode: 0 })
    expect(await peer.expect('pubrel')).toMatchObject({ packetIdentifier: 9, reasonCode: 0x92 })
    expect(await roundTrip(client, peer)).toEqual([])
    expect(log).toContain('there is no message with identifier 9')
  })

  test.each([
    [1, 'pubrec'],
    [1, 'pubcomp'],
    [2, 'puback'],
  ] as const)('QoS %d answered by %s breaks the protocol', async (qos, type) => {
    const { client, peer } = await pair()
    const failed = expect(client.publish({ ...message, qos })).rejects.toThrow(
      'is not acknowledged like this',
    )
    const { packetIdentifier = 0 } = await peer.expect('publish')
    peer.send({ type, packetIdentifier, reasonCode: 0 })
    await failed
    expect(await peer.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x82 })
  })

  test('[MQTT-4.9.0-2] room waits at Receive Maximum, [MQTT-4.9.0-3] and nothing else does', async () => {
    const { client, peer } = await pair({ receiveMaximum: 2 })
    const outcomes = [
      client.publish({ ...message, qos: 1 }),
      client.publish({ ...message, qos: 2 }),
    ]
    const first = await peer.expect('publish')
    const second = await peer.expect('publish')
    let hasRoom = false
    const room = client.room().then(() => {
      hasRoom = true
    })
    await roundTrip(client, peer)
    // A PUBREC frees nothing, PUBCOMP does.
    peer.send({ type: 'pubrec', packetIdentifier: second.packetIdentifier!, reasonCode: 0 })
    await peer.expect('pubrel')
    await roundTrip(client, peer)
    expect(hasRoom).toBe(false)
    peer.send({ type: 'pubcomp', packetIdentifier: second.packetIdentifier!, reasonCode: 0 })
    await room
    peer.send({ type: 'puback', packetIdentifier: first.packetIdentifier!, reasonCode: 0 })
    expect(await Promise.all(outcomes)).toEqual([0, 0])
  })

  test('room waits for the socket, too', async () => {
    const { client, peer } = await pair()
    peer.socket.pause()
    const big = { ...message, payload: new Uint8Array(4 * 1024 * 1024) }
    await client.publish(big)
    let hasRoom = false
    const room = client.room().then(() => {
      hasRoom = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(hasRoom).toBe(false)
    peer.socket.resume()
    await room
  })

  test.each([
    ['MQTT-3.2.2-11', { maximumQoS: 1 }, { qos: 2 }, 'takes QoS up to 1, not 2'],
    ['MQTT-3.2.2-14', { retainAvailable: 0 }, { retain: true }, 'retains no messages'],
    [
      'MQTT-3.2.2-15',
      { maximumPacketSize: 20 },
      { payload: new Uint8Array(20) },
      'takes packets of at most 20 bytes',
    ],
    [
      'MQTT-3.2.2-17',
      { topicAliasMaximum: 2 },
      { properties: { topicAlias: 3 } },
      'takes Topic Aliases up to 2',
    ],
    ['MQTT-3.2.2-18', {}, { properties: { topicAlias: 1 } }, 'takes Topic Aliases up to 0'],
  ] as const)('[%s] what CONNACK %j rules out is not sent', async (_id, connack, more, text) => {
    const { client, peer } = await pair(connack)
    await expect(client.publish({ ...message, ...more })).rejects.toThrow(text)
    expect(await roundTrip(client, peer)).toEqual([])
  })

  test('a topic is sent once with its alias, then only the alias', async () => {
    const { client, peer } = await pair({ topicAliasMaximum: 1 })
    const aliased = { ...message, properties: { topicAlias: 1 } }
    for (const topicName of ['a', 'a', 'b', 'b']) await client.publish({ ...aliased, topicName })
    const names: string[] = []
    for (let i = 0; i < 4; i++) names.push((await peer.expect('publish')).topicName)
    expect(names).toEqual(['a', '', 'b', ''])
  })

  test('everything that waits fails when the connection ends', async () => {
    const { client, peer } = await pair({ receiveMaximum: 1 })
    const outcomes = [
      client.publish({ ...message, qos: 1 }),
      client.subscribe({ subscriptions: [{ topicFilter: 'a', qos: 0 }] }),
      client.unsubscribe({ topicFilters: ['a'] }),
    ].map((outcome) =>
      expect(outcome).rejects.toThrow('ended the connection: Server shutting down (0x8B): bye'),
    )
    const room = client.room()
    const settled = client.settled()
    peer.send({ type: 'disconnect', reasonCode: 0x8b, properties: { reasonString: 'bye' } })
    await Promise.all(outcomes)
    await room
    await settled
    expect((await client.closed)?.message).toContain('Server shutting down')
    // What comes now goes nowhere, and waits for nothing.
    expect(await client.publish(message)).toBe(0)
    await client.room()
    await client.disconnect()
  })
})

describe('receiving', () => {
  test('each QoS is taken and answered as it demands [MQTT-3.3.4-1]', async () => {
    const { client, peer } = await pair()
    const taken = collect(client)
    peer.send(
      publication({ payload: bytes('0') }),
      publication({ payload: bytes('1'), qos: 1, packetIdentifier: 5 }),
      publication({ payload: bytes('2'), qos: 2, packetIdentifier: 6 }),
    )
    expect(await peer.next()).toMatchObject({ type: 'puback', packetIdentifier: 5, reasonCode: 0 })
    expect(await peer.next()).toMatchObject({ type: 'pubrec', packetIdentifier: 6, reasonCode: 0 })
    peer.send({ type: 'pubrel', packetIdentifier: 6 })
    expect(await peer.next()).toMatchObject({ type: 'pubcomp', packetIdentifier: 6, reasonCode: 0 })
    expect(taken).toEqual(['a 0', 'a 1', 'a 2'])
    await client.settled()
  })

  test('[MQTT-4.3.3-10] QoS 2 is taken once until PUBREL, [MQTT-4.3.3-12] and then anew', async () => {
    const { client, peer } = await pair()
    const taken = collect(client)
    const packet = publication({ qos: 2, packetIdentifier: 6 })
    peer.send(packet, { ...packet, dup: true })
    await peer.expect('pubrec')
    await peer.expect('pubrec')
    peer.send({ type: 'pubrel', packetIdentifier: 6 }, packet)
    await peer.expect('pubcomp')
    await peer.expect('pubrec')
    expect(taken).toEqual(['a x', 'a x'])
  })

  test('[MQTT-4.3.2-5] QoS 1 is taken each time', async () => {
    const { client, peer } = await pair()
    const taken = collect(client)
    const packet = publication({ qos: 1, packetIdentifier: 6 })
    peer.send(packet, { ...packet, dup: true })
    await peer.expect('puback')
    await peer.expect('puback')
    expect(taken).toHaveLength(2)
  })

  test('[MQTT-4.3.3-11] PUBREL for nothing is answered with 0x92', async () => {
    const { peer } = await pair()
    peer.send({ type: 'pubrel', packetIdentifier: 6 })
    expect(await peer.next()).toMatchObject({
      type: 'pubcomp',
      packetIdentifier: 6,
      reasonCode: 0x92,
    })
  })

  test('messages that nobody takes are not acknowledged', async () => {
    const { client, peer } = await pair()
    peer.send(publication({ qos: 1, packetIdentifier: 5 }))
    expect(await roundTrip(client, peer)).toEqual([])
  })

  test('[MQTT-3.3.2-10] an alias stands for its topic, up to the maximum that CONNECT said', async () => {
    const { client, peer } = await pair({}, { properties: { topicAliasMaximum: 2 } })
    const taken = collect(client)
    const aliased = (topicName: string, topicAlias: number) => ({
      ...publication(),
      topicName,
      properties: { topicAlias },
    })
    peer.send(aliased('a', 1), aliased('', 1), aliased('b', 1), aliased('', 1), aliased('c', 2))
    await roundTrip(client, peer)
    expect(taken).toEqual(['a x', 'a x', 'b x', 'b x', 'c x'])
    peer.send(aliased('d', 3))
    expect(await peer.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x94 })
    expect((await client.closed)?.message).toContain('Topic Alias 3 means nothing here')
  })

  test('an alias that stands for nothing ends the connection', async () => {
    const { peer } = await pair({}, { properties: { topicAliasMaximum: 2 } })
    peer.send({ ...publication(), topicName: '', properties: { topicAlias: 1 } })
    expect(await peer.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x94 })
  })

  test('pause stops in the middle of a chunk, resume goes on there, in order', async () => {
    const { client, peer } = await pair()
    const taken: string[] = []
    client.onMessage = ({ payload }) => {
      taken.push(Buffer.from(payload).toString())
      if (taken.length === 2) client.pause()
    }
    peer.send(...['1', '2', '3', '4'].map((text) => publication({ payload: bytes(text) })))
    peer.send({ ...publication({ payload: bytes('5') }), qos: 1, packetIdentifier: 5 })
    while (taken.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(taken).toEqual(['1', '2'])
    client.resume()
    await peer.expect('puback')
    expect(taken).toEqual(['1', '2', '3', '4', '5'])
  })

  test.each([
    ['a bad packet', '30 01 00', 0x81],
    ['a bad header', '36 00', 0x81],
    ['a packet that only clients send', 'c0 00', 0x82],
    ['an answer that nobody waits for', '90 04 00 09 00 00', 0x82],
  ])('%s ends the connection, and the server is told', async (_what, hex, reasonCode) => {
    const { client, peer } = await pair()
    peer.sendHex(hex)
    expect(await peer.next()).toMatchObject({ type: 'disconnect', reasonCode })
    expect((await client.closed)?.message).toMatch(/^127.0.0.1:\d+ does not keep to MQTT 5: ./)
  })
})

describe('SUBSCRIBE, UNSUBSCRIBE', () => {
  test('the answers come to who asked, in whatever order', async () => {
    const { client, peer } = await pair()
    const subscribed = client.subscribe({
      subscriptions: [
        { topicFilter: 'a/#', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      ],
      properties: { subscriptionIdentifier: 7 },
    })
    const unsubscribed = client.unsubscribe({ topicFilters: ['b', 'c'] })
    const subscribe = await peer.expect('subscribe')
    expect(subscribe).toMatchObject({
      subscriptions: [
        { topicFilter: 'a/#', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      ],
      properties: { subscriptionIdentifier: 7 },
    })
    const unsubscribe = await peer.expect('unsubscribe')
    expect(unsubscribe.topicFilters).toEqual(['b', 'c'])
    expect(unsubscribe.packetIdentifier).not.toBe(subscribe.packetIdentifier) // [MQTT-2.2.1-3]
    peer.send({
      type: 'unsuback',
      packetIdentifier: unsubscribe.packetIdentifier,
      reasonCodes: [0, 0x11],
    })
    peer.send({ type: 'suback', packetIdentifier: subscribe.packetIdentifier, reasonCodes: [2] })
    expect((await unsubscribed).reasonCodes).toEqual([0, 0x11])
    expect((await subscribed).reasonCodes).toEqual([2])
  })

  test('SUBACK for an UNSUBSCRIBE breaks the protocol', async () => {
    const { client, peer } = await pair()
    const failed = expect(client.unsubscribe({ topicFilters: ['b'] })).rejects.toThrow(
      'SUBACK answers nothing',
    )
    const { packetIdentifier } = await peer.expect('unsubscribe')
    peer.send({ type: 'suback', packetIdentifier, reasonCodes: [0] })
    await failed
  })
})

describe('Keep Alive and the end', () => {
  test('[MQTT-3.1.2-20] it pings when there is nothing else to send', async () => {
    const { peer } = await pair({}, { keepAlive: 1 })
    await peer.expect('pingreq')
    peer.send({ type: 'pingresp' })
    await peer.expect('pingreq')
  })

  test('[MQTT-3.1.2-21] the Keep Alive of CONNACK counts; who does not answer it is gone', async () => {
    const { client, peer } = await pair({ serverKeepAlive: 1 }, { keepAlive: 0 })
    await peer.expect('pingreq')
    expect((await client.closed)?.message).toBe(`127.0.0.1:${server.port} has not answered for 1 s`)
  })

  test('[MQTT-3.14.4-1] DISCONNECT is the last packet, behind all that was sent', async () => {
    const { client, peer } = await pair()
    const big = { ...message, payload: new Uint8Array(1024 * 1024) }
    for (let i = 0; i < 4; i++) void client.publish(big)
    const disconnected = client.disconnect({ sessionExpiryInterval: 5 })
    for (let i = 0; i < 4; i++) await peer.expect('publish')
    expect(await peer.next()).toMatchObject({
      type: 'disconnect',
      reasonCode: 0,
      properties: { sessionExpiryInterval: 5 },
    })
    expect(await peer.next()).toBe('end')
    await disconnected
    expect(await client.closed).toBeUndefined()
  })

  test('a server that does not close its side is not waited for', async () => {
    const { client, peer } = await pair()
    peer.socket.allowHalfOpen = true
    const began = performance.now()
    await client.disconnect()
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('a connection that is lost is told as lost', async () => {
    const { client, peer } = await pair()
    peer.socket.resetAndDestroy()
    expect((await client.closed)?.message).toMatch(
      /^the connection to 127.0.0.1:\d+ is lost: connection reset by peer \(ECONNRESET\)$/,
    )
  })
})

test('Packet Identifiers go round in a circle and leave out those in use', () => {
  const identifiers = new PacketIdentifiers()
  const used = new Set([2, 65_535])
  expect([identifiers.take(used), identifiers.take(used)]).toEqual([1, 3])
  for (let i = 4; i < 65_535; i++) identifiers.take(used)
  expect(identifiers.take(used)).toBe(1)
})
