/**
 * The properties of PUBLISH as an object (§3.3.2.3). What `property-object.ts` does for every packet by
 * its table is written out here, since it is done for each message of who publishes with properties.
 * Only what is plain is: whatever else there is, right or wrong, the table decides.
 */
import { writeUint16, writeUint32 } from './bytes.ts'
import { writeBinary, writeString } from './field.ts'
import { PacketType } from './packet-type.ts'
import { PropertyIdentifier } from './property.ts'
import { propertiesSize, readProperties, type UserProperty } from './property-object.ts'
import { contentTypes, topicNames } from './text-bytes.ts'
import { asciiSize } from './utf8.ts'
import {
  encodeVariableByteInteger,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
} from './variable-byte-integer.ts'

/** The properties of PUBLISH (§3.3.2.3); `undefined` where one is absent, lists then empty. */
export interface PublishProperties {
  /** 1: the payload is UTF-8. */
  readonly payloadFormatIndicator: number | undefined
  /** Seconds. */
  readonly messageExpiryInterval: number | undefined
  readonly topicAlias: number | undefined
  readonly responseTopic: string | undefined
  readonly correlationData: Uint8Array | undefined
  readonly contentType: string | undefined
  /** Only from a server: one for each subscription that matched and has one. */
  readonly subscriptionIdentifiers: readonly number[]
  readonly userProperties: readonly UserProperty[]
}

/** The properties in `bytes[start..end)`, which a decoder has checked. Shares no memory with it. */
export function readPublishProperties(
  bytes: Uint8Array,
  start: number,
  end: number,
): PublishProperties {
  const properties: PublishProperties = {
    payloadFormatIndicator: undefined,
    messageExpiryInterval: undefined,
    topicAlias: undefined,
    responseTopic: undefined,
    correlationData: undefined,
    contentType: undefined,
    subscriptionIdentifiers: [],
    userProperties: [],
  }
  return readProperties(properties, bytes, start, end)
}

/** Added to sizes, it leaves the sum below 0: for the table to look at. */
const UNSURE = -(2 ** 30)

/** Longer texts and lists are not what is written out for. */
const LONGEST_TEXT = 1024
const LONGEST_LIST = 64

/**
 * Bytes of the properties without the Property Length. Checks every value.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_PROPERTY` that names the property.
 */
export function publishPropertiesSize(properties: Partial<PublishProperties> | undefined): number {
  if (properties === undefined) return 0
  const size = plainSize(properties)
  return size >= 0 ? size : propertiesSize(PacketType.Publish, 'properties', properties)
}

function plainSize(properties: Partial<PublishProperties>): number {
  if (properties === null || typeof properties !== 'object') return UNSURE
  for (const key in properties) if (!isKey(key)) return UNSURE
  return (
    integerSize(properties.payloadFormatIndicator, 0, 1, 2) +
    integerSize(properties.messageExpiryInterval, 0, 0xffff_ffff, 5) +
    integerSize(properties.topicAlias, 1, 0xffff, 3) +
    textSize(contentTypes, properties.contentType) +
    textSize(topicNames, properties.responseTopic) +
    binarySize(properties.correlationData) +
    identifiersSize(properties.subscriptionIdentifiers) +
    pairsSize(properties.userProperties)
  )
}

function isKey(key: string): boolean {
  switch (key) {
    case 'payloadFormatIndicator':
    case 'messageExpiryInterval':
    case 'contentType':
    case 'responseTopic':
    case 'correlationData':
    case 'subscriptionIdentifiers':
    case 'topicAlias':
    case 'userProperties':
      return true
    default:
      return false
  }
}

function integerSize(value: unknown, minimum: number, maximum: number, size: number): number {
  if (value === undefined) return 0
  if (typeof value !== 'number' || !Number.isInteger(value)) return UNSURE
  return value >= minimum && value <= maximum ? size : UNSURE
}

function stringSize(value: unknown): number {
  if (typeof value !== 'string' || value.length > LONGEST_TEXT) return UNSURE
  const size = asciiSize(value)
  return size < 0 ? UNSURE : 2 + size
}

function textSize(texts: typeof topicNames, value: unknown): number {
  if (value === undefined) return 0
  const bytes = typeof value === 'string' ? texts.get(value) : null
  return bytes === null ? UNSURE : 3 + bytes.length
}

function binarySize(value: unknown): number {
  if (value === undefined) return 0
  return value instanceof Uint8Array && value.length <= 0xffff ? 3 + value.length : UNSURE
}

function identifiersSize(values: readonly unknown[] | undefined): number {
  if (values === undefined) return 0
  if (!Array.isArray(values) || values.length > LONGEST_LIST) return UNSURE
  let size = 0
  for (const value of values) {
    if (integerSize(value, 1, VARIABLE_BYTE_INTEGER_MAX, 0) < 0) return UNSURE
    size += 1 + variableByteIntegerSize(value as number)
  }
  return size
}

function pairsSize(pairs: readonly unknown[] | undefined): number {
  if (pairs === undefined) return 0
  if (!Array.isArray(pairs) || pairs.length > LONGEST_LIST) return UNSURE
  let size = 0
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return UNSURE
    size += 1 + stringSize(pair[0]) + stringSize(pair[1])
    if (size < 0) return UNSURE
  }
  return size
}

/**
 * Writes what {@link publishPropertiesSize} has checked, in the order of the table in `property.ts`.
 *
 * @returns the offset after the last byte written.
 */
export function writePublishProperties(
  target: Uint8Array,
  offset: number,
  properties: Partial<PublishProperties> | undefined,
): number {
  if (properties === undefined) return offset
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic } = properties
  const { correlationData, subscriptionIdentifiers, topicAlias, userProperties } = properties
  let at = offset
  if (payloadFormatIndicator !== undefined) {
    target[at] = PropertyIdentifier.PayloadFormatIndicator
    target[at + 1] = payloadFormatIndicator
    at += 2
  }
  if (messageExpiryInterval !== undefined) {
    target[at] = PropertyIdentifier.MessageExpiryInterval
    at = writeUint32(target, at + 1, messageExpiryInterval)
  }
  if (contentType !== undefined) {
    target[at] = PropertyIdentifier.ContentType
    at = writeText(target, at + 1, contentTypes, contentType)
  }
  if (responseTopic !== undefined) {
    target[at] = PropertyIdentifier.ResponseTopic
    at = writeText(target, at + 1, topicNames, responseTopic)
  }
  if (correlationData !== undefined) {
    target[at] = PropertyIdentifier.CorrelationData
    at = writeBinary(target, at + 1, correlationData)
  }
  if (subscriptionIdentifiers !== undefined) {
    for (const identifier of subscriptionIdentifiers) {
      target[at] = PropertyIdentifier.SubscriptionIdentifier
      at = encodeVariableByteInteger(target, at + 1, identifier)
    }
  }
  if (topicAlias !== undefined) {
    target[at] = PropertyIdentifier.TopicAlias
    at = writeUint16(target, at + 1, topicAlias)
  }
  return userProperties === undefined ? at : writeUserProperties(target, at, userProperties)
}

function writeText(
  target: Uint8Array,
  offset: number,
  texts: typeof topicNames,
  text: string,
): number {
  const bytes = texts.get(text)
  return bytes === null ? writeString(target, offset, text) : writeBinary(target, offset, bytes)
}

function writeUserProperties(
  target: Uint8Array,
  offset: number,
  userProperties: readonly UserProperty[],
): number {
  let at = offset
  for (const pair of userProperties) {
    target[at] = PropertyIdentifier.UserProperty
    at = writeString(target, writeString(target, at + 1, pair[0]), pair[1])
  }
  return at
}

/**
 * Encodes properties of PUBLISH, without the Property Length.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_PROPERTY` that names the property.
 *
 * @example
 * ```ts
 * import { encodePublishProperties } from '@promptmq/codec'
 *
 * encodePublishProperties({ messageExpiryInterval: 60, userProperties: [['unit', 'K']] })
 * ```
 */
export function encodePublishProperties(properties: Partial<PublishProperties>): Uint8Array {
  const bytes = new Uint8Array(publishPropertiesSize(properties))
  writePublishProperties(bytes, 0, properties)
  return bytes
}
