/**
 * CONNECT (§3.1; 3.1.1 §3.1), the first packet of a connection, which tells what language it speaks.
 *
 *   | Protocol | Version | Connect | u16 Keep | Properties | Client     | will | User | Password |
 *   | Name     |         | Flags   | Alive    | (5.0)      | Identifier |      | Name |          |
 *
 *   Connect Flags   7 User Name   6 Password   5 Will Retain   4-3 Will QoS   2 Will Flag
 *                   1 Clean Start (Clean Session before 5.0)   0 reserved
 *   will            Will Properties (5.0) | Will Topic | Will Payload
 *
 * Name and version are read before all else: they decide how the rest is read, whatever the context
 * says. Everything in the object is a copy: authentication may keep it long after the chunk is gone.
 */
import { NO_BYTES, writeUint16 } from './bytes.ts'
import { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import {
  binarySize,
  checkTopicField,
  stringSize,
  wholeSize,
  writeBinary,
  writeFixedHeader,
  writeString,
} from './field.ts'
import { checkFlag, checkInteger, rangeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, type QoS } from './packet-type.ts'
import { PropertyIdentifier, WILL_PROPERTIES } from './property.ts'
import {
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'
import { checkTopicName } from './topic.ts'

/** The properties of CONNECT (§3.1.2.11); `undefined` where one is absent. */
export interface ConnectProperties {
  /** Seconds; 4,294,967,295: the session never expires. Absent: it ends with the connection. */
  readonly sessionExpiryInterval: number | undefined
  readonly authenticationMethod: string | undefined
  readonly authenticationData: Uint8Array | undefined
  /** 0 or 1; absent: 1. */
  readonly requestProblemInformation: number | undefined
  /** 0 or 1; absent: 0. */
  readonly requestResponseInformation: number | undefined
  /** 1 to 65,535; absent: 65,535. */
  readonly receiveMaximum: number | undefined
  /** Absent: 0, no aliases. */
  readonly topicAliasMaximum: number | undefined
  /** Bytes; absent: no limit. */
  readonly maximumPacketSize: number | undefined
  readonly userProperties: readonly UserProperty[]
}

/** The Will Properties (§3.1.3.2); `undefined` where one is absent. */
export interface WillProperties {
  /** Seconds; absent: 0. */
  readonly willDelayInterval: number | undefined
  readonly payloadFormatIndicator: number | undefined
  /** Seconds, from publication. */
  readonly messageExpiryInterval: number | undefined
  readonly contentType: string | undefined
  readonly responseTopic: string | undefined
  readonly correlationData: Uint8Array | undefined
  readonly userProperties: readonly UserProperty[]
}

/** The Will Message that CONNECT carries (§3.1.2.5). */
export interface Will {
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: WillProperties
}

/** CONNECT (§3.1): the first packet from a client. */
export interface Connect {
  readonly type: 'connect'
  readonly protocolVersion: ProtocolVersion
  /** Clean Session before 5.0. */
  readonly cleanStart: boolean
  /** Seconds, 0: off. */
  readonly keepAlive: number
  /** May be empty; whether that is served is the server's rule. */
  readonly clientId: string
  readonly userName: string | undefined
  readonly password: Uint8Array | undefined
  readonly will: Will | undefined
  readonly properties: ConnectProperties
}

/** What is left out is empty, `false` or 0. */
export interface WillInput {
  readonly topicName: string
  readonly payload?: Uint8Array | undefined
  readonly qos?: QoS | undefined
  readonly retain?: boolean | undefined
  readonly properties?: Partial<WillProperties> | undefined
}

/** What is left out: Clean Start, no Keep Alive, an empty Client Identifier, and nothing else. */
export interface ConnectInput {
  readonly type?: 'connect'
  readonly protocolVersion?: ProtocolVersion | undefined
  readonly cleanStart?: boolean | undefined
  readonly keepAlive?: number | undefined
  readonly clientId?: string | undefined
  readonly userName?: string | undefined
  readonly password?: Uint8Array | undefined
  readonly will?: WillInput | undefined
  readonly properties?: Partial<ConnectProperties> | undefined
}

const USER_NAME = 0x80
const PASSWORD = 0x40
const WILL_RETAIN = 0x20
const WILL_QOS = 0x18
const WILL = 0x04
const CLEAN_START = 0x02
const RESERVED = 0x01

/** Protocol Names, 3.1's and that of all later ones. */
const MQISDP = 'MQIsdp'
const MQTT = 'MQTT'

/**
 * Decodes one whole CONNECT that lies in `bytes[start..end)`. Sets nothing on `context`, whose
 * `protocolVersion` has no say here.
 *
 * @returns the packet, or the {@link Fault} (a number) that refuses it.
 *
 * @example
 * ```ts
 * import { DecodeContext, decodeConnect, encode } from '@promptmq/codec'
 *
 * const bytes = encode({ type: 'connect', clientId: 'pump-7' }, { protocolVersion: 5 })
 * const connect = decodeConnect(new DecodeContext(), bytes, 2, bytes.length)
 * if (typeof connect !== 'number') connect.clientId // 'pump-7'
 * ```
 */
export function decodeConnect(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Connect | Fault {
  const reader = new Reader(context, bytes, start, end)
  const protocolVersion = readProtocolVersion(reader)
  if (protocolVersion === 0) return reader.fault
  reader.context = inVersion(context, protocolVersion)
  const flags = reader.byte()
  reader.fail(checkConnectFlags(protocolVersion, flags))
  const keepAlive = reader.uint16()
  reader.properties(PacketType.Connect)
  const properties = readConnectProperties(reader)
  const clientId = reader.string() // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = (flags & WILL) !== 0 ? readWill(reader, flags) : undefined
  // In 3.1 the flags promise nothing: where the packet ends, it ends.
  const mayLack = protocolVersion === 3
  const hasUserName = (flags & USER_NAME) !== 0 && (reader.hasMore || !mayLack)
  const userName = hasUserName ? reader.string() : undefined // [MQTT-3.1.2-17] [MQTT-3.1.3-12]
  const hasPassword = (flags & PASSWORD) !== 0 && (reader.hasMore || !mayLack)
  const password = hasPassword ? reader.binary() : undefined // [MQTT-3.1.2-19]

  const fault = reader.finish() // [MQTT-3.1.2-16] [MQTT-3.1.2-18]
  if (fault !== Fault.None) return fault
  return {
    type: 'connect',
    protocolVersion,
    cleanStart: (flags & CLEAN_START) !== 0,
    keepAlive,
    clientId,
    userName,
    password,
    will,
    properties,
  }
}

/** @returns the version, or 0 with the reader's fault set. */
function readProtocolVersion(reader: Reader): ProtocolVersion | 0 {
  const name = reader.string()
  const version = reader.byte()
  if (reader.fault === Fault.PacketTruncated) return 0
  // A name that is no UTF-8 is a wrong name too.
  if (reader.fault !== Fault.None || (name !== MQTT && name !== MQISDP)) {
    reader.fault = Fault.ProtocolNameInvalid // [MQTT-3.1.2-1]
    return 0
  }
  if (name === MQISDP && version === 3) return 3
  if (name === MQTT && (version === 4 || version === 5)) return version
  reader.fail(Fault.ProtocolVersionUnsupported) // [MQTT-3.1.2-2]
  return 0
}

/** `context`, or one like it for the version that CONNECT names. */
function inVersion(context: DecodeContext, protocolVersion: ProtocolVersion): DecodeContext {
  if (context.protocolVersion === protocolVersion) return context
  const own = new DecodeContext()
  Object.assign(own, context)
  own.protocolVersion = protocolVersion
  return own
}

function checkConnectFlags(version: ProtocolVersion, flags: number): Fault {
  const willQos = flags & WILL_QOS
  if ((flags & WILL) !== 0 && willQos === WILL_QOS) return Fault.WillQos3 // [MQTT-3.1.2-12]
  if (version !== 5 && (flags & (USER_NAME | PASSWORD)) === PASSWORD) {
    return Fault.PasswordWithoutUserName // MQTT 3.1.1 [MQTT-3.1.2-22]
  }
  // 3.1 leaves bit 0 unused, and disregards the other two without a will.
  if (version === 3) return Fault.None
  if ((flags & RESERVED) !== 0) return Fault.ConnectReservedFlag // [MQTT-3.1.2-3]
  if ((flags & WILL) === 0) {
    if (willQos !== 0) return Fault.WillQosWithoutWill // [MQTT-3.1.2-11]
    if ((flags & WILL_RETAIN) !== 0) return Fault.WillRetainWithoutWill // [MQTT-3.1.2-13]
  }
  return Fault.None
}

function readConnectProperties(reader: Reader): ConnectProperties {
  const properties: ConnectProperties = {
    sessionExpiryInterval: undefined,
    authenticationMethod: undefined,
    authenticationData: undefined,
    requestProblemInformation: undefined,
    requestResponseInformation: undefined,
    receiveMaximum: undefined,
    topicAliasMaximum: undefined,
    maximumPacketSize: undefined,
    userProperties: [],
  }
  if (reader.fault !== Fault.None) return properties
  const { summary, bytes, propertiesStart, propertiesEnd } = reader
  if (
    summary.has(PropertyIdentifier.AuthenticationData) &&
    !summary.has(PropertyIdentifier.AuthenticationMethod)
  ) {
    reader.fail(Fault.AuthenticationDataWithoutMethod)
  }
  return readProperties(properties, bytes, propertiesStart, propertiesEnd)
}

/** Will Properties, Will Topic, Will Payload: all there if the Will Flag is set [MQTT-3.1.2-9]. */
function readWill(reader: Reader, flags: number): Will {
  const properties: WillProperties = {
    willDelayInterval: undefined,
    payloadFormatIndicator: undefined,
    messageExpiryInterval: undefined,
    contentType: undefined,
    responseTopic: undefined,
    correlationData: undefined,
    userProperties: [],
  }
  reader.properties(WILL_PROPERTIES)
  const { bytes, context, propertiesStart: start } = reader
  const end = reader.fault === Fault.None ? reader.propertiesEnd : start
  readProperties(properties, bytes, start, end)

  const topicStart = reader.offset + 2
  const topicName = reader.string() // [MQTT-3.1.3-11]
  if (reader.fault === Fault.None) {
    // [MQTT-4.7.0-1] [MQTT-4.7.3-1]
    reader.fail(checkTopicName(bytes, topicStart, reader.offset, context.maximumTopicLevels))
  }
  return {
    topicName,
    payload: reader.binary(),
    qos: ((flags & WILL_QOS) >> 3) as QoS,
    retain: (flags & WILL_RETAIN) !== 0,
    properties,
  }
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function connectSize(version: ProtocolVersion, packet: ConnectInput): number {
  const { keepAlive = 0, userName, password, properties } = packet
  checkFlag('cleanStart', packet.cleanStart)
  checkInteger('ERR_PROMPTMQ_FIELD', 'keepAlive', keepAlive, 0, 65_535)
  if (password !== undefined && userName === undefined && version !== 5) {
    // MQTT 3.1.1 [MQTT-3.1.2-22]
    throw rangeError('ERR_PROMPTMQ_FIELD', 'password', 'needs a userName before MQTT 5.0')
  }
  if (
    properties?.authenticationData !== undefined &&
    properties.authenticationMethod === undefined
  ) {
    const field = 'properties.authenticationData'
    throw rangeError('ERR_PROMPTMQ_PROPERTY', field, 'needs an authenticationMethod')
  }
  if (userName !== undefined) stringSize('ERR_PROMPTMQ_FIELD', 'userName', userName)
  if (password !== undefined) binarySize('ERR_PROMPTMQ_FIELD', 'password', password)
  checkClientId(version, packet)
  if (packet.will !== undefined) checkWill(packet.will)
  return wholeSize(remainingLength(version, packet))
}

/** Before 5.0 a server can tell nobody which name it chose, and a nameless session lives on for nobody. */
function checkClientId(version: ProtocolVersion, packet: ConnectInput): void {
  const { clientId = '', cleanStart = true } = packet
  stringSize('ERR_PROMPTMQ_FIELD', 'clientId', clientId)
  if (clientId !== '') return
  if (version === 3) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'clientId', 'must not be empty in MQTT 3.1')
  }
  if (version === 4 && !cleanStart) {
    // MQTT 3.1.1 [MQTT-3.1.3-7]
    throw rangeError('ERR_PROMPTMQ_FIELD', 'clientId', 'must not be empty without Clean Session')
  }
}

function checkWill(will: WillInput): void {
  const { topicName, payload, qos = 0 } = will
  stringSize('ERR_PROMPTMQ_FIELD', 'will.topicName', topicName)
  checkTopicField('will.topicName', topicName)
  if (payload !== undefined) binarySize('ERR_PROMPTMQ_FIELD', 'will.payload', payload)
  checkInteger('ERR_PROMPTMQ_FIELD', 'will.qos', qos, 0, 2)
  checkFlag('will.retain', will.retain)
}

function remainingLength(version: ProtocolVersion, packet: ConnectInput): number {
  const { clientId = '', userName, password, will, properties } = packet
  const isV5 = version === 5
  let size = (version === 3 ? MQISDP : MQTT).length + 6
  if (isV5) size += propertySectionSize(PacketType.Connect, 'properties', properties)
  size += stringSize('ERR_PROMPTMQ_FIELD', 'clientId', clientId)
  if (will !== undefined) {
    const { topicName, payload } = will
    if (isV5) size += propertySectionSize(WILL_PROPERTIES, 'will.properties', will.properties)
    size += stringSize('ERR_PROMPTMQ_FIELD', 'will.topicName', topicName)
    size += 2 + (payload?.length ?? 0)
  }
  if (userName !== undefined) size += stringSize('ERR_PROMPTMQ_FIELD', 'userName', userName)
  if (password !== undefined) size += 2 + password.length
  return size
}

/** Writes what {@link connectSize} has checked; returns the offset after the last byte. */
export function encodeConnect(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: ConnectInput,
): number {
  const { cleanStart = true, keepAlive = 0, userName, password, will } = packet
  let flags = cleanStart ? CLEAN_START : 0
  if (userName !== undefined) flags |= USER_NAME
  if (password !== undefined) flags |= PASSWORD
  if (will !== undefined) flags |= WILL | ((will.qos ?? 0) << 3) | (will.retain ? WILL_RETAIN : 0)

  const isV5 = version === 5
  const firstByte = PacketType.Connect << 4
  let at = writeFixedHeader(target, offset, firstByte, remainingLength(version, packet))
  at = writeString(target, at, version === 3 ? MQISDP : MQTT)
  target[at] = version
  target[at + 1] = flags
  at = writeUint16(target, at + 2, keepAlive)
  if (isV5) at = writePropertySection(target, at, PacketType.Connect, packet.properties)
  at = writeString(target, at, packet.clientId ?? '')
  if (will !== undefined) {
    if (isV5) at = writePropertySection(target, at, WILL_PROPERTIES, will.properties)
    at = writeString(target, at, will.topicName)
    at = writeBinary(target, at, will.payload ?? NO_BYTES)
  }
  if (userName !== undefined) at = writeString(target, at, userName)
  return password === undefined ? at : writeBinary(target, at, password)
}
