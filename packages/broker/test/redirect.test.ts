import type { Decision, Redirection } from '@promptmq/broker'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, startBroker } from './harness.ts'

const redirection = { reasonCode: 0x9c, serverReference: 'other.example:1883' } as const

describe('Server Reference, §4.11', () => {
  test.each([
    ['at once', redirection],
    ['later', Promise.resolve({ ...redirection, reasonCode: 0x9d } as const)],
  ])('a hook sends a client elsewhere, %s', async (_when, answer) => {
    const { broker } = await startBroker()
    broker.use({ name: 'elsewhere', authenticate: () => answer })
    const { reasonCode } = await answer
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([
      { type: 'connack', reasonCode, properties: { serverReference: 'other.example:1883' } },
    ])
    expect(client.isClosed).toBe(true)
    // 3.1.1 cannot be told where: Server unavailable.
    const old = await TestClient.connect(broker, {}, 4)
    expect(old.take()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }])
  })

  test.each<[string, Decision | Redirection]>([
    ['no Server Reference', { reasonCode: 0x9c } as unknown as Redirection],
    ['another code', { ...redirection, reasonCode: 0x87 } as unknown as Redirection],
  ])('with %s it is no decision: denied', async (_what, answer) => {
    const { broker } = await startBroker()
    broker.use({ name: 'junk', authenticate: () => answer })
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
  })

  test('disconnect() sends a connected one elsewhere', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker, { clientId: 'c' })
    expect(broker.disconnect('c', redirection)).toBe(true)
    expect(client.take()).toMatchObject([
      {
        type: 'disconnect',
        reasonCode: 0x9c,
        properties: { serverReference: 'other.example:1883' },
      },
    ])
    expect(client.isClosed).toBe(true)
    expect(broker.disconnect('c')).toBe(false)
  })

  test('disconnect() alone is an Administrative action; its session stays', async () => {
    const { broker } = await startBroker()
    const properties = { sessionExpiryInterval: 100 }
    const client = await TestClient.join(broker, { clientId: 'c', properties })
    expect(broker.disconnect('c')).toBe(true)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98 }])
    expect(broker.stats()).toMatchObject({ connections: 0, sessions: 1 })
    expect(broker.disconnect('c')).toBe(false)
    expect(() => broker.disconnect('c', { reasonCode: 0x04 })).toThrow(/reasonCode must be/)
    expect(() => broker.disconnect('c', { reasonCode: 0x86 })).toThrow(/reasonCode must be/)
  })

  test('close() sends all elsewhere', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    const closed = broker.close({ serverReference: 'other.example:1883' })
    await settle()
    expect(only(client.take(), 'disconnect')).toMatchObject([
      { reasonCode: 0x9c, properties: { serverReference: 'other.example:1883' } },
    ])
    await client.drop()
    await closed
  })
})

describe('Response Information, §3.2.2.3.15', () => {
  const responseInformation = () => 'responses/c'

  test('[MQTT-3.1.2-28] is told to who asks for it, by the first hook that has some', async () => {
    const { broker } = await startBroker()
    broker.use({
      name: 'throws',
      responseInformation: () => {
        throw new Error('broken')
      },
    })
    broker.use({ name: 'none', responseInformation: () => undefined })
    broker.use({ name: 'some', responseInformation })
    broker.use({ name: 'other', responseInformation: () => 'other' })
    const asks = { properties: { requestResponseInformation: 1 } }
    const [connack] = only((await TestClient.connect(broker, asks)).take(), 'connack')
    expect(connack!.properties.responseInformation).toBe('responses/c')
    const [plain] = only((await TestClient.connect(broker)).take(), 'connack')
    expect(plain!.properties.responseInformation).toBeUndefined()
  })

  test('without a hook there is none', async () => {
    const { broker } = await startBroker()
    const asks = { properties: { requestResponseInformation: 1 } }
    const [connack] = only((await TestClient.connect(broker, asks)).take(), 'connack')
    expect(connack!.properties.responseInformation).toBeUndefined()
  })
})

describe('Reason Strings', () => {
  const secondConnect = { type: 'connect', clientId: 'x', cleanStart: true, keepAlive: 0 } as const

  test('say why, in a DISCONNECT and in a refusing CONNACK', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(secondConnect)
    const reasonString = 'a second CONNECT'
    expect(client.take()).toMatchObject([{ type: 'disconnect', properties: { reasonString } }])
    const bad = new TestClient(broker)
    await bad.sendBytes(Buffer.from('100e00044d5154540503003c0000016'.concat('1'), 'hex'))
    expect(only(bad.take(), 'connack')[0]!.properties.reasonString).toMatch(/reserved/)
  })

  test.each([
    ['where the client wants none', {}, { requestProblemInformation: 0 }],
    ['where the broker gives none', { reasonStrings: false }, {}],
    ['[MQTT-3.14.2-3] where the client cannot take it', {}, { maximumPacketSize: 20 }],
  ])('are left out %s', async (_where, options, properties) => {
    const { broker } = await startBroker(options)
    const client = await TestClient.join(broker, { properties })
    await client.send(secondConnect)
    expect(client.take()).toMatchObject([
      { type: 'disconnect', reasonCode: 0x82, properties: { reasonString: undefined } },
    ])
  })
})
