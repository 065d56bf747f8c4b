import type { ConnectInput, WillInput } from '@promptmq/codec'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const will = (delay = 0, rest: Partial<WillInput> = {}): WillInput => ({
  topicName: 'w',
  payload: text('bye'),
  qos: 1,
  ...rest,
  properties: { willDelayInterval: delay, ...rest.properties },
})

const dying = (delay: number, sessionExpiryInterval: number): Partial<ConnectInput> => ({
  clientId: 'd',
  cleanStart: false,
  will: will(delay),
  properties: { sessionExpiryInterval },
})

async function startWatched() {
  const { broker, clock } = await startBroker()
  const watcher = await TestClient.join(broker, { clientId: 'watcher' })
  await watcher.subscribe('w', 1)
  const wills = async () => {
    await settle()
    return payloads(watcher.take()).length
  }
  return { broker, clock, watcher, wills }
}

describe('Will Message, §3.1.2.5', () => {
  test('[MQTT-3.1.2-7] [MQTT-3.1.2-8] it is published when the connection is lost', async () => {
    const { broker, wills } = await startWatched()
    const client = await TestClient.join(broker, dying(0, 0))
    expect(await wills()).toBe(0)
    await client.drop()
    expect(await wills()).toBe(1)
  })

  test('[MQTT-3.1.2-10] [MQTT-3.14.4-3] DISCONNECT 0x00 removes it, 0x04 does not', async () => {
    const { broker, wills } = await startWatched()
    const quiet = await TestClient.join(broker, dying(0, 0))
    await quiet.send({ type: 'disconnect', reasonCode: 0 })
    expect(await wills()).toBe(0)
    const loud = await TestClient.join(broker, dying(0, 0))
    await loud.send({ type: 'disconnect', reasonCode: 4 })
    expect(await wills()).toBe(1)
  })

  test('a protocol error, silence and take-over publish it', async () => {
    const { broker, clock, wills } = await startWatched()
    const wrong = await TestClient.join(broker, dying(0, 0))
    await wrong.sendBytes(Uint8Array.of(0, 0))
    expect(await wills()).toBe(1)
    await TestClient.join(broker, { ...dying(0, 0), keepAlive: 1 })
    clock.advance(1_500)
    expect(await wills()).toBe(1)
    await TestClient.join(broker, dying(0, 0))
    await TestClient.join(broker, { clientId: 'd' })
    expect(await wills()).toBe(1)
  })

  // Old will with delay D, Session Expiry Interval E; what happens; when it is published.
  test.each<[string, number, number, 'nobody returns' | 'resumed' | 'clean start', number[]]>([
    ['D 0: at once', 0, 100, 'nobody returns', [1, 0]],
    ['D > 0, E = 0: at once', 5, 0, 'nobody returns', [1, 0]],
    ['D > E: at E', 10, 3, 'nobody returns', [0, 0, 0, 1, 0]],
    ['E > D: at D', 2, 100, 'nobody returns', [0, 0, 1, 0]],
    ['resumed before D: never', 5, 100, 'resumed', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['clean start before D: at once', 5, 100, 'clean start', [0, 1, 0]],
  ])('§9: %s', async (_what, delay, expiry, next, expected) => {
    const { broker, clock, wills } = await startWatched()
    const client = await TestClient.join(broker, dying(delay, expiry))
    await client.drop()
    const seen = [await wills()]
    for (let second = 1; second < expected.length; second++) {
      if (second === 1 && next !== 'nobody returns') {
        const returning = {
          clientId: 'd',
          cleanStart: next === 'clean start',
          properties: { sessionExpiryInterval: 100 },
        }
        await TestClient.join(broker, returning)
      }
      clock.advance(1_000)
      seen.push(await wills())
    }
    expect(seen).toEqual(expected)
  })

  test('taken over with a delay: not published if resumed, published if begun anew', async () => {
    const { broker, clock, wills } = await startWatched()
    await TestClient.join(broker, dying(2, 100))
    await TestClient.join(broker, { ...dying(2, 100), will: undefined })
    clock.advance(10_000)
    expect(await wills()).toBe(0)
    await TestClient.join(broker, dying(2, 100))
    await TestClient.join(broker, { clientId: 'd', cleanStart: true })
    expect(await wills()).toBe(1)
  })

  test('[MQTT-3.1.2-14] [MQTT-3.1.2-15] retained only if it was asked for', async () => {
    for (const retain of [false, true]) {
      const { broker } = await startBroker()
      const client = await TestClient.join(broker, { clientId: 'd', will: will(0, { retain }) })
      await client.drop()
      const late = await TestClient.join(broker, { clientId: 'late' })
      await late.subscribe('w', 1).catch(() => {})
      await late.send({ type: 'pingreq' })
      expect(broker.stats().retainedMessages).toBe(retain ? 1 : 0)
    }
  })

  test('[MQTT-3.1.3-10] its properties are those of a PUBLISH, in order; its delay is not among them', async () => {
    const { broker, watcher } = await startWatched()
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Uint8Array.of(1, 2),
      payloadFormatIndicator: 1,
      messageExpiryInterval: 60,
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ] as const,
    }
    const client = await TestClient.join(broker, { clientId: 'd', will: will(0, { properties }) })
    await client.drop()
    const [published] = only(watcher.take(), 'publish')
    expect(published!.properties).toMatchObject(properties)
  })

  test('who may not publish to its topic is refused at CONNECT with 0x87', async () => {
    const { broker } = await startBroker()
    broker.use({
      name: 'acl',
      authorizePublish: (_client, { topicName, isWill }) => !(isWill && topicName === 'w'),
    })
    const client = await TestClient.connect(broker, { clientId: 'd', will: will() })
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
  })

  test.each([
    ['sync', (allowed: boolean) => allowed],
    ['async', (allowed: boolean) => Promise.resolve(allowed)],
  ])(
    'a right that was lost meanwhile keeps it from being published (%s)',
    async (_what, answer) => {
      const { broker, wills } = await startWatched()
      let allowed = true
      broker.use({ name: 'acl', authorizePublish: () => answer(allowed) })
      const first = await TestClient.join(broker, dying(0, 0))
      await first.drop()
      expect(await wills()).toBe(1)
      const second = await TestClient.join(broker, dying(0, 0))
      allowed = false
      await second.drop()
      expect(await wills()).toBe(0)
    },
  )

  test('[MQTT-3.8.3-3] a will goes to its own session too, but not past No Local', async () => {
    const { broker } = await startBroker()
    const connect = { ...dying(0, 100) }
    const client = await TestClient.join(broker, connect)
    await client.subscribe('w', 1)
    await client.drop()
    const again = await TestClient.join(broker, { ...connect, will: undefined })
    expect(payloads(again.take())).toEqual(['bye'])
  })
})
