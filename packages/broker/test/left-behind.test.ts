import type { Broker, BrokerOptions } from '@promptmq/broker'
import type { ConnectInput } from '@promptmq/codec'
import { MemoryStore, type QueuedMessage } from '@promptmq/store'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker } from './harness.ts'

const KEPT: Partial<ConnectInput> = {
  cleanStart: false,
  properties: { sessionExpiryInterval: 100 },
}

const subscribe = (topicFilter: string, qos: 0 | 1 | 2, subscriptionIdentifier?: number) =>
  ({
    type: 'subscribe',
    packetIdentifier: 1,
    subscriptions: [{ topicFilter, qos }],
    properties: { subscriptionIdentifier },
  }) as const

/** A Store whose queues are not read for a while. */
class StuckStore extends MemoryStore {
  isStuck = false

  override readQueue(...args: Parameters<MemoryStore['readQueue']>): Promise<QueuedMessage[]> {
    return this.isStuck ? new Promise(() => {}) : super.readQueue(...args)
  }
}

async function startStuck(options: BrokerOptions) {
  const store = new StuckStore()
  return { ...(await startBroker({ ...options, store })), store }
}

/** A kept session subscribes to the group `g` of `t`, and its client goes away. */
async function joinAndLeave(broker: Broker, clientId: string): Promise<void> {
  const client = await TestClient.join(broker, { clientId, ...KEPT })
  await client.subscribe('$share/g/t', 1)
  await client.drop()
}

/** What waits for such a session, of the client `first`. */
async function leave(broker: Broker, messages: readonly string[]): Promise<void> {
  await joinAndLeave(broker, 'first')
  for (const each of messages) await broker.publish('t', each, { qos: 1 })
}

describe('a member of a shared group whose session ends (§4.8.2)', () => {
  test('leaves what it did not acknowledge to another, but what is sent at QoS 2', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, {
      clientId: 'first',
      properties: { receiveMaximum: 3 },
    })
    await first.subscribe('$share/g/t/#', 2)
    for (const [i, qos] of ([1, 2, 1, 2, 1] as const).entries()) {
      await broker.publish(`t/${i}`, `${i} at ${qos}`, { qos })
    }
    await broker.publish('t/6', 'expires', { qos: 1, properties: { messageExpiryInterval: 0 } })
    const [sent] = only(first.take(), 'publish')
    await first.send({ type: 'puback', packetIdentifier: sent!.packetIdentifier! })
    // In flight now: 1 at QoS 2, 2 at QoS 1, 3 at QoS 2; the others wait.
    expect(payloads(first.take())).toEqual(['3 at 2'])
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t/#', 2)
    const stranger = await TestClient.join(broker, { clientId: 'stranger' })
    await stranger.subscribe('$share/other/t/#', 2)
    await first.drop()
    const got = only(second.take(), 'publish')
    expect(payloads(got)).toEqual(['2 at 1', '4 at 1'])
    expect(got.every(({ dup }) => !dup)).toBe(true)
    expect(stranger.take()).toEqual([])
  })

  test('so does one that another CONNECT starts anew', async () => {
    const { broker } = await startBroker()
    await leave(broker, ['x'])
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    await TestClient.join(broker, { clientId: 'first', cleanStart: true })
    expect(payloads(second.take())).toEqual(['x'])
  })

  test('what waits in the Store goes on as well, and then the session is forgotten', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 2 })
    const all = Array.from({ length: 1_200 }, (_, i) => String(i))
    await leave(broker, all)
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    clock.advance(100_000)
    const got: string[] = []
    for (let round = 0; round < 2_000 && got.length < all.length; round++) {
      const packets = only(second.take(), 'publish')
      got.push(...payloads(packets))
      await second.send(
        ...packets.map(
          ({ packetIdentifier }) =>
            ({ type: 'puback', packetIdentifier: packetIdentifier! }) as const,
        ),
      )
      await settle()
    }
    expect(got).toEqual(all)
    await broker.close()
    const after = await startBroker({ store })
    expect(after.broker.stats().sessions).toBe(0)
  })

  test('what no stored session had any more is stored again', async () => {
    const store = new MemoryStore()
    const { broker } = await startBroker({ store })
    const kept = await TestClient.join(broker, { clientId: 'kept', ...KEPT })
    await kept.subscribe('t', 1)
    const member = await TestClient.join(broker, { clientId: 'member' })
    await member.subscribe('$share/g/t', 1)
    await broker.publish('t', 'x', { qos: 1 })
    const [sent] = only(kept.take(), 'publish')
    await kept.send({ type: 'puback', packetIdentifier: sent!.packetIdentifier! })
    const other = await TestClient.join(broker, { clientId: 'other', ...KEPT })
    await other.subscribe('$share/g/t', 1)
    await member.drop()
    expect(payloads(other.take())).toEqual(['x'])
    await other.drop()
    await kept.drop()
    await broker.close()
    const after = await startBroker({ store })
    const again = await TestClient.join(after.broker, { clientId: 'other', ...KEPT })
    expect(payloads(again.take())).toEqual(['x'])
  })

  describe('a crash before it is all passed on', () => {
    test('costs a later session of the same client nothing', async () => {
      const { broker, store } = await startStuck({ maximumHeldMessages: 1 })
      await leave(broker, ['a', 'b', 'c'])
      store.isStuck = true
      const anew = await TestClient.join(broker, { ...KEPT, clientId: 'first', cleanStart: true })
      await anew.subscribe('$share/g/t', 1)
      expect(await store.stats()).toMatchObject({ sessions: 2 })
      store.isStuck = false
      const after = await startBroker({ store, maximumHeldMessages: 1 })
      after.clock.advance(2_000)
      await settle()
      expect(after.broker.stats()).toMatchObject({ sessions: 1, subscriptions: 1 })
      const again = await TestClient.join(after.broker, { clientId: 'first', ...KEPT })
      await settle()
      expect(payloads(again.take())).toEqual(['b', 'c']) // nobody was in the group for a
      expect(await store.stats()).toMatchObject({ sessions: 1, subscriptions: 1 })
    })

    test('does not bring the session back', async () => {
      const { broker, store } = await startStuck({ maximumHeldMessages: 1 })
      await leave(broker, ['a', 'b', 'c'])
      await joinAndLeave(broker, 'second')
      store.isStuck = true
      // Its next session is not in the Store.
      await TestClient.join(broker, { clientId: 'first', cleanStart: true })
      store.isStuck = false
      const after = await startBroker({ store })
      const back = await TestClient.connect(after.broker, { clientId: 'first', ...KEPT })
      await settle()
      expect(back.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
      const again = await TestClient.join(after.broker, { clientId: 'second', ...KEPT })
      await settle()
      expect(payloads(again.take())).toEqual(['a', 'b', 'c'])
    })

    test('passes nothing twice', async () => {
      const { broker, store } = await startStuck({ maximumHeldMessages: 2, maximumInflight: 1 })
      const first = await TestClient.join(broker, { clientId: 'first', ...KEPT })
      await first.subscribe('$share/g/t', 1)
      for (const each of ['a', 'b', 'c', 'd']) await broker.publish('t', each, { qos: 1 })
      // In flight, in memory twice, and in the Store only.
      expect(payloads(first.take())).toEqual(['a'])
      await joinAndLeave(broker, 'second')
      store.isStuck = true
      await TestClient.connect(broker, { ...KEPT, clientId: 'first', cleanStart: true })
      await settle()
      store.isStuck = false
      const after = await startBroker({ store })
      after.clock.advance(2_000)
      await settle()
      const again = await TestClient.join(after.broker, { clientId: 'second', ...KEPT })
      await settle()
      expect(payloads(again.take())).toEqual(['a', 'b', 'c', 'd'])
    })
  })

  test('what a Store cannot read is asked for again', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 1 })
    await leave(broker, ['a', 'b'])
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    const readQueue = store.readQueue.bind(store)
    store.readQueue = () => Promise.reject(new Error('unreadable'))
    const errors: Error[] = []
    broker.on('storeError', (error) => errors.push(error))
    clock.advance(100_000)
    await settle()
    expect(payloads(second.take())).toEqual(['a'])
    expect(errors).toMatchObject([{ message: 'unreadable' }])
    store.readQueue = readQueue
    clock.advance(1_000)
    await settle()
    expect(payloads(second.take())).toEqual(['b'])
    expect(await store.stats()).toMatchObject({ sessions: 0, queued: 0 })
  })

  test('nor is it asked for when the broker has closed: the next one passes it on', async () => {
    const store = new StuckStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 1 })
    await leave(broker, ['a', 'b'])
    await joinAndLeave(broker, 'second')
    let count = 0
    const readQueue = store.readQueue.bind(store)
    store.readQueue = () => Promise.reject(new Error(`unreadable ${++count}`))
    await TestClient.join(broker, { clientId: 'first', cleanStart: true })
    await settle()
    expect(count).toBe(1)
    await broker.close()
    expect(clock.pendingCount).toBe(0)
    clock.advance(10_000)
    await settle()
    expect(count).toBe(1)
    store.readQueue = readQueue
    const after = await startBroker({ store })
    after.clock.advance(2_000)
    await settle()
    const second = await TestClient.join(after.broker, { clientId: 'second', ...KEPT })
    await settle()
    expect(payloads(second.take())).toEqual(['a', 'b'])
  })

  test('a page that comes after the broker has closed is passed to nobody', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 1 })
    await leave(broker, ['a', 'b'])
    await joinAndLeave(broker, 'second')
    const page = await store.readQueue(1, 1, 10)
    const { promise, resolve } = Promise.withResolvers<typeof page>()
    store.readQueue = () => promise
    await TestClient.join(broker, { clientId: 'first', cleanStart: true })
    const errors: Error[] = []
    broker.on('storeError', (error) => errors.push(error))
    await broker.close()
    resolve(page)
    await settle()
    clock.advance(10_000)
    await settle()
    expect(errors).toEqual([])
    expect(clock.pendingCount).toBe(0)
  })

  test('of two groups each gets one copy', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, { clientId: 'first' })
    await first.subscribe('$share/g/t', 1)
    await first.subscribe('$share/h/t', 1)
    await first.subscribe('$share/i/t', 1)
    await broker.publish('t', 'x', { qos: 1 })
    expect(payloads(first.take())).toEqual(['x', 'x', 'x'])
    // Of `i` nobody is left; what came by the former `h` came by the present one.
    await first.subscribe('$share/h/t', 1)
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    await second.subscribe('$share/h/t', 1)
    await first.drop()
    expect(payloads(second.take())).toEqual(['x', 'x'])
  })

  test('after a restart, what came by an ordinary subscription as well goes on', async () => {
    const store = new MemoryStore()
    const before = await startBroker({ store })
    const away = await TestClient.join(before.broker, { clientId: 'away', ...KEPT })
    await away.send(subscribe('t', 1, 7), subscribe('$share/g/t', 1, 8))
    await away.send(subscribe('u', 1), subscribe('$share/g/u', 1))
    await away.send(subscribe('$share/h/v', 1), subscribe('$share/i/v', 1))
    await away.drop()
    for (const topic of ['t', 'u', 'v']) await before.broker.publish(topic, topic, { qos: 1 })
    await before.broker.close()
    const { broker, clock } = await startBroker({ store })
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.send(subscribe('$share/g/t', 1), subscribe('$share/g/u', 1))
    // Of `h` nobody else is there.
    await second.send(subscribe('$share/i/v', 1))
    second.take()
    clock.advance(100_000)
    await settle()
    expect(payloads(second.take())).toEqual(['t', 'u', 'v'])
  })

  test.each([null, new MemoryStore()])(
    'under another Subscription Identifier it is the same group: %s',
    async (store) => {
      const options = store === null ? {} : { store, maximumHeldMessages: 1 }
      const { broker } = await startBroker(options)
      const first = await TestClient.join(broker, { clientId: 'first', ...KEPT })
      await first.send(subscribe('$share/g/t', 1, 7))
      await first.drop()
      for (const each of ['a', 'b', 'c']) await broker.publish('t', each, { qos: 1 })
      const again = await TestClient.join(broker, { clientId: 'first', ...KEPT })
      await again.send(subscribe('$share/g/t', 1, 8))
      const second = await TestClient.join(broker, { clientId: 'second' })
      await second.subscribe('$share/g/t', 1)
      await TestClient.join(broker, { clientId: 'first', cleanStart: true })
      await settle()
      expect(payloads(second.take())).toEqual(['a', 'b', 'c'])
    },
  )

  test('what came by an ordinary subscription as well is not passed on', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, { clientId: 'first' })
    await first.send(subscribe('t', 1, 7), subscribe('$share/g/t', 1, 8))
    await first.send(subscribe('u', 1), subscribe('$share/g/u', 1))
    const second = await TestClient.join(broker, { clientId: 'second' })
    for (const topic of ['t', 'u']) await broker.publish(topic, topic, { qos: 1 })
    expect(payloads(first.take()).toSorted()).toEqual(['t', 't', 'u', 'u'])
    await second.send(subscribe('$share/g/t', 1), subscribe('$share/g/u', 1))
    await first.drop()
    expect(payloads(second.take())).toEqual(['t', 'u'])
  })

  test('after a restart, what came by an ordinary subscription that is gone stays its own', async () => {
    const store = new MemoryStore()
    const before = await startBroker({ store })
    const away = await TestClient.join(before.broker, { clientId: 'away', ...KEPT })
    await away.send(subscribe('t', 1, 7))
    await away.drop()
    await before.broker.publish('t', 'own', { qos: 1 })
    await before.broker.close()
    const { broker } = await startBroker({ store })
    const back = await TestClient.join(broker, { clientId: 'away', ...KEPT })
    await back.send({ type: 'unsubscribe', packetIdentifier: 2, topicFilters: ['t'] })
    await back.send(subscribe('$share/g/t', 1, 8))
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    await TestClient.join(broker, { clientId: 'away' })
    await settle()
    expect(payloads(second.take())).toEqual([])
  })

  test('where nobody is left in the group, they die with it', async () => {
    const { broker } = await startBroker()
    const first = await TestClient.join(broker, { clientId: 'first' })
    await first.subscribe('$share/g/t', 1)
    await broker.publish('t', 'x', { qos: 1 })
    await first.drop()
    const second = await TestClient.join(broker, { clientId: 'second' })
    await second.subscribe('$share/g/t', 1)
    expect(second.take()).toEqual([])
  })
})
