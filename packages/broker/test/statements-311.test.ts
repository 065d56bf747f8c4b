/** Statements of MQTT 3.1.1, each by its id, on packets, over a virtual transport and a virtual clock. */
import type { ConnectInput, PacketInput, QoS } from '@promptmq/codec'
import { TestClient, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { HeldStore, only, payloads, startBroker, text } from './harness.ts'

const V = 4

const join = (
  broker: Parameters<typeof TestClient.join>[0],
  clientId: string,
  connect: Partial<ConnectInput> = {},
) => TestClient.join(broker, { clientId, ...connect }, V)

const kept = { cleanStart: false } as const

const publish = (
  topicName: string,
  payload: string,
  rest: Partial<Extract<PacketInput, { type: 'publish' }>> = {},
): PacketInput => ({ type: 'publish', topicName, payload: text(payload), ...rest })

const subscribe = (packetIdentifier: number, ...filters: [string, QoS][]): PacketInput => ({
  type: 'subscribe',
  packetIdentifier,
  subscriptions: filters.map(([topicFilter, qos]) => ({ topicFilter, qos })),
})

/** CONNECT of 3.1.1: flags, Keep Alive 0, and what follows. */
const connectBytes = (flags: string, ...rest: string[]): Uint8Array => {
  const body = bytesOf(`00 04 "MQTT" 04 ${flags} 00 00 ${rest.join(' ')}`)
  return Uint8Array.of(0x10, body.length, ...body)
}

const bytesOf = (line: string): Uint8Array =>
  wire({ raw: [line] } as unknown as TemplateStringsArray)

async function connackOf(bytes: Uint8Array): Promise<{ answer: string; isClosed: boolean }> {
  const { broker } = await startBroker()
  const client = new TestClient(broker, V)
  await client.sendBytes(bytes)
  const answer = Buffer.from(client.transport.taken()).toString('hex')
  return { answer, isClosed: client.isClosed }
}

describe('CONNECT', () => {
  test.each<[string, string, Uint8Array, string]>([
    [
      '3.1.1 MQTT-3.1.2-1',
      'a protocol that is none',
      wire`10 0d 00 04 "MQTX" 04 02 00 3c 00 01 "a"`,
      '',
    ],
    [
      '3.1.1 MQTT-3.1.2-2',
      'a level that is none',
      wire`10 0d 00 04 "MQTT" 02 02 00 3c 00 01 "a"`,
      '20020001',
    ],
    ['3.1.1 MQTT-3.1.2-3', 'the reserved flag', connectBytes('03', '00 01 "a"'), ''],
    [
      '3.1.1 MQTT-3.1.3-8',
      'no name and a session to keep',
      connectBytes('00', '00 00'),
      '20020002',
    ],
    ['3.1.1 MQTT-1.5.3-1', 'a name of ill-formed UTF-8', connectBytes('02', '00 01 ff'), ''],
    ['3.1.1 MQTT-1.5.3-2', 'a name with U+0000', connectBytes('02', '00 01 00'), ''],
    [
      '3.1.1 MQTT-4.7.1-1',
      'a will to a wildcard',
      connectBytes('06', '00 01 "a" 00 01 "#" 00 00'),
      '',
    ],
    ['3.1.1 MQTT-3.1.4-1', 'a will QoS of 3', connectBytes('1e', '00 01 "a" 00 01 "w" 00 00'), ''],
    [
      '3.1.1 MQTT-3.1.4-1',
      'a password without a user',
      connectBytes('42', '00 01 "a" 00 01 "p"'),
      '',
    ],
    ['3.1.1 MQTT-3.1.4-1', 'bytes behind its end', connectBytes('02', '00 01 "a" 00'), ''],
  ])('[%s] with %s is refused', async (_id, _what, bytes, expected) => {
    expect(await connackOf(bytes)).toEqual({ answer: expected, isClosed: true })
  })

  test.each([1, 23])(
    '[3.1.1 MQTT-3.1.3-5] [3.1.1 MQTT-3.1.4-4] a name of %i letters is good',
    async (size) => {
      const name = `00 ${size.toString(16).padStart(2, '0')} "${'a'.repeat(size)}"`
      expect(await connackOf(connectBytes('02', name))).toEqual({
        answer: '20020000',
        isClosed: false,
      })
    },
  )

  test('[3.1.1 MQTT-3.1.0-2] a second one ends the connection, and its will is published', async () => {
    const { broker } = await startBroker()
    const watcher = await join(broker, 'watcher')
    await watcher.subscribe('w', 0)
    const client = await join(broker, 'c', { will: { topicName: 'w', payload: text('bye') } })
    await client.sendBytes(connectBytes('02', '00 01 "c"'))
    expect(client.isClosed).toBe(true)
    expect(payloads(watcher.take())).toEqual(['bye'])
  })

  test('[3.1.1 MQTT-3.1.3-6] without a name each has one of its own', async () => {
    const { broker } = await startBroker()
    const clients = [await join(broker, ''), await join(broker, '')]
    expect(clients.map((client) => client.isClosed)).toEqual([false, false])
    expect(broker.stats().connections).toBe(2)
  })

  test('[3.1.1 MQTT-3.1.4-2] a take-over closes the first without a packet', async () => {
    const { broker } = await startBroker()
    const first = await join(broker, 'c')
    await join(broker, 'c')
    expect(first.isClosed).toBe(true)
    expect(first.transport.taken()).toHaveLength(0)
  })

  test('[3.1.1 MQTT-3.1.4-5] what follows a refused one has no effect', async () => {
    const { broker } = await startBroker()
    const client = new TestClient(broker, V)
    const retained = wire`31 05 00 01 "t" "hi"`
    await client.sendBytes(Buffer.concat([connectBytes('03', '00 01 "a"'), retained]))
    expect(broker.stats().retainedMessages).toBe(0)
  })

  test('[3.1.1 MQTT-3.1.2-24] silence for one and a half Keep Alives ends it', async () => {
    const { broker, clock } = await startBroker()
    const client = await join(broker, 'c', { keepAlive: 2 })
    clock.advance(2_999)
    expect(client.isClosed).toBe(false)
    clock.advance(2)
    expect(client.isClosed).toBe(true)
  })

  test('[3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5] [3.1.1 MQTT-3.2.2-6] a refusal says no session, a code of 3.1.1, and ends', async () => {
    const { broker } = await startBroker()
    const first = await join(broker, 'c', kept)
    await first.drop()
    for (const [decision, code] of [
      [false, 5],
      [0x86, 4],
      [0x88, 3],
    ] as const) {
      broker.use({ name: `${code}`, authenticate: () => decision })
      const client = new TestClient(broker, V)
      await client.sendBytes(connectBytes('00', '00 01 "c"'))
      const [type, size, flags, seen] = client.transport.taken()
      expect([type, size, flags]).toEqual([0x20, 2, 0])
      expect([3, 4, 5]).toContain(seen)
      expect(client.isClosed).toBe(true)
    }
  })
})

describe('sessions', () => {
  test('[3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-4.1.0-1] [3.1.1 MQTT-4.5.0-1] [3.1.1 MQTT-3.1.3-2] one that is kept is found again, with what came meanwhile', async () => {
    const { broker, clock } = await startBroker()
    const client = await join(broker, 'c', kept)
    await client.subscribe('t', 2)
    await client.send({ type: 'disconnect' })
    clock.advance(1_000_000_000)
    for (const qos of [0, 1, 2] as const) await broker.publish('t', `qos ${qos}`, { qos })
    const again = await TestClient.connect(broker, { clientId: 'c', ...kept }, V)
    const packets = again.take()
    expect(packets[0]).toMatchObject({ type: 'connack', sessionPresent: true })
    expect(payloads(packets)).toEqual(['qos 1', 'qos 2'])
  })

  test('[3.1.1 MQTT-3.2.0-1] [3.1.1 MQTT-3.2.2-1] [3.1.1 MQTT-3.2.2-2] [3.1.1 MQTT-3.2.2-3] CONNACK comes first and says whether there was one', async () => {
    const { broker } = await startBroker()
    const seen: string[] = []
    for (const flags of ['00', '00', '02', '00']) {
      const client = new TestClient(broker, V)
      await client.sendBytes(connectBytes(flags, '00 01 "c"'))
      seen.push(Buffer.from(client.transport.taken()).toString('hex'))
      await client.sendBytes(wire`82 06 00 01 00 01 "t" 01`)
      await broker.publish('t', 'x', { qos: 1 })
      await client.drop()
      await broker.publish('t', 'y', { qos: 1 })
    }
    expect(seen.map((bytes) => bytes.slice(0, 8))).toEqual([
      '20020000',
      '20020100',
      '20020000',
      '20020000',
    ])
  })

  test('[3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.1.4-3] a clean one leaves nothing of the former', async () => {
    const { broker } = await startBroker()
    const first = await join(broker, 'c', kept)
    await first.subscribe('t', 1)
    const clean = await join(broker, 'c')
    await clean.drop()
    expect(broker.stats()).toMatchObject({ sessions: 0, subscriptions: 0 })
    const again = await TestClient.connect(broker, { clientId: 'c', ...kept }, V)
    expect(only(again.take(), 'connack')).toMatchObject([{ sessionPresent: false }])
  })

  test('[3.1.1 MQTT-4.1.0-2] it lasts as long as its connection', async () => {
    const { broker, clock } = await startBroker()
    const client = await join(broker, 'c')
    await client.subscribe('t', 1)
    clock.advance(1_000_000_000)
    await broker.publish('t', 'x', { qos: 1 })
    expect(payloads(client.take())).toEqual(['x'])
  })

  test('[3.1.1 MQTT-3.1.2-7] retained messages are no part of it', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(publish('t', 'x', { retain: true }), { type: 'disconnect' })
    const other = await join(broker, 'other')
    await other.send(subscribe(1, ['t', 0]))
    expect(payloads(other.take())).toEqual(['x'])
  })
})

describe('wills', () => {
  const will = { topicName: 'w', payload: text('bye'), qos: 1 } as const

  async function watched() {
    const { broker, clock } = await startBroker()
    const watcher = await join(broker, 'watcher')
    await watcher.subscribe('w', 1)
    return { broker, clock, wills: () => only(watcher.take(), 'publish') }
  }

  test('[3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10] published once when the connection is lost in whatever way', async () => {
    const { broker, clock, wills } = await watched()
    const dropped = await join(broker, 'c', { will })
    await dropped.drop()
    expect(payloads(wills())).toEqual(['bye'])
    await join(broker, 'c', { will, keepAlive: 2 })
    clock.advance(3_001)
    expect(payloads(wills())).toEqual(['bye'])
    const wrong = await join(broker, 'c', { will })
    await wrong.sendBytes(wire`00 00`)
    expect(payloads(wills())).toEqual(['bye'])
    await join(broker, 'c', { will })
    await join(broker, 'c')
    expect(payloads(wills())).toEqual(['bye'])
  })

  test('[3.1.1 MQTT-3.14.4-3] [3.1.1 MQTT-3.1.2-10] not after DISCONNECT', async () => {
    const { broker, wills } = await watched()
    const client = await join(broker, 'c', { will })
    await client.send({ type: 'disconnect' })
    expect(wills()).toEqual([])
  })

  test('[3.1.1 MQTT-3.14.1-1] a DISCONNECT with flags is none', async () => {
    const { broker, wills } = await watched()
    const client = await join(broker, 'c', { will })
    await client.sendBytes(wire`e1 00`)
    expect(client.isClosed).toBe(true)
    expect(payloads(wills())).toEqual(['bye'])
  })

  test('[3.1.1 MQTT-3.1.2-12] none where there is none', async () => {
    const { broker, wills } = await watched()
    await (await join(broker, 'c')).drop()
    expect(wills()).toEqual([])
  })

  test.each([
    ['3.1.1 MQTT-3.1.2-16', false, 0],
    ['3.1.1 MQTT-3.1.2-17', true, 1],
  ])('[%s] Will Retain %s', async (_id, retain, count) => {
    const { broker } = await startBroker()
    await (await join(broker, 'c', { will: { ...will, retain } })).drop()
    const late = await join(broker, 'late')
    await late.send(subscribe(1, ['w', 1]))
    expect(only(late.take(), 'publish').map((one) => one.retain)).toEqual(
      Array.from({ length: count }, () => true),
    )
  })
})

describe('what ends the connection without an answer', () => {
  test.each<[string, string, Uint8Array]>([
    ['3.1.1 MQTT-2.2.2-2', 'SUBSCRIBE with flags 0000', wire`80 06 00 01 00 01 "t" 00`],
    ['3.1.1 MQTT-3.8.1-1', 'SUBSCRIBE with flags 0000', wire`80 06 00 01 00 01 "t" 00`],
    ['3.1.1 MQTT-3.10.1-1', 'UNSUBSCRIBE with flags 0000', wire`a0 05 00 01 00 01 "t"`],
    ['3.1.1 MQTT-3.6.1-1', 'PUBREL with flags 0000', wire`60 02 00 01`],
    ['3.1.1 MQTT-3.3.1-4', 'QoS 3', wire`36 05 00 01 "t" 00 01`],
    ['3.1.1 MQTT-3.3.1-2', 'DUP at QoS 0', wire`38 03 00 01 "t"`],
    ['3.1.1 MQTT-3.3.2-2', 'a wildcard in a Topic Name', wire`30 05 00 03 "a/+"`],
    ['3.1.1 MQTT-3.3.2-1', 'a Topic Name of ill-formed UTF-8', wire`30 03 00 01 ff`],
    ['3.1.1 MQTT-4.7.3-1', 'an empty Topic Name', wire`30 02 00 00`],
    ['3.1.1 MQTT-4.7.3-2', 'U+0000 in a Topic Name', wire`30 05 00 03 "a" 00 "b"`],
    ['3.1.1 MQTT-2.3.1-1', 'Packet Identifier 0', wire`32 05 00 01 "t" 00 00`],
    ['3.1.1 MQTT-3.8.3-4', 'QoS 3 in SUBSCRIBE', wire`82 06 00 01 00 01 "t" 03`],
    ['3.1.1 MQTT-3.8.3-4', 'an option of 5.0 in SUBSCRIBE', wire`82 06 00 01 00 01 "t" 04`],
    ['3.1.1 MQTT-4.8.0-1', 'a SUBSCRIBE without filters', wire`82 02 00 01`],
  ])('[%s] %s', async (_id, _what, bytes) => {
    const { broker } = await startBroker()
    const other = await join(broker, 'other')
    const client = await join(broker, 'c')
    await client.sendBytes(bytes)
    expect(client.isClosed).toBe(true)
    expect(client.transport.taken()).toHaveLength(0)
    await other.send({ type: 'pingreq' })
    expect(other.take()).toEqual([{ type: 'pingresp' }])
  })
})

describe('PUBLISH', () => {
  test('[3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-3.3.4-1] [3.1.1 MQTT-2.3.1-6] each QoS is answered, with its identifier and the right flags', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.sendBytes(wire`30 03 00 01 "t"`)
    await client.sendBytes(wire`32 05 00 01 "t" 12 34`)
    await client.sendBytes(wire`34 05 00 01 "t" ff ff`)
    await client.sendBytes(wire`62 02 ff ff`)
    expect([...client.transport.taken()]).toEqual([
      ...wire`40 02 12 34`,
      ...wire`50 02 ff ff`,
      ...wire`70 02 ff ff`,
    ])
  })

  test('[3.1.1 MQTT-2.3.1-5] [3.1.1 MQTT-4.3.1-1] at QoS 0 the payload follows the topic', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.subscribe('t', 0)
    await client.sendBytes(wire`30 05 00 01 "t" "hi"`)
    expect([...client.transport.taken()]).toEqual([...wire`30 05 00 01 "t" "hi"`])
  })

  test('[3.1.1 MQTT-3.8.4-6] [3.1.1 MQTT-3.3.2-3] the QoS delivered is the lower one', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(subscribe(1, ['q/0', 0], ['q/1', 1], ['q/2', 2]))
    for (const qos of [0, 1, 2] as const) {
      for (const granted of [0, 1, 2]) await broker.publish(`q/${granted}`, 'x', { qos })
    }
    const got = only(client.take(), 'publish').map((one) => [one.topicName, one.qos])
    expect(got).toEqual(
      [0, 1, 2].flatMap((qos) =>
        [0, 1, 2].map((granted) => [`q/${granted}`, Math.min(qos, granted)]),
      ),
    )
  })

  test('[3.1.1 MQTT-3.3.1-3] [3.1.1 MQTT-4.3.2-2] DUP is not passed on; the same identifier again is another message', async () => {
    const { broker } = await startBroker()
    const subscriber = await join(broker, 's')
    await subscriber.subscribe('t', 1)
    const client = await join(broker, 'c')
    const packet = { qos: 1, packetIdentifier: 5 } as const
    await client.send(publish('t', 'x', packet), publish('t', 'x', { ...packet, dup: true }))
    const got = only(subscriber.take(), 'publish')
    expect(got.map(({ dup }) => dup)).toEqual([false, false])
    expect(only(client.take(), 'puback')).toHaveLength(2)
  })

  test('[3.1.1 MQTT-4.3.3-2] QoS 2 comes once however often it is sent', async () => {
    const { broker } = await startBroker()
    const subscriber = await join(broker, 's')
    await subscriber.subscribe('t', 0)
    const client = await join(broker, 'c')
    const packet = { qos: 2, packetIdentifier: 5 } as const
    const pubrel = { type: 'pubrel', packetIdentifier: 5 } as const
    await client.send(publish('t', 'a', packet), publish('t', 'a', { ...packet, dup: true }))
    await client.send(pubrel, pubrel, publish('t', 'b', packet))
    expect(payloads(subscriber.take())).toEqual(['a', 'b'])
  })

  test('[3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.4.0-1] [3.1.1 MQTT-3.3.1-1] [3.1.1 MQTT-4.6.0-1] [3.1.1 MQTT-2.3.1-4] what is not acknowledged comes again, in order, with DUP and its identifier', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c', kept)
    await client.subscribe('t', 2)
    for (const [i, qos] of ([1, 2, 1, 2] as const).entries())
      await broker.publish('t', `${i}`, { qos })
    const first = only(client.take(), 'publish')
    expect(new Set(first.map((one) => one.packetIdentifier)).size).toBe(4)
    await client.drop()
    const again = await join(broker, 'c', kept)
    expect(only(again.take(), 'publish')).toEqual(first.map((one) => ({ ...one, dup: true })))
  })

  test('[3.1.1 MQTT-4.3.3-1] after PUBREC it is PUBREL that comes again', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c', kept)
    await client.subscribe('t', 2)
    await broker.publish('t', 'x', { qos: 2 })
    await client.send({ type: 'pubrec', packetIdentifier: 1 })
    expect(only(client.take(), 'pubrel')).toHaveLength(1)
    await client.drop()
    const again = await join(broker, 'c', kept)
    expect(again.take()).toMatchObject([{ type: 'pubrel', packetIdentifier: 1 }])
    await again.send({ type: 'pubcomp', packetIdentifier: 1 })
    await again.drop()
    expect((await join(broker, 'c', kept)).take()).toEqual([])
  })

  test('[3.1.1 MQTT-4.6.0-5] [3.1.1 MQTT-4.6.0-6] every topic is in order, at each QoS', async () => {
    const { broker } = await startBroker()
    const subscriber = await join(broker, 's')
    await subscriber.subscribe('#', 2)
    const client = await join(broker, 'c')
    const sent = Array.from({ length: 60 }, (_, i) =>
      publish(`t/${i % 2}`, String(i), {
        qos: (i % 3) as QoS,
        ...(i % 3 > 0 && { packetIdentifier: i }),
      }),
    )
    await client.send(...sent)
    const got = only(subscriber.take(), 'publish')
    for (const qos of [0, 1, 2]) {
      const numbers = payloads(got.filter((one) => one.qos === qos)).map(Number)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      expect(numbers).toHaveLength(20)
    }
  })

  test('[3.1.1 MQTT-3.3.5-1] overlapping subscriptions count for their highest QoS', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(subscribe(1, ['a/#', 0], ['a/+', 2]))
    await broker.publish('a/b', 'x', { qos: 2 })
    expect(only(client.take(), 'publish')).toMatchObject([{ qos: 2 }])
  })

  test('[3.1.1 MQTT-3.3.5-2] what is not allowed is acknowledged and goes nowhere', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authorizePublish: () => false })
    const subscriber = await join(broker, 's')
    await subscriber.subscribe('#', 0)
    const client = await join(broker, 'c')
    await client.send(publish('t', 'x', { qos: 1, packetIdentifier: 1 }))
    expect(only(client.take(), 'puback')).toHaveLength(1)
    expect(subscriber.take()).toEqual([])
  })

  test('[3.1.1 MQTT-4.8.0-2] what could not be kept ends that connection alone, unacknowledged', async () => {
    const store = new HeldStore()
    const { broker } = await startBroker({ store })
    store.isHolding = false
    const away = await join(broker, 'away', kept)
    await away.subscribe('t', 1)
    await away.drop()
    const [client, other] = [await join(broker, 'c'), await join(broker, 'other')]
    broker.on('storeError', () => {})
    store.failure = new Error('disk full')
    await client.send(publish('t', 'x', { qos: 1, packetIdentifier: 1 }))
    expect(client.take()).toEqual([])
    expect(client.isClosed).toBe(true)
    await other.send({ type: 'pingreq' })
    expect(other.take()).toEqual([{ type: 'pingresp' }])
    store.failure = null
  })
})

describe('RETAIN', () => {
  async function start() {
    const { broker } = await startBroker()
    const publisher = await join(broker, 'p')
    let count = 0
    const late = async (filter = '#') => {
      const client = await join(broker, `late ${count++}`)
      await client.send(subscribe(1, [filter, 1]))
      return only(client.take(), 'publish')
    }
    return { broker, publisher, late }
  }
  const retained = (topicName: string, payload: string, rest = {}) =>
    publish(topicName, payload, { retain: true, ...rest })

  test('[3.1.1 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8] a new subscription gets the last of each topic, marked', async () => {
    const { publisher, late } = await start()
    const qos1 = { qos: 1, packetIdentifier: 1 } as const
    await publisher.send(retained('a', 'old'), retained('a', 'new', qos1), retained('b/c', 'x'))
    const got = await late()
    expect(got.map((one) => [one.topicName, one.qos, one.retain])).toEqual([
      ['a', 1, true],
      ['b/c', 0, true],
    ])
    expect(payloads(got)).toEqual(['new', 'x'])
  })

  test('[3.1.1 MQTT-3.3.1-7] one at QoS 0 replaces one at QoS 1', async () => {
    const { publisher, late } = await start()
    await publisher.send(retained('a', 'x', { qos: 1, packetIdentifier: 1 }), retained('a', 'y'))
    expect(payloads(await late())).toEqual(['y'])
  })

  test('[3.1.1 MQTT-3.3.1-9] who subscribed before gets it unmarked', async () => {
    const { broker, publisher } = await start()
    const live = await join(broker, 'live')
    await live.subscribe('a', 0)
    await publisher.send(retained('a', 'x'))
    expect(only(live.take(), 'publish')).toMatchObject([{ retain: false }])
  })

  test('[3.1.1 MQTT-3.3.1-10] [3.1.1 MQTT-3.3.1-11] an empty one deletes, and is passed on', async () => {
    const { broker, publisher, late } = await start()
    const live = await join(broker, 'live')
    await live.subscribe('a', 0)
    await publisher.send(retained('a', 'x'), retained('a', ''))
    expect(payloads(live.take())).toEqual(['x', ''])
    expect(await late()).toEqual([])
  })

  test('[3.1.1 MQTT-3.3.1-12] what is not retained leaves what is', async () => {
    const { publisher, late } = await start()
    await publisher.send(retained('a', 'x'), publish('a', 'y'), publish('a', ''))
    expect(payloads(await late())).toEqual(['x'])
  })
})

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  test('[3.1.1 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-2] [3.1.1 MQTT-3.8.4-4] [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-2.3.1-7] one code a filter, in order', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(subscribe(0xabcd, ['a', 0], ['b', 2], ['a', 1]))
    expect([...client.transport.taken()]).toEqual([...wire`90 05 ab cd 00 02 01`])
    await broker.publish('a', 'x', { qos: 2 })
    expect(only(client.take(), 'publish')).toMatchObject([{ qos: 1 }])
  })

  test('[3.1.1 MQTT-3.9.3-2] a refusal is 0x80', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authorizeSubscribe: (_, { topicFilter }) => topicFilter === 'good' })
    const client = await join(broker, 'c')
    await client.send(subscribe(1, ['bad', 1], ['good', 1]))
    expect([...client.transport.taken()]).toEqual([...wire`90 04 00 01 80 01`])
  })

  test('[3.1.1 MQTT-3.8.4-3] subscribing again gives retained messages again, and loses none', async () => {
    const { broker } = await startBroker()
    await broker.publish('t', 'kept', { retain: true })
    const client = await join(broker, 'c')
    const got: string[] = []
    for (let i = 0; i < 3; i++) {
      await client.send(subscribe(i + 1, ['t', i % 2 === 0 ? 0 : 1]))
      await broker.publish('t', String(i))
      got.push(...payloads(client.take()))
    }
    expect(got).toEqual(['kept', '0', 'kept', '1', 'kept', '2'])
  })

  test('[3.1.1 MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-2] [3.1.1 MQTT-3.10.4-4] [3.1.1 MQTT-3.10.4-5] [3.1.1 MQTT-3.10.4-6] filters are compared letter by letter; UNSUBACK comes also for what was not there', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(subscribe(1, ['a/b', 0], ['a/c', 0], ['d', 0]))
    client.take()
    const unsubscribe = (packetIdentifier: number, ...topicFilters: string[]) =>
      client.send({ type: 'unsubscribe', packetIdentifier, topicFilters })
    await unsubscribe(0xabcd, 'a/+', 'none')
    expect([...client.transport.taken()]).toEqual([...wire`b0 02 ab cd`])
    await unsubscribe(3, 'd', 'a/c', 'd')
    expect([...client.transport.taken()]).toEqual([...wire`b0 02 00 03`])
    for (const topicName of ['a/b', 'a/c', 'd']) await broker.publish(topicName, topicName)
    expect(payloads(client.take())).toEqual(['a/b'])
  })

  test('[3.1.1 MQTT-3.10.4-3] what is in flight is completed after UNSUBSCRIBE', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c', kept)
    await client.subscribe('t', 1)
    await broker.publish('t', 'x', { qos: 1 })
    await client.send({ type: 'unsubscribe', packetIdentifier: 1, topicFilters: ['t'] })
    await client.drop()
    const again = await join(broker, 'c', kept)
    expect(payloads(again.take())).toEqual(['x'])
  })
})

describe('topics', () => {
  test('[3.1.1 MQTT-4.7.2-1] a wildcard at the front matches no name that begins with $', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    await client.send(subscribe(1, ['#', 0], ['+/x', 0], ['$SYS/x', 0]))
    client.take()
    await broker.publish('$SYS/x', 'x')
    expect(only(client.take(), 'publish')).toHaveLength(1)
  })

  test('[3.1.1 MQTT-4.7.3-3] a Topic Name of 65,535 bytes works', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    const topicName = 'x'.repeat(65_535)
    await client.send(subscribe(1, [topicName, 0]), publish(topicName, 'y'))
    expect(payloads(client.take())).toEqual(['y'])
  })

  test('[3.1.1 MQTT-4.7.3-4] [3.1.1 MQTT-1.5.3-3] names are not normalized, and U+FEFF is a letter', async () => {
    const { broker } = await startBroker()
    const client = await join(broker, 'c')
    const names = ['\u00e9', 'e\u0301', '\ufeffa', 'a']
    for (const [i, name] of names.entries()) {
      await client.send(subscribe(1, [name, 0]))
      client.take()
      for (const other of names) await broker.publish(other, other)
      expect(only(client.take(), 'publish').map((one) => one.topicName)).toEqual([name])
      await client.send({ type: 'unsubscribe', packetIdentifier: i + 1, topicFilters: [name] })
      client.take()
    }
  })
})

test('[3.1.1 MQTT-3.12.4-1] PINGREQ is answered with PINGRESP', async () => {
  const { broker } = await startBroker()
  const client = await join(broker, 'c')
  await client.sendBytes(wire`c0 00`)
  expect([...client.transport.taken()]).toEqual([...wire`d0 00`])
})

test('[3.1.1 MQTT-3.1.3-9] a Client Identifier that a hook rejects is answered with 2, and closed', async () => {
  const { broker } = await startBroker()
  broker.use({ name: 'rule', authenticate: ({ clientId }) => (clientId === 'bad' ? 0x85 : true) })
  const client = new TestClient(broker, 4)
  await client.sendBytes(wire`10 0f | 00 04 "MQTT" | 04 02 00 00 | 00 03 "bad"`)
  expect([...client.transport.taken()]).toEqual([...wire`20 02 00 02`])
  expect(client.isClosed).toBe(true)
})

test('[3.1.1 MQTT-7.0.0-2] a plain client needs nothing beyond the specification', async () => {
  const { broker } = await startBroker()
  const client = new TestClient(broker, 4)
  await client.sendBytes(wire`10 0d | 00 04 "MQTT" | 04 02 00 3c | 00 01 "c"`)
  await client.sendBytes(wire`82 06 | 00 01 | 00 01 "t" 00`)
  await client.sendBytes(wire`30 04 | 00 01 "t" | "x"`)
  await client.sendBytes(wire`e0 00`)
  const answers = wire`20 02 00 00 | 90 03 00 01 00 | 30 04 00 01 "t" "x"`
  expect([...client.transport.taken()]).toEqual([...answers])
})
