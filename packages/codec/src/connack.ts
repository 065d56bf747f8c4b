/**
 * CONNACK (§3.2; 3.1.1 §3.2), the server's answer to CONNECT.
 *
 *   | Connect Acknowledge Flags: bit 0 Session Present | Reason Code | Properties (5.0) |
 *
 * Before 5.0 the second byte is a return code, 0 to 5. Objects always hold the 5.0 Reason Code:
 * return codes are translated both ways.
 */
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { wholeSize, writeFixedHeader } from './field.ts'
import { checkFlag, checkInteger, rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, Sender } from './packet-type.ts'
import {
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'
import { connectReturnCode, isReasonCodeOf, reasonCodeOfReturnCode } from './reason-code.ts'

/** The properties of CONNACK (§3.2.2.3); `undefined` where one is absent. */
export interface ConnackProperties {
  /** Seconds; absent: as in CONNECT. */
  readonly sessionExpiryInterval: number | undefined
  readonly receiveMaximum: number | undefined
  /** 0 or 1; absent: 2. */
  readonly maximumQoS: number | undefined
  /** 0 or 1; absent: 1. So are the three `...Available` below. */
  readonly retainAvailable: number | undefined
  /** Bytes; absent: no limit. */
  readonly maximumPacketSize: number | undefined
  readonly assignedClientIdentifier: string | undefined
  readonly topicAliasMaximum: number | undefined
  readonly reasonString: string | undefined
  readonly wildcardSubscriptionAvailable: number | undefined
  readonly subscriptionIdentifiersAvailable: number | undefined
  readonly sharedSubscriptionAvailable: number | undefined
  /** Seconds; absent: the client's Keep Alive rules. */
  readonly serverKeepAlive: number | undefined
  readonly responseInformation: string | undefined
  readonly serverReference: string | undefined
  readonly authenticationMethod: string | undefined
  readonly authenticationData: Uint8Array | undefined
  readonly userProperties: readonly UserProperty[]
}

/** CONNACK (§3.2): the answer to CONNECT, and the first packet from a server. */
export interface Connack {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  /** Of MQTT 5.0, in every version. */
  readonly reasonCode: number
  readonly properties: ConnackProperties
}

/** What is left out: no Session Present, Reason Code 0, no properties. */
export interface ConnackInput {
  readonly type?: 'connack'
  readonly sessionPresent?: boolean | undefined
  readonly reasonCode?: number | undefined
  readonly properties?: Partial<ConnackProperties> | undefined
}

/** Decodes one whole CONNACK that lies in `bytes[start..end)`. */
export function decodeConnack(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Connack | Fault {
  const { protocolVersion } = context
  const reader = new Reader(context, bytes, start, end)
  // In 3.1 the first byte means nothing.
  const flags = protocolVersion === 3 ? reader.byte() & 0 : reader.byte()
  const code = reader.byte()
  reader.properties(PacketType.Connack)
  const fault = reader.finish()
  if (fault !== Fault.None) return fault

  if (flags > 1) return Fault.ConnackFlags // [MQTT-3.2.2-1]
  const reasonCode = protocolVersion === 5 ? code : reasonCodeOfReturnCode(code)
  if (reasonCode === undefined || !isReasonCodeOf(PacketType.Connack, reasonCode, context.sender)) {
    return Fault.ConnackReasonCode // [MQTT-3.2.2-8]
  }
  if (flags !== 0 && reasonCode !== 0) return Fault.ConnackSessionPresent // [MQTT-3.2.2-6]
  return {
    type: 'connack',
    sessionPresent: flags === 1,
    reasonCode,
    properties: readConnackProperties(bytes, reader.propertiesStart, reader.propertiesEnd),
  }
}

function readConnackProperties(bytes: Uint8Array, start: number, end: number): ConnackProperties {
  const properties: ConnackProperties = {
    sessionExpiryInterval: undefined,
    receiveMaximum: undefined,
    maximumQoS: undefined,
    retainAvailable: undefined,
    maximumPacketSize: undefined,
    assignedClientIdentifier: undefined,
    topicAliasMaximum: undefined,
    reasonString: undefined,
    wildcardSubscriptionAvailable: undefined,
    subscriptionIdentifiersAvailable: undefined,
    sharedSubscriptionAvailable: undefined,
    serverKeepAlive: undefined,
    responseInformation: undefined,
    serverReference: undefined,
    authenticationMethod: undefined,
    authenticationData: undefined,
    userProperties: [],
  }
  return readProperties(properties, bytes, start, end)
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function connackSize(version: ProtocolVersion, packet: ConnackInput): number {
  const { sessionPresent, reasonCode = 0 } = packet
  checkFlag('sessionPresent', sessionPresent)
  checkInteger('ERR_PROMPTMQ_FIELD', 'reasonCode', reasonCode, 0, 255)
  if (!isReasonCodeOf(PacketType.Connack, reasonCode, Sender.Any)) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCode', 'is none of CONNACK') // [MQTT-3.2.2-8]
  }
  if (sessionPresent === true && reasonCode !== 0) {
    // [MQTT-3.2.2-6]
    throw rangeError('ERR_PROMPTMQ_FIELD', 'sessionPresent', 'must be false in a refusal')
  }
  return wholeSize(remainingLength(version, packet))
}

function remainingLength(version: ProtocolVersion, packet: ConnackInput): number {
  if (version !== 5) return 2
  return 2 + propertySectionSize(PacketType.Connack, 'properties', packet.properties)
}

/** Writes what {@link connackSize} has checked; returns the offset after the last byte. */
export function encodeConnack(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: ConnackInput,
): number {
  const { sessionPresent = false, reasonCode = 0, properties } = packet
  const firstByte = PacketType.Connack << 4
  const at = writeFixedHeader(target, offset, firstByte, remainingLength(version, packet))
  target[at] = sessionPresent && version !== 3 ? 1 : 0
  target[at + 1] = version === 5 ? reasonCode : connectReturnCode(reasonCode)
  if (version !== 5) return at + 2
  return writePropertySection(target, at + 2, PacketType.Connack, properties)
}
