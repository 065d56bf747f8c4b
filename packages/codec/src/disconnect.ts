/**
 * DISCONNECT (§3.14; 3.1.1 §3.14), the last packet of a connection, from either side in 5.0.
 *
 *   | Reason Code | Properties |
 *
 *   Remaining Length 0      Reason Code 0, no properties; the only form before 5.0
 *   Remaining Length 1      no properties
 *   Remaining Length >= 2   the Property Length is there
 *
 * Written is always the shortest form that says it.
 */
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { wholeSize, writeFixedHeader } from './field.ts'
import { checkInteger, rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, Sender } from './packet-type.ts'
import {
  propertiesSize,
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'
import { isReasonCodeOf, ReasonCode } from './reason-code.ts'

/** The properties of DISCONNECT (§3.14.2.2); `undefined` where one is absent. */
export interface DisconnectProperties {
  /** Seconds; only from a client. Absent: as before. */
  readonly sessionExpiryInterval: number | undefined
  readonly reasonString: string | undefined
  /** Only from a server. */
  readonly serverReference: string | undefined
  readonly userProperties: readonly UserProperty[]
}

/** DISCONNECT (§3.14): the last packet, of either side in 5.0 and of a client before. */
export interface Disconnect {
  readonly type: 'disconnect'
  /** 0 before 5.0. */
  readonly reasonCode: number
  readonly properties: DisconnectProperties
}

/** Reason Code 0 and no properties where they are left out; before 5.0 neither is sent. */
export interface DisconnectInput {
  readonly type?: 'disconnect'
  readonly reasonCode?: number | undefined
  readonly properties?: Partial<DisconnectProperties> | undefined
}

/** Decodes one whole DISCONNECT that lies in `bytes[start..end)`. */
export function decodeDisconnect(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Disconnect | Fault {
  const reader = new Reader(context, bytes, start, end)
  let reasonCode: number = ReasonCode.Success
  if (context.protocolVersion === 5) {
    if (reader.hasMore) reasonCode = reader.byte()
    if (reader.hasMore) reader.properties(PacketType.Disconnect)
  }
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  if (!isReasonCodeOf(PacketType.Disconnect, reasonCode, context.sender)) {
    return Fault.DisconnectReasonCode // [MQTT-3.14.2-1]
  }
  const properties: DisconnectProperties = {
    sessionExpiryInterval: undefined,
    reasonString: undefined,
    serverReference: undefined,
    userProperties: [],
  }
  readProperties(properties, bytes, reader.propertiesStart, reader.propertiesEnd)
  return { type: 'disconnect', reasonCode, properties }
}

/**
 * Size of the whole packet. Checks every field; what only the other side may send is not known here.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function disconnectSize(version: ProtocolVersion, packet: DisconnectInput): number {
  const { reasonCode = 0 } = packet
  checkInteger('ERR_PROMPTMQ_FIELD', 'reasonCode', reasonCode, 0, 255)
  if (!isReasonCodeOf(PacketType.Disconnect, reasonCode, Sender.Any)) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCode', 'is none of DISCONNECT') // [MQTT-3.14.2-1]
  }
  return wholeSize(remainingLength(version, packet))
}

function remainingLength(version: ProtocolVersion, packet: DisconnectInput): number {
  if (version !== 5) return 0
  const { reasonCode = 0, properties } = packet
  if (propertiesSize(PacketType.Disconnect, 'properties', properties) > 0) {
    return 1 + propertySectionSize(PacketType.Disconnect, 'properties', properties)
  }
  return reasonCode === ReasonCode.Success ? 0 : 1
}

/** Writes what {@link disconnectSize} has checked; returns the offset after the last byte. */
export function encodeDisconnect(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: DisconnectInput,
): number {
  const { reasonCode = 0, properties } = packet
  const length = remainingLength(version, packet)
  let at = writeFixedHeader(target, offset, PacketType.Disconnect << 4, length)
  if (length > 0) target[at++] = reasonCode
  return length > 1 ? writePropertySection(target, at, PacketType.Disconnect, properties) : at
}
