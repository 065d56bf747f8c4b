/** Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr against a broker that listens, feature by feature. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { hasMosquitto } from '../e2e/server.ts'
import { FeatureTests } from './declare.ts'
import type { FeatureName, Version } from './features.ts'
import { FORBIDDEN, InteropBroker, USER } from './interop-broker.ts'
import { AS_HEX, AS_JSON, MosquittoClients, type MosquittoProcess } from './mosquitto.ts'
import type { Tap } from './tap.ts'

const features = new FeatureTests('mosquitto')
const opened: { close(): Promise<void> }[] = []
let shared: InteropBroker
let folder: string

interface Scene {
  readonly version: Version
  readonly clients: MosquittoClients
  /** A topic that no other test has, and a Client Identifier. */
  readonly topic: string
  readonly id: string
  /** A door in front of the broker, and the option that leads there. */
  tap(broker?: InteropBroker): Promise<{ wire: Tap; through: string[] }>
  /** A session that outlives its connection. */
  lasting(seconds: number): string[]
  /** Subscribes and ends; the broker knows that it has. The options have the Client Identifier. */
  visit(...args: string[]): Promise<void>
}

function sceneOf(name: FeatureName, version: Version): Scene {
  const clients = new MosquittoClients(version, shared.port)
  opened.push(clients)
  const topic = `${name.replace(/\W+/g, '-')}-${version}`
  const id = `c-${topic}`
  return {
    version,
    clients,
    topic,
    id,
    async tap(broker = shared) {
      const wire = await broker.tap(version)
      opened.push(wire)
      return { wire, through: ['-p', String(wire.port)] }
    },
    async visit(...args) {
      await shared.untilGone(id, async () => (await clients.subscribe(...args, '-E')).end())
    },
    lasting: (seconds) => ['-i', id, '-c', ...(version === '5.0' ? ['-x', String(seconds)] : [])],
  }
}

function declare(name: FeatureName, run: (scene: Scene) => Promise<void>): void {
  features.test(name, (version) => run(sceneOf(name, version)))
}

/** That nothing else comes: what is published next is what comes next. */
async function expectNothingMore(
  subscriber: MosquittoProcess,
  clients: MosquittoClients,
  topic: string,
  qos: 0 | 1 | 2 = 1,
): Promise<void> {
  await clients.publish('-t', topic, '-q', String(qos), '-m', 'nothing before this')
  expect(await subscriber.texts(1)).toEqual(['nothing before this'])
}

const LEVELS = ['0', '1', '2'] as const

describe.skipIf(!hasMosquitto)('mosquitto', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'promptmq-interop-'))
    shared = await InteropBroker.start()
  })
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close()
  })
  afterAll(async () => {
    await shared[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  describe('sessions', () => {
    declare('Clean Session, Clean Start', async ({ clients, topic, id, lasting, visit }) => {
      const subscription = ['-t', topic, '-q', '1']
      await visit('-i', id, ...subscription)
      await clients.publish('-t', topic, '-q', '1', '-m', 'lost with the session')

      const second = await clients.subscribe(...lasting(3_600), ...subscription)
      await expectNothingMore(second, clients, topic)
      await shared.untilGone(id, () => second.signal('SIGTERM'))
      await clients.publish('-t', topic, '-q', '1', '-m', 'lost by who begins anew')

      const third = await clients.subscribe('-i', id, ...subscription)
      await expectNothingMore(third, clients, topic)
    })

    declare('Session Present', async ({ topic, id, tap, lasting, visit }) => {
      const present: boolean[] = []
      for (const options of [lasting(3_600), lasting(3_600), ['-i', id]]) {
        const { wire, through } = await tap()
        await visit(...through, ...options, '-t', topic)
        present.push((await wire.find('fromServer', 'connack')).sessionPresent)
      }
      expect(present).toEqual([false, true, false])
    })

    declare(
      'queue of a session whose client is away',
      async ({ clients, topic, lasting, visit }) => {
        const subscription = [...lasting(3_600), '-t', topic, '-q', '2']
        await visit(...subscription)
        const sent = Array.from({ length: 20 }, (_, i) => `message ${i}`)
        await clients.publishLines(sent.slice(0, 10), '-t', topic, '-q', '1')
        await clients.publishLines(sent.slice(10), '-t', topic, '-q', '2')
        const back = await clients.subscribe(...subscription)
        const got = await back.take(20)
        expect(got.map(({ payload }) => payload)).toEqual(sent)
        expect(got.map(({ qos }) => qos)).toEqual(sent.map((_, i) => (i < 10 ? 1 : 2)))
        await expectNothingMore(back, clients, topic, 2)
      },
    )

    declare('Session Expiry Interval', async ({ topic, tap, lasting, visit }) => {
      const present: boolean[] = []
      for (const seconds of [0, 900, 1_001]) {
        shared.clock.forward(seconds)
        const { wire, through } = await tap()
        await visit(...through, ...lasting(1_000), '-t', topic)
        present.push((await wire.find('fromServer', 'connack')).sessionPresent)
      }
      expect(present).toEqual([false, true, false])
    })

    declare('Session Expiry Interval changed by DISCONNECT', async (scene) => {
      const { topic, tap, lasting, visit } = scene
      const present: boolean[] = []
      for (const [seconds, later] of [
        [0, 5_000],
        [4_900, 0],
        [0, 0],
      ] as const) {
        shared.clock.forward(seconds)
        const { wire, through } = await tap()
        const changed = ['-D', 'disconnect', 'session-expiry-interval', String(later)]
        const options = [...through, ...lasting(1_000), ...changed]
        await visit(...options, '-t', topic)
        expect(await wire.find('fromClient', 'disconnect')).toMatchObject({
          properties: { sessionExpiryInterval: later },
        })
        present.push((await wire.find('fromServer', 'connack')).sessionPresent)
      }
      expect(present).toEqual([false, true, false])
    })

    declare('take-over of a session', async ({ version, clients, topic, id }) => {
      const old = await clients.subscribe('-i', id, '-t', topic)
      const takeOver = () => clients.publish('-i', id, '-t', 'other', '-m', 'x')
      expect(await shared.untilGone(id, takeOver)).toBe('session taken over')
      if (version === '5.0') await old.logged(/^Received DISCONNECT \(142\)$/)
    })

    declare('Assigned Client Identifier', async ({ version, clients, topic, tap }) => {
      const { wire, through } = await tap()
      const subscriber = await clients.subscribe(...through, '-t', topic)
      expect((await wire.find('fromClient', 'connect')).clientId).toBe('')
      await expectNothingMore(subscriber, clients, topic)
      const { properties } = await wire.find('fromServer', 'connack')
      if (version === '5.0') {
        expect(properties.assignedClientIdentifier).toMatch(/^.+$/)
        await subscriber.logged(
          new RegExp(`^Client ${properties.assignedClientIdentifier} received CONNACK \\(0\\)`),
        )
      }
    })

    declare('user name and password', async ({ version, clients, topic }) => {
      const message = ['-t', topic, '-m', 'x']
      await clients.publish('-u', USER.userName, '-P', USER.password, ...message)
      const refused = version === '5.0' ? 0x86 : 4
      for (const [userName, password] of [
        [USER.userName, 'guess'],
        ['nobody', USER.password],
      ] as const) {
        const client = clients.start('mosquitto_pub', '-u', userName, '-P', password, ...message)
        expect(await client.end()).toBe(refused)
        expect(client.errors).toMatch(/bad user name or password/i)
      }
    })

    declare('Keep Alive: PINGREQ and PINGRESP', async ({ clients, topic, tap }) => {
      await using broker = await InteropBroker.start({ maximumKeepAlive: 1 })
      const { through } = await tap(broker)
      const subscriber = await clients.subscribe(...through, '-t', topic)
      await subscriber.logged(/received PINGRESP/)
      await subscriber.signal('SIGKILL')
    })

    declare('Server Keep Alive', async ({ clients, topic, tap }) => {
      await using broker = await InteropBroker.start({ maximumKeepAlive: 30 })
      for (const [keepAlive, serverKeepAlive] of [
        ['60', 30],
        ['20', undefined],
      ] as const) {
        const { wire, through } = await tap(broker)
        await clients.publish(...through, '-k', keepAlive, '-t', topic, '-m', 'x', '-q', '1')
        const { properties } = await wire.find('fromServer', 'connack')
        expect(properties.serverKeepAlive).toBe(serverKeepAlive)
      }
    })

    declare('server shutting down', async ({ clients, topic }) => {
      await using broker = await InteropBroker.start()
      const subscriber = await clients.subscribe('-p', String(broker.port), '-t', topic)
      await broker.broker.close()
      await subscriber.logged(/^Received DISCONNECT \(139\)$/)
    })
  })

  describe('messages', () => {
    declare('QoS 0, 1 and 2 both ways', async ({ clients, topic }) => {
      await Promise.all(
        LEVELS.map(async (granted) => {
          const own = `${topic}/${granted}`
          const subscriber = await clients.subscribe('-t', own, '-q', granted)
          await subscriber.logged(new RegExp(`^Subscribed \\(mid: 1\\): ${granted}$`))
          for (const qos of LEVELS) {
            await clients.publish('-t', own, '-q', qos, '-m', `sent at ${qos}`)
            expect(await subscriber.take(1)).toMatchObject([
              {
                topic: own,
                payload: `sent at ${qos}`,
                qos: Math.min(Number(granted), Number(qos)),
                retain: 0,
              },
            ])
          }
        }),
      )
    })

    declare('order of messages', async ({ clients, topic }) => {
      const subscriber = await clients.subscribe('-t', topic, '-q', '2')
      for (const qos of LEVELS) {
        const sent = Array.from({ length: 50 }, (_, i) => `${qos}: ${i}`)
        await clients.publishLines(sent, '-t', topic, '-q', qos)
        expect(await subscriber.texts(50)).toEqual(sent)
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
    })

    declare('topics beyond ASCII', async ({ clients, topic }) => {
      const subscriber = await clients.subscribe('-t', `${topic}/Straße/+/日本`)
      // One letter of its own, and the same as two: they are different topics.
      for (const level of ['\u00fc', 'u\u0308', '\u{1f680}', ' ', '\ufeff']) {
        const own = `${topic}/Straße/${level}/日本`
        await clients.publish('-t', own, '-m', level)
        expect(await subscriber.take(1)).toMatchObject([{ topic: own, payload: level }])
      }
    })

    declare('properties of a message', async ({ clients, topic }) => {
      const format = AS_JSON.replace('%j', '{"pairs":"%P","message":%j}')
      const subscriber = await clients.subscribe('-t', topic, '-q', '2', '-F', format)
      for (const qos of LEVELS) {
        await clients.publish('-t', topic, '-q', qos, '-m', 'text', ...propertiesOf('publish'))
        const [line] = await subscriber.messages.take(1)
        const { pairs, message } = JSON.parse(line!)
        expect(pairs).toBe('key:one key:zwölf')
        expect(message.properties).toMatchObject(PRINTED_PROPERTIES)
      }
    })

    declare('request and response', async ({ version, clients, topic }) => {
      const isV5 = version === '5.0'
      const responder = await clients.subscribe('-t', topic, '-q', '1')
      for (const [n, square] of [
        ['3', '9'],
        ['4', '16'],
      ] as const) {
        const correlation = ['correlation-data', `number ${n}`]
        const options = ['-t', topic, '-e', `${topic}/answers`, '-q', '1', '-F', AS_JSON]
        const requester = clients.start(
          'mosquitto_rr',
          ...options,
          ...['-m', n, ...(isV5 ? ['-D', 'publish', ...correlation] : [])],
        )
        const [request] = await responder.take(1)
        expect(request!.payload).toBe(n)
        const { 'response-topic': to, 'correlation-data': data } = request!.properties ?? {}
        expect([to, data]).toEqual(
          isV5 ? [`${topic}/answers`, `number ${n}`] : [undefined, undefined],
        )
        await clients.publish(
          ...['-t', `${topic}/answers`, '-q', '1', '-m', square],
          ...(isV5 ? ['-D', 'publish', 'correlation-data', String(data)] : []),
        )
        expect(await requester.take(1)).toMatchObject([{ payload: square }])
        expect(await requester.end()).toBe(0)
      }
    })

    declare('Message Expiry Interval', async ({ clients, topic, lasting, visit }) => {
      const subscription = [...lasting(3_600), '-t', `${topic}/#`, '-q', '1']
      await visit(...subscription)
      const start = shared.clock.now()
      for (const seconds of ['30', '1000']) {
        const expiry = ['-D', 'publish', 'message-expiry-interval', seconds]
        await clients.publish('-t', `${topic}/a`, '-q', '1', '-m', `lives ${seconds} s`, ...expiry)
      }
      shared.clock.forward(40)
      const back = await clients.subscribe(...subscription)
      const [message] = await back.take(1)
      expect(message!.payload).toBe('lives 1000 s')
      const waited = Math.ceil((shared.clock.now() - start) / 1_000)
      const rest = message!.properties!['message-expiry-interval']
      expect(rest).toBeGreaterThanOrEqual(1_000 - waited)
      expect(rest).toBeLessThanOrEqual(960)
      await expectNothingMore(back, clients, `${topic}/a`)
    })

    declare('Topic Alias from the client', async ({ clients, topic, tap }) => {
      const { wire, through } = await tap()
      const subscriber = await clients.subscribe('-t', topic, '-q', '1')
      const alias = ['-D', 'publish', 'topic-alias', '3']
      await clients.publishLines(['1', '2', '3'], ...through, '-t', topic, '-q', '1', ...alias)
      expect((await subscriber.take(3)).map((one) => [one.topic, one.payload])).toEqual(
        ['1', '2', '3'].map((text) => [topic, text]),
      )
      const sent = wire.all('fromClient', 'publish')
      expect(sent.map(({ topicName }) => topicName)).toEqual([topic, '', ''])
    })

    declare('Receive Maximum of the client', async ({ clients, topic, tap, lasting, visit }) => {
      const subscription = [...lasting(3_600), '-t', topic, '-q', '2']
      await visit(...subscription)
      const sent = Array.from({ length: 30 }, (_, i) => String(i))
      await clients.publishLines(sent.slice(0, 15), '-t', topic, '-q', '1')
      await clients.publishLines(sent.slice(15), '-t', topic, '-q', '2')
      const { wire, through } = await tap()
      const maximum = ['-D', 'connect', 'receive-maximum', '3']
      const back = await clients.subscribe(...through, ...subscription, ...maximum)
      expect((await back.texts(30)).sort()).toEqual([...sent].sort())
      expect(wire.mostInFlight).toBe(3)
    })

    declare('Receive Maximum of the server', async ({ clients, topic, lasting }) => {
      await using broker = await InteropBroker.start({ receiveMaximum: 3 })
      const sent = Array.from({ length: 30 }, (_, i) => String(i))
      // What a lasting session gets is committed before it is acknowledged: acknowledgements take a while.
      const lasts = ['-p', String(broker.port), ...lasting(3_600)]
      const subscriber = await clients.subscribe(...lasts, '-t', topic, '-q', '2')
      for (const qos of ['1', '2']) {
        const options = ['-p', String(broker.port), '-t', topic, '-q', qos]
        const publisher = await clients.publishLines(sent, ...options)
        expect(await subscriber.texts(30)).toEqual(sent)
        expect(mostUnacknowledged(publisher.log.items)).toBe(3)
      }
      await subscriber.signal('SIGKILL')
    })

    declare('Maximum Packet Size of the client', async ({ clients, topic, tap }) => {
      const { wire, through } = await tap()
      const maximum = ['-D', 'connect', 'maximum-packet-size', '200']
      const small = await clients.subscribe(...through, ...maximum, '-t', topic, '-q', '1')
      for (const size of [10, 1_000, 20]) {
        await clients.publish('-t', topic, '-q', '1', '-m', 'x'.repeat(size))
      }
      expect((await small.texts(2)).map((text) => text.length)).toEqual([10, 20])
      expect(wire.all('fromServer', 'publish')).toHaveLength(2)
    })

    declare('Maximum Packet Size of the server', async ({ clients, topic, tap }) => {
      await using broker = await InteropBroker.start({ maximumPacketSize: 1_000 })
      const { wire, through } = await tap(broker)
      const options = [...through, '-t', topic, '-q', '1', '-m']
      await clients.publish(...options, 'x'.repeat(800))
      const { properties } = await wire.find('fromServer', 'connack')
      expect(properties.maximumPacketSize).toBe(1_000)
      await clients.start('mosquitto_pub', ...options, 'x'.repeat(1_000)).end()
      expect(wire.all('fromClient', 'publish')).toHaveLength(1)
    })

    declare('Maximum QoS and Retain Available', async ({ clients, topic, tap }) => {
      await using broker = await InteropBroker.start({ maximumQoS: 1, retainAvailable: false })
      const subscriber = await clients.subscribe('-p', String(broker.port), '-t', topic, '-q', '2')
      await subscriber.logged(/^Subscribed \(mid: 1\): 1$/)
      const { wire, through } = await tap(broker)
      await clients
        .start('mosquitto_pub', ...through, '-t', topic, '-m', 'not sent', '-q', '2')
        .end()
      await clients.publish(...through, '-t', topic, '-m', 'not retained', '-q', '1', '-r')
      expect(await subscriber.texts(1)).toEqual(['not retained'])
      const sent = wire.all('fromClient', 'publish')
      expect(sent).toMatchObject([{ qos: 1, retain: false }])
      await subscriber.signal('SIGKILL')
    })

    declare('refused PUBLISH', async ({ version, clients, topic }) => {
      const watcher = await clients.subscribe('-t', `${topic}/#`, '-q', '2')
      for (const qos of LEVELS) {
        const refused = ['-t', `${topic}/${FORBIDDEN}`, '-q', qos, '-m', 'x']
        const { errors } = await clients.publish(...refused)
        if (version === '5.0' && qos !== '0') expect(errors).toMatch(/failed: Not authorized/)
        else expect(errors).toBe('')
      }
      await expectNothingMore(watcher, clients, `${topic}/allowed`, 2)
    })
  })

  describe('subscriptions', () => {
    declare('retained message: set, replaced, deleted', async ({ clients, topic }) => {
      const retained = ['-t', topic, '-q', '1', '-r']
      for (const text of ['one', 'two']) await clients.publish(...retained, '-m', text)
      const early = await clients.subscribe('-t', topic, '-q', '1')
      expect(await early.take(1)).toMatchObject([{ payload: 'two', retain: 1 }])
      await clients.publish(...retained, '-m', 'three')
      expect(await early.take(1)).toMatchObject([{ payload: 'three', retain: 0 }])
      await clients.publish(...retained, '-n')
      const late = await clients.subscribe('-t', topic, '-q', '1')
      await expectNothingMore(late, clients, topic)
    })

    declare('Retain As Published', async ({ clients, topic }) => {
      const subscription = ['-t', topic, '-q', '1']
      const asPublished = await clients.subscribe(...subscription, '--retain-as-published')
      const plain = await clients.subscribe(...subscription)
      for (const [retain, seen] of [
        [['-r'], 1],
        [[], 0],
      ] as const) {
        await clients.publish(...subscription, '-m', 'x', ...retain)
        expect(await asPublished.take(1)).toMatchObject([{ retain: seen }])
        expect(await plain.take(1)).toMatchObject([{ retain: 0 }])
      }
    })

    declare('Subscription Identifier', async ({ clients, topic }) => {
      for (const identifier of [1, 268_435_455]) {
        const property = ['-D', 'subscribe', 'subscription-identifier', String(identifier)]
        const subscriber = await clients.subscribe('-t', `${topic}/+`, ...property)
        await clients.publish('-t', `${topic}/a`, '-m', 'x')
        const [message] = await subscriber.take(1)
        expect(message!.properties!['subscription-identifier']).toBe(identifier)
      }
    })

    declare('shared subscription', async ({ clients, topic }) => {
      const members = await Promise.all(
        [1, 2].map(() => clients.subscribe('-t', `$share/group/${topic}`, '-q', '1')),
      )
      const other = await clients.subscribe('-t', topic, '-q', '1')
      const sent = Array.from({ length: 20 }, (_, i) => String(i))
      await clients.publishLines(sent, '-t', topic, '-q', '1')
      expect(await other.texts(20)).toEqual(sent)
      const shares = await Promise.all(members.map((member) => member.texts(10)))
      expect(shares.flat().sort()).toEqual([...sent].sort())
    })

    declare('refused SUBSCRIBE', async ({ version, clients, topic }) => {
      const refused = await clients.subscribe('-t', `${FORBIDDEN}/${topic}`)
      const code = version === '5.0' ? 0x87 : 0x80
      await refused.logged(new RegExp(`^Subscribed \\(mid: 1\\): ${code}$`))
      await refused.end()
      expect(refused.errors).toMatch(/All subscription requests were denied/)
    })

    declare('UNSUBSCRIBE', async ({ clients, topic }) => {
      const [a, b] = [`${topic}/a`, `${topic}/b`]
      const subscriber = await clients.subscribe('-t', a, '-t', b, '-q', '1', '-U', a)
      await subscriber.logged(/received UNSUBACK/)
      await clients.publish('-t', a, '-q', '1', '-m', 'nobody gets it')
      await expectNothingMore(subscriber, clients, b)
    })
  })

  describe('wills', () => {
    const willOf = (topic: string, payload: string, qos = '1') =>
      ['--will-topic', topic, '--will-payload', payload, '--will-qos', qos] as const

    declare('Will Message', async ({ clients, topic, id, visit }) => {
      const watcher = await clients.subscribe('-t', topic, '-q', '2')
      for (const qos of LEVELS) {
        const will = [
          ...willOf(topic, `gone ${qos}`, qos),
          ...(qos === '2' ? ['--will-retain'] : []),
        ]
        const options = ['-i', id, '-t', 'other', ...will]
        await visit(...options)
        await expectNothingMore(watcher, clients, topic, 2)
        const dying = await clients.subscribe(...options)
        await dying.signal('SIGKILL')
        expect(await watcher.take(1)).toMatchObject([
          { topic, payload: `gone ${qos}`, qos: Number(qos), retain: 0 },
        ])
      }
      const late = await clients.subscribe('-t', topic, '-q', '2')
      expect(await late.take(1)).toMatchObject([{ payload: 'gone 2', retain: 1 }])
    })

    declare('Will Delay Interval', async ({ clients, topic, id, lasting }) => {
      const watcher = await clients.subscribe('-t', topic, '-q', '1')
      const delay = ['-D', 'will', 'will-delay-interval', '50']
      const options = [...lasting(1_000), '-t', 'other', ...willOf(topic, 'gone'), ...delay]
      const die = (client: MosquittoProcess) => shared.untilGone(id, () => client.signal('SIGKILL'))
      await die(await clients.subscribe(...options))
      const back = await clients.subscribe(...options)
      shared.clock.forward(60)
      await expectNothingMore(watcher, clients, topic)
      await die(back)
      shared.clock.forward(45)
      await expectNothingMore(watcher, clients, topic)
      shared.clock.forward(6)
      expect(await watcher.texts(1)).toEqual(['gone'])
    })

    declare('properties of a will', async ({ clients, topic }) => {
      const watcher = await clients.subscribe('-t', topic, '-q', '1')
      const dying = await clients.subscribe(
        ...['-t', 'other', ...willOf(topic, 'gone')],
        ...['-D', 'will', 'message-expiry-interval', '1000', ...propertiesOf('will')],
      )
      await dying.signal('SIGKILL')
      const [message] = await watcher.take(1)
      expect(message!.properties).toMatchObject({
        ...PRINTED_PROPERTIES,
        'message-expiry-interval': 1_000,
      })
    })

    // mosquitto_sub says it where a signal ends it.
    declare('DISCONNECT with Will Message', async ({ clients, topic, tap }) => {
      const { wire, through } = await tap()
      const watcher = await clients.subscribe('-t', topic, '-q', '1')
      const options = ['-t', 'other', ...willOf(topic, 'on purpose')]
      const client = await clients.subscribe(...through, ...options)
      await client.signal('SIGTERM')
      expect(await wire.find('fromClient', 'disconnect')).toMatchObject({ reasonCode: 0x04 })
      expect(await watcher.texts(1)).toEqual(['on purpose'])
    })
  })
})

features.complete()

/** Options that give a PUBLISH or a will all the properties that go along with a message. */
function propertiesOf(packet: 'publish' | 'will'): string[] {
  return [
    ['content-type', 'text/plain; charset=utf-8'],
    ['payload-format-indicator', '1'],
    ['response-topic', 'to/somebody'],
    ['correlation-data', 'a "quoted" thing'],
    ['user-property', 'key', 'one'],
    ['user-property', 'key', 'zwölf'],
  ].flatMap((property) => ['-D', packet, ...property])
}

const PRINTED_PROPERTIES = {
  'content-type': 'text/plain; charset=utf-8',
  'payload-format-indicator': 1,
  'response-topic': 'to/somebody',
  'correlation-data': 'a "quoted" thing',
  'user-properties': { key: 'zwölf' },
}

/** The most messages that a publisher had on their way at once, by what it tells itself. */
function mostUnacknowledged(log: readonly string[]): number {
  let [count, most] = [0, 0]
  for (const line of log) {
    if (/ sending PUBLISH /.test(line)) most = Math.max(most, ++count)
    if (/ received (PUBACK|PUBCOMP) /.test(line)) count--
  }
  return most
}

/** What is published arrives as it was, at each QoS. */
async function expectSamePayload({ clients, topic }: Scene, payload: Uint8Array): Promise<void> {
  const path = join(folder, `payload-${payload.length}`)
  writeFileSync(path, payload)
  const subscriber = await clients.subscribe('-t', topic, '-q', '2', '-F', AS_HEX)
  for (const qos of LEVELS) {
    await clients.publish('-t', topic, '-q', qos, '-f', path)
    const [hex] = await subscriber.messages.take(1)
    expect(hex === Buffer.from(payload).toString('hex')).toBe(true)
  }
}
