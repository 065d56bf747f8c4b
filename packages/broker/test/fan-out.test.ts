import { encode, type PacketInput } from '@promptmq/codec'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { HeldStore, LoopClock, only, payloads, startBroker, text } from './harness.ts'

const COUNT = 10_000

const publish = (payload: string, rest: Partial<Extract<PacketInput, { type: 'publish' }>> = {}) =>
  ({ type: 'publish', topicName: 't', payload: text(payload), ...rest }) as const

/** A broker whose event loop goes round by hand, and very many who subscribe to `t`. */
async function startCrowd(qos: 0 | 1 = 0, store?: HeldStore) {
  const clock = new LoopClock()
  const { broker } = await startBroker({ clock, ...(store && { store }) })
  const crowd: TestClient[] = []
  for (let i = 0; i < COUNT; i++) {
    const client = new TestClient(broker)
    const sessionExpiryInterval = store === undefined ? 0 : 100
    const connect: PacketInput = {
      type: 'connect',
      clientId: `c${i}`,
      cleanStart: false,
      properties: { sessionExpiryInterval },
    }
    const subscribe: PacketInput = {
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: 't', qos }],
    }
    client.transport.send(encode(connect, { protocolVersion: 5 }))
    client.transport.send(encode(subscribe, { protocolVersion: 5 }))
    crowd.push(client)
  }
  await allRounds(clock)
  for (const client of crowd) client.take()
  const publisher = await TestClient.connect(broker, { clientId: 'publisher' })
  clock.round()
  publisher.take()
  return { broker, clock, crowd, publisher }
}

async function allRounds(clock: LoopClock): Promise<number> {
  let count = 0
  for (await settle(); clock.deferred.length > 0; await settle()) {
    clock.round()
    count++
  }
  return count
}

describe('a message to very many', () => {
  test('goes out in slices, and nobody waits for it but its publisher', async () => {
    const { clock, crowd, publisher, broker } = await startCrowd()
    const other = await TestClient.connect(broker, { clientId: 'other' })
    await publisher.send(publish('1', { qos: 1, packetIdentifier: 1 }), publish('2'))
    expect(publisher.transport.isPaused).toBe(true)
    clock.round()
    await other.send({ type: 'pingreq' })
    clock.round()
    expect(only(other.take(), 'pingresp')).toHaveLength(1)
    expect(only(publisher.take(), 'puback')).toHaveLength(0)
    expect(payloads(crowd.at(-1)!.take())).toEqual([])
    expect(await allRounds(clock)).toBeGreaterThan(20)
    for (const client of crowd) expect(['1,2', '2']).toContain(payloads(client.take()).join())
    expect(only(publisher.take(), 'puback')).toMatchObject([{ packetIdentifier: 1, reasonCode: 0 }])
    expect(publisher.transport.isPaused).toBe(false)
  })

  test('[MQTT-4.6.0-5] what follows on its topic gets in line, whoever publishes it', async () => {
    const { broker, clock, crowd, publisher } = await startCrowd()
    await publisher.send(publish('a'))
    const b = broker.publish('t', 'b')
    const c = broker.publish('t', 'c', { retain: true })
    await broker.publish('other', 'x')
    // Those who go are no receivers any more, and disturb nobody.
    for (const client of crowd.splice(5_000, 10)) await client.drop()
    await allRounds(clock)
    await Promise.all([b, c])
    for (const client of crowd) expect(payloads(client.take())).toEqual(['a', 'b', 'c'])
    expect(broker.stats()).toMatchObject({ retainedMessages: 1, connections: COUNT - 9 })
  })

  test('from a publisher who goes before its turn comes is not accepted', async () => {
    const { broker, clock, crowd, publisher } = await startCrowd()
    const first = broker.publish('t', 'first')
    await publisher.send(publish('second', { qos: 2, packetIdentifier: 1 }))
    await publisher.drop()
    await allRounds(clock)
    await first
    for (const client of crowd) expect(payloads(client.take())).toEqual(['first'])
  })

  test('is one batch of the journal: a crash keeps it for all or for nobody', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker, clock, crowd } = await startCrowd(1, store)
    const properties = { sessionExpiryInterval: 100 }
    const publisher = await TestClient.connect(broker, { clientId: 'p', properties })
    await allRounds(clock)
    const before = store.batches.length
    await publisher.send(publish('x', { qos: 2, packetIdentifier: 7 }))
    clock.round()
    await crowd[0]!.send({ type: 'unsubscribe', packetIdentifier: 2, topicFilters: ['none'] })
    expect(store.batches.length).toBe(before)
    await allRounds(clock)
    const [batch, ...rest] = store.batches.slice(before)
    expect(rest.flat().filter(({ kind }) => kind === 'queueAdd')).toEqual([])
    expect(batch!.filter(({ kind }) => kind === 'queueAdd')).toHaveLength(COUNT)
    expect(batch!.filter(({ kind }) => kind === 'receivedAdd')).toHaveLength(1)
    expect(only(publisher.take(), 'pubrec')).toMatchObject([{ packetIdentifier: 7, reasonCode: 0 }])
  })

  test('who acknowledges it in the midst of it takes it from nobody', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { broker, clock, publisher } = await startCrowd(0, store)
    const kept = { cleanStart: false, properties: { sessionExpiryInterval: 100 } } as const
    const subscriptions = [{ topicFilter: 't', qos: 1 as const }]
    const subscribe = { type: 'subscribe', packetIdentifier: 1, subscriptions } as const
    // It takes the place of the first of all.
    const first = await TestClient.connect(broker, { clientId: 'c0', ...kept })
    await first.send(subscribe)
    const last = await TestClient.connect(broker, { clientId: 'last', ...kept })
    await last.send(subscribe)
    await allRounds(clock)
    first.take()
    await publisher.send(publish('x', { qos: 1, packetIdentifier: 1 }))
    for (let round = 0; round < 3; round++) clock.round()
    await first.send({ type: 'puback', packetIdentifier: 1 })
    await allRounds(clock)
    await last.drop()
    const closed = broker.close()
    await allRounds(clock)
    await closed
    const after = await startBroker({ store })
    const again = await TestClient.join(after.broker, { clientId: 'last', ...kept })
    expect(payloads(again.take())).toEqual(['x'])
  })

  test('a batch that failed is not offered again in the midst of it', async () => {
    const store = new HeldStore()
    store.isHolding = false
    const { clock, broker, publisher } = await startCrowd(1, store)
    await publisher.send({ ...publish('kept', { qos: 1, packetIdentifier: 1 }), retain: true })
    await allRounds(clock)
    store.failure = new Error('disk full')
    void broker.publish('r', 'x', { retain: true }).catch(() => {})
    await settle()
    store.failure = null
    const before = store.batches.length
    void broker.publish('t', 'y')
    clock.advance(1_000)
    await settle()
    expect(store.batches.length).toBe(before)
    await allRounds(clock)
    expect(store.batches.length).toBe(before + 1)
  })
})

test('a chunk whose messages go to many is worked off in pieces', async () => {
  const clock = new LoopClock()
  const { broker } = await startBroker({ clock })
  const crowd: TestClient[] = []
  for (let i = 0; i < 3_000; i++) {
    const client = await TestClient.connect(broker, { clientId: `c${i}` })
    const subscriptions = [{ topicFilter: 't', qos: 1 as const }]
    await client.send({ type: 'subscribe', packetIdentifier: 1, subscriptions })
    crowd.push(client)
  }
  const publisher = await TestClient.connect(broker, { clientId: 'publisher' })
  await allRounds(clock)
  for (const client of [...crowd, publisher]) client.take()
  const ids = Array.from({ length: 15 }, (_, i) => String(i))
  const messages = ids.map((id, i) => publish(id, { qos: 1, packetIdentifier: i + 1 }))
  await publisher.send(...messages, { type: 'pingreq' })
  expect(publisher.transport.isPaused).toBe(true)
  await allRounds(clock)
  for (const client of crowd) expect(payloads(client.take())).toEqual(ids)
  expect(only(publisher.take(), 'pingresp')).toHaveLength(1)
})
