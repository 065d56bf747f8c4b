/**
 * What the decoders of PUBLISH and its acknowledgements note as offsets keeps what the heads of those
 * files promise, and says what the object of the same packet says.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type Acknowledgement,
  AcknowledgementHeader,
  type AcknowledgementType,
  PROPERTIES,
  type PropertyCursor,
  PropertyIdentifier,
  type PropertyRow,
  PropertyType,
  type Publish,
  PublishHeader,
} from '../../src/index.ts'
import { insist } from './law.ts'
import { type Codec, readSize, type Seen, type Trial } from './trial.ts'

/** The properties of one hop. */
const HOP_PROPERTIES: readonly number[] = [
  PropertyIdentifier.MessageExpiryInterval,
  PropertyIdentifier.SubscriptionIdentifier,
  PropertyIdentifier.TopicAlias,
  PropertyIdentifier.WillDelayInterval,
]

const ROWS: readonly (PropertyRow | undefined)[] = Array.from({ length: 128 }, (_, identifier) =>
  PROPERTIES.find((row) => row.identifier === identifier),
)

/** @param packet - as an object. */
export function checkPublish(trial: Trial, seen: Seen, packet: Publish): void {
  const { codec, bytes, context } = trial
  const { flags, bodyStart: start, end } = seen
  const header = new PublishHeader()
  codec.decodePublishHeader(header, context, bytes, flags, start, end)
  const { topicStart, topicEnd, propertiesStart, propertiesEnd, payloadStart, payloadEnd } = header
  const { qos, dup, retain, packetIdentifier } = header
  const isOrdered =
    start + 2 === topicStart &&
    topicStart <= topicEnd &&
    topicEnd <= propertiesStart &&
    propertiesStart <= propertiesEnd &&
    propertiesEnd === payloadStart &&
    payloadStart <= payloadEnd &&
    payloadEnd === end
  insist(header.bytes === bytes && isOrdered, 'offsets', 'offsets of PUBLISH are out of order')
  checkPropertyLength(bytes, seen, topicEnd + (qos > 0 ? 2 : 0), propertiesStart, propertiesEnd)
  const isOfFlags = ((dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)) === flags && qos < 3
  insist(isOfFlags, 'offsets', 'DUP, QoS or RETAIN is not that of the flags')
  const isIdentified = packetIdentifier === (qos > 0 ? readUint16(bytes, topicEnd) : 0)
  insist(isIdentified && packetIdentifier > 0 === qos > 0, 'offsets', 'no Packet Identifier')

  const topicName = Buffer.from(bytes.subarray(topicStart, topicEnd)).toString('utf8')
  insist(packet.topicName === topicName, 'object', 'topicName is not what the bytes say')
  if (topicName !== '') checkCache(codec, header, topicName)
  const { payload } = packet
  const isView =
    payload.buffer === bytes.buffer &&
    payload.byteOffset === bytes.byteOffset + payloadStart &&
    payload.length === payloadEnd - payloadStart
  insist(isView, 'object', 'payload is not the view that the offsets say')
  const isSame =
    packet.qos === qos &&
    packet.dup === dup &&
    packet.retain === retain &&
    packet.packetIdentifier === (qos > 0 ? packetIdentifier : undefined)
  insist(isSame, 'object', 'flags or Packet Identifier are others as an object')
  checkNoted(header, packet)
  walkProperties(codec, seen, bytes, propertiesStart, propertiesEnd, packet.properties)
  checkForwarded(codec, bytes, propertiesStart, propertiesEnd)
}

/** @param packet - as an object. */
export function checkAcknowledgement(trial: Trial, seen: Seen, packet: Acknowledgement): void {
  const { codec, bytes, context } = trial
  const { type, bodyStart: start, end } = seen
  const header = new AcknowledgementHeader()
  codec.decodeAcknowledgement(type as AcknowledgementType, header, context, bytes, start, end)
  const { packetIdentifier, reasonCode, propertiesStart, propertiesEnd } = header
  const isIdentified = packetIdentifier > 0 && packetIdentifier === readUint16(bytes, start)
  insist(isIdentified, 'offsets', 'no Packet Identifier')
  const isOrdered =
    start + 2 <= propertiesStart && propertiesStart <= propertiesEnd && propertiesEnd === end
  insist(isOrdered, 'offsets', 'offsets are out of order')
  // Up to three bytes are Packet Identifier and Reason Code, and there is no length.
  if (end - start <= 3) insist(propertiesStart === end, 'offsets', 'properties where no byte is')
  else checkPropertyLength(bytes, seen, start + 3, propertiesStart, propertiesEnd)
  const isSame = packet.packetIdentifier === packetIdentifier && packet.reasonCode === reasonCode
  insist(isSame, 'object', 'an acknowledgement is another one as an object')
  walkProperties(codec, seen, bytes, propertiesStart, propertiesEnd, packet.properties)
}

function readUint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!
}

/** The Property Length lies between what is before it and the section, and is its size. */
function checkPropertyLength(
  bytes: Uint8Array,
  { version }: Seen,
  lengthStart: number,
  start: number,
  end: number,
): void {
  if (version === 5) {
    const size = start > lengthStart ? readSize(bytes, lengthStart, start) : -1
    insist(size === end - start, 'offsets', 'the Property Length is not the size of the section')
  } else insist(start === lengthStart && start === end, 'offsets', 'properties before MQTT 5.0')
}

/** What the decoder noted of the properties in passing is what they are. */
function checkNoted(header: PublishHeader, { properties }: Publish): void {
  const { topicAlias, messageExpiryInterval, payloadFormatIndicator } = properties
  const hasIdentifiers = properties.subscriptionIdentifiers.length > 0
  const isOfOneHop =
    topicAlias !== undefined || messageExpiryInterval !== undefined || hasIdentifiers
  const isSame =
    header.topicAlias === (topicAlias ?? 0) &&
    header.messageExpiryInterval === (messageExpiryInterval ?? -1) &&
    header.payloadFormatIndicator === (payloadFormatIndicator ?? 0) &&
    header.hasSubscriptionIdentifier === hasIdentifiers &&
    header.hasHopProperties === isOfOneHop
  insist(isSame, 'object', 'what was noted of the properties is not what they are')
}

/** One property after the other: they fill the section, and are those of the object. */
function walkProperties(
  codec: Codec,
  { type }: Seen,
  bytes: Uint8Array,
  start: number,
  end: number,
  properties: object,
): void {
  const cursor = new codec.PropertyCursor()
  const lists = { subscriptionIdentifiers: [] as unknown[], userProperties: [] as unknown[] }
  const expected: Record<string, unknown> = { ...properties }
  let at = start
  cursor.reset(bytes, start, end)
  insist(cursor.identifier === 0, 'cursor', 'a cursor has an identifier before its first property')
  while (cursor.next()) {
    const { identifier, valueStart, valueEnd } = cursor
    const row = ROWS[identifier]
    insist(row !== undefined, 'cursor', 'a property of the section is unknown')
    insist(((row.allowedIn >> type) & 1) !== 0, 'cursor', 'a property is not allowed here')
    const isNext = cursor.start === at && bytes[at] === identifier
    insist(isNext, 'cursor', 'a property does not begin where the one before ends')
    const isWithin = at < valueStart && valueStart <= valueEnd && valueEnd <= end
    insist(isWithin, 'cursor', 'a value has no place in the section')
    const value = readValue(codec, row, cursor, bytes)
    if (row.type === PropertyType.StringPair) lists.userProperties.push(value)
    else if (row.type === PropertyType.VariableByteInteger)
      lists.subscriptionIdentifiers.push(value)
    else insist(isDeepStrictEqual(expected[row.name], value), 'cursor', `${row.name} is another`)
    at = valueEnd
  }
  insist(at === end, 'cursor', 'the properties do not fill their section')
  insist(cursor.identifier === 0, 'cursor', 'a cursor has an identifier behind its last property')
  const { subscriptionIdentifiers = [], userProperties } = expected
  const isSame = isDeepStrictEqual({ subscriptionIdentifiers, userProperties }, lists)
  insist(isSame, 'cursor', 'User Properties or Subscription Identifiers are others')
}

function readValue(
  { readUtf8 }: Codec,
  row: PropertyRow,
  cursor: PropertyCursor,
  bytes: Uint8Array,
): unknown {
  const { valueStart: start, valueEnd: end } = cursor
  if (row.type === PropertyType.String) return readUtf8(bytes, start, end)
  if (row.type === PropertyType.BinaryData) return bytes.slice(start, end)
  if (row.type === PropertyType.StringPair) {
    const middle = start + 2 + readUint16(bytes, start)
    insist(middle + 2 <= end, 'cursor', 'the name of a User Property runs past it')
    return [readUtf8(bytes, start + 2, middle), readUtf8(bytes, middle + 2, end)]
  }
  const integer = cursor.integer()
  const isInRange = integer >= row.minimum && integer <= row.maximum
  insist(isInRange, 'cursor', 'an integer is out of its range')
  return integer
}

/** What goes on to the next hop is the section without the properties of this one. */
function checkForwarded(codec: Codec, bytes: Uint8Array, start: number, end: number): void {
  const forwarded: Uint8Array[] = []
  const cursor = new codec.PropertyCursor()
  cursor.reset(bytes, start, end)
  while (cursor.next()) {
    if (HOP_PROPERTIES.includes(cursor.identifier)) continue
    forwarded.push(bytes.subarray(cursor.start, cursor.valueEnd))
  }
  const expected = Buffer.concat(forwarded)
  const target = new Uint8Array(expected.length + 2)
  const last = codec.copyForwardedProperties(target, 1, bytes, start, end)
  const isSame =
    codec.forwardedPropertiesSize(bytes, start, end) === expected.length &&
    last === expected.length + 1 &&
    expected.equals(target.subarray(1, last)) &&
    target[last] === 0
  insist(isSame, 'cursor', 'forwarded properties are others')
}

/** Longer names are read anew each time. */
const LONGEST_CACHED = 256
/** Cached strings are compared otherwise in arrays below and from half a kilobyte. */
const ROOMS = [new Uint8Array(LONGEST_CACHED), new Uint8Array(1024)]

/**
 * A cache of strings gives what the bytes say, also where other bytes have the same hash: nobody may
 * get another topic's name because someone made two of them collide.
 */
function checkCache(codec: Codec, header: PublishHeader, topicName: string): void {
  const { bytes, topicStart, topicEnd, topicHash } = header
  if (topicEnd - topicStart > LONGEST_CACHED) return
  const cache = new codec.StringCache(2)
  const read = (room: Uint8Array, start: number, end: number): string =>
    cache.read(room, start, end, topicHash)
  const isFirst = read(bytes, topicStart, topicEnd) === topicName
  const isSecond = read(bytes, topicStart, topicEnd) === topicName
  insist(isFirst && isSecond, 'cache', 'a Topic Name is another one from the cache')
  for (const room of ROOMS) {
    const end = room.length
    const start = end - (topicEnd - topicStart)
    room.set(bytes.subarray(topicStart, topicEnd), start)
    for (let i = start; i < end; i += i - start > 8 ? 9 : 1) {
      const byte = room[i]!
      // What is more than a byte stays as it is, and so does what would become U+0000.
      if (byte >= 0x80 || byte === 1) continue
      room[i] = byte ^ 1
      const other = read(room, start, end)
      const isOther = other !== topicName && other.length === topicName.length
      insist(isOther, 'cache', 'the cache takes a name for one that differs in a byte')
      room[i] = byte
    }
    if (room[end - 1]! < 0x80) {
      const isShorter = read(room, start, end - 1).length < topicName.length
      insist(isShorter, 'cache', 'the cache takes a name for a longer one')
    }
    const isSame = read(room, start, end) === topicName
    insist(isSame, 'cache', 'a Topic Name elsewhere is another one from the cache')
  }
  const isOwn = cache.read(bytes, topicStart, topicEnd) === topicName
  insist(isOwn, 'cache', 'a Topic Name is another one by its own hash')
}
