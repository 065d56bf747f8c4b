/**
 * Checks a property section where it lies, without making anything of it (§2.2.2).
 *
 *   start                                                      end
 *     | identifier | value | identifier | value | ...           |
 *
 * The rows of the table are spread over typed arrays indexed by identifier, since this runs for
 * each property of each PUBLISH.
 *
 * Invariant after {@link Fault.None}: every identifier is known, allowed here and not repeated
 * where it may not be, every value lies within `[start, end)` and within its range, every string is
 * well-formed. Who walks the section afterwards need check nothing.
 */
import { readUint16, readUint32 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault, integerFault } from './fault.ts'
import { PacketType, Sender } from './packet-type.ts'
import { PROPERTIES, PropertyIdentifier, type PropertyScope, PropertyType } from './property.ts'
import { checkUtf8 } from './utf8.ts'
import { decodeVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts'

/** By identifier; 0 where there is no such property. */
export const PROPERTY_TYPES = new Uint8Array(128)
const MINIMUM = new Uint32Array(128)
const MAXIMUM = new Uint32Array(128)

/** Bits of a rule, beside those of `Sender`, which are the lowest: whose packet may carry it. */
const REPEATABLE = 4

/** At `[scope << 7 | identifier]`: who may send the property there, and whether repeatedly; 0: nobody. */
const RULES = new Uint8Array(16 << 7)

for (const { identifier, type, minimum, maximum, allowedIn, repeatableIn } of PROPERTIES) {
  PROPERTY_TYPES[identifier] = type
  MINIMUM[identifier] = minimum
  MAXIMUM[identifier] = maximum
  for (let scope = 0; scope < 16; scope++) {
    if ((allowedIn & (1 << scope)) === 0) continue
    const isRepeatable = (repeatableIn & (1 << scope)) !== 0
    RULES[(scope << 7) | identifier] =
      sendersOf(identifier, scope) | (isRepeatable ? REPEATABLE : 0)
  }
}

/** Properties that only one side may put into a packet. */
function sendersOf(identifier: number, scope: number): Sender {
  if (scope === PacketType.Publish && identifier === PropertyIdentifier.SubscriptionIdentifier) {
    return Sender.Server // [MQTT-3.3.4-6]
  }
  if (scope === PacketType.Disconnect) {
    if (identifier === PropertyIdentifier.SessionExpiryInterval) return Sender.Client // [MQTT-3.14.2-2]
    if (identifier === PropertyIdentifier.ServerReference) return Sender.Server
  }
  return Sender.Any
}

const PLUS = 0x2b
const HASH = 0x23

/** What a checked section holds, as far as a decoder must know it at once. */
export class PropertySummary {
  /** Bit n: the property with identifier n is there, for 0 to 31. */
  low = 0
  /** Bit n: the property with identifier 32 + n is there. */
  high = 0
  /** 0: none. */
  topicAlias = 0
  /** Seconds, -1: none. */
  messageExpiryInterval = -1
  payloadFormatIndicator = 0

  reset(): void {
    this.low = 0
    this.high = 0
    this.topicAlias = 0
    this.messageExpiryInterval = -1
    this.payloadFormatIndicator = 0
  }

  /** @returns whether the property was not there yet. */
  note(identifier: number): boolean {
    const bit = 1 << (identifier & 31)
    const before = identifier < 32 ? this.low : this.high
    if (identifier < 32) this.low = before | bit
    else this.high = before | bit
    return (before & bit) === 0
  }

  has(identifier: PropertyIdentifier): boolean {
    const word = identifier < 32 ? this.low : this.high
    return (word & (1 << (identifier & 31))) !== 0
  }
}

/**
 * Checks the properties in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param summary - reset, then filled; of no meaning after a fault.
 * @param scope - whose properties they are.
 * @returns {@link Fault.None}, or the first thing that is wrong.
 */
export function checkProperties(
  summary: PropertySummary,
  scope: PropertyScope,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  summary.reset()
  let userProperties = 0
  let offset = start
  while (offset < end) {
    const identifier = bytes[offset]!
    const rule = identifier < 128 ? RULES[(scope << 7) | identifier]! : 0
    if ((rule & context.sender) === 0) return misplaced(scope, identifier)
    if (identifier === PropertyIdentifier.UserProperty) {
      if (++userProperties > context.maximumUserProperties) return Fault.UserPropertiesTooMany
    }
    const isNew = summary.note(identifier)
    if (!isNew && (rule & REPEATABLE) === 0) return Fault.PropertyRepeated

    const next = checkValue(summary, context, identifier, bytes, offset + 1, end)
    if (next < 0) return -next as Fault
    offset = next
  }
  return Fault.None
}

function misplaced(scope: PropertyScope, identifier: number): Fault {
  if (identifier >= 128 || PROPERTY_TYPES[identifier] === 0) return Fault.PropertyUnknown
  if (identifier === PropertyIdentifier.SubscriptionIdentifier && scope === PacketType.Publish) {
    return Fault.SubscriptionIdentifierFromClient // [MQTT-3.3.4-6]
  }
  if (identifier === PropertyIdentifier.SessionExpiryInterval && scope === PacketType.Disconnect) {
    return Fault.SessionExpiryIntervalFromServer // [MQTT-3.14.2-2]
  }
  return Fault.PropertyNotAllowed
}

/** @returns the offset behind the value at `bytes[offset]`, or a fault's number, negated. */
function checkValue(
  summary: PropertySummary,
  context: DecodeContext,
  identifier: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
): number {
  switch (PROPERTY_TYPES[identifier]) {
    case PropertyType.Byte:
      if (offset + 1 > end) return -Fault.PacketTruncated
      return checkIntegerValue(summary, identifier, bytes[offset]!, offset + 1)
    case PropertyType.TwoByteInteger: {
      if (offset + 2 > end) return -Fault.PacketTruncated
      return checkIntegerValue(summary, identifier, readUint16(bytes, offset), offset + 2)
    }
    case PropertyType.FourByteInteger: {
      if (offset + 4 > end) return -Fault.PacketTruncated
      return checkIntegerValue(summary, identifier, readUint32(bytes, offset), offset + 4)
    }
    case PropertyType.VariableByteInteger: {
      const value = decodeVariableByteInteger(bytes, offset, end)
      if (value < 0) return -integerFault(value)
      return checkIntegerValue(summary, identifier, value, offset + variableByteIntegerSize(value))
    }
    case PropertyType.String: {
      const next = checkString(context, bytes, offset, end)
      if (next < 0 || identifier !== PropertyIdentifier.ResponseTopic) return next
      return checkResponseTopic(bytes, offset + 2, next)
    }
    case PropertyType.BinaryData:
      return skipLengthPrefixed(bytes, offset, end)
    default: {
      const value = checkString(context, bytes, offset, end) // [MQTT-1.5.7-1]
      return value < 0 ? value : checkString(context, bytes, value, end)
    }
  }
}

function checkIntegerValue(
  summary: PropertySummary,
  identifier: number,
  value: number,
  next: number,
): number {
  if (value < MINIMUM[identifier]! || value > MAXIMUM[identifier]!) {
    if (identifier === PropertyIdentifier.TopicAlias) return -Fault.TopicAliasZero // [MQTT-3.3.2-8]
    if (identifier === PropertyIdentifier.SubscriptionIdentifier) {
      return -Fault.SubscriptionIdentifierZero
    }
    return -Fault.PropertyValueInvalid
  }
  if (identifier === PropertyIdentifier.TopicAlias) summary.topicAlias = value
  else if (identifier === PropertyIdentifier.MessageExpiryInterval) {
    summary.messageExpiryInterval = value
  } else if (identifier === PropertyIdentifier.PayloadFormatIndicator) {
    summary.payloadFormatIndicator = value
  }
  return next
}

function skipLengthPrefixed(bytes: Uint8Array, offset: number, end: number): number {
  if (offset + 2 > end) return -Fault.PacketTruncated
  const next = offset + 2 + readUint16(bytes, offset)
  return next > end ? -Fault.PacketTruncated : next
}

function checkString(
  context: DecodeContext,
  bytes: Uint8Array,
  offset: number,
  end: number,
): number {
  const next = skipLengthPrefixed(bytes, offset, end)
  if (next < 0) return next
  const fault = checkUtf8(bytes, offset + 2, next, context.refuseDisallowedCodePoints)
  return fault === Fault.None ? next : -fault
}

function checkResponseTopic(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -Fault.ResponseTopicEmpty // [MQTT-4.7.3-1]
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === PLUS || byte === HASH) return -Fault.ResponseTopicWildcard // [MQTT-3.3.2-14]
  }
  return end
}
