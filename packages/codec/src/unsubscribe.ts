/**
 * UNSUBSCRIBE (§3.10; 3.1.1 §3.10).
 *
 *   | u16 Packet Identifier | Properties (5.0) | Topic Filter | Topic Filter | ...
 */
import { writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import {
  checkPacketIdentifier,
  stringSize,
  wholeSize,
  writeFixedHeader,
  writeString,
} from './field.ts'
import { rangeError, typeError } from './misuse.ts'
import { PacketType, type ProtocolVersion } from './packet-type.ts'
import {
  propertySectionSize,
  readProperties,
  type UserProperties,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'

/** The first byte; its low half is fixed [MQTT-3.10.1-1]. */
const FIRST_BYTE = 0xa2

/** UNSUBSCRIBE (§3.10): a client wants no more messages of these filters. */
export interface Unsubscribe {
  readonly type: 'unsubscribe'
  readonly packetIdentifier: number
  /** As sent, to be compared character by character; at least one, except from a 3.1 client. */
  readonly topicFilters: readonly string[]
  readonly properties: UserProperties
}

/** At least one Topic Filter; properties are not sent before 5.0. */
export interface UnsubscribeInput {
  readonly type?: 'unsubscribe'
  readonly packetIdentifier: number
  readonly topicFilters: readonly string[]
  readonly properties?: Partial<UserProperties> | undefined
}

/** Decodes one whole UNSUBSCRIBE that lies in `bytes[start..end)`. */
export function decodeUnsubscribe(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Unsubscribe | Fault {
  const { protocolVersion, maximumFilters } = context
  const reader = new Reader(context, bytes, start, end)
  const packetIdentifier = reader.packetIdentifier()
  reader.properties(PacketType.Unsubscribe)
  const topicFilters: string[] = []
  while (reader.hasMore) {
    if (topicFilters.length === maximumFilters) return Fault.FiltersTooMany
    topicFilters.push(reader.string()) // [MQTT-3.10.3-1]
  }
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  // An empty list was no error yet in 3.1.
  if (topicFilters.length === 0 && protocolVersion !== 3) return Fault.UnsubscribeEmpty // [MQTT-3.10.3-2]
  const properties = { userProperties: [] }
  readProperties(properties, bytes, reader.propertiesStart, reader.propertiesEnd)
  return { type: 'unsubscribe', packetIdentifier, topicFilters, properties }
}

/**
 * Size of the whole packet. Checks every field, but not the grammar of filters.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function unsubscribeSize(version: ProtocolVersion, packet: UnsubscribeInput): number {
  checkPacketIdentifier(packet.packetIdentifier)
  if (!Array.isArray(packet.topicFilters)) {
    throw typeError('ERR_PROMPTMQ_FIELD', 'topicFilters', 'must be an array')
  }
  if (packet.topicFilters.length === 0) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'topicFilters', 'must not be empty') // [MQTT-3.10.3-2]
  }
  return wholeSize(remainingLength(version, packet))
}

function remainingLength(version: ProtocolVersion, packet: UnsubscribeInput): number {
  const { topicFilters, properties } = packet
  let size = 2
  if (version === 5) size += propertySectionSize(PacketType.Unsubscribe, 'properties', properties)
  topicFilters.forEach((topicFilter, index) => {
    size += stringSize('ERR_PROMPTMQ_FIELD', `topicFilters[${index}]`, topicFilter)
  })
  return size
}

/** Writes what {@link unsubscribeSize} has checked; returns the offset after the last byte. */
export function encodeUnsubscribe(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: UnsubscribeInput,
): number {
  const { packetIdentifier, topicFilters, properties } = packet
  let at = writeFixedHeader(target, offset, FIRST_BYTE, remainingLength(version, packet))
  at = writeUint16(target, at, packetIdentifier)
  if (version === 5) at = writePropertySection(target, at, PacketType.Unsubscribe, properties)
  for (const topicFilter of topicFilters) at = writeString(target, at, topicFilter)
  return at
}
