/**
 * What was decoded as an object is sound, and encodes to what it was.
 *
 *   bytes --decode--> object --encode--> bytes --decode--> the same object
 *
 * Written is the shortest form, which takes exactly as much as what came, but where the standard lets
 * Reason Code and Property Length be left out, and in 3.1, whose CONNECT may announce what is not there.
 * A rule that the decoder forgot shows there: a property that comes twice is written once.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type DecodeContext,
  type Packet,
  PacketType,
  type ParsedTopicFilter,
  type ProtocolVersion,
} from '../../src/index.ts'
import { insist } from './law.ts'
import { checkAcknowledgement, checkPublish } from './offsets.ts'
import { isAcknowledgement, type Seen, type Trial } from './trial.ts'

/** Checks every packet that was accepted. */
export function checkObjects(trial: Trial): void {
  const { codec, context, bytes } = trial
  for (const seen of trial.packets) {
    if (seen.fault !== 0) continue
    const { type, flags, bodyStart, end, version } = seen
    context.protocolVersion = version
    const packet = codec.decodePacket(context, type, flags, bytes, bodyStart, end)
    insist(typeof packet !== 'number', 'object', 'what offsets accept is refused as an object')
    insist(
      codec.PACKET_NAMES[type] === packet.type.toUpperCase(),
      'object',
      'an object of another type',
    )
    if (packet.type === 'publish') checkPublish(trial, seen, packet)
    else if ('packetIdentifier' in packet && 'reasonCode' in packet) {
      checkAcknowledgement(trial, seen, packet)
    }
    checkStrings(packet, context)
    checkNames(packet, context)
    checkFilters(trial, packet)
    checkRoundTrip(trial, seen, packet)
  }
}

/** Every string in a packet, and the number of User Properties. */
function checkStrings(value: unknown, context: DecodeContext): void {
  if (typeof value === 'string') {
    const isStrict = context.refuseDisallowedCodePoints
    insist(value.isWellFormed(), 'strings', 'a string has a lone surrogate')
    insist(!value.includes('\0'), 'strings', 'a string has U+0000')
    insist(!isStrict || !DISALLOWED.test(value), 'strings', 'a string has a disallowed code point')
  } else if (Array.isArray(value)) for (const item of value) checkStrings(item, context)
  else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    for (const item of Object.values(value)) checkStrings(item, context)
    const { userProperties = [] } = value as { userProperties?: readonly unknown[] }
    const areFew = userProperties.length <= context.maximumUserProperties
    insist(areFew, 'limits', 'more User Properties than the limit')
  }
}

/** U+0001..U+001F, U+007F..U+009F and the 66 non-characters. */
const DISALLOWED = /[\u0001-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u

function checkNames(packet: Packet, { maximumTopicLevels }: DecodeContext): void {
  const message = packet.type === 'connect' ? packet.will : packet
  if (message === undefined || !('topicName' in message)) return
  const { topicName, properties } = message
  const isAliased = 'topicAlias' in properties && properties.topicAlias !== undefined
  const { responseTopic = 'none' } = properties
  for (const name of [topicName === '' && isAliased ? 'aliased' : topicName, responseTopic]) {
    insist(name !== '', 'strings', 'a Topic Name is empty')
    insist(!name.includes('+') && !name.includes('#'), 'strings', 'a Topic Name has a wildcard')
  }
  const areFew = topicName.split('/').length <= maximumTopicLevels
  insist(areFew, 'limits', 'more levels than the limit')
}

/** Filters are not judged by the decoders: the broker takes them apart one by one. */
function checkFilters({ codec, context }: Trial, packet: Packet): void {
  const filters =
    packet.type === 'subscribe'
      ? packet.subscriptions.map(({ topicFilter }) => topicFilter)
      : packet.type === 'unsubscribe'
        ? packet.topicFilters
        : []
  const { maximumFilters, maximumTopicLevels } = context
  insist(filters.length <= maximumFilters, 'limits', 'more Topic Filters than the limit')
  for (const text of filters) {
    const parsed = codec.parseTopicFilter(text, maximumTopicLevels)
    if (typeof parsed === 'number') insist(parsed !== 0, 'filter', 'refused without a fault')
    else checkFilter(text, parsed, maximumTopicLevels)
  }
}

function checkFilter(text: string, parsed: ParsedTopicFilter, maximumLevels: number): void {
  const { topicFilter, shareName, filter } = parsed
  const isShared = text.startsWith('$share/')
  insist(topicFilter === text, 'filter', 'topicFilter is not what was parsed')
  insist(isShared === (shareName !== null), 'filter', 'shared or not is not what the text says')
  const whole = shareName === null ? filter : `$share/${shareName}/${filter}`
  insist(whole === text, 'filter', 'the parts are not the whole')
  insist(shareName === null || /^[^/+#]+$/.test(shareName), 'filter', 'a ShareName is none')
  insist(FILTER.test(filter), 'filter', 'a wildcard is no whole level')
  insist(filter.split('/').length <= maximumLevels, 'filter', 'more levels than the limit')
}

/** Levels without wildcards or `+`, and `#` as the last one. */
const FILTER = /^(?=.)(?:(?:\+|[^+#/]*)(?:\/(?:\+|[^+#/]*))*(?:\/#)?|#)$/s

/** Room before what is encoded, to see that nothing is written there. */
const BEFORE = 3
const UNTOUCHED = 0xa5
let room = new Uint8Array(1 << 16)

function checkRoundTrip(trial: Trial, seen: Seen, packet: Packet): void {
  const { codec, context } = trial
  const own = packet.type === 'connect' ? packet.protocolVersion : undefined
  const protocolVersion = own ?? context.protocolVersion
  if (isNeverWritten(packet, protocolVersion)) {
    checkRefusal(() => codec.packetSize(packet, { protocolVersion }))
    return
  }
  const size = codec.packetSize(packet, { protocolVersion })
  const end = BEFORE + size
  if (end >= room.length) room = new Uint8Array(2 * end)
  room.fill(UNTOUCHED, 0, BEFORE)
  room[end] = UNTOUCHED
  const last = codec.encodePacket(room, BEFORE, packet, { protocolVersion })
  insist(last === end, 'round-trip', 'packetSize is not what is written')
  const isContained = [0, BEFORE - 1, end].every((index) => room[index] === UNTOUCHED)
  insist(isContained, 'round-trip', 'bytes beside the packet are written')
  const encoded = room.subarray(BEFORE, end)
  compareBytes(trial.bytes.subarray(seen.start, seen.end), encoded, seen.type, protocolVersion)
  checkAgain(trial, packet, encoded)
}

/**
 * What a decoder takes and nobody may write: a list without filters, which 3.1 does not forbid, and an
 * empty Client Identifier where the server must refuse it by CONNACK, and so has to read it.
 */
function isNeverWritten(packet: Packet, version: ProtocolVersion): boolean {
  switch (packet.type) {
    case 'connect':
      return packet.clientId === '' && (version === 3 || (version === 4 && !packet.cleanStart))
    case 'subscribe':
      return version === 3 && packet.subscriptions.length === 0
    case 'unsubscribe':
      return version === 3 && packet.topicFilters.length === 0
    default:
      return false
  }
}

function checkRefusal(encode: () => void): void {
  let code: unknown
  try {
    encode()
  } catch (error) {
    code = (error as { code?: unknown }).code
  }
  insist(code === 'ERR_PROMPTMQ_FIELD', 'round-trip', 'what nobody may write is not refused')
}

function compareBytes(
  came: Uint8Array,
  encoded: Uint8Array,
  type: PacketType,
  version: ProtocolVersion,
): void {
  insist(encoded.length <= came.length, 'round-trip', 'what is written is longer than what came')
  const isOf31 = type === PacketType.Connect && version === 3
  if (encoded.length < came.length) {
    const mayShrink = isAcknowledgement(type) || type === PacketType.Disconnect || isOf31
    insist(mayShrink, 'round-trip', 'what is written is shorter than what came')
  } else if (version !== 3) {
    // Of the same size, it is the same bytes but for the order of properties; 3.1 has bits that mean
    // nothing, and are not kept.
    let sum = 0
    for (let i = 0; i < came.length; i++) sum += came[i]! - encoded[i]!
    insist(sum === 0, 'round-trip', 'what is written has other bytes than what came')
  }
}

function checkAgain({ codec, context }: Trial, packet: Packet, encoded: Uint8Array): void {
  const decoder = new codec.PacketDecoder(context, { maximumPacketSize: encoded.length })
  decoder.push(encoded)
  const type = decoder.next()
  const isWhole = type !== 0 && decoder.unreadSize === 0
  insist(isWhole, 'round-trip', 'what is written is not one packet')
  const { flags, bytes, start, end } = decoder
  const again = codec.decodePacket(context, type as PacketType, flags, bytes, start, end)
  insist(typeof again !== 'number', 'round-trip', 'what is written is refused')
  insist(isDeepStrictEqual(again, packet), 'round-trip', 'what is written is another packet')
}
