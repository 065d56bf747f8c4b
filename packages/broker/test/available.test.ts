import type { ConnectInput, PacketInput } from '@promptmq/codec'
import { TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const subscribe = (topicFilter: string, subscriptionIdentifier?: number): PacketInput => ({
  type: 'subscribe',
  packetIdentifier: 1,
  subscriptions: [{ topicFilter, qos: 1 }],
  properties: { subscriptionIdentifier },
})

describe('what CONNACK says is not available', () => {
  test.each([
    ['wildcardSubscriptionAvailable', subscribe('a/+'), 0xa2],
    ['sharedSubscriptionAvailable', subscribe('$share/g/a'), 0x9e],
    ['subscriptionIdentifiersAvailable', subscribe('a', 7), 0xa1],
  ] as const)('%s: who uses it all the same is disconnected', async (name, packet, reasonCode) => {
    const { broker } = await startBroker({ [name]: false })
    const client = await TestClient.connect(broker)
    const [connack] = only(client.take(), 'connack')
    expect(connack!.properties[name]).toBe(0)
    await client.subscribe('a', 1)
    await client.send(packet)
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }])
    expect(broker.stats().protocolErrors).toBe(1)
  })

  test('before 5.0, where it cannot be told, the filter is refused', async () => {
    const options = { wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false }
    const { broker } = await startBroker(options)
    const client = await TestClient.join(broker, {}, 4)
    const topicFilters = ['#', '$share/g/a', 'a']
    await client.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, qos: 0 })),
    })
    expect(only(client.take(), 'suback')).toMatchObject([{ reasonCodes: [0x80, 0x80, 0] }])
  })
})

describe('Payload Format Indicator, §3.3.2.3.2', () => {
  const notUtf8 = Uint8Array.of(0xc3, 0x28)
  const properties = { payloadFormatIndicator: 1 } as const
  const publish = (payload: Uint8Array, qos: 0 | 1, packetIdentifier?: number) =>
    ({ type: 'publish', topicName: 't', payload, qos, packetIdentifier, properties }) as const

  test('with checkPayloadFormat, what is no UTF-8 is refused with 0x99, and dropped at QoS 0', async () => {
    const { broker } = await startBroker({ checkPayloadFormat: true })
    const client = await TestClient.join(broker)
    await client.subscribe('t', 0)
    await client.send(publish(notUtf8, 1, 1), publish(notUtf8, 0), publish(text('caf\u00e9'), 1, 2))
    const packets = client.take()
    expect(only(packets, 'puback')).toMatchObject([
      { packetIdentifier: 1, reasonCode: 0x99 },
      { packetIdentifier: 2, reasonCode: 0 },
    ])
    expect(payloads(packets)).toEqual(['caf\u00e9'])
    const will = { topicName: 'w', payload: notUtf8, properties }
    const refused = await TestClient.connect(broker, { clientId: 'w', will })
    expect(refused.take()).toMatchObject([{ type: 'connack', reasonCode: 0x99 }])
  })

  test('without, nobody looks', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(publish(notUtf8, 1, 1))
    expect(client.take()).toMatchObject([{ type: 'puback', reasonCode: 0x10 }])
  })
})

test.each([
  [true, 0x87],
  [false, 0],
])('bindSessionsToUserName %s: another user gets 0x%i', async (isBound, reasonCode) => {
  const { broker } = await startBroker({ bindSessionsToUserName: isBound })
  broker.use({ name: 'anybody', authenticate: () => true })
  const connect: Partial<ConnectInput> = {
    clientId: 'c',
    cleanStart: false,
    properties: { sessionExpiryInterval: 100 },
  }
  const first = await TestClient.join(broker, { ...connect, userName: 'ada' })
  const second = await TestClient.connect(broker, { ...connect, userName: 'bob' })
  expect(second.take()).toMatchObject([{ type: 'connack', reasonCode }])
  expect(first.isClosed).toBe(!isBound)
})
