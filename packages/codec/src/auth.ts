/**
 * AUTH (§3.15), a step of enhanced authentication; MQTT 5.0 only.
 *
 *   | Reason Code | Properties, with the Authentication Method always |
 *
 * The standard lets Remaining Length 0 stand for Success without properties, and demands the
 * Authentication Method in every AUTH: the short form can therefore not occur validly.
 */
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { wholeSize, writeFixedHeader } from './field.ts'
import { checkInteger, rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, Sender } from './packet-type.ts'
import { PropertyIdentifier } from './property.ts'
import {
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'
import { isReasonCodeOf, ReasonCode } from './reason-code.ts'

/** The properties of AUTH (§3.15.2.2); `undefined` where one is absent. */
export interface AuthProperties {
  /** Always there in what was decoded. */
  readonly authenticationMethod: string | undefined
  readonly authenticationData: Uint8Array | undefined
  readonly reasonString: string | undefined
  readonly userProperties: readonly UserProperty[]
}

/** AUTH (§3.15): a step of enhanced authentication, either way. MQTT 5.0 only. */
export interface Auth {
  readonly type: 'auth'
  readonly reasonCode: number
  readonly properties: AuthProperties
}

/** Reason Code 0 where it is left out; the Authentication Method must be there. */
export interface AuthInput {
  readonly type?: 'auth'
  readonly reasonCode?: number | undefined
  readonly properties: Partial<AuthProperties> & {
    readonly authenticationMethod: string | undefined
  }
}

/** Decodes one whole AUTH that lies in `bytes[start..end)`. */
export function decodeAuth(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Auth | Fault {
  if (context.protocolVersion !== 5) return Fault.PacketTypeReserved
  const reader = new Reader(context, bytes, start, end)
  const reasonCode = reader.hasMore ? reader.byte() : ReasonCode.Success
  if (reader.hasMore) reader.properties(PacketType.Auth)
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  if (!isReasonCodeOf(PacketType.Auth, reasonCode, context.sender)) {
    return Fault.AuthReasonCode // [MQTT-3.15.2-1]
  }
  if (!reader.summary.has(PropertyIdentifier.AuthenticationMethod)) {
    return Fault.AuthenticationMethodMissing // [MQTT-4.12.0-5]
  }
  const properties: AuthProperties = {
    authenticationMethod: undefined,
    authenticationData: undefined,
    reasonString: undefined,
    userProperties: [],
  }
  readProperties(properties, bytes, reader.propertiesStart, reader.propertiesEnd)
  return { type: 'auth', reasonCode, properties }
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_PACKET` before MQTT 5.0, else
 *   `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function authSize(version: ProtocolVersion, packet: AuthInput): number {
  if (version !== 5) throw rangeError('ERR_PROMPTMQ_PACKET', 'type', 'auth is of MQTT 5.0 only')
  const { reasonCode = 0, properties } = packet
  checkInteger('ERR_PROMPTMQ_FIELD', 'reasonCode', reasonCode, 0, 255)
  if (!isReasonCodeOf(PacketType.Auth, reasonCode, Sender.Any)) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'reasonCode', 'is none of AUTH') // [MQTT-3.15.2-1]
  }
  if (properties?.authenticationMethod === undefined) {
    const field = 'properties.authenticationMethod' // [MQTT-4.12.0-5]
    throw rangeError('ERR_PROMPTMQ_PROPERTY', field, 'must be in every AUTH')
  }
  return wholeSize(1 + propertySectionSize(PacketType.Auth, 'properties', properties))
}

/** Writes what {@link authSize} has checked; returns the offset after the last byte. */
export function encodeAuth(
  target: Uint8Array,
  offset: number,
  _version: ProtocolVersion,
  packet: AuthInput,
): number {
  const { reasonCode = 0, properties } = packet
  const length = 1 + propertySectionSize(PacketType.Auth, 'properties', properties)
  const at = writeFixedHeader(target, offset, PacketType.Auth << 4, length)
  target[at] = reasonCode
  return writePropertySection(target, at + 1, PacketType.Auth, properties)
}
