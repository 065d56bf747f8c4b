import { encode } from '@promptmq/codec'
import { settle, TestClient, VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { WRITTEN_AS_KEPT } from '../src/packet-writer.ts'
import { only, startBroker } from './harness.ts'

/** No two of its pieces are alike. */
function payloadOf(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 0xff)
}

const properties = {
  contentType: 'application/x',
  messageExpiryInterval: 60,
  userProperties: [
    ['a', 'b'],
    ['a', 'c'],
  ] as [string, string][],
}

describe('a message that is written from the memory that all share', () => {
  test.each([WRITTEN_AS_KEPT - 100, WRITTEN_AS_KEPT, 3 * WRITTEN_AS_KEPT + 1])(
    'of %i bytes reaches everybody as they are to get it, at each QoS and version',
    async (size) => {
      const { broker } = await startBroker()
      const publisher = await TestClient.join(broker, { clientId: 'publisher' })
      const receivers: { client: TestClient; qos: 0 | 1 | 2; identifier: number }[] = []
      for (const version of [5, 4] as const) {
        for (const qos of [0, 1, 2] as const) {
          for (const identifier of version === 5 ? [0, 300] : [0]) {
            const clientId = `${version} ${qos} ${identifier}`
            const aliases = identifier > 0 ? { topicAliasMaximum: 5 } : {}
            const connect = { clientId, properties: version === 5 ? aliases : {} }
            const client = await TestClient.join(broker, connect, version)
            const subscriptions = [{ topicFilter: 't/#', qos, retainAsPublished: version === 5 }]
            await client.send({
              type: 'subscribe',
              packetIdentifier: 1,
              subscriptions,
              properties: identifier > 0 ? { subscriptionIdentifier: identifier } : {},
            })
            client.take()
            receivers.push({ client, qos, identifier })
          }
        }
      }
      let packetIdentifier = 1
      for (const qos of [0, 1, 2] as const) {
        for (const some of [{}, properties]) {
          for (const retain of [false, true]) {
            const payload = payloadOf(size, packetIdentifier)
            // Between others, and twice, so that a Topic Alias stands for the name.
            const small = {
              type: 'publish',
              topicName: 't/small',
              payload: Uint8Array.of(1),
            } as const
            const large = { ...small, topicName: 't/large', payload, retain, properties: some }
            const one = { ...large, ...(qos > 0 && { qos, packetIdentifier: packetIdentifier++ }) }
            const two = { ...large, ...(qos > 0 && { qos, packetIdentifier: packetIdentifier++ }) }
            await publisher.send(small, one, small, two, { type: 'pingreq' })
            expect(only(publisher.take(), 'pingresp')).toHaveLength(1)
            for (const { client, qos: granted, identifier } of receivers) {
              const packets = only(client.take(), 'publish')
              expect(packets.map((packet) => packet.payload.length)).toEqual([1, size, 1, size])
              for (const packet of [packets[1]!, packets[3]!]) {
                expect(Buffer.compare(packet.payload, payload)).toBe(0)
                expect(packet.qos).toBe(Math.min(qos, granted))
                expect(packet.retain).toBe(retain && client.protocolVersion === 5)
                if (client.protocolVersion === 5) {
                  const identifiers = identifier > 0 ? [identifier] : []
                  expect(packet.properties.subscriptionIdentifiers).toEqual(identifiers)
                  expect(packet.properties).toMatchObject(some)
                }
              }
            }
          }
        }
      }
    },
  )

  test('is neither copied nor written over, whenever its peers read it', async () => {
    const { broker } = await startBroker()
    const transports: VirtualTransport[] = []
    for (let i = 0; i < 3; i++) {
      const transport = new VirtualTransport('late', { readsLate: true })
      broker.connect(transport)
      const clientId = `${i}`
      const subscriptions = [{ topicFilter: 't', qos: i as 0 | 1 | 2 }]
      const [connect, subscribe] = [
        { type: 'connect', clientId, cleanStart: true } as const,
        { type: 'subscribe', packetIdentifier: 1, subscriptions } as const,
      ].map((packet) => encode(packet, { protocolVersion: 5 }))
      transport.send(connect!)
      transport.send(subscribe!)
      await settle()
      transport.taken()
      transports.push(transport)
    }
    const publisher = await TestClient.join(broker, { clientId: 'publisher' })
    const payloads = [1, 2, 3].map((seed) => payloadOf(100_000, seed))
    for (const [i, payload] of payloads.entries()) {
      await publisher.send({
        type: 'publish',
        topicName: 't',
        payload,
        qos: 2,
        packetIdentifier: i + 1,
      })
    }
    for (const transport of transports) {
      const bytes = Buffer.from(transport.taken())
      for (const payload of payloads) expect(bytes.includes(payload)).toBe(true)
      transport.close()
    }
  })
})
