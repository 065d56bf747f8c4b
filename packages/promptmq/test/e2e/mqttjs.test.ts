/** MQTT.js, the client that most of Node uses, against the server over TCP. */
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connected, TestServer } from './server.ts'

const server = new TestServer()
const clients: MqttClient[] = []
beforeAll(() => server.start())
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)))
})
afterAll(() => server.dispose())

interface Received {
  readonly topic: string
  readonly text: string
  readonly packet: IPublishPacket
}

/** A connected client, and all that it receives. */
async function join(options: IClientOptions) {
  const client = mqtt.connect(server.url, { reconnectPeriod: 0, ...options })
  clients.push(client)
  const messages: Received[] = []
  client.on('message', (topic, payload, packet) => {
    messages.push({ topic, text: payload.toString(), packet })
  })
  const connack = await connected(client)
  return {
    client,
    messages,
    connack,
    /** Waits until `count` messages have come, and takes them. */
    async take(count: number): Promise<Received[]> {
      while (messages.length < count)
        await new Promise((resolve) => client.once('message', resolve))
      return messages.splice(0)
    },
  }
}

const V5 = { protocolVersion: 5 } as const
const V311 = { protocolVersion: 4 } as const
const V31 = { protocolVersion: 3, protocolId: 'MQIsdp' } as const

describe.each([
  ['5.0', V5],
  ['3.1.1', V311],
  ['3.1', V31],
])('MQTT.js in %s mode', (version, mode) => {
  const name = (what: string) => `${what}-${version.replaceAll('.', '')}`

  test('publishes and receives at QoS 0, 1 and 2', async () => {
    const subscriber = await join({ ...mode, clientId: name('sub') })
    const topic = `${name('qos')}/t`
    await subscriber.client.subscribeAsync(topic, { qos: 2 })
    const publisher = await join({ ...mode, clientId: name('pub') })
    for (const qos of [0, 1, 2] as const)
      await publisher.client.publishAsync(topic, `q${qos}`, { qos })
    const got = await subscriber.take(3)
    expect(got.map(({ text, packet }) => [text, packet.qos])).toEqual([
      ['q0', 0],
      ['q1', 1],
      ['q2', 2],
    ])
  })

  test('gets retained messages on subscribing, and wildcards match', async () => {
    const { client, take } = await join({ ...mode, clientId: name('retained') })
    const root = name('r')
    await client.publishAsync(`${root}/a/temp`, '1', { retain: true, qos: 1 })
    await client.publishAsync(`${root}/b/temp`, '2', { retain: true, qos: 1 })
    await client.publishAsync(`${root}/b/other`, '3', { retain: true, qos: 1 })
    await client.subscribeAsync(`${root}/+/temp`, { qos: 1 })
    const got = await take(2)
    expect(got.map(({ topic, text, packet }) => [topic, text, packet.retain]).sort()).toEqual([
      [`${root}/a/temp`, '1', true],
      [`${root}/b/temp`, '2', true],
    ])
    await client.subscribeAsync(`${root}/#`, { qos: 0 })
    expect((await take(3)).length).toBe(3)
  })

  test('the will of a client that is cut off is published', async () => {
    const watcher = await join({ ...mode, clientId: name('watcher') })
    const topic = `${name('will')}/status`
    await watcher.client.subscribeAsync(topic, { qos: 1 })
    const { client } = await join({
      ...mode,
      clientId: name('dying'),
      will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false },
    })
    client.stream.destroy()
    expect((await watcher.take(1))[0]!.text).toBe('gone')
  })

  test('a persistent session receives what was queued while it was away', async () => {
    const kept: IClientOptions = {
      ...mode,
      clientId: name('kept'),
      clean: false,
      ...(version === '5.0' && { properties: { sessionExpiryInterval: 3600 } }),
    }
    const topic = `${name('queue')}/t`
    const first = await join(kept)
    await first.client.subscribeAsync(topic, { qos: 2 })
    await first.client.endAsync()
    const publisher = await join({ ...mode, clientId: name('pub') })
    for (let i = 0; i < 100; i++)
      await publisher.client.publishAsync(topic, String(i), { qos: i % 2 === 0 ? 1 : 2 })
    const second = await join(kept)
    if (version !== '3.1') expect(second.connack.sessionPresent).toBe(true)
    const got = await second.take(100)
    const texts = (qos: number) =>
      got.filter(({ packet }) => packet.qos === qos).map(({ text }) => Number(text))
    expect(texts(1)).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i))
    expect(texts(2)).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i + 1))
  })
})

describe('MQTT.js with what only 5.0 has', () => {
  test('request and response by Response Topic and Correlation Data', async () => {
    const responder = await join({ ...V5, clientId: 'responder' })
    await responder.client.subscribeAsync('square', { qos: 1 })
    responder.client.on('message', (_topic, payload, { properties }) => {
      responder.client.publish(
        properties!.responseTopic!,
        String(Number(payload.toString()) ** 2),
        {
          properties: { correlationData: properties!.correlationData! },
        },
      )
    })
    const requester = await join({ ...V5, clientId: 'requester' })
    await requester.client.subscribeAsync('answers/requester')
    for (const n of [3, 4]) {
      await requester.client.publishAsync('square', String(n), {
        qos: 1,
        properties: { responseTopic: 'answers/requester', correlationData: Buffer.from([n]) },
      })
    }
    const got = await requester.take(2)
    expect(got.map(({ text, packet }) => [packet.properties!.correlationData![0], text])).toEqual([
      [3, '9'],
      [4, '16'],
    ])
  })

  test('a shared subscription gives each message to one of two clients', async () => {
    const members = [await join({ ...V5, clientId: 'm1' }), await join({ ...V5, clientId: 'm2' })]
    for (const { client } of members) await client.subscribeAsync('$share/g/work', { qos: 1 })
    const publisher = await join({ ...V5, clientId: 'boss' })
    for (let i = 0; i < 50; i++) await publisher.client.publishAsync('work', String(i), { qos: 1 })
    const shares = await Promise.all(members.map(({ take }) => take(25)))
    expect(
      shares
        .flat()
        .map(({ text }) => Number(text))
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })
})
