import { TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { startBroker, text } from './harness.ts'

describe('publish and subscribe from this process', () => {
  test('retained messages first, then what comes', async () => {
    const { broker } = await startBroker()
    await broker.publish('a/r', 'kept', { retain: true })
    const messages = broker.subscribe('a/+')
    const client = await TestClient.join(broker, { clientId: 'p' })
    await client.send({
      type: 'publish',
      topicName: 'a/b',
      payload: text('x'),
      qos: 1,
      packetIdentifier: 1,
      properties: { contentType: 'text/plain', userProperties: [['k', 'v']] },
    })
    expect((await messages.next()).value).toMatchObject({
      topicName: 'a/r',
      retain: true,
      publisher: '',
    })
    expect((await messages.next()).value).toMatchObject({
      topicName: 'a/b',
      payload: text('x'),
      qos: 1,
      retain: false,
      publisher: 'p',
      properties: { contentType: 'text/plain', userProperties: [['k', 'v']] },
    })
  })

  test('who waits gets the next message; leaving the loop ends the subscription', async () => {
    const { broker } = await startBroker()
    const seen: string[] = []
    const reading = (async () => {
      for await (const { payload } of broker.subscribe('t')) {
        seen.push(Buffer.from(payload).toString())
        if (seen.length === 3) break
      }
    })()
    for (const payload of ['a', 'b', 'c', 'd']) await broker.publish('t', payload)
    await reading
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(broker.stats().subscriptions).toBe(0)
  })

  test('a signal ends it, also one that is aborted already', async () => {
    const { broker } = await startBroker()
    const controller = new AbortController()
    const messages = broker.subscribe('t', { signal: controller.signal })
    const waiting = messages.next()
    controller.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await messages.next()).toEqual({ done: true, value: undefined })
    const late = broker.subscribe('t', { signal: controller.signal })
    expect((await late.next()).done).toBe(true)
    expect(broker.stats().subscriptions).toBe(0)
  })

  test('the end of the broker ends it', async () => {
    const { broker } = await startBroker()
    const messages = broker.subscribe('t')
    const waiting = messages.next()
    await broker[Symbol.asyncDispose]()
    expect((await waiting).done).toBe(true)
  })

  test('a slow consumer loses the newest, and they are counted', async () => {
    const { broker } = await startBroker()
    const messages = broker.subscribe('t', { maximumPending: 2 })
    for (const payload of ['a', 'b', 'c', 'd']) await broker.publish('t', payload)
    expect(broker.stats().dropped.slow).toBe(2)
    expect((await messages.next()).value.payload).toEqual(text('a'))
    expect((await messages.next()).value.payload).toEqual(text('b'))
  })

  test('a shared one takes turns with clients', async () => {
    const { broker } = await startBroker()
    const messages = broker.subscribe('$share/g/t')
    const client = await TestClient.join(broker)
    await client.subscribe('$share/g/t', 0)
    for (const payload of ['a', 'b', 'c', 'd']) await broker.publish('t', payload)
    expect(client.take()).toHaveLength(2)
    await messages.next()
    await messages.next()
    const none = Symbol('none')
    expect(await Promise.race([messages.next(), Promise.resolve(none)])).toBe(none)
  })

  test("a subscriber that ends within another's delivery is skipped, its neighbour is not", async () => {
    const { broker } = await startBroker()
    const first = broker.subscribe('t')
    const second = broker.subscribe('t')
    const third = broker.subscribe('t')
    const reading = first.next().then(() => second.return?.())
    await broker.publish('t', 'x')
    await reading
    expect((await third.next()).value.payload).toEqual(text('x'))
    await broker.publish('t', 'y')
    expect((await third.next()).value.payload).toEqual(text('y'))
  })

  test.each([
    [['', 'x'], 'ERR_PROMPTMQ_TOPIC'],
    [['a/#', 'x'], 'ERR_PROMPTMQ_TOPIC'],
    [['a\u0000', 'x'], 'ERR_PROMPTMQ_TOPIC'],
    [[undefined, 'x'], 'ERR_PROMPTMQ_TOPIC'],
    [['a', 1], 'ERR_PROMPTMQ_ARGUMENT'],
    [['a', 'x', { qos: 3 }], 'ERR_PROMPTMQ_ARGUMENT'],
    [['a', 'x', { properties: { contentType: 1 } }], 'ERR_PROMPTMQ_PROPERTY'],
  ])('publish(%j) is misuse', async (args, code) => {
    const { broker } = await startBroker()
    const publish = broker.publish.bind(broker) as (...args: unknown[]) => Promise<void>
    await expect(publish(...args)).rejects.toMatchObject({ code })
  })

  test.each(['', 'a#', '#/a', '$share/g', '$share//a'])(
    'subscribe(%j) is misuse',
    async (filter) => {
      const { broker } = await startBroker()
      expect(() => broker.subscribe(filter)).toThrow(
        expect.objectContaining({ code: 'ERR_PROMPTMQ_TOPIC' }),
      )
    },
  )

  test.each([Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY])(
    'maximumPending %s is misuse',
    async (maximumPending) => {
      const { broker } = await startBroker()
      expect(() => broker.subscribe('t', { maximumPending })).toThrow(
        expect.objectContaining({ code: 'ERR_PROMPTMQ_ARGUMENT' }),
      )
      expect(broker.stats().subscriptions).toBe(0)
    },
  )

  test("names of the server are the embedder's to use", async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.subscribe('$SYS/#', 0)
    await client.subscribe('#', 0)
    await broker.publish('$SYS/broker/uptime', '1')
    expect(client.take()).toHaveLength(1)
  })
})
