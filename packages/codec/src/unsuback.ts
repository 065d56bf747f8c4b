/**
 * UNSUBACK (§3.11; 3.1.1 §3.11): one Reason Code for each Topic Filter of the UNSUBSCRIBE, in its
 * order. Before 5.0 there is only the Packet Identifier.
 *
 *   | u16 Packet Identifier | Properties (5.0) | Reason Code | Reason Code | ...
 */
import { type ReasonProperties, readReasonProperties } from './acknowledgement.ts'
import { writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { checkPacketIdentifier, wholeSize, writeFixedHeader } from './field.ts'
import { rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion } from './packet-type.ts'
import { propertySectionSize, writePropertySection } from './property-object.ts'
import { Reader } from './reader.ts'
import { isReasonCodeOf } from './reason-code.ts'
import { checkReasonCodes } from './suback.ts'

/** UNSUBACK (§3.11) answers an UNSUBSCRIBE. */
export interface Unsuback {
  readonly type: 'unsuback'
  readonly packetIdentifier: number
  /** Empty before 5.0. */
  readonly reasonCodes: readonly number[]
  readonly properties: ReasonProperties
}

/** Neither codes nor properties are sent before 5.0. */
export interface UnsubackInput {
  readonly type?: 'unsuback'
  readonly packetIdentifier: number
  /** Not sent before 5.0. */
  readonly reasonCodes?: readonly number[] | undefined
  readonly properties?: Partial<ReasonProperties> | undefined
}

/** Decodes one whole UNSUBACK that lies in `bytes[start..end)`. */
export function decodeUnsuback(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Unsuback | Fault {
  const { protocolVersion, sender } = context
  const reader = new Reader(context, bytes, start, end)
  const packetIdentifier = reader.packetIdentifier()
  reader.properties(PacketType.Unsuback)
  const reasonCodes: number[] = []
  while (protocolVersion === 5 && reader.hasMore) {
    const code = reader.byte()
    if (!isReasonCodeOf(PacketType.Unsuback, code, sender)) {
      reader.fail(Fault.UnsubackReasonCode) // [MQTT-3.11.3-2]
    }
    reasonCodes.push(code)
  }
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  if (reasonCodes.length === 0 && protocolVersion === 5) return Fault.UnsubackEmpty // [MQTT-3.11.3-1]
  const { propertiesStart, propertiesEnd } = reader
  const properties = readReasonProperties(bytes, propertiesStart, propertiesEnd)
  return { type: 'unsuback', packetIdentifier, reasonCodes, properties }
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function unsubackSize(version: ProtocolVersion, packet: UnsubackInput): number {
  const { packetIdentifier, reasonCodes = [] } = packet
  checkPacketIdentifier(packetIdentifier)
  checkReasonCodes(PacketType.Unsuback, reasonCodes)
  if (reasonCodes.length === 0 && version === 5) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCodes', 'must not be empty') // [MQTT-3.11.3-1]
  }
  return wholeSize(remainingLength(version, packet))
}

function remainingLength(version: ProtocolVersion, packet: UnsubackInput): number {
  if (version !== 5) return 2
  const { reasonCodes = [], properties } = packet
  const sectionSize = propertySectionSize(PacketType.Unsuback, 'properties', properties)
  return 2 + sectionSize + reasonCodes.length
}

/** Writes what {@link unsubackSize} has checked; returns the offset after the last byte. */
export function encodeUnsuback(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: UnsubackInput,
): number {
  const { packetIdentifier, reasonCodes = [], properties } = packet
  const firstByte = PacketType.Unsuback << 4
  let at = writeFixedHeader(target, offset, firstByte, remainingLength(version, packet))
  at = writeUint16(target, at, packetIdentifier)
  if (version !== 5) return at
  at = writePropertySection(target, at, PacketType.Unsuback, properties)
  for (const code of reasonCodes) target[at++] = code
  return at
}
