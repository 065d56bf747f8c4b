import {
  copyRange,
  encodePublishStart,
  encodeVariableByteInteger,
  PropertyIdentifier,
  type ProtocolVersion,
  publishSize,
  type QoS,
  variableByteIntegerSize,
} from '@promptmq/codec'
import type { Message } from '@promptmq/router'

/**
 * A kept Message as the PUBLISH that one subscriber gets (§3.3).
 *
 *   | Fixed Header | Topic Name | Packet Identifier, QoS > 0 | Property Length |
 *   | Message Expiry Interval | Topic Alias | Subscription Identifiers |     of this hop
 *   | forwarded properties | payload |                        one copy, of what Message keeps
 *
 * MQTT 3.x has neither Property Length nor properties.
 */

/** What a Message Expiry Interval takes: its identifier and four bytes. */
const EXPIRY_SIZE = 5
/** Of a Topic Alias: its identifier and two bytes. */
const ALIAS_SIZE = 3
const NO_TOPIC = new Uint8Array(0)

/**
 * The size of the whole packet, in bytes.
 * @param alias - see OutboundAliases.use; only 5.0 has any.
 */
export function deliverySize(
  version: ProtocolVersion,
  message: Message,
  qos: number,
  identifiers: readonly number[],
  alias: number,
): number {
  const propertiesSize =
    version === 5 ? hopPropertiesSize(message, identifiers, alias) + message.propertiesSize : 0
  const topicSize = alias > 0 ? 0 : message.topic.length
  return publishSize(version, qos as QoS, topicSize, propertiesSize, message.payloadSize)
}

/**
 * Writes the packet at `target[offset]`, where there is room for {@link deliverySize}.
 *
 * @param view - of all of `target`.
 * @param flags - DUP, QoS and RETAIN as they stand in the first byte.
 * @param packetIdentifier - 0 at QoS 0.
 * @param now - milliseconds on the broker's clock, for the time that the message has left.
 */
export function encodeDelivery(
  target: Uint8Array,
  view: DataView,
  offset: number,
  version: ProtocolVersion,
  message: Message,
  flags: number,
  packetIdentifier: number,
  identifiers: readonly number[],
  alias: number,
  now: number,
): void {
  const at = encodeDeliveryHead(
    target,
    offset,
    version,
    message,
    flags,
    packetIdentifier,
    identifiers,
    alias,
    now,
  )
  copyRange(target, view, at, message.bytes, keptStart(version, message), message.end)
}

/** Where in `message.bytes` that begins which goes out as it is kept, up to its end. */
export function keptStart(version: ProtocolVersion, message: Message): number {
  return version === 5 ? message.start : message.start + message.propertiesSize
}

/**
 * The same without what goes out as it is kept.
 * @returns the offset where that follows.
 */
export function encodeDeliveryHead(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  message: Message,
  flags: number,
  packetIdentifier: number,
  identifiers: readonly number[],
  alias: number,
  now: number,
): number {
  const { propertiesSize, payloadSize } = message
  if (version !== 5) {
    return encodePublishStart(
      target,
      offset,
      version,
      flags,
      message.topic,
      packetIdentifier,
      0,
      payloadSize,
    )
  }
  const hopSize = hopPropertiesSize(message, identifiers, alias)
  const at = encodePublishStart(
    target,
    offset,
    version,
    flags,
    alias > 0 ? NO_TOPIC : message.topic,
    packetIdentifier,
    hopSize + propertiesSize,
    payloadSize,
  )
  return hopSize > 0 ? encodeHopProperties(target, at, message, identifiers, alias, now) : at
}

function hopPropertiesSize(
  message: Message,
  identifiers: readonly number[],
  alias: number,
): number {
  let size = message.expiresAt === Number.POSITIVE_INFINITY ? 0 : EXPIRY_SIZE
  if (alias !== 0) size += ALIAS_SIZE
  for (const identifier of identifiers) size += 1 + variableByteIntegerSize(identifier)
  return size
}

function encodeHopProperties(
  target: Uint8Array,
  offset: number,
  message: Message,
  identifiers: readonly number[],
  alias: number,
  now: number,
): number {
  let at = offset
  if (message.expiresAt !== Number.POSITIVE_INFINITY) {
    // [MQTT-3.3.2-6] less the whole seconds that it waited, and never 0.
    const seconds = Math.max(1, Math.ceil((message.expiresAt - now) / 1000))
    target[at] = PropertyIdentifier.MessageExpiryInterval
    target[at + 1] = seconds >>> 24
    target[at + 2] = seconds >>> 16
    target[at + 3] = seconds >>> 8
    target[at + 4] = seconds
    at += EXPIRY_SIZE
  }
  if (alias !== 0) {
    target[at] = PropertyIdentifier.TopicAlias
    target[at + 1] = Math.abs(alias) >>> 8
    target[at + 2] = Math.abs(alias)
    at += ALIAS_SIZE
  }
  for (const identifier of identifiers) {
    target[at] = PropertyIdentifier.SubscriptionIdentifier
    at = encodeVariableByteInteger(target, at + 1, identifier)
  }
  return at
}
