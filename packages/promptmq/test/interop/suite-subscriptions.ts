import { expect } from 'vitest'
import { FORBIDDEN } from './interop-broker.ts'
import { type Area, expectNothingMore, texts } from './scene.ts'

/** Subscriptions and their options, retained messages. */
export const testSubscriptions: Area = (declare) => {
  declare('retained message: set, replaced, deleted', async ({ name, connect }) => {
    const topic = name('t')
    const publisher = await connect('publisher')
    for (const text of ['one', 'two']) {
      await publisher.publish(topic, text, { qos: 1, retain: true })
    }
    const early = await connect('early')
    await early.subscribe(topic, { qos: 1 })
    expect(await early.take(1)).toMatchObject([{ payload: Buffer.from('two'), retain: true }])
    await publisher.publish(topic, 'three', { qos: 1, retain: true })
    expect(await early.take(1)).toMatchObject([{ payload: Buffer.from('three'), retain: false }])
    await publisher.publish(topic, '', { qos: 1, retain: true })
    expect(await early.take(1)).toMatchObject([{ payload: Buffer.of(), retain: false }])
    const late = await connect('late')
    await late.subscribe(topic, { qos: 1 })
    await expectNothingMore(late, publisher, topic)
  })

  declare('Retain Handling 0, 1 and 2', async ({ name, connect }) => {
    const publisher = await connect('publisher')
    const topics = [0, 1, 2].map((retainHandling) => name(`t${retainHandling}`))
    for (const topic of topics) await publisher.publish(topic, topic, { qos: 1, retain: true })
    const subscriber = await connect('subscriber')
    for (const expected of [topics.slice(0, 2), topics.slice(0, 1)]) {
      for (const retainHandling of [0, 1, 2] as const) {
        await subscriber.subscribe(topics[retainHandling]!, { qos: 1, retainHandling })
      }
      expect(await texts(subscriber, expected.length)).toEqual(expected)
    }
    for (const topic of topics) await expectNothingMore(subscriber, publisher, topic)
  })

  declare('Retain As Published', async ({ name, connect }) => {
    const publisher = await connect('publisher')
    for (const retainAsPublished of [true, false]) {
      const topic = name(`t-${retainAsPublished}`)
      const subscriber = await connect(`subscriber-${retainAsPublished}`)
      await subscriber.subscribe(topic, { qos: 1, retainAsPublished })
      for (const retain of [true, false]) {
        await publisher.publish(topic, 'x', { qos: 1, retain })
        expect((await subscriber.take(1))[0]!.retain).toBe(retain && retainAsPublished)
      }
    }
  })

  declare('No Local', async ({ name, connect }) => {
    const client = await connect('c')
    const other = await connect('other')
    await client.subscribe(name('t'), { qos: 1, noLocal: true })
    await other.subscribe(name('t'), { qos: 1, noLocal: true })
    await client.publish(name('t'), 'own', { qos: 1 })
    expect(await texts(other, 1)).toEqual(['own'])
    await expectNothingMore(client, other, name('t'))
  })

  declare('Subscription Identifier', async ({ name, connect }) => {
    const subscriber = await connect('subscriber')
    const root = name('t')
    await subscriber.subscribe(`${root}/a`, { qos: 1, subscriptionIdentifier: 1 })
    await subscriber.subscribe(`${root}/+`, { qos: 1, subscriptionIdentifier: 268_435_455 })
    await subscriber.subscribe(`${root}/b/c`, { qos: 1 })
    const publisher = await connect('publisher')
    const identifiers: (readonly number[] | undefined)[] = []
    for (const end of ['a', 'b', 'b/c']) {
      await publisher.publish(`${root}/${end}`, 'x', { qos: 1 })
      const [message] = await subscriber.take(1)
      identifiers.push([...(message!.properties.subscriptionIdentifiers ?? [])].sort())
    }
    expect(identifiers).toEqual([[1, 268_435_455], [268_435_455], []])
  })

  declare('shared subscription', async ({ name, connect }) => {
    const topic = name('t')
    const members = [await connect('m1'), await connect('m2')]
    for (const member of members) await member.subscribe(`$share/group/${topic}`, { qos: 1 })
    const other = await connect('other')
    await other.subscribe(topic, { qos: 1 })
    const publisher = await connect('publisher')
    const sent = Array.from({ length: 20 }, (_, i) => String(i))
    for (const text of sent) await publisher.publish(topic, text, { qos: 1 })
    expect(await texts(other, 20)).toEqual(sent)
    const shares = await Promise.all(members.map((member) => texts(member, 10)))
    expect(shares.flat().sort()).toEqual([...sent].sort())
  })

  declare('refused SUBSCRIBE', async ({ version, name, connect }) => {
    const client = await connect('c')
    const refused = version === '5.0' ? 0x87 : 0x80
    expect(await client.subscribe(`${FORBIDDEN}/${name('t')}`, { qos: 1 })).toBe(refused)
    expect(await client.subscribe(name('t'), { qos: 1 })).toBe(1)
    await expectNothingMore(client, client, name('t'))
  })

  declare('UNSUBSCRIBE', async ({ version, name, connect }) => {
    const client = await connect('c')
    for (const end of ['a', 'b']) await client.subscribe(name(end), { qos: 1 })
    expect(await client.unsubscribe(name('a'))).toBe(0)
    expect(await client.unsubscribe(name('a'))).toBe(version === '5.0' ? 0x11 : 0)
    await client.publish(name('a'), 'nobody gets it', { qos: 1 })
    await expectNothingMore(client, client, name('b'))
  })
}
