/**
 * SUBSCRIBE (§3.8; 3.1.1 §3.8).
 *
 *   | u16 Packet Identifier | Properties (5.0) | Topic Filter | Options | Topic Filter | ...
 *
 *   Options   7-6 reserved   5-4 Retain Handling   3 Retain As Published   2 No Local   1-0 QoS
 *             (before 5.0 only the QoS, the other bits being 0)
 */
import { writeUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import {
  checkPacketIdentifier,
  stringSize,
  wholeSize,
  writeFixedHeader,
  writeString,
} from './field.ts'
import { checkFlag, checkInteger, rangeError, typeError } from './misuse.ts'
import { PacketType, type ProtocolVersion, type QoS } from './packet-type.ts'
import {
  propertySectionSize,
  readProperties,
  type UserProperty,
  writePropertySection,
} from './property-object.ts'
import { Reader } from './reader.ts'

/** The first byte; its low half is fixed [MQTT-3.8.1-1]. */
const FIRST_BYTE = 0x82

/** How the filter of a Shared Subscription begins (§4.8.2). */
const SHARE = '$share/'

const NO_LOCAL = 0x04
const RETAIN_AS_PUBLISHED = 0x08
const RESERVED = 0xc0

/** Whether retained messages are sent: always, for a new subscription only, never. */
export type RetainHandling = 0 | 1 | 2

/** A Topic Filter with its Subscription Options; before 5.0 all but QoS are `false` and 0. */
export interface Subscription {
  /** As sent: its grammar is not checked here, see `parseTopicFilter`. */
  readonly topicFilter: string
  /** The maximum QoS asked for. */
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: RetainHandling
}

/** The properties of SUBSCRIBE (§3.8.2.1); `undefined` where one is absent. */
export interface SubscribeProperties {
  readonly subscriptionIdentifier: number | undefined
  readonly userProperties: readonly UserProperty[]
}

/** SUBSCRIBE (§3.8): a client asks for messages. */
export interface Subscribe {
  readonly type: 'subscribe'
  readonly packetIdentifier: number
  /** At least one, except from a 3.1 client. */
  readonly subscriptions: readonly Subscription[]
  readonly properties: SubscribeProperties
}

/** What is left out is 0 or `false`. */
export interface SubscriptionInput {
  readonly topicFilter: string
  readonly qos?: QoS | undefined
  readonly noLocal?: boolean | undefined
  readonly retainAsPublished?: boolean | undefined
  readonly retainHandling?: RetainHandling | undefined
}

/** At least one subscription; properties are not sent before 5.0. */
export interface SubscribeInput {
  readonly type?: 'subscribe'
  readonly packetIdentifier: number
  readonly subscriptions: readonly SubscriptionInput[]
  readonly properties?: Partial<SubscribeProperties> | undefined
}

/**
 * Decodes one whole SUBSCRIBE that lies in `bytes[start..end)`.
 *
 * The grammar of filters is not a matter of the packet's format: a server refuses a bad filter by
 * its own Reason Code in SUBACK, and serves the others.
 */
export function decodeSubscribe(
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Subscribe | Fault {
  const { protocolVersion, maximumFilters } = context
  const reader = new Reader(context, bytes, start, end)
  const packetIdentifier = reader.packetIdentifier()
  reader.properties(PacketType.Subscribe)
  const subscriptions: Subscription[] = []
  while (reader.hasMore) {
    if (subscriptions.length === maximumFilters) return Fault.FiltersTooMany
    const topicFilter = reader.string() // [MQTT-3.8.3-1]
    const options = reader.byte()
    reader.fail(checkOptions(protocolVersion, topicFilter, options))
    subscriptions.push({
      topicFilter,
      qos: (options & 0b11) as QoS,
      noLocal: (options & NO_LOCAL) !== 0,
      retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
      retainHandling: ((options >> 4) & 0b11) as RetainHandling,
    })
  }
  const fault = reader.finish()
  if (fault !== Fault.None) return fault
  // An empty list was no error yet in 3.1.
  if (subscriptions.length === 0 && protocolVersion !== 3) return Fault.SubscribeEmpty // [MQTT-3.8.3-2]
  const properties = { subscriptionIdentifier: undefined, userProperties: [] }
  readProperties(properties, bytes, reader.propertiesStart, reader.propertiesEnd)
  return { type: 'subscribe', packetIdentifier, subscriptions, properties }
}

function checkOptions(version: ProtocolVersion, topicFilter: string, options: number): Fault {
  const reserved = version === 5 ? RESERVED : 0xfc
  if ((options & reserved) !== 0) return Fault.SubscribeReservedBits // [MQTT-3.8.3-5]
  if ((options & 0b11) === 3) return Fault.SubscribeQos3
  if (((options >> 4) & 0b11) === 3) return Fault.SubscribeRetainHandling3
  if ((options & NO_LOCAL) !== 0 && topicFilter.startsWith(SHARE)) {
    return Fault.SubscribeNoLocalShared // [MQTT-3.8.3-4]
  }
  return Fault.None
}

/**
 * Size of the whole packet. Checks every field, but not the grammar of filters.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function subscribeSize(version: ProtocolVersion, packet: SubscribeInput): number {
  checkPacketIdentifier(packet.packetIdentifier)
  if (!Array.isArray(packet.subscriptions)) {
    throw typeError('ERR_PROMPTMQ_FIELD', 'subscriptions', 'must be an array')
  }
  if (packet.subscriptions.length === 0) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'subscriptions', 'must not be empty') // [MQTT-3.8.3-2]
  }
  packet.subscriptions.forEach((subscription, index) => {
    checkSubscription(version, `subscriptions[${index}]`, subscription)
  })
  return wholeSize(remainingLength(version, packet))
}

function checkSubscription(version: ProtocolVersion, path: string, input: SubscriptionInput): void {
  const { topicFilter, qos = 0, noLocal, retainHandling = 0 } = input
  stringSize('ERR_PROMPTMQ_FIELD', `${path}.topicFilter`, topicFilter)
  checkInteger('ERR_PROMPTMQ_FIELD', `${path}.qos`, qos, 0, 2)
  checkInteger('ERR_PROMPTMQ_FIELD', `${path}.retainHandling`, retainHandling, 0, 2)
  checkFlag(`${path}.noLocal`, noLocal)
  checkFlag(`${path}.retainAsPublished`, input.retainAsPublished)
  if (version === 5 && noLocal === true && topicFilter.startsWith(SHARE)) {
    const text = 'must be false on a Shared Subscription' // [MQTT-3.8.3-4]
    throw rangeError('ERR_PROMPTMQ_FIELD', `${path}.noLocal`, text)
  }
}

function remainingLength(version: ProtocolVersion, packet: SubscribeInput): number {
  const { subscriptions, properties } = packet
  let size = 2
  if (version === 5) size += propertySectionSize(PacketType.Subscribe, 'properties', properties)
  for (const { topicFilter } of subscriptions) {
    size += stringSize('ERR_PROMPTMQ_FIELD', 'topicFilter', topicFilter) + 1
  }
  return size
}

/** Writes what {@link subscribeSize} has checked; returns the offset after the last byte. */
export function encodeSubscribe(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: SubscribeInput,
): number {
  const { packetIdentifier, subscriptions, properties } = packet
  let at = writeFixedHeader(target, offset, FIRST_BYTE, remainingLength(version, packet))
  at = writeUint16(target, at, packetIdentifier)
  if (version === 5) at = writePropertySection(target, at, PacketType.Subscribe, properties)
  for (const subscription of subscriptions) {
    at = writeString(target, at, subscription.topicFilter)
    target[at++] = version === 5 ? encodeOptions(subscription) : (subscription.qos ?? 0)
  }
  return at
}

function encodeOptions(subscription: SubscriptionInput): number {
  const { qos = 0, noLocal, retainAsPublished, retainHandling = 0 } = subscription
  const flags = (noLocal ? NO_LOCAL : 0) | (retainAsPublished ? RETAIN_AS_PUBLISHED : 0)
  return (retainHandling << 4) | flags | qos
}
