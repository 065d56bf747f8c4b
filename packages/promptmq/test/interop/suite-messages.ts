import { expect } from 'vitest'
import type { InteropClient, MessageProperties } from './client.ts'
import { within } from './events.ts'
import { FORBIDDEN, InteropBroker } from './interop-broker.ts'
import { type Area, expectNothingMore, type Scene, texts } from './scene.ts'

const LEVELS = [0, 1, 2] as const

/** Messages: their way, their properties, and the limits of both sides. */
export const testMessages: Area = (declare) => {
  declare('QoS 0, 1 and 2 both ways', async ({ name, connect }) => {
    const publisher = await connect('publisher')
    for (const granted of LEVELS) {
      const topic = name(`granted-${granted}`)
      const subscriber = await connect(`subscriber-${granted}`)
      expect(await subscriber.subscribe(topic, { qos: granted })).toBe(granted)
      for (const qos of LEVELS) {
        expect(await publisher.publish(topic, `sent at ${qos}`, { qos })).toBe(0)
        const [message] = await subscriber.take(1)
        expect(message).toMatchObject({ topic, qos: Math.min(granted, qos), retain: false })
        expect(message!.payload.toString()).toBe(`sent at ${qos}`)
      }
    }
  })

  declare('QoS 2 to the server, once over broken connections', async (scene) => {
    const { name, connect, tap, lasting } = scene
    const subscriber = await connect('subscriber')
    await subscriber.subscribe(name('t'), { qos: 2 })
    const wire = await tap()
    const publisher = await connect('publisher', { ...lasting(3_600), reconnects: true }, wire)
    for (const [side, type] of [
      ['fromClient', 'publish'],
      ['fromServer', 'pubrec'],
      ['fromClient', 'pubrel'],
      ['fromServer', 'pubcomp'],
    ] as const) {
      wire.cut(side, type)
      await publisher.publish(name('t'), `without ${type}`, { qos: 2 })
      expect(await texts(subscriber, 1)).toEqual([`without ${type}`])
    }
    await expectNothingMore(subscriber, publisher, name('t'), 2)
    expect(wire.all('fromClient', 'connect')).toHaveLength(5)
  })

  declare('QoS 2 from the server, once over broken connections', async (scene) => {
    const { name, connect, tap, lasting } = scene
    const wire = await tap()
    const subscriber = await connect('subscriber', { ...lasting(3_600), reconnects: true }, wire)
    await subscriber.subscribe(name('t'), { qos: 2 })
    const publisher = await connect('publisher')
    for (const [side, type] of [
      ['fromServer', 'publish'],
      ['fromClient', 'pubrec'],
      ['fromServer', 'pubrel'],
      ['fromClient', 'pubcomp'],
    ] as const) {
      wire.cut(side, type)
      await publisher.publish(name('t'), `without ${type}`, { qos: 2 })
      expect(await texts(subscriber, 1)).toEqual([`without ${type}`])
    }
    await expectNothingMore(subscriber, publisher, name('t'), 2)
    expect(wire.all('fromClient', 'connect')).toHaveLength(5)
  })

  declare('order of messages', async ({ name, connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe(name('t'), { qos: 2 })
    const publisher = await connect('publisher')
    for (const qos of LEVELS) {
      const sent = Array.from({ length: 50 }, (_, i) => `${qos}: ${i}`)
      await Promise.all(sent.map((text) => publisher.publish(name('t'), text, { qos })))
      expect(await texts(subscriber, 50)).toEqual(sent)
    }
  })

  declare('payload of 1 MiB', async (scene) => {
    const payload = Buffer.alloc(1024 * 1024)
    for (let i = 0; i < payload.length; i++) payload[i] = i % 251
    await expectSamePayload(scene, payload)
  })

  declare('binary payload', async (scene) => {
    await expectSamePayload(
      scene,
      Uint8Array.from({ length: 256 }, (_, i) => 255 - i),
    )
    await expectSamePayload(scene, Uint8Array.of(0xc3, 0x28, 0x00, 0xff, 0x0d, 0x0a))
    await expectSamePayload(scene, new Uint8Array())
  })

  declare('topics beyond ASCII', async ({ name, connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe(`${name('Straße')}/+/日本`, { qos: 1 })
    const publisher = await connect('publisher')
    // One letter of its own, and the same as two: they are different topics.
    for (const level of ['\u00fc', 'u\u0308', '\u{1f680}', ' ', '\ufeff']) {
      const topic = `${name('Straße')}/${level}/日本`
      await publisher.publish(topic, level, { qos: 1 })
      expect(await subscriber.take(1)).toMatchObject([{ topic, payload: Buffer.from(level) }])
    }
  })

  declare('properties of a message', async ({ name, connect }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe(name('t'), { qos: 2 })
    const publisher = await connect('publisher')
    const properties: MessageProperties = {
      payloadFormatIndicator: 1,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: name('answers'),
      correlationData: Uint8Array.of(0, 0xff, 1),
      userProperties: [
        ['key', 'one'],
        ['key', 'zwölf'],
        ['empty', ''],
      ],
    }
    for (const qos of LEVELS) {
      await publisher.publish(name('t'), 'text', { qos, properties })
      const [message] = await subscriber.take(1)
      expect(message!.properties).toEqual(properties)
    }
  })

  declare('request and response', async ({ name, connect }) => {
    const responder = await connect('responder')
    await responder.subscribe(name('square'), { qos: 1 })
    const requester = await connect('requester')
    await requester.subscribe(name('answers'), { qos: 1 })
    for (const n of [3, 4]) {
      await requester.publish(name('square'), String(n), {
        qos: 1,
        properties: { responseTopic: name('answers'), correlationData: Uint8Array.of(n, 0) },
      })
    }
    for (const { payload, properties } of await responder.take(2)) {
      const { correlationData, responseTopic } = properties
      await responder.publish(responseTopic!, String(Number(payload.toString()) ** 2), {
        qos: 1,
        properties: { correlationData: correlationData! },
      })
    }
    const answers = await requester.take(2)
    expect(
      answers.map(({ payload, properties }) => [payload.toString(), properties.correlationData]),
    ).toEqual([
      ['9', Uint8Array.of(3, 0)],
      ['16', Uint8Array.of(4, 0)],
    ])
  })

  declare('Message Expiry Interval', async ({ shared, name, connect, lasting }) => {
    const topic = name('t')
    const away = await connect('away', lasting(3_600))
    await away.subscribe(topic, { qos: 1 })
    const publisher = await connect('publisher')
    await publisher.publish(topic, 'at once', { properties: { messageExpiryInterval: 1_000 } })
    expect((await away.take(1))[0]!.properties.messageExpiryInterval).toBe(1_000)
    await away.disconnect()
    const start = shared.clock.now()
    for (const messageExpiryInterval of [30, 1_000]) {
      const properties = { messageExpiryInterval }
      await publisher.publish(topic, `lives ${messageExpiryInterval} s`, { qos: 1, properties })
      const retained = { qos: 1, retain: true, properties } as const
      await publisher.publish(`${topic}/${messageExpiryInterval}`, 'retained', retained)
    }
    shared.clock.forward(40)
    const back = await connect('away', lasting(3_600))
    await back.subscribe(`${topic}/+`, { qos: 1 })
    const got = await back.take(2)
    expect(got.map(({ payload }) => payload.toString())).toEqual(['lives 1000 s', 'retained'])
    const waited = Math.ceil((shared.clock.now() - start) / 1_000)
    for (const { properties } of got) {
      expect(properties.messageExpiryInterval).toBeGreaterThanOrEqual(1_000 - waited)
      expect(properties.messageExpiryInterval).toBeLessThanOrEqual(960)
    }
    await expectNothingMore(back, publisher, topic)
  })

  declare('Topic Alias from the client', async ({ name, connect, tap }) => {
    const subscriber = await connect('subscriber')
    await subscriber.subscribe(`${name('t')}/#`, { qos: 1 })
    const wire = await tap()
    const publisher = await connect('publisher', {}, wire)
    expect(publisher.connack.properties.topicAliasMaximum).toBeGreaterThan(1)
    for (const [topic, topicAlias, qos] of [
      [`${name('t')}/one`, 1, 0],
      ['', 1, 0],
      ['', 1, 1],
      [`${name('t')}/two`, 1, 1],
      ['', 1, 0],
    ] as const) {
      await publisher.publish(topic, 'x', { qos, properties: { topicAlias } })
    }
    const got = await subscriber.take(5)
    const ends = ['one', 'one', 'one', 'two', 'two']
    expect(got.map(({ topic }) => topic)).toEqual(ends.map((end) => `${name('t')}/${end}`))
    expect(got.map(({ properties }) => properties.topicAlias)).toEqual(ends.map(() => undefined))
    const names = wire.all('fromClient', 'publish').map(({ topicName }) => topicName)
    expect(names.filter((one) => one === '')).toHaveLength(3)
  })

  declare('Topic Alias from the server', async ({ name, connect, tap }) => {
    const wire = await tap()
    const subscriber = await connect('subscriber', { properties: { topicAliasMaximum: 2 } }, wire)
    await subscriber.subscribe(`${name('t')}/#`, { qos: 1 })
    const publisher = await connect('publisher')
    const topics = ['a', 'a', 'b', 'c', 'a', 'b', 'c', 'b', 'c', 'a'].map(
      (end) => `${name('t')}/${end}`,
    )
    for (const [i, topic] of topics.entries()) {
      await publisher.publish(topic, 'x', { qos: i % 2 === 0 ? 0 : 1 })
    }
    const got = await subscriber.take(topics.length)
    expect(got.map(({ topic }) => topic)).toEqual(topics)
    const sent = wire.all('fromServer', 'publish')
    expect(sent.filter(({ topicName }) => topicName === '').length).toBeGreaterThan(1)
    expect(new Set(sent.map(({ properties }) => properties.topicAlias))).toEqual(
      new Set([undefined, 1, 2]),
    )
  })

  declare('Receive Maximum of the client', async ({ name, connect, tap, lasting }) => {
    const topic = name('t')
    const away = await connect('away', lasting(3_600))
    await away.subscribe(topic, { qos: 2 })
    await away.disconnect()
    const publisher = await connect('publisher')
    const sent = Array.from({ length: 30 }, (_, i) => String(i))
    for (const [i, text] of sent.entries()) {
      await publisher.publish(topic, text, { qos: i % 2 === 0 ? 1 : 2 })
    }
    const wire = await tap()
    const properties = { sessionExpiryInterval: 3_600, receiveMaximum: 3 }
    const back = await connect('away', { clean: false, properties }, wire)
    expect((await texts(back, 30)).sort()).toEqual([...sent].sort())
    expect(wire.mostInFlight).toBe(3)
  })

  declare('Maximum Packet Size of the client', async ({ name, connect, tap }) => {
    const wire = await tap()
    const small = await connect('small', { properties: { maximumPacketSize: 200 } }, wire)
    await small.subscribe(name('t'), { qos: 1 })
    const publisher = await connect('publisher')
    for (const size of [10, 1_000, 20]) {
      expect(await publisher.publish(name('t'), 'x'.repeat(size), { qos: 1 })).toBe(0)
    }
    expect((await small.take(2)).map(({ payload }) => payload.length)).toEqual([10, 20])
    expect(wire.all('fromServer', 'publish')).toHaveLength(2)
  })

  declare('Maximum Packet Size of the server', async ({ kind, name, connect, tap }) => {
    await using broker = await InteropBroker.start({ maximumPacketSize: 1_000 })
    const wire = await tap(broker)
    const client = await connect('c', {}, wire)
    expect(client.connack.properties.maximumPacketSize).toBe(1_000)
    expect(await client.publish(name('t'), 'x'.repeat(800), { qos: 1 })).toBe(0)
    // It is never answered; some libraries fail it when the connection is gone, and some wait on.
    client.publish(name('t'), 'x'.repeat(1_000), { qos: 1 }).catch(() => {})
    const reasonCode = await within(client.ended, () => 'the end of the connection')
    expect(await wire.find('fromServer', 'disconnect')).toMatchObject({ reasonCode: 0x95 })
    if (kind.tellsReasonCodes) expect(reasonCode).toBe(0x95)
  })

  declare('Maximum QoS and Retain Available', async ({ name, connect }) => {
    await using broker = await InteropBroker.start({ maximumQoS: 1, retainAvailable: false })
    const client = await connect('c', {}, broker)
    expect(client.connack.properties).toMatchObject({ maximumQoS: 1, retainAvailable: 0 })
    expect(await client.subscribe(name('t'), { qos: 2 })).toBe(1)
    await expectNothingMore(client, client, name('t'))
  })

  declare('refused PUBLISH', async ({ version, kind, name, connect, tap }) => {
    const wire = await tap()
    const watcher = await connect('watcher')
    await watcher.subscribe(`${name('t')}/#`, { qos: 2 })
    const client = await connect('c', {}, wire)
    const codes: number[] = []
    for (const qos of LEVELS) {
      codes.push(await client.publish(`${name('t')}/${FORBIDDEN}`, 'x', { qos }))
    }
    await expectNothingMore(watcher, client, `${name('t')}/allowed`, 2)
    if (version !== '5.0') return
    expect(wire.all('fromServer', 'puback')).toMatchObject([{ reasonCode: 0x87 }])
    expect(wire.all('fromServer', 'pubrec')).toMatchObject([{ reasonCode: 0x87 }, {}])
    if (kind.tellsReasonCodes) expect(codes).toEqual([0, 0x87, 0x87])
  })
}

/** What is published arrives as it was, at each QoS. */
async function expectSamePayload({ name, connect }: Scene, payload: Uint8Array): Promise<void> {
  const subscriber: InteropClient = await connect('subscriber')
  await subscriber.subscribe(name('t'), { qos: 2 })
  const publisher = await connect('publisher')
  for (const qos of LEVELS) {
    await publisher.publish(name('t'), payload, { qos })
    const [message] = await subscriber.take(1)
    expect(message!.payload.equals(payload)).toBe(true)
  }
}
