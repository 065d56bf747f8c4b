/**
 * Packets as objects, for who wants them so: a tool, a test, a client that is in no hurry.
 *
 *   bytes --decode--> Packet      every key is there; absent: undefined
 *   bytes <--encode-- PacketInput what is optional may be left out
 */
import { AcknowledgementHeader, acknowledgementSize } from './acknowledgement.ts'
import { type Auth, type AuthInput, authSize, decodeAuth, encodeAuth } from './auth.ts'
import {
  type Connack,
  type ConnackInput,
  connackSize,
  decodeConnack,
  encodeConnack,
} from './connack.ts'
import {
  type Connect,
  type ConnectInput,
  connectSize,
  decodeConnect,
  encodeConnect,
} from './connect.ts'
import { checkProtocolVersion, DecodeContext, type DecodeOptions } from './context.ts'
import {
  type Disconnect,
  type DisconnectInput,
  decodeDisconnect,
  disconnectSize,
  encodeDisconnect,
} from './disconnect.ts'
import { Fault, ProtocolError } from './fault.ts'
import { rangeError, show, typeError } from './misuse.ts'
import { PacketDecoder } from './packet-decoder.ts'
import { PACKET_NAMES, PacketType, type ProtocolVersion } from './packet-type.ts'
import { decodePingreq, encodePingreq, type Pingreq, pingreqSize } from './pingreq.ts'
import { decodePingresp, encodePingresp, type Pingresp, pingrespSize } from './pingresp.ts'
import { decodePuback, encodePuback, type Puback, type PubackInput, readPuback } from './puback.ts'
import {
  decodePubcomp,
  encodePubcomp,
  type Pubcomp,
  type PubcompInput,
  readPubcomp,
} from './pubcomp.ts'
import {
  decodePublish,
  encodePublish,
  type Publish,
  type PublishInput,
  publishPacketSize,
} from './publish-packet.ts'
import { decodePubrec, encodePubrec, type Pubrec, type PubrecInput, readPubrec } from './pubrec.ts'
import { decodePubrel, encodePubrel, type Pubrel, type PubrelInput, readPubrel } from './pubrel.ts'
import { decodeSuback, encodeSuback, type Suback, type SubackInput, subackSize } from './suback.ts'
import {
  decodeSubscribe,
  encodeSubscribe,
  type Subscribe,
  type SubscribeInput,
  subscribeSize,
} from './subscribe.ts'
import {
  decodeUnsuback,
  encodeUnsuback,
  type Unsuback,
  type UnsubackInput,
  unsubackSize,
} from './unsuback.ts'
import {
  decodeUnsubscribe,
  encodeUnsubscribe,
  type Unsubscribe,
  type UnsubscribeInput,
  unsubscribeSize,
} from './unsubscribe.ts'

/** Any Control Packet; `type` tells which. */
export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth

type Typed<Type extends Packet['type'], Input> = Input & { readonly type: Type }

/** What {@link encode} takes: a `Packet`, or one with its optional parts left out. */
export type PacketInput =
  | Typed<'connect', ConnectInput>
  | Typed<'connack', ConnackInput>
  | Typed<'publish', PublishInput>
  | Typed<'puback', PubackInput>
  | Typed<'pubrec', PubrecInput>
  | Typed<'pubrel', PubrelInput>
  | Typed<'pubcomp', PubcompInput>
  | Typed<'subscribe', SubscribeInput>
  | Typed<'suback', SubackInput>
  | Typed<'unsubscribe', UnsubscribeInput>
  | Typed<'unsuback', UnsubackInput>
  | Pingreq
  | Pingresp
  | Typed<'disconnect', DisconnectInput>
  | Typed<'auth', AuthInput>

/** Options of {@link decode}: the limits of `DecodeContext`, and one on the packet as a whole. */
export interface DecodePacketOptions extends DecodeOptions {
  /** What CONNECT says of itself wins over it. */
  readonly protocolVersion: ProtocolVersion
  readonly maximumPacketSize?: number | undefined
}

/** Options of {@link encode}. */
export interface EncodePacketOptions {
  /** What a CONNECT object says of itself wins over it. */
  readonly protocolVersion: ProtocolVersion
}

/**
 * Decodes exactly one packet.
 *
 * @throws ProtocolError for what breaks the standard or a limit, for too few bytes, and for bytes
 *   left over. TypeError or RangeError with code `ERR_PROMPTMQ_OPTION` for options.
 *
 * @example
 * ```ts
 * import { decode } from '@promptmq/codec'
 *
 * decode(Uint8Array.of(0x40, 0x02, 0x00, 0x0a), { protocolVersion: 5 })
 * // { type: 'puback', packetIdentifier: 10, reasonCode: 0, properties: { ... } }
 * ```
 */
export function decode(bytes: Uint8Array, options: DecodePacketOptions): Packet {
  const { maximumPacketSize, ...rules } = options
  const context = new DecodeContext(rules)
  const decoder = new PacketDecoder(context, { maximumPacketSize })
  decoder.push(bytes)
  const type = decoder.next() as PacketType | 0
  if (type === 0) {
    const fault = decoder.fault === Fault.None ? Fault.PacketTruncated : decoder.fault
    throw new ProtocolError(fault, PACKET_NAMES[(bytes[0] ?? 0) >> 4]!)
  }
  const packet = decodePacket(context, type, decoder.flags, bytes, decoder.start, decoder.end)
  if (typeof packet === 'number') throw new ProtocolError(packet, PACKET_NAMES[type]!)
  if (decoder.unreadSize > 0) throw new ProtocolError(Fault.PacketOverlong, PACKET_NAMES[type]!)
  return packet
}

/**
 * Decodes the packet that a `PacketDecoder` shows, of whatever type.
 *
 * @returns the packet, or the {@link Fault} (a number) that refuses it. Never throws.
 */
export function decodePacket(
  context: DecodeContext,
  type: PacketType,
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Packet | Fault {
  switch (type) {
    case PacketType.Connect:
      return decodeConnect(context, bytes, start, end)
    case PacketType.Connack:
      return decodeConnack(context, bytes, start, end)
    case PacketType.Publish:
      return decodePublish(context, bytes, flags, start, end)
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return decodeAcknowledgementPacket(context, type, bytes, start, end)
    case PacketType.Subscribe:
      return decodeSubscribe(context, bytes, start, end)
    case PacketType.Suback:
      return decodeSuback(context, bytes, start, end)
    case PacketType.Unsubscribe:
      return decodeUnsubscribe(context, bytes, start, end)
    case PacketType.Unsuback:
      return decodeUnsuback(context, bytes, start, end)
    case PacketType.Pingreq:
      return decodePingreq(context, bytes, start, end) || { type: 'pingreq' }
    case PacketType.Pingresp:
      return decodePingresp(context, bytes, start, end) || { type: 'pingresp' }
    case PacketType.Disconnect:
      return decodeDisconnect(context, bytes, start, end)
    case PacketType.Auth:
      return decodeAuth(context, bytes, start, end)
  }
}

function decodeAcknowledgementPacket(
  context: DecodeContext,
  type: PacketType,
  bytes: Uint8Array,
  start: number,
  end: number,
): Packet | Fault {
  const header = new AcknowledgementHeader()
  if (type === PacketType.Puback) {
    return decodePuback(header, context, bytes, start, end) || readPuback(header, bytes)
  }
  if (type === PacketType.Pubrec) {
    return decodePubrec(header, context, bytes, start, end) || readPubrec(header, bytes)
  }
  if (type === PacketType.Pubrel) {
    return decodePubrel(header, context, bytes, start, end) || readPubrel(header, bytes)
  }
  return decodePubcomp(header, context, bytes, start, end) || readPubcomp(header, bytes)
}

/**
 * Encodes one packet. What it makes, {@link decode} takes, up to the limits set there.
 *
 * @throws TypeError or RangeError with a code `ERR_PROMPTMQ_*` and the path of the `field` for what
 *   the standard or the format does not allow.
 *
 * @example
 * ```ts
 * import { encode } from '@promptmq/codec'
 *
 * encode({ type: 'publish', topicName: 'plant/3/temp', payload: '21.5' }, { protocolVersion: 5 })
 * ```
 */
export function encode(packet: PacketInput, options: EncodePacketOptions): Uint8Array {
  const bytes = new Uint8Array(packetSize(packet, options))
  encodePacket(bytes, 0, packet, options)
  return bytes
}

/** Size that {@link encode} gives the packet. Throws as it does. */
export function packetSize(packet: PacketInput, options: EncodePacketOptions): number {
  if (packet === null || typeof packet !== 'object') {
    throw typeError('ERR_PROMPTMQ_PACKET', 'packet', `must be an object, is ${show(packet)}`)
  }
  const version = versionOf(packet, options)
  switch (packet.type) {
    case 'connect':
      return connectSize(version, packet)
    case 'connack':
      return connackSize(version, packet)
    case 'publish':
      return publishPacketSize(version, packet)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return acknowledgementSize(version, packet)
    case 'subscribe':
      return subscribeSize(version, packet)
    case 'suback':
      return subackSize(version, packet)
    case 'unsubscribe':
      return unsubscribeSize(version, packet)
    case 'unsuback':
      return unsubackSize(version, packet)
    case 'pingreq':
      return pingreqSize()
    case 'pingresp':
      return pingrespSize()
    case 'disconnect':
      return disconnectSize(version, packet)
    case 'auth':
      return authSize(version, packet)
    default:
      throw rangeError('ERR_PROMPTMQ_PACKET', 'type', 'is no Control Packet')
  }
}

/**
 * Writes what {@link packetSize} has checked.
 *
 * @returns the offset after the last byte written.
 */
export function encodePacket(
  target: Uint8Array,
  offset: number,
  packet: PacketInput,
  options: EncodePacketOptions,
): number {
  const version = versionOf(packet, options)
  switch (packet.type) {
    case 'connect':
      return encodeConnect(target, offset, version, packet)
    case 'connack':
      return encodeConnack(target, offset, version, packet)
    case 'publish':
      return encodePublish(target, offset, version, packet, publishPacketSize(version, packet))
    case 'puback':
      return encodePuback(target, offset, version, packet)
    case 'pubrec':
      return encodePubrec(target, offset, version, packet)
    case 'pubrel':
      return encodePubrel(target, offset, version, packet)
    case 'pubcomp':
      return encodePubcomp(target, offset, version, packet)
    case 'subscribe':
      return encodeSubscribe(target, offset, version, packet)
    case 'suback':
      return encodeSuback(target, offset, version, packet)
    case 'unsubscribe':
      return encodeUnsubscribe(target, offset, version, packet)
    case 'unsuback':
      return encodeUnsuback(target, offset, version, packet)
    case 'pingreq':
      return encodePingreq(target, offset)
    case 'pingresp':
      return encodePingresp(target, offset)
    case 'disconnect':
      return encodeDisconnect(target, offset, version, packet)
    case 'auth':
      return encodeAuth(target, offset, version, packet)
  }
}

function versionOf(packet: PacketInput, options: EncodePacketOptions): ProtocolVersion {
  const own = packet.type === 'connect' ? packet.protocolVersion : undefined
  return checkProtocolVersion(own ?? options.protocolVersion)
}
