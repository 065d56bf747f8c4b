import type { Hooks } from '@promptmq/broker'
import { settle, TestClient, wire } from '@promptmq/testing'
import { describe, expect, test, vi } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const never = new Promise<boolean>(() => {})

/** A hook that answers wrongly, by how it does. */
const BAD: [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('broken')
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['hangs', () => never],
  ['answers undefined', () => undefined],
  ['answers null', () => null],
  ['answers text', () => 'true'],
  ['answers an object', () => ({})],
  ['answers NaN', () => Number.NaN],
  ['answers a code that the packet cannot carry', () => 0x8d],
  ['resolves to junk', () => Promise.resolve('yes')],
]

describe('authenticate', () => {
  test('is told who connects', async () => {
    const { broker } = await startBroker()
    const authenticate = vi.fn(() => true)
    broker.use({ name: 'spy', authenticate })
    await TestClient.join(
      broker,
      { clientId: 'a', userName: 'u', password: text('p'), keepAlive: 7 },
      4,
    )
    expect(authenticate).toHaveBeenCalledExactlyOnceWith({
      clientId: 'a',
      userName: 'u',
      password: text('p'),
      protocolVersion: 4,
      cleanStart: true,
      keepAlive: 7,
      remoteAddress: 'virtual',
    })
  })

  test.each([
    ['false', false, 0x87],
    ['a Reason Code', 0x86, 0x86],
    ['banned', 0x8a, 0x8a],
  ])('%s refuses with its code', async (_what, decision, reasonCode) => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authenticate: () => decision })
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode }])
    expect(client.isClosed).toBe(true)
  })

  test('before 5.0 the code is the nearest that there is', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'no', authenticate: () => 0x86 })
    const client = await TestClient.connect(broker, {}, 4)
    expect(client.transport.taken()).toEqual(wire`20 02 00 04`)
  })

  test.each(BAD)('one that %s denies', async (_what, authenticate) => {
    const { broker, clock } = await startBroker()
    broker.use({ name: 'bad', authenticate } as Hooks)
    const client = await TestClient.connect(broker)
    clock.advance(5_000)
    await settle()
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
    expect(client.isClosed).toBe(true)
    expect(broker.stats()).toMatchObject({ connections: 0, sessions: 0 })
  })

  test('hooks are asked in order, until one denies', async () => {
    const { broker } = await startBroker()
    const asked: string[] = []
    const hook = (name: string, answer: boolean | Promise<boolean>): Hooks => ({
      name,
      authenticate: () => {
        asked.push(name)
        return answer
      },
    })
    broker
      .use(hook('a', true))
      .use(hook('b', Promise.resolve(true)))
      .use(hook('c', true))
    broker.use(hook('d', Promise.resolve(false))).use(hook('e', true))
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([{ reasonCode: 0x87 }])
    expect(asked).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a peer that is gone before the answer leaves nothing behind', async () => {
    const { broker } = await startBroker()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    broker.use({ name: 'slow', authenticate: () => promise })
    const client = await TestClient.connect(broker)
    await client.drop()
    resolve(true)
    await settle()
    expect(broker.stats()).toMatchObject({ connections: 0, sessions: 0 })
  })

  test('while it decides, what comes behind CONNECT waits in the socket, not in memory', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'slow', authenticate: () => never })
    const client = await TestClient.connect(broker)
    expect(client.transport.isPaused).toBe(true)
  })
})

describe('authorizePublish', () => {
  test.each([
    ['sync', (allowed: boolean) => allowed],
    ['async', (allowed: boolean) => Promise.resolve(allowed)],
  ])('%s: what is denied is answered with 0x87 and goes nowhere', async (_what, answer) => {
    const { broker } = await startBroker()
    broker.use({
      name: 'acl',
      authorizePublish: (_client, { topicName }) => answer(topicName !== 'no'),
    })
    const client = await TestClient.join(broker)
    await client.subscribe('#', 0)
    const publish = (topicName: string, qos: 0 | 1 | 2, packetIdentifier?: number) =>
      ({
        type: 'publish',
        topicName,
        payload: text(`${topicName}${qos}`),
        qos,
        packetIdentifier,
        retain: true,
      }) as const
    await client.send(
      publish('no', 0),
      publish('yes', 0),
      publish('no', 1, 1),
      publish('yes', 1, 2),
      publish('no', 2, 3),
      publish('yes', 2, 4),
      { type: 'pingreq' },
    )
    const packets = client.take()
    expect(payloads(packets)).toEqual(['yes0', 'yes1', 'yes2'])
    expect(packets.filter(({ type }) => type !== 'publish')).toMatchObject([
      { type: 'puback', packetIdentifier: 1, reasonCode: 0x87 },
      { type: 'puback', packetIdentifier: 2, reasonCode: 0 },
      { type: 'pubrec', packetIdentifier: 3, reasonCode: 0x87 },
      { type: 'pubrec', packetIdentifier: 4, reasonCode: 0 },
      { type: 'pingresp' },
    ])
    expect(broker.stats().retainedMessages).toBe(1)
  })

  test('a refused QoS 2 identifier is not held: the same one may be used again', async () => {
    const { broker } = await startBroker()
    let allowed = false
    broker.use({ name: 'acl', authorizePublish: () => allowed })
    const client = await TestClient.join(broker)
    await client.subscribe('t', 0)
    const packet = {
      type: 'publish',
      topicName: 't',
      payload: text('x'),
      qos: 2,
      packetIdentifier: 1,
    } as const
    await client.send(packet)
    expect(client.take()).toMatchObject([{ type: 'pubrec', reasonCode: 0x87 }])
    allowed = true
    await client.send(packet)
    expect(payloads(client.take())).toEqual(['x'])
  })

  test('an alias is set even by a message that is refused', async () => {
    const { broker } = await startBroker()
    let allowed = false
    broker.use({ name: 'acl', authorizePublish: () => allowed })
    const client = await TestClient.join(broker)
    await client.subscribe('#', 0)
    const alias = (topicName: string) =>
      ({ type: 'publish', topicName, payload: text('x'), properties: { topicAlias: 1 } }) as const
    await client.send(alias('t'))
    allowed = true
    await client.send(alias(''))
    expect(only(client.take(), 'publish')).toMatchObject([{ topicName: 't' }])
  })

  test.each(BAD)('one that %s denies', async (_what, authorizePublish) => {
    const { broker, clock } = await startBroker()
    broker.use({ name: 'bad', authorizePublish } as Hooks)
    const client = await TestClient.join(broker)
    await client.send({
      type: 'publish',
      topicName: 't',
      payload: text('x'),
      qos: 1,
      packetIdentifier: 1,
    })
    clock.advance(5_000)
    await settle()
    expect(client.take()).toMatchObject([{ type: 'puback', reasonCode: 0x87 }])
    expect(client.isClosed).toBe(false)
  })

  test('a message whose sender leaves right behind it is still published', async () => {
    const { broker } = await startBroker()
    broker.use({ name: 'slow', authorizePublish: () => Promise.resolve(true) })
    const watcher = await TestClient.join(broker, { clientId: 'w' })
    await watcher.subscribe('t', 0)
    const client = await TestClient.join(broker)
    await client.send(
      { type: 'publish', topicName: 't', payload: text('last words') },
      { type: 'disconnect', reasonCode: 0 },
    )
    expect(payloads(watcher.take())).toEqual(['last words'])
  })
})

describe('authorizeSubscribe', () => {
  test.each(BAD)('one that %s denies', async (_what, authorizeSubscribe) => {
    const { broker, clock } = await startBroker()
    broker.use({ name: 'bad', authorizeSubscribe } as Hooks)
    const client = await TestClient.join(broker)
    await client.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: 't', qos: 1 }],
    })
    clock.advance(5_000)
    await settle()
    expect(client.take()).toMatchObject([{ type: 'suback', reasonCodes: [0x87] }])
  })

  test('sees the filter of a shared subscription, not its prefix', async () => {
    const { broker } = await startBroker()
    const authorizeSubscribe = vi.fn(() => true)
    broker.use({ name: 'spy', authorizeSubscribe })
    const client = await TestClient.join(broker, { clientId: 'a' })
    await client.subscribe('$share/g/secret/#', 1)
    expect(authorizeSubscribe).toHaveBeenCalledWith(expect.objectContaining({ clientId: 'a' }), {
      topicFilter: 'secret/#',
      shareName: 'g',
      qos: 1,
    })
  })
})

describe('use', () => {
  test.each([
    [{}, /name/],
    [{ name: '' }, /name/],
    [undefined, /name/],
    [{ name: 'x', authenticate: true }, /authenticate must be a function/],
  ])('%j is misuse', async (hooks, message) => {
    const { broker } = await startBroker()
    expect(() => broker.use(hooks as unknown as Hooks)).toThrow(message)
    expect(() => broker.use(hooks as unknown as Hooks)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_ARGUMENT' }),
    )
  })

  test('a hook keeps its `this`', async () => {
    const { broker } = await startBroker()
    class Users implements Hooks {
      readonly name = 'users'
      readonly #known = new Set(['u'])
      authenticate({ userName }: { userName: string | undefined }): boolean {
        return this.#known.has(userName ?? '')
      }
    }
    broker.use(new Users())
    await TestClient.join(broker, { userName: 'u' })
  })
})
