import { encode, type PacketInput, type ProtocolVersion } from '@promptmq/codec'
import type { Published } from './message.ts'
import { publishPacket } from './packets.ts'

/** Packets that would be good, each with bits of the first byte flipped that make it malformed. */
const MALFORMED: readonly ((identifier: number, message: Published) => [PacketInput, number])[] = [
  // QoS 3 [MQTT-3.3.1-4]
  (identifier, message) => [publishPacket({ ...message, qos: 2 }, 5, identifier, false), 0b0010],
  // Reserved flags [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.6.1-1]
  (packetIdentifier) => [
    { type: 'subscribe', packetIdentifier, subscriptions: [{ topicFilter: '#', qos: 2 }] },
    0b0010,
  ],
  (packetIdentifier) => [{ type: 'unsubscribe', packetIdentifier, topicFilters: ['a'] }, 0b0010],
  (packetIdentifier) => [{ type: 'pubrel', packetIdentifier }, 0b0010],
  (packetIdentifier) => [{ type: 'puback', packetIdentifier }, 0b0010],
  () => [{ type: 'disconnect' }, 0b0001],
]

/** One packet of a client that breaks a rule in its first byte. @param which - any number. */
export function malformed(
  which: number,
  protocolVersion: ProtocolVersion,
  identifier: number,
  message: Published,
): Uint8Array {
  const [packet, flipped] = MALFORMED[which % MALFORMED.length]!(identifier, message)
  const bytes = Uint8Array.from(encode(packet, { protocolVersion }))
  bytes[0]! ^= flipped
  return bytes
}
