import { expect } from 'vitest'
import { type Area, expectNothingMore, texts } from './scene.ts'

/** Will Messages. */
export const testWills: Area = (declare) => {
  declare('Will Message', async ({ name, connect }) => {
    const topic = name('t')
    const watcher = await connect('watcher')
    await watcher.subscribe(topic, { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      const will = { topic, payload: `gone ${qos}`, qos, retain: qos === 2 }
      const polite = await connect('c', { will })
      await polite.disconnect()
      await expectNothingMore(watcher, watcher, topic)
      const dying = await connect('c', { will })
      await dying.drop()
      const [message] = await watcher.take(1)
      expect(message).toMatchObject({ topic, qos, retain: false })
      expect(message!.payload.toString()).toBe(`gone ${qos}`)
    }
    const late = await connect('late')
    await late.subscribe(topic, { qos: 2 })
    expect(await late.take(1)).toMatchObject([{ payload: Buffer.from('gone 2'), retain: true }])
  })

  declare('Will Delay Interval', async ({ shared, name, connect, lasting }) => {
    const topic = name('t')
    const watcher = await connect('watcher')
    await watcher.subscribe(topic, { qos: 1 })
    const will = { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 50 } } as const

    const hasty = await connect('c', { ...lasting(1_000), will })
    await shared.untilGone(name('c'), () => hasty.drop())
    const back = await connect('c', { ...lasting(1_000), will })
    expect(back.connack.sessionPresent).toBe(true)
    shared.clock.forward(60)
    await expectNothingMore(watcher, watcher, topic)

    await shared.untilGone(name('c'), () => back.drop())
    shared.clock.forward(45)
    await expectNothingMore(watcher, watcher, topic)
    shared.clock.forward(6)
    expect(await texts(watcher, 1)).toEqual(['gone'])
  })

  declare('properties of a will', async ({ name, connect }) => {
    const topic = name('t')
    const watcher = await connect('watcher')
    await watcher.subscribe(topic, { qos: 1 })
    const properties = {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 1_000,
      contentType: 'text/plain',
      responseTopic: name('answers'),
      correlationData: Uint8Array.of(1, 0, 0xff),
      userProperties: [
        ['why', 'unplugged'],
        ['why', 'or worse'],
      ],
    } as const
    const dying = await connect('c', { will: { topic, payload: 'gone', qos: 1, properties } })
    await dying.drop()
    const [message] = await watcher.take(1)
    expect(message!.properties).toEqual(properties)
  })

  declare('DISCONNECT with Will Message', async ({ name, connect }) => {
    const topic = name('t')
    const watcher = await connect('watcher')
    await watcher.subscribe(topic, { qos: 1 })
    const client = await connect('c', { will: { topic, payload: 'on purpose', qos: 1 } })
    await client.disconnect({ reasonCode: 0x04 })
    expect(await texts(watcher, 1)).toEqual(['on purpose'])
  })
}
