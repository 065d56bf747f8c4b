/**
 * What PUBACK, PUBREC, PUBREL and PUBCOMP have in common (§3.4 to §3.7).
 *
 *   start                                            end
 *     | u16 Packet | Reason | VBI | Properties ...    |
 *     | Identifier | Code   |                         |
 *
 *   Remaining Length 2      Reason Code 0, no properties; the only form before MQTT 5.0
 *   Remaining Length 3      no properties
 *   Remaining Length >= 4   the Property Length is there
 *
 * Written is always the shortest form that says it.
 */
import { readUint16, writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault, integerFault } from './fault.ts'
import { checkPacketIdentifier, wholeSize, writeFixedHeader } from './field.ts'
import { checkInteger, rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, Sender } from './packet-type.ts'
import { checkProperties, PropertySummary } from './property-check.ts'
import {
  propertiesSize,
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { isReasonCodeOf, ReasonCode } from './reason-code.ts'
import { decodeVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts'

/** The packet types of the four acknowledgements. */
export type AcknowledgementType =
  | typeof PacketType.Puback
  | typeof PacketType.Pubrec
  | typeof PacketType.Pubrel
  | typeof PacketType.Pubcomp

/** What a decode found; one object serves a connection, valid until the next decode. */
export class AcknowledgementHeader {
  /** 1 to 65,535. */
  packetIdentifier = 0
  reasonCode = 0
  /** The checked properties, in the bytes that were decoded. */
  propertiesStart = 0
  propertiesEnd = 0
}

/** Reason String and User Properties, which every answer may carry. */
export interface ReasonProperties {
  readonly reasonString: string | undefined
  readonly userProperties: readonly UserProperty[]
}

/** As an object; `Puback` and the others narrow `type`. */
export interface Acknowledgement {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'
  readonly packetIdentifier: number
  readonly reasonCode: number
  readonly properties: ReasonProperties
}

/** Reason Code 0 and no properties where they are left out; before 5.0 neither is sent. */
export interface AcknowledgementInput {
  readonly type?: Acknowledgement['type']
  readonly packetIdentifier: number
  readonly reasonCode?: number | undefined
  readonly properties?: Partial<ReasonProperties> | undefined
}

const REASON_CODE_FAULTS = {
  [PacketType.Puback]: Fault.PubackReasonCode, // [MQTT-3.4.2-1]
  [PacketType.Pubrec]: Fault.PubrecReasonCode, // [MQTT-3.5.2-1]
  [PacketType.Pubrel]: Fault.PubrelReasonCode, // [MQTT-3.6.2-1]
  [PacketType.Pubcomp]: Fault.PubcompReasonCode, // [MQTT-3.7.2-1]
} as const

const PACKET_TYPES = {
  puback: PacketType.Puback,
  pubrec: PacketType.Pubrec,
  pubrel: PacketType.Pubrel,
  pubcomp: PacketType.Pubcomp,
} as const

/** One for the module: nothing reads it once a decode has returned. */
const summary = new PropertySummary()

/**
 * Decodes one whole acknowledgement that lies in `bytes[start..end)`. Never throws, never
 * allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 */
export function decodeAcknowledgement(
  packetType: AcknowledgementType,
  header: AcknowledgementHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  if (start + 2 > end) return Fault.PacketTruncated
  const packetIdentifier = readUint16(bytes, start)
  if (packetIdentifier === 0) return Fault.PacketIdentifierZero // [MQTT-2.2.1-3]

  let offset = start + 2
  let reasonCode: number = ReasonCode.Success
  if (offset < end) {
    if (context.protocolVersion !== 5) return Fault.PacketOverlong
    reasonCode = bytes[offset++]!
    if (!isReasonCodeOf(packetType, reasonCode, context.sender)) {
      return REASON_CODE_FAULTS[packetType]
    }
  }
  if (offset < end) {
    const size = decodeVariableByteInteger(bytes, offset, end)
    if (size < 0) return integerFault(size)
    offset += variableByteIntegerSize(size)
    if (offset + size > end) return Fault.PacketTruncated
    if (offset + size < end) return Fault.PacketOverlong
    const fault = checkProperties(summary, packetType, context, bytes, offset, end)
    if (fault !== Fault.None) return fault
  }
  header.packetIdentifier = packetIdentifier
  header.reasonCode = reasonCode
  header.propertiesStart = offset
  header.propertiesEnd = end
  return Fault.None
}

/** The object for what a decode noted in `header`; shares no memory with `bytes`. */
export function readAcknowledgement<Type extends Acknowledgement['type']>(
  type: Type,
  header: AcknowledgementHeader,
  bytes: Uint8Array,
): Acknowledgement & { readonly type: Type } {
  return {
    type,
    packetIdentifier: header.packetIdentifier,
    reasonCode: header.reasonCode,
    properties: readReasonProperties(bytes, header.propertiesStart, header.propertiesEnd),
  }
}

/** The properties of an answer in `bytes[start..end)`, which a decoder has checked. */
export function readReasonProperties(
  bytes: Uint8Array,
  start: number,
  end: number,
): ReasonProperties {
  const properties: ReasonProperties = { reasonString: undefined, userProperties: [] }
  return readProperties(properties, bytes, start, end)
}

/**
 * Writes an acknowledgement of four bytes: Reason Code 0, no properties.
 *
 * @param firstByte - 0x40 PUBACK, 0x50 PUBREC, 0x62 PUBREL, 0x70 PUBCOMP.
 * @returns the offset after the last byte written.
 */
export function encodeShortAcknowledgement(
  target: Uint8Array,
  offset: number,
  firstByte: number,
  packetIdentifier: number,
): number {
  target[offset] = firstByte
  target[offset + 1] = 2
  return writeUint16(target, offset + 2, packetIdentifier)
}

/**
 * Size of the whole packet. Checks every field; the Reason Code by the packet's own table where
 * `type` is given, and otherwise that it is a byte.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function acknowledgementSize(
  version: ProtocolVersion,
  packet: AcknowledgementInput,
): number {
  const { type, packetIdentifier, reasonCode = 0 } = packet
  checkPacketIdentifier(packetIdentifier)
  checkInteger('ERR_PROMPTMQ_FIELD', 'reasonCode', reasonCode, 0, 255)
  if (type !== undefined && !isReasonCodeOf(PACKET_TYPES[type], reasonCode, Sender.Any)) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCode', `is none of ${type.toUpperCase()}`)
  }
  return wholeSize(remainingLength(version, packet))
}

function remainingLength(version: ProtocolVersion, packet: AcknowledgementInput): number {
  if (version !== 5) return 2
  const { reasonCode = 0, properties } = packet
  // The four packets may carry the same properties.
  const size = propertiesSize(PacketType.Puback, 'properties', properties)
  if (size > 0) return 3 + propertySectionSize(PacketType.Puback, 'properties', properties)
  return reasonCode === ReasonCode.Success ? 2 : 3
}

/**
 * Writes what {@link acknowledgementSize} has checked.
 *
 * @param firstByte - as for {@link encodeShortAcknowledgement}.
 * @returns the offset after the last byte written.
 */
export function encodeAcknowledgement(
  target: Uint8Array,
  offset: number,
  firstByte: number,
  version: ProtocolVersion,
  packet: AcknowledgementInput,
): number {
  const { packetIdentifier, reasonCode = 0, properties } = packet
  const length = remainingLength(version, packet)
  let at = writeFixedHeader(target, offset, firstByte, length)
  at = writeUint16(target, at, packetIdentifier)
  if (length >= 3) target[at++] = reasonCode
  return length > 3 ? writePropertySection(target, at, PacketType.Puback, properties) : at
}
