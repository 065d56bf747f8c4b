/**
 * SUBACK (§3.9; 3.1.1 §3.9): one Reason Code for each Topic Filter of the SUBSCRIBE, in its order.
 *
 *   | u16 Packet Identifier | Properties (5.0) | Reason Code | Reason Code | ...
 *
 * Before 5.0 there are four codes: the granted QoS, and 0x80 for every failure.
 */
import { type ReasonProperties, readReasonProperties } from './acknowledgement.ts'
import { writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { checkPacketIdentifier, wholeSize, writeFixedHeader } from './field.ts'
import { checkInteger, rangeError, typeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, Sender } from './packet-type.ts'
import { propertySectionSize, writePropertySection } from './property-object.ts'
import { Reader } from './reader.ts'
import { isReasonCodeOf, ReasonCode } from './reason-code.ts'

/** SUBACK (§3.9) answers a SUBSCRIBE. */
export interface Suback {
  readonly type: 'suback'
  readonly packetIdentifier: number
  readonly reasonCodes: readonly number[]
  readonly properties: ReasonProperties
}

/** Before 5.0 properties are not sent, and every failure as 0x80. */
export interface SubackInput {
  readonly type?: 'suback'
  readonly packetIdentifier: number
  readonly reasonCodes: readonly number[]
  readonly properties?: Partial<ReasonProperties> | undefined
}

/** Decodes one whole SUBACK that lies in `bytes[start..end)`. */
export function decodeSuback(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Suback | Fault {
  const { protocolVersion, sender } = context
  const reader = new Reader(context, bytes, start, end)
  const packetIdentifier = reader.packetIdentifier()
  reader.properties(PacketType.Suback)
  const reasonCodes: number[] = []
  while (reader.hasMore) {
    const code = reader.byte()
    const isKnown =
      protocolVersion === 5
        ? isReasonCodeOf(PacketType.Suback, code, sender)
        : code <= 2 || code === ReasonCode.UnspecifiedError
    if (!isKnown) reader.fail(Fault.SubackReasonCode) // [MQTT-3.9.3-2]
    reasonCodes.push(code)
  }
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  if (reasonCodes.length === 0 && protocolVersion !== 3) return Fault.SubackEmpty // [MQTT-3.8.4-6]
  const { propertiesStart, propertiesEnd } = reader
  const properties = readReasonProperties(bytes, propertiesStart, propertiesEnd)
  return { type: 'suback', packetIdentifier, reasonCodes, properties }
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function subackSize(version: ProtocolVersion, packet: SubackInput): number {
  checkPacketIdentifier(packet.packetIdentifier)
  checkReasonCodes(PacketType.Suback, packet.reasonCodes)
  if (packet.reasonCodes.length === 0 && version !== 3) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCodes', 'must not be empty') // [MQTT-3.8.4-6]
  }
  return wholeSize(remainingLength(version, packet))
}

/** @throws TypeError or RangeError unless it is a list of Reason Codes that the packet knows. */
export function checkReasonCodes(packetType: PacketType, reasonCodes: readonly number[]): void {
  if (!Array.isArray(reasonCodes)) {
    throw typeError('ERR_PROMPTMQ_FIELD', 'reasonCodes', 'must be an array')
  }
  for (let i = 0; i < reasonCodes.length; i++) {
    const code = reasonCodes[i]!
    if (typeof code === 'number' && isReasonCodeOf(packetType, code, Sender.Any)) continue
    const field = `reasonCodes[${i}]`
    checkInteger('ERR_PROMPTMQ_FIELD', field, code, 0, 255)
    throw rangeError('ERR_PROMPTMQ_FIELD', field, 'is no Reason Code of this packet')
  }
}

function remainingLength(version: ProtocolVersion, packet: SubackInput): number {
  const { reasonCodes, properties } = packet
  if (version !== 5) return 2 + reasonCodes.length
  const sectionSize = propertySectionSize(PacketType.Suback, 'properties', properties)
  return 2 + sectionSize + reasonCodes.length
}

/** Writes what {@link subackSize} has checked; returns the offset after the last byte. */
export function encodeSuback(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: SubackInput,
): number {
  const { packetIdentifier, reasonCodes, properties } = packet
  const firstByte = PacketType.Suback << 4
  let at = writeFixedHeader(target, offset, firstByte, remainingLength(version, packet))
  at = writeUint16(target, at, packetIdentifier)
  if (version === 5) at = writePropertySection(target, at, PacketType.Suback, properties)
  for (const code of reasonCodes) {
    // MQTT 3.1.1 [MQTT-3.9.3-2]: one code for every failure.
    target[at++] = version !== 5 && code > 2 ? ReasonCode.UnspecifiedError : code
  }
  return at
}
