/**
 * PUBLISH, everything before the payload (§3.3), for who forwards packets: offsets in, offsets out.
 * As an object it is in `publish-packet.ts`.
 */
import { NO_BYTES, readUint16, writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault, integerFault } from './fault.ts'
import { wholeSize, writeFixedHeader } from './field.ts'
import { PacketType, type ProtocolVersion, type QoS } from './packet-type.ts'
import { PropertyIdentifier } from './property.ts'
import { checkProperties, PropertySummary } from './property-check.ts'
import { checkScannedName } from './topic.ts'
import {
  decodeVariableByteInteger,
  encodeVariableByteInteger,
  variableByteIntegerSize,
} from './variable-byte-integer.ts'
import { TopicScan } from './words.ts'

/**
 * Where the parts of a PUBLISH lie.
 *
 *   start      topicStart  topicEnd        propertiesStart  payloadStart == propertiesEnd
 *     |            |          |                  |                |              payloadEnd
 *     | u16 length | Topic    | u16 Packet  | VBI| Properties ... | Payload ...   |
 *     |            | Name     | Identifier, |    |                |               |
 *     |            |          | QoS > 0     |    |                |               |
 *
 * Decoding notes where each field lies and makes nothing: no string, no view, no properties object.
 * Who needs a field reads it later from `bytes`, and a broker that forwards a packet whole needs
 * few. Decoding being synchronous, one PublishHeader serves a connection for its lifetime, or all
 * connections of a process: it is valid until the next decode, and no longer than the chunk it points
 * into. It holds that chunk in memory meanwhile, which tells against one for each idle connection.
 *
 * Invariant after a decode: topicStart <= topicEnd <= propertiesStart <= propertiesEnd
 *   == payloadStart <= payloadEnd. Before MQTT 5.0 propertiesStart == propertiesEnd.
 */
export class PublishHeader {
  /** What the offsets point into; lent. */
  bytes: Uint8Array = NO_BYTES
  /** The low four bits of the first byte: DUP, QoS, RETAIN. */
  flags = 0
  /** 1 to 65,535, or 0 at QoS 0, where there is none [MQTT-2.2.1-2]. */
  packetIdentifier = 0
  topicStart = 0
  topicEnd = 0
  /** 32 bits of the Topic Name's bytes, for a table of names: see `DecodeContext.topicHashSeed`. */
  topicHash = 0
  propertiesStart = 0
  propertiesEnd = 0
  payloadEnd = 0
  /** 1 to 65,535, 0: none. Whether it is below the agreed maximum is the connection's to know. */
  topicAlias = 0
  /** Seconds, 0 to 4,294,967,295; -1: none. */
  messageExpiryInterval = -1
  /** 0 or 1, 0 where it is absent. */
  payloadFormatIndicator = 0
  /** Any of Message Expiry Interval, Subscription Identifier, Topic Alias: not to be sent on. */
  hasHopProperties = false
  hasSubscriptionIdentifier = false

  get qos(): QoS {
    return ((this.flags >> 1) & 0b11) as QoS
  }

  get dup(): boolean {
    return (this.flags & DUP) !== 0
  }

  get retain(): boolean {
    return (this.flags & RETAIN) !== 0
  }

  get payloadStart(): number {
    return this.propertiesEnd
  }
}

const RETAIN = 0b0001
const DUP = 0b1000

/** One for the module: it is read before the decode that filled it returns. */
const summary = new PropertySummary()
const scan = new TopicScan()

/**
 * Decodes one whole PUBLISH that lies in `bytes[start..end)`: Topic Name and every property are
 * checked. Never throws, never allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 * @param flags - the low four bits of the packet's first byte.
 * @param start - the first byte after the Fixed Header.
 * @param end - one past the packet's last byte, as the Remaining Length says.
 * @returns {@link Fault.None}, or what is wrong with the packet.
 *
 * @example
 * ```ts
 * import { DecodeContext, decodePublishHeader, PublishHeader, readUtf8 } from '@promptmq/codec'
 *
 * const packet = Uint8Array.of(0x30, 0x06, 0x00, 0x01, 0x74, 0x00, 0x68, 0x69)
 * const header = new PublishHeader()
 * const fault = decodePublishHeader(header, new DecodeContext(), packet, packet[0]! & 0x0f, 2, 8)
 * if (fault === 0) readUtf8(packet, header.topicStart, header.topicEnd) // 't'
 * ```
 */
export function decodePublishHeader(
  header: PublishHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  flags: number,
  start: number,
  end: number,
): Fault {
  const qos = (flags >> 1) & 0b11
  if (qos === 3) return Fault.PublishQos3 // [MQTT-3.3.1-4]
  if (qos === 0 && (flags & DUP) !== 0) return Fault.PublishDupAtQos0 // [MQTT-3.3.1-2]

  const topicStart = start + 2
  if (topicStart > end) return Fault.PacketTruncated
  const topicEnd = topicStart + readUint16(bytes, start)
  if (topicEnd > end) return Fault.PacketTruncated

  let offset = topicEnd
  let packetIdentifier = 0
  if (qos > 0) {
    if (offset + 2 > end) return Fault.PacketTruncated
    packetIdentifier = readUint16(bytes, offset)
    if (packetIdentifier === 0) return Fault.PacketIdentifierZero // [MQTT-2.2.1-3]
    offset += 2
  }

  let propertiesEnd = offset
  if (context.protocolVersion === 5) {
    const size = decodeVariableByteInteger(bytes, offset, end)
    if (size < 0) return integerFault(size)
    offset += variableByteIntegerSize(size)
    propertiesEnd = offset + size
    if (propertiesEnd > end) return Fault.PacketTruncated
  }
  let fault = checkTopic(context, bytes, topicStart, topicEnd)
  if (fault !== Fault.None) return fault
  const hasProperties = offset < propertiesEnd
  if (hasProperties) {
    fault = checkProperties(summary, PacketType.Publish, context, bytes, offset, propertiesEnd)
    if (fault !== Fault.None) return fault
  }
  if (topicStart === topicEnd && !(hasProperties && summary.topicAlias !== 0)) {
    // Before 5.0 nothing can stand for the name [MQTT-4.7.3-1].
    return context.protocolVersion === 5 ? Fault.TopicAliasMissing : Fault.TopicNameEmpty
  }

  if (hasProperties) noteProperties(header)
  else if (header.propertiesStart < header.propertiesEnd) forgetProperties(header)
  if (header.bytes !== bytes) header.bytes = bytes
  header.flags = flags
  header.packetIdentifier = packetIdentifier
  header.topicStart = topicStart
  header.topicEnd = topicEnd
  header.topicHash = scan.hash
  header.propertiesStart = offset
  header.propertiesEnd = propertiesEnd
  header.payloadEnd = end
  return Fault.None
}

/** Leaves `scan` with the hash of a name that is there. */
function checkTopic(context: DecodeContext, bytes: Uint8Array, start: number, end: number): Fault {
  const { maximumTopicLevels, refuseDisallowedCodePoints: refuse, topicHashSeed } = context
  if (start === end) return Fault.None
  const isPlain = scan.over(bytes, start, end, topicHashSeed)
  return checkScannedName(isPlain, bytes, start, end, maximumTopicLevels, refuse)
}

function forgetProperties(header: PublishHeader): void {
  header.topicAlias = 0
  header.messageExpiryInterval = -1
  header.payloadFormatIndicator = 0
  header.hasHopProperties = false
  header.hasSubscriptionIdentifier = false
}

function noteProperties(header: PublishHeader): void {
  const { topicAlias, messageExpiryInterval } = summary
  const hasSubscriptionIdentifier = summary.has(PropertyIdentifier.SubscriptionIdentifier)
  header.topicAlias = topicAlias
  header.messageExpiryInterval = messageExpiryInterval
  header.payloadFormatIndicator = summary.payloadFormatIndicator
  header.hasHopProperties =
    topicAlias !== 0 || messageExpiryInterval >= 0 || hasSubscriptionIdentifier
  header.hasSubscriptionIdentifier = hasSubscriptionIdentifier
}

/**
 * Size of a whole PUBLISH.
 *
 * @param topicSize - bytes of the Topic Name, 0 to 65,535.
 * @param propertiesSize - bytes of the properties without the Property Length; 0 before 5.0.
 * @throws RangeError with code `ERR_PROMPTMQ_PACKET` above what the format carries.
 */
export function publishSize(
  version: ProtocolVersion,
  qos: number,
  topicSize: number,
  propertiesSize: number,
  payloadSize: number,
): number {
  return wholeSize(remainingLength(version, qos, topicSize, propertiesSize, payloadSize))
}

function remainingLength(
  version: ProtocolVersion,
  qos: number,
  topicSize: number,
  propertiesSize: number,
  payloadSize: number,
): number {
  const sectionSize = version === 5 ? variableByteIntegerSize(propertiesSize) + propertiesSize : 0
  return 2 + topicSize + (qos > 0 ? 2 : 0) + sectionSize + payloadSize
}

/**
 * Writes the Fixed Header, Topic Name, Packet Identifier (above QoS 0) and, in 5.0, Property
 * Length. The caller writes properties and payload behind it, and has made room for
 * {@link publishSize} bytes. Checks nothing.
 *
 * @param flags - the low four bits of the first byte, QoS among them.
 * @param topic - the Topic Name as UTF-8.
 * @param packetIdentifier - 1 to 65,535; not written at QoS 0.
 * @param propertiesSize - bytes of the properties to come; 0 before 5.0.
 * @returns the offset after the last byte written.
 */
export function encodePublishStart(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  flags: number,
  topic: Uint8Array,
  packetIdentifier: number,
  propertiesSize: number,
  payloadSize: number,
): number {
  const qos = (flags >> 1) & 0b11
  const topicSize = topic.length
  const length = remainingLength(version, qos, topicSize, propertiesSize, payloadSize)
  let at = writeFixedHeader(target, offset, (PacketType.Publish << 4) | flags, length)
  at = writeUint16(target, at, topicSize)
  target.set(topic, at)
  at += topicSize
  if (qos > 0) at = writeUint16(target, at, packetIdentifier)
  return version === 5 ? encodeVariableByteInteger(target, at, propertiesSize) : at
}
