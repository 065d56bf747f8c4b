import { Broker } from '@promptmq/broker'
import type { ConnectInput } from '@promptmq/codec'
import { MemoryStore } from '@promptmq/store'
import { settle, TestClient, VirtualClock } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { HeldStore, only, payloads, startBroker, text } from './harness.ts'

const KEPT: Partial<ConnectInput> = {
  clientId: 's',
  cleanStart: false,
  properties: { sessionExpiryInterval: 1_000 },
}

const publish = (payload: string, qos: 0 | 1 | 2, packetIdentifier?: number) =>
  ({ type: 'publish', topicName: 't', payload: text(payload), qos, packetIdentifier }) as const

/** A broker with a kept session that subscribes to `t` at QoS 2 and is away. */
async function startHeld(store = new HeldStore()) {
  store.isHolding = false
  const { broker, clock } = await startBroker({ store })
  const away = await TestClient.join(broker, KEPT)
  await away.subscribe('t', 2)
  await away.drop()
  const publisher = await TestClient.join(broker, { clientId: 'p' })
  store.isHolding = true
  return { broker, clock, store, publisher }
}

describe('acknowledgements wait for the commit (design, invariant 2)', () => {
  test('PUBACK and PUBREC leave when what they promise is kept, in order', async () => {
    const { store, publisher } = await startHeld()
    await publisher.send(publish('a', 1, 1), publish('b', 2, 2))
    await publisher.send(publish('c', 1, 3))
    await publisher.send({ ...publish('nobody', 1, 4), topicName: 'other' })
    expect(publisher.take()).toEqual([])
    store.letGo()
    await settle()
    expect(publisher.take()).toMatchObject([
      { type: 'puback', packetIdentifier: 1 },
      { type: 'pubrec', packetIdentifier: 2 },
    ])
    store.letGo()
    await settle()
    expect(publisher.take()).toMatchObject([
      { type: 'puback', packetIdentifier: 3, reasonCode: 0 },
      { type: 'puback', packetIdentifier: 4, reasonCode: 0x10 },
    ])
  })

  test.each([
    ['reads on meanwhile', 'drop oldest'],
    ['has somebody publish meanwhile', 'drop newest'],
  ] as const)(
    'a message and its QoS 2 identifier are one batch, though a full queue %s',
    async (_what, whenQueueFull) => {
      const store = new HeldStore()
      store.isHolding = false
      const bounds = { maximumQueuedMessages: 2, maximumHeldMessages: 1 }
      const { broker } = await startBroker({ store, ...bounds, whenQueueFull })
      for (const clientId of ['one', 'two', 'three']) {
        const away = await TestClient.join(broker, { ...KEPT, clientId })
        await away.subscribe('t', 2)
        await away.subscribe(`for ${clientId}`, 1)
        await away.drop()
      }
      for (const payload of ['x', 'y']) await broker.publish('for two', payload, { qos: 1 })
      const publisher = await TestClient.join(broker, { ...KEPT, clientId: 'p' })
      broker.on('drop', () => {
        if (whenQueueFull === 'drop newest') void broker.publish('told', 'of it')
      })
      await publisher.send(publish('a', 2, 1), publish('b', 2, 2))
      await settle()
      const counts = store.batches.map((batch) => {
        const countOf = (wanted: string) => batch.filter(({ kind }) => kind === wanted).length
        return [countOf('messagePut'), countOf('receivedAdd')]
      })
      expect(counts.filter(([, received]) => received! > 0)).toEqual([[2, 2]])
    },
  )

  test('the deletion of what is retained waits, where another one is not kept yet', async () => {
    const { broker, store, publisher } = await startHeld()
    store.isHolding = false
    await broker.publish('r', 'x', { qos: 1, retain: true })
    store.isHolding = true
    const deletion = { ...publish('', 0), topicName: 'r', retain: true }
    await publisher.send(deletion)
    await publisher.send({ ...deletion, qos: 1, packetIdentifier: 1 })
    await settle()
    expect(publisher.take()).toEqual([])
    store.letGo()
    await settle()
    store.letGo()
    await settle()
    expect(publisher.take()).toMatchObject([{ type: 'puback', packetIdentifier: 1 }])
  })

  test('who publishes more than the Store keeps up with is not read from; others are', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker } = await startBroker({ store, maximumUncommittedBytes: 300_000 })
    const away = await TestClient.join(broker, KEPT)
    await away.subscribe('t', 1)
    await away.drop()
    const flood = await TestClient.join(broker, { clientId: 'flood' })
    const other = await TestClient.join(broker, { clientId: 'other' })
    store.isHolding = true
    const big = 'x'.repeat(50_000)
    await flood.send(publish(big, 1, 1)) // The Store is busy with it.
    let count = 1
    while (!flood.transport.isPaused && count < 20) await flood.send(publish(big, 1, ++count))
    // What is still free shrinks as it takes: half of all.
    expect(count).toBe(4)
    await other.send(publish('small', 1, 1), { type: 'pingreq' })
    expect(other.transport.isPaused).toBe(false)
    expect(only(other.take(), 'pingresp')).toHaveLength(1)
    store.letGo()
    await settle()
    expect(flood.transport.isPaused).toBe(false)
    expect(only(flood.take(), 'puback')).toHaveLength(1)
    store.isHolding = false
    store.letGo()
    await settle()
    expect(only(flood.take(), 'puback')).toHaveLength(3)
    expect(only(other.take(), 'puback')).toHaveLength(1)
  })

  test('while one batch is written the next gathers: group commit', async () => {
    const { store, publisher } = await startHeld()
    const before = store.batches.length
    for (let i = 1; i <= 100; i++) await publisher.send(publish('x', 1, i))
    store.letGo()
    await settle()
    store.letGo()
    await settle()
    expect(only(publisher.take(), 'puback')).toHaveLength(100)
    expect(store.batches.length - before).toBe(2)
  })

  test('a repeated QoS 2 PUBLISH is not acknowledged before the first is kept', async () => {
    const { store, publisher } = await startHeld()
    await publisher.send(publish('x', 2, 1), { ...publish('x', 2, 1), dup: true })
    expect(publisher.take()).toEqual([])
    store.letGo()
    await settle()
    expect(publisher.take()).toMatchObject([{ type: 'pubrec' }, { type: 'pubrec' }])
  })

  test('SUBACK, UNSUBACK and PUBCOMP of a kept session wait too', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker } = await startBroker({ store })
    const client = await TestClient.join(broker, KEPT)
    await client.send(publish('x', 2, 1))
    client.take()
    store.isHolding = true
    for (const [packet, answer] of [
      [
        { type: 'subscribe', packetIdentifier: 2, subscriptions: [{ topicFilter: 'a', qos: 1 }] },
        'suback',
      ],
      [{ type: 'unsubscribe', packetIdentifier: 3, topicFilters: ['a'] }, 'unsuback'],
      [{ type: 'pubrel', packetIdentifier: 1 }, 'pubcomp'],
    ] as const) {
      await client.send(packet)
      expect(client.take()).toEqual([])
      store.letGo()
      await settle()
      expect(client.take()).toMatchObject([{ type: answer }])
    }
  })

  describe('CONNACK of a kept session', () => {
    const WILL = { topicName: 'will', payload: text('lost'), qos: 1 } as const

    test('leaves when the Store has what it says, and what earlier connections asked for', async () => {
      const store = new HeldStore()
      store.isHolding = false
      const { broker } = await startBroker({ store })
      const joined: string[] = []
      broker.on('clientConnect', ({ clientId }) => joined.push(clientId))
      const first = await TestClient.join(broker, KEPT)
      await first.subscribe('t', 1)
      await first.send({ ...publish('x', 2, 1), topicName: 'other' })
      store.isHolding = true
      await first.send({ type: 'pubrel', packetIdentifier: 1 })
      await first.send({ type: 'unsubscribe', packetIdentifier: 2, topicFilters: ['t'] })
      const second = await TestClient.connect(broker, KEPT)
      await second.send({ type: 'pubrel', packetIdentifier: 1 })
      await second.send({ type: 'unsubscribe', packetIdentifier: 2, topicFilters: ['t'] })
      expect(second.take()).toEqual([])
      expect(joined).toHaveLength(1)
      store.letGo()
      await settle()
      expect(second.take()).toEqual([])
      store.letGo()
      await settle()
      expect(second.take()).toMatchObject([
        { type: 'connack', sessionPresent: true },
        { type: 'pubcomp', reasonCode: 0x92 },
        { type: 'unsuback', reasonCodes: [0x11] },
      ])
      expect(joined).toHaveLength(2)
    })

    test('a session that ends has to be gone, one that never was is not waited for', async () => {
      const { broker, store } = await startHeld()
      const anew = await TestClient.connect(broker, { clientId: 's', cleanStart: true })
      expect(anew.take()).toEqual([])
      expect((await TestClient.join(broker, { clientId: 'other' })).isClosed).toBe(false)
      store.letGo()
      await settle()
      expect(anew.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
      expect(await store.stats()).toMatchObject({ sessions: 0 })
    })

    test('so it has for the next connection, where the one that ended it is lost meanwhile', async () => {
      const { broker, store, clock } = await startHeld()
      const anew = { clientId: 's', cleanStart: true }
      await (await TestClient.connect(broker, anew)).drop()
      const next = await TestClient.connect(broker, anew)
      expect(next.take()).toEqual([])
      store.failure = new Error('disk full')
      store.letGo()
      await settle()
      expect(next.take()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }])
      const last = await TestClient.connect(broker, anew)
      store.failure = null
      clock.advance(1_000)
      expect(last.take()).toEqual([])
      store.letGo()
      await settle()
      expect(last.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
      expect((await TestClient.join(broker, anew)).isClosed).toBe(false)
    })

    test('another one that comes meanwhile has the session, and the first is told nothing', async () => {
      const { broker, store } = await startHeld()
      const left: string[] = []
      broker.on('clientDisconnect', (_client, reason) => left.push(reason))
      const first = await TestClient.connect(broker, KEPT)
      const second = await TestClient.connect(broker, KEPT)
      store.letGo()
      await settle()
      store.letGo()
      await settle()
      expect(first.take()).toEqual([])
      expect(first.isClosed).toBe(true)
      expect(second.take()).toMatchObject([{ type: 'connack', sessionPresent: true }])
      expect(left).toEqual([])
      expect(broker.stats().connections).toBe(2)
    })

    test('what cannot be kept is refused, without its will', async () => {
      const { broker, store } = await startHeld()
      const witness = await TestClient.join(broker, { clientId: 'witness' })
      await witness.subscribe('will', 1)
      const client = await TestClient.connect(broker, { ...KEPT, will: WILL })
      store.failure = new Error('disk full')
      store.letGo()
      await settle()
      expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }])
      expect(client.isClosed).toBe(true)
      expect(witness.take()).toEqual([])
    })

    test('[MQTT-3.1.2-8] where the connection is lost meanwhile, the will is published', async () => {
      const { broker, store } = await startHeld()
      const witness = await TestClient.join(broker, { clientId: 'witness' })
      await witness.subscribe('will', 0)
      const client = await TestClient.connect(broker, { ...KEPT, will: WILL })
      await client.drop()
      store.letGo()
      await settle()
      expect(payloads(witness.take())).toEqual(['lost'])
    })
  })

  test('QoS 2 to a kept session: PUBLISH and PUBREL leave after their commit, QoS 1 at once', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker } = await startBroker({ store })
    const client = await TestClient.join(broker, KEPT)
    await client.subscribe('t', 2)
    const publisher = await TestClient.join(broker, { clientId: 'p' })
    store.isHolding = true
    await publisher.send(publish('one', 1, 1), publish('two', 2, 2))
    expect(payloads(client.take())).toEqual(['one'])
    store.letGo()
    await settle()
    const [two] = only(client.take(), 'publish')
    expect(two).toMatchObject({ qos: 2, dup: false })
    await client.send({ type: 'pubrec', packetIdentifier: two!.packetIdentifier! })
    expect(client.take()).toEqual([])
    store.letGo()
    await settle()
    expect(client.take()).toMatchObject([
      { type: 'pubrel', packetIdentifier: two!.packetIdentifier },
    ])
  })

  test('a QoS 2 message and its identifier are in one batch', async () => {
    const { broker, store } = await startHeld()
    store.isHolding = false
    const publisher = await TestClient.join(broker, { ...KEPT, clientId: 'kept' })
    await publisher.send(publish('x', 2, 1))
    const kinds = store.batches.at(-1)!.map(({ kind }) => kind)
    expect(kinds.toSorted()).toEqual(['messagePut', 'queueAdd', 'receivedAdd'])
  })

  test('publish() of the embedder resolves when it is kept', async () => {
    const { broker, store } = await startHeld()
    let isDone = false
    const published = broker.publish('t', 'x', { qos: 1 }).then(() => {
      isDone = true
    })
    await settle()
    expect(isDone).toBe(false)
    store.letGo()
    await published
    await broker.publish('nobody', 'x', { qos: 1 })
  })
})

describe('a Store that fails', () => {
  test('acknowledges nothing, refuses what it could not keep, and goes on when it can again', async () => {
    const { broker, clock, store, publisher } = await startHeld()
    const errors: string[] = []
    broker.on('storeError', (error) => errors.push(error.message))
    store.isHolding = false
    store.failure = new Error('disk full')
    await publisher.send(publish('a', 1, 1))
    expect(publisher.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }])
    expect(errors).toEqual(['disk full'])

    const other = await TestClient.join(broker, { clientId: 'q' })
    await other.subscribe('u', 0)
    await other.send(
      publish('b', 1, 1),
      publish('c', 2, 2),
      { ...publish('d', 0), topicName: 'u' },
      { type: 'pingreq' },
    )
    expect(other.take()).toMatchObject([
      { type: 'puback', reasonCode: 0x97 },
      { type: 'pubrec', reasonCode: 0x97 },
      { type: 'publish' },
      { type: 'pingresp' },
    ])
    const kept = await TestClient.connect(broker, { ...KEPT, clientId: 'new' })
    expect(kept.take()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }])
    const old = await TestClient.join(broker, { clientId: 'old' }, 4)
    await old.send(publish('e', 1, 1))
    expect(old.take()).toEqual([])
    expect(old.isClosed).toBe(true)

    clock.advance(1_000)
    await settle()
    expect(errors).toHaveLength(2)
    store.failure = null
    clock.advance(1_000)
    await settle()
    await other.send(publish('f', 1, 3))
    expect(other.take()).toMatchObject([{ type: 'puback', reasonCode: 0 }])
    const back = await TestClient.join(broker, KEPT)
    await settle()
    // What was not acknowledged may still come: once is at least once.
    expect(payloads(back.take())).toEqual(['a', 'f'])
  })

  test('what is retained at QoS 0 is refused too: nothing gathers for a Store that fails', async () => {
    const { broker, clock, store, publisher } = await startHeld()
    store.isHolding = false
    store.failure = new Error('disk full')
    await publisher.send(publish('a', 1, 1))
    const other = await TestClient.join(broker, { clientId: 'q' })
    for (let i = 0; i < 100; i++) await other.send({ ...publish(`${i}`, 0), retain: true })
    expect(broker.stats().retainedMessages).toBe(0)
    await expect(broker.publish('t', 'x', { qos: 1 })).rejects.toThrow('disk full')
    await expect(broker.publish('t', 'x', { retain: true })).rejects.toThrow('disk full')
    await broker.publish('t', 'x')
    clock.advance(1_000)
    await settle()
    expect(store.batches.at(-1)!.filter(({ kind }) => kind === 'retainedPut')).toEqual([])
  })

  test('publish() of the embedder rejects with what it failed with', async () => {
    const { broker, store } = await startHeld()
    store.isHolding = false
    store.failure = new Error('disk full')
    await expect(broker.publish('t', 'x', { qos: 1 })).rejects.toThrow('disk full')
  })

  test('a subscription of a kept session is refused while it fails', async () => {
    const { broker, store, publisher } = await startHeld()
    store.isHolding = false
    const client = await TestClient.join(broker, { ...KEPT, clientId: 'k' })
    store.failure = new Error('disk full')
    await publisher.send(publish('a', 1, 1))
    await client.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: 'x', qos: 1 }],
    })
    expect(only(client.take(), 'suback')).toMatchObject([{ reasonCodes: [0x80] }])
  })
})

describe('a restart', () => {
  /** Ends a broker as a crash does, and starts another on what its store kept. */
  async function restart(store: MemoryStore, clock: VirtualClock): Promise<Broker> {
    await store.close()
    return Broker.start({ store, clock })
  }

  const will = { topicName: 'w', payload: text('bye'), properties: { willDelayInterval: 5 } }

  test('subscriptions, queue, both sides of QoS 2, retained messages and wills are there', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store })
    const first = await TestClient.join(broker, {
      ...KEPT,
      will: { topicName: 'w', payload: text('bye'), properties: { willDelayInterval: 5 } },
    })
    await first.send({
      type: 'subscribe',
      packetIdentifier: 1,
      properties: { subscriptionIdentifier: 9 },
      subscriptions: [
        { topicFilter: 't', qos: 2 },
        { topicFilter: '$share/g/u', qos: 1 },
      ],
    })
    const publisher = await TestClient.join(broker, { ...KEPT, clientId: 'p' })
    await publisher.send(publish('one', 1, 1), publish('two', 2, 2), publish('three', 2, 3))
    const sent = only(first.take(), 'publish')
    await first.send({ type: 'pubrec', packetIdentifier: sent[1]!.packetIdentifier! })
    await first.drop()
    await publisher.send(publish('four', 1, 4), {
      ...publish('five', 1, 5),
      properties: { userProperties: [['k', 'v']] },
    })
    await broker.publish('r', 'retained', { retain: true })

    const again = await restart(store, clock)
    expect(again.stats()).toMatchObject({ sessions: 2, subscriptions: 2, retainedMessages: 1 })
    const watcher = await TestClient.join(again, { clientId: 'w' })
    await watcher.subscribe('w', 0)
    const resent = await TestClient.join(again, { ...KEPT, clientId: 'p' })
    await resent.send(
      { ...publish('two', 2, 2), dup: true },
      { type: 'pubrel', packetIdentifier: 2 },
      { type: 'pubrel', packetIdentifier: 3 },
    )
    expect(resent.take()).toMatchObject([
      { type: 'pubrec' },
      { type: 'pubcomp', reasonCode: 0 },
      { type: 'pubcomp', reasonCode: 0 },
    ])
    clock.advance(4_999)
    expect(payloads(watcher.take())).toEqual([])
    clock.advance(1)
    expect(payloads(watcher.take())).toEqual(['bye'])
    const second = await TestClient.connect(again, KEPT)
    await settle()
    const packets = second.take()
    expect(packets[0]).toMatchObject({ type: 'connack', sessionPresent: true })
    expect(packets.slice(1)).toMatchObject([
      { type: 'publish', dup: true, qos: 1, packetIdentifier: sent[0]!.packetIdentifier },
      { type: 'pubrel', packetIdentifier: sent[1]!.packetIdentifier },
      { type: 'publish', dup: true, qos: 2, packetIdentifier: sent[2]!.packetIdentifier },
      { type: 'publish', dup: false, properties: { subscriptionIdentifiers: [9] } },
      {
        type: 'publish',
        dup: false,
        properties: { subscriptionIdentifiers: [9], userProperties: [['k', 'v']] },
      },
    ])
    expect(payloads(packets)).toEqual(['one', 'three', 'four', 'five'])
  })

  test('sessions expire by when they were left, or by the restart where somebody was connected', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store })
    const left = await TestClient.join(broker, { ...KEPT, clientId: 'left' })
    await TestClient.join(broker, { ...KEPT, clientId: 'there' })
    await TestClient.join(broker, {
      ...KEPT,
      clientId: 'ever',
      properties: { sessionExpiryInterval: 0xffff_ffff },
    })
    await left.drop()
    clock.advance(600_000)
    const again = await restart(store, clock)
    expect(again.stats().sessions).toBe(3)
    clock.advance(400_000)
    expect(again.stats().sessions).toBe(2)
    clock.advance(599_999)
    expect(again.stats().sessions).toBe(2)
    clock.advance(1)
    expect(again.stats().sessions).toBe(1)
  })

  test('[MQTT-3.1.2-23] who comes back first finds no session that ended while the broker was down', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store })
    const left = await TestClient.join(broker, { ...KEPT, will })
    await left.subscribe('t', 1)
    await left.drop()
    const again = await restart(store, new VirtualClock(clock.now() + 1_000_000))
    const watcher = await TestClient.join(again, { clientId: 'w' })
    await watcher.subscribe('w', 0)
    const client = await TestClient.connect(again, KEPT)
    expect(client.take()).toMatchObject([{ type: 'connack', sessionPresent: false }])
    await again.publish('t', 'x', { qos: 1 })
    expect(client.take()).toEqual([])
    expect(payloads(watcher.take())).toEqual(['bye'])
  })

  test('[MQTT-3.1.3-9] a will that was due while the broker was down is published, whoever is back', async () => {
    for (const [downMs, expected] of [
      [4_999, []],
      [5_000, ['bye']],
    ] as const) {
      const store = new MemoryStore()
      const { broker, clock } = await startBroker({ store })
      const left = await TestClient.join(broker, { ...KEPT, will })
      await left.drop()
      const later = new VirtualClock(clock.now() + downMs)
      const again = await restart(store, later)
      const watcher = await TestClient.join(again, { clientId: 'w' })
      await watcher.subscribe('w', 0)
      const client = await TestClient.connect(again, KEPT)
      expect(client.take()).toMatchObject([{ type: 'connack', sessionPresent: true }])
      later.advance(10_000)
      expect(payloads(watcher.take())).toEqual(expected)
    }
  })

  test('a queue longer than the window is read back in order, page by page', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 10 })
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    for (let i = 0; i < 1_500; i++) await broker.publish('t', String(i), { qos: 1 })
    const again = await restart(store, clock)
    for (let i = 1_500; i < 1_600; i++) await again.publish('t', String(i), { qos: 1 })
    const client = await TestClient.join(again, KEPT)
    const seen: string[] = []
    for (let turn = 0; turn < 50 && seen.length < 1_600; turn++) {
      await settle()
      const got = only(client.take(), 'publish')
      seen.push(...payloads(got))
      await client.send(
        ...got.map(
          ({ packetIdentifier }) =>
            ({ type: 'puback', packetIdentifier: packetIdentifier! }) as const,
        ),
      )
    }
    expect(seen).toEqual(Array.from({ length: 1_600 }, (_, i) => String(i)))
    await settle()
    expect(await store.stats()).toMatchObject({ messages: 0, queued: 0 })
  })

  test('retained messages that waited for a page of the queue come though all of it has expired', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 1 })
    await broker.publish('r', 'retained', { retain: true })
    const client = await TestClient.join(broker, KEPT)
    await client.subscribe('t', 1)
    await client.drop()
    for (const each of ['a', 'b']) {
      await broker.publish('t', each, { qos: 1, properties: { messageExpiryInterval: 1 } })
    }
    clock.advance(2_000)
    const { promise: gate, resolve } = Promise.withResolvers<void>()
    const readQueue = store.readQueue.bind(store)
    store.readQueue = (...range) => gate.then(() => readQueue(...range))
    const again = await TestClient.join(broker, KEPT)
    await again.subscribe('r', 0)
    expect(payloads(again.take())).toEqual([])
    resolve()
    await settle()
    expect(payloads(again.take())).toEqual(['retained'])
  })

  test('numbers go on: a message after the restart is not taken for one before it', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store })
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    await broker.publish('t', 'before', { qos: 1 })
    const again = await restart(store, clock)
    await again.publish('t', 'after', { qos: 1 })
    const client = await TestClient.join(again, KEPT)
    await settle()
    expect(payloads(client.take())).toEqual(['before', 'after'])
  })

  test('a session that ended leaves nothing in the Store', async () => {
    const store = new MemoryStore()
    const { broker, clock } = await startBroker({ store })
    const client = await TestClient.join(broker, {
      ...KEPT,
      will: { topicName: 'w', payload: text('x') },
    })
    await client.subscribe('t', 2)
    for (const qos of [1, 2] as const) await broker.publish('t', 'x', { qos })
    await client.send(publish('y', 2, 1))
    await client.drop()
    clock.advance(1_000_000)
    await settle()
    expect(await store.stats()).toMatchObject({
      sessions: 0,
      subscriptions: 0,
      messages: 0,
      queued: 0,
      wills: 0,
    })
  })

  test("a Store that cannot be restored is closed, and its error is the broker's", async () => {
    class Broken extends MemoryStore {
      isClosed = false
      override restore(): Promise<void> {
        return Promise.reject(new Error('unreadable'))
      }
      override async close(): Promise<void> {
        this.isClosed = true
        await super.close()
      }
    }
    const store = new Broken()
    await expect(Broker.start({ store })).rejects.toThrow('unreadable')
    expect(store.isClosed).toBe(true)
  })

  test('a page that cannot be read is reported and asked for again, though nobody stirs', async () => {
    class Unreadable extends MemoryStore {
      fails = true
      override readQueue(...page: Parameters<MemoryStore['readQueue']>) {
        return this.fails ? Promise.reject(new Error('bad sector')) : super.readQueue(...page)
      }
    }
    const store = new Unreadable()
    const { broker, clock } = await startBroker({ store, maximumHeldMessages: 1 })
    const errors: string[] = []
    broker.on('storeError', (error) => errors.push(error.message))
    const first = await TestClient.join(broker, KEPT)
    await first.subscribe('t', 1)
    await first.drop()
    for (let i = 0; i < 3; i++) await broker.publish('t', String(i), { qos: 1 })
    const client = await TestClient.join(broker, KEPT)
    await settle()
    const [got] = only(client.take(), 'publish')
    expect(got).toBeDefined()
    expect(errors).toEqual(['bad sector'])
    clock.advance(1_000)
    await settle()
    expect(errors).toEqual(['bad sector', 'bad sector'])
    store.fails = false
    clock.advance(1_000)
    await settle()
    expect(payloads(client.take())).toEqual(['1', '2'])
  })

  test('close() tells the clients, acknowledges what is kept, and publishes their wills', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker } = await startBroker({ store })
    const kept = await TestClient.join(broker, KEPT)
    await kept.subscribe('t', 1)
    const client = await TestClient.join(broker, {
      clientId: 'p',
      will: { topicName: 't', payload: text('bye'), qos: 1 },
    })
    store.isHolding = true
    await client.send(publish('x', 1, 1))
    const closed = broker.close()
    expect(broker.close()).toBe(closed)
    store.isHolding = false
    store.letGo()
    await closed
    expect(client.take()).toMatchObject([
      { type: 'puback' },
      { type: 'disconnect', reasonCode: 0x8b },
    ])
    expect(client.isClosed).toBe(true)
    expect(() => broker.subscribe('t')).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_CLOSED' }),
    )
    await expect(broker.publish('t', 'x')).rejects.toMatchObject({ code: 'ERR_PROMPTMQ_CLOSED' })
  })
})
