import type { PublishInput } from '@promptmq/codec'
import { TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { OutboundAliases } from '../src/outbound-aliases.ts'
import { only, payloads, startBroker } from './harness.ts'

describe('OutboundAliases', () => {
  test('a topic gets one the second time, until all are given away', () => {
    const aliases = new OutboundAliases(2)
    const got = ['a', 'b', 'a', 'a', 'b', 'c', 'c', 'b', 'a'].map((topic) => aliases.use(topic))
    expect(got).toEqual([0, 0, -1, 1, -2, 0, 0, 2, 1])
  })

  test('what could not be set is set the next time but one', () => {
    const aliases = new OutboundAliases(1)
    expect([aliases.use('a'), aliases.use('a')]).toEqual([0, -1])
    aliases.undo('a')
    expect([aliases.use('a'), aliases.use('a'), aliases.use('a')]).toEqual([0, -1, 1])
  })

  test('topics that are sent once are forgotten', () => {
    const aliases = new OutboundAliases(1)
    expect(aliases.use('a')).toBe(0)
    for (let i = 0; i < 4; i++) aliases.use(String(i))
    expect(aliases.use('a')).toBe(0)
  })
})

/** Topic Names and aliases of what came. */
function topics(client: TestClient): [string, number | undefined][] {
  return only(client.take(), 'publish').map(({ topicName, properties }) => [
    topicName,
    properties.topicAlias,
  ])
}

describe('Topic Aliases outwards, §3.3.2.3.4', () => {
  const publish = (topicName: string, rest: Partial<PublishInput> = {}) =>
    ({ type: 'publish', topicName, payload: 'x', ...rest }) as const

  async function pair(topicAliasMaximum: number, options: { maximumPacketSize?: number } = {}) {
    const { broker } = await startBroker()
    const properties = { topicAliasMaximum, ...options }
    const subscriber = await TestClient.join(broker, { clientId: 's', properties })
    await subscriber.subscribe('#', 1)
    return { broker, subscriber, publisher: await TestClient.join(broker, { clientId: 'p' }) }
  }

  test('[MQTT-3.1.2-27] none where the client takes none', async () => {
    const { subscriber, publisher } = await pair(0)
    await publisher.send(publish('a'), publish('a'), publish('a'))
    expect(topics(subscriber)).toEqual([
      ['a', undefined],
      ['a', undefined],
      ['a', undefined],
    ])
  })

  test('[MQTT-3.1.2-26] [MQTT-3.3.2-11] never more than the client takes; at every QoS, with properties', async () => {
    const { subscriber, publisher } = await pair(1)
    const properties = { contentType: 'text', messageExpiryInterval: 60 }
    await publisher.send(
      publish('a'),
      publish('a', { qos: 1, packetIdentifier: 1, properties }),
      publish('a', { qos: 1, packetIdentifier: 2, properties }),
      publish('b'),
      publish('b'),
      publish('a'),
    )
    const got = only(subscriber.take(), 'publish')
    expect(got.map(({ topicName, properties }) => [topicName, properties.topicAlias])).toEqual([
      ['a', undefined],
      ['a', 1],
      ['', 1],
      ['b', undefined],
      ['b', undefined],
      ['', 1],
    ])
    expect(got[2]).toMatchObject({ qos: 1, properties: { ...properties, topicAlias: 1 } })
    expect(payloads(got)).toEqual(['x', 'x', 'x', 'x', 'x', 'x'])
  })

  test('a publisher that takes aliases itself makes no difference', async () => {
    for (const whenSlow of ['drop newest', 'drop oldest'] as const) {
      const { broker } = await startBroker({ whenSlow, maximumPendingBytes: 100 })
      const properties = { topicAliasMaximum: 5 }
      const subscriber = await TestClient.join(broker, { clientId: 's', properties })
      await subscriber.subscribe('#', 1)
      const publisher = await TestClient.join(broker, { clientId: 'p', properties })
      for (let i = 1; i <= 3; i++) {
        await publisher.send(publish('a', { qos: 1, packetIdentifier: i, retain: true }))
      }
      expect(topics(subscriber)).toEqual([
        ['a', undefined],
        ['a', 1],
        ['', 1],
      ])
      // What waits is not the packet as it came either.
      subscriber.transport.stall()
      for (let i = 0; i < 3; i++) await publisher.send(publish('a', { retain: true }))
      subscriber.transport.unstall()
      expect(topics(subscriber).at(-1)).toEqual(['', 1])
    }
  })

  test('a new connection begins without any', async () => {
    const { broker, subscriber, publisher } = await pair(5)
    await publisher.send(publish('a'), publish('a'), publish('a'))
    expect(topics(subscriber).at(-1)).toEqual(['', 1])
    const properties = { topicAliasMaximum: 5 }
    const again = await TestClient.join(broker, { clientId: 's', properties })
    await again.subscribe('#', 0)
    await publisher.send(publish('a'))
    expect(topics(again)).toEqual([['a', undefined]])
  })

  test('one that does not fit, or whose packet may be dropped, is not set', async () => {
    // Topic and payload fit as they are, and three bytes more do not.
    const { subscriber, publisher } = await pair(5, { maximumPacketSize: 20 })
    const payload = 'x'.repeat(14)
    for (let i = 0; i < 3; i++) await publisher.send(publish('a', { payload }))
    expect(topics(subscriber)).toEqual(Array.from({ length: 3 }, () => ['a', undefined]))

    const { broker } = await startBroker({ maximumPendingBytes: 100 })
    const properties = { topicAliasMaximum: 5 }
    const slow = await TestClient.join(broker, { clientId: 'slow', properties })
    await slow.subscribe('#', 0)
    slow.transport.stall()
    for (const size of [80, 80, 80]) await broker.publish('a', 'x'.repeat(size))
    slow.transport.unstall()
    for (let i = 0; i < 3; i++) await broker.publish('a', 'x')
    expect(topics(slow)).toEqual([
      ['a', undefined],
      ['a', 1],
      ['', 1],
      ['', 1],
    ])
  })
})
