import { encode } from '@promptmq/codec'
import { settle, TestClient, VirtualTransport } from '@promptmq/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { payloads, startBroker } from './harness.ts'

const CONNECT = encode(
  { type: 'connect', clientId: 'x', cleanStart: true, keepAlive: 0 },
  { protocolVersion: 5 },
)

/** Packets that begin well, to be spoiled. */
const GOOD = [
  encode(
    {
      type: 'publish',
      topicName: 'a/b',
      payload: Uint8Array.of(1),
      qos: 2,
      packetIdentifier: 1,
      properties: { userProperties: [['k', 'v']], topicAlias: 1 },
    },
    { protocolVersion: 5 },
  ),
  encode(
    { type: 'subscribe', packetIdentifier: 2, subscriptions: [{ topicFilter: 'a/#', qos: 1 }] },
    { protocolVersion: 5 },
  ),
  encode(
    { type: 'unsubscribe', packetIdentifier: 3, topicFilters: ['a/#'] },
    { protocolVersion: 5 },
  ),
  encode({ type: 'puback', packetIdentifier: 4 }, { protocolVersion: 5 }),
  encode({ type: 'pubrel', packetIdentifier: 4 }, { protocolVersion: 5 }),
  encode(
    { type: 'disconnect', reasonCode: 4, properties: { reasonString: 'x' } },
    { protocolVersion: 5 },
  ),
]

describe('whatever a peer sends', () => {
  test('the broker stays up, and who behaves is not concerned', async () => {
    const { broker } = await startBroker()
    const witness = await TestClient.join(broker, { clientId: 'witness' })
    await witness.subscribe('witness', 0)
    const mutation = fc.record({ at: fc.nat(1_000), byte: fc.nat(255), cut: fc.nat(1_000) })
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.tuple(fc.constantFrom(...GOOD), fc.option(mutation)), { maxLength: 5 }),
        fc.uint8Array({ maxLength: 50 }),
        fc.nat(60),
        async (connects, packets, garbage, chunkSize) => {
          const bytes = Buffer.concat([
            ...(connects ? [CONNECT] : []),
            ...packets.map(([packet, change]) => spoil(packet, change)),
            garbage,
          ])
          const transport = new VirtualTransport()
          broker.connect(transport)
          for (let i = 0; i < bytes.length; i += chunkSize + 1) {
            transport.send(bytes.subarray(i, i + chunkSize + 1))
          }
          transport.close()
          await settle()
          await broker.publish('witness', 'alive')
          expect(payloads(witness.take())).toEqual(['alive'])
          expect(broker.stats().connections).toBe(1)
        },
      ),
      { numRuns: 500 },
    )
  })
})

function spoil(
  packet: Uint8Array,
  change: { at: number; byte: number; cut: number } | null,
): Uint8Array {
  if (change === null) return packet
  const spoiled = Uint8Array.from(packet)
  spoiled[change.at % spoiled.length] = change.byte
  return change.cut < 200 ? spoiled.subarray(0, change.cut % spoiled.length) : spoiled
}
