/**
 * Property sections as objects: one key per property, named as in the table, `undefined` where it
 * is absent. Driven by the table, for whoever is not on the hot path.
 */
import { copyBytes, readUint16, writeUint16, writeUint32 } from './bytes.ts'
import { binarySize, stringSize, writeBinary, writeString } from './field.ts'
import { checkInteger, rangeError, show, typeError } from './misuse.ts'
import {
  PROPERTIES,
  PropertyIdentifier,
  type PropertyRow,
  type PropertyScope,
  PropertyType,
  propertyRow,
} from './property.ts'
import { PropertyCursor } from './property-cursor.ts'
import { checkTopicNameString } from './topic.ts'
import { readUtf8 } from './utf8.ts'
import { encodeVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts'

/** A User Property. Names may repeat, and order means something (§3.3.2.3.7). */
export type UserProperty = readonly [name: string, value: string]

/** What every packet with properties has. */
export interface UserProperties {
  readonly userProperties: readonly UserProperty[]
}

/** The keys of those properties that may be there more than once, and so are lists. */
const USER_PROPERTIES = 'userProperties'
const SUBSCRIPTION_IDENTIFIERS = 'subscriptionIdentifiers'

/** A property that a packet may carry, under the key that its object has. */
interface Slot {
  readonly key: string
  readonly row: PropertyRow
  readonly isList: boolean
}

/** By scope: which properties may stand there, in the table's order. */
const SLOTS: readonly (readonly Slot[])[] = Array.from({ length: 16 }, (_, scope) =>
  PROPERTIES.filter((row) => (row.allowedIn & (1 << scope)) !== 0).map((row) => {
    const isList = (row.repeatableIn & (1 << scope)) !== 0
    if (!isList) return { key: row.name, row, isList }
    const isUser = row.identifier === PropertyIdentifier.UserProperty
    return { key: isUser ? USER_PROPERTIES : SUBSCRIPTION_IDENTIFIERS, row, isList }
  }),
)

/**
 * Fills `properties`, whose keys are all there already, from the checked section
 * `bytes[start..end)`. Nothing in it shares memory with `bytes`.
 */
export function readProperties<T extends object>(
  properties: T,
  bytes: Uint8Array,
  start: number,
  end: number,
): T {
  const target = properties as Record<string, unknown>
  const userProperties: UserProperty[] = []
  const subscriptionIdentifiers: number[] = []
  const cursor = new PropertyCursor()
  cursor.reset(bytes, start, end)
  while (cursor.next()) {
    const { identifier, valueStart, valueEnd } = cursor
    const row = propertyRow(identifier)!
    if (row.type === PropertyType.StringPair) {
      const valueAt = valueStart + 2 + readUint16(bytes, valueStart)
      userProperties.push([
        readUtf8(bytes, valueStart + 2, valueAt),
        readUtf8(bytes, valueAt + 2, valueEnd),
      ])
    } else if (row.type === PropertyType.VariableByteInteger) {
      subscriptionIdentifiers.push(cursor.integer())
    } else if (row.type === PropertyType.String) {
      target[row.name] = readUtf8(bytes, valueStart, valueEnd)
    } else if (row.type === PropertyType.BinaryData) {
      target[row.name] = copyBytes(bytes, valueStart, valueEnd)
    } else {
      target[row.name] = cursor.integer()
    }
  }
  target[USER_PROPERTIES] = userProperties
  if (SUBSCRIPTION_IDENTIFIERS in target) target[SUBSCRIPTION_IDENTIFIERS] = subscriptionIdentifiers
  else if (subscriptionIdentifiers.length > 0) {
    target.subscriptionIdentifier = subscriptionIdentifiers[0]
  }
  return properties
}

/**
 * Bytes of a property section without its Property Length. Checks every value.
 *
 * @param path - where the properties stand in the packet, for messages: `properties`.
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_PROPERTY` for a value that the property
 *   cannot have, or a key that is no property of this packet.
 */
export function propertiesSize(
  scope: PropertyScope,
  path: string,
  properties: object | undefined,
): number {
  if (properties === undefined) return 0
  if (properties === null || typeof properties !== 'object') {
    throw typeError('ERR_PROMPTMQ_PROPERTY', path, `must be an object, is ${show(properties)}`)
  }
  const source = properties as Readonly<Record<string, unknown>>
  const slots = SLOTS[scope]!
  let size = 0
  for (const key of Object.keys(source)) {
    const value = source[key]
    if (value === undefined) continue
    const field = `${path}.${key}`
    const slot = slotOf(slots, key)
    if (slot === undefined) {
      throw rangeError('ERR_PROMPTMQ_PROPERTY', field, 'is no property of this packet')
    }
    size += slot.isList ? listSize(slot.row, field, value) : 1 + valueSize(slot.row, field, value)
  }
  return size
}

function listSize(row: PropertyRow, field: string, value: unknown): number {
  if (!Array.isArray(value)) {
    throw typeError('ERR_PROMPTMQ_PROPERTY', field, `must be an array, is ${show(value)}`)
  }
  let size = 0
  for (const [index, item] of value.entries())
    size += 1 + valueSize(row, `${field}[${index}]`, item)
  return size
}

function slotOf(slots: readonly Slot[], key: string): Slot | undefined {
  for (const slot of slots) if (slot.key === key) return slot
  return undefined
}

function valueSize(row: PropertyRow, field: string, value: unknown): number {
  switch (row.type) {
    case PropertyType.String:
      return textSize(row, field, value)
    case PropertyType.BinaryData:
      return binarySize('ERR_PROMPTMQ_PROPERTY', field, value)
    case PropertyType.StringPair: {
      if (!Array.isArray(value) || value.length !== 2) {
        throw typeError('ERR_PROMPTMQ_PROPERTY', field, 'must be a pair [name, value]')
      }
      const nameSize = stringSize('ERR_PROMPTMQ_PROPERTY', `${field}[0]`, value[0])
      return nameSize + stringSize('ERR_PROMPTMQ_PROPERTY', `${field}[1]`, value[1])
    }
    default:
      checkInteger('ERR_PROMPTMQ_PROPERTY', field, value, row.minimum, row.maximum)
      if (row.type === PropertyType.Byte) return 1
      if (row.type === PropertyType.TwoByteInteger) return 2
      return row.type === PropertyType.FourByteInteger ? 4 : variableByteIntegerSize(value)
  }
}

function textSize(row: PropertyRow, field: string, value: unknown): number {
  const size = stringSize('ERR_PROMPTMQ_PROPERTY', field, value)
  if (row.identifier === PropertyIdentifier.ResponseTopic) {
    // [MQTT-3.3.2-14] [MQTT-4.7.3-1]
    if (checkTopicNameString(value as string, Number.POSITIVE_INFINITY) !== 0) {
      throw rangeError('ERR_PROMPTMQ_PROPERTY', field, 'must be a Topic Name without wildcards')
    }
  }
  return size
}

/**
 * Writes what {@link propertiesSize} has checked and measured, in the table's order.
 *
 * @returns the offset after the last byte written.
 */
export function writeProperties(
  target: Uint8Array,
  offset: number,
  scope: PropertyScope,
  properties: object | undefined,
): number {
  if (properties === undefined) return offset
  const source = properties as Readonly<Record<string, unknown>>
  let at = offset
  for (const { key, row, isList } of SLOTS[scope]!) {
    const value = source[key]
    if (value === undefined) continue
    for (const item of isList ? (value as readonly unknown[]) : [value]) {
      target[at] = row.identifier
      at = writeValue(target, at + 1, row.type, item)
    }
  }
  return at
}

function writeValue(
  target: Uint8Array,
  offset: number,
  type: PropertyType,
  value: unknown,
): number {
  switch (type) {
    case PropertyType.Byte:
      target[offset] = value as number
      return offset + 1
    case PropertyType.TwoByteInteger:
      return writeUint16(target, offset, value as number)
    case PropertyType.FourByteInteger:
      return writeUint32(target, offset, value as number)
    case PropertyType.VariableByteInteger:
      return encodeVariableByteInteger(target, offset, value as number)
    case PropertyType.String:
      return writeString(target, offset, value as string)
    case PropertyType.BinaryData:
      return writeBinary(target, offset, value as Uint8Array)
    case PropertyType.StringPair: {
      const [name, text] = value as UserProperty
      return writeString(target, writeString(target, offset, name), text)
    }
  }
}

/** Bytes of a section with its Property Length. Throws as {@link propertiesSize} does. */
export function propertySectionSize(
  scope: PropertyScope,
  path: string,
  properties: object | undefined,
): number {
  const size = propertiesSize(scope, path, properties)
  return variableByteIntegerSize(size) + size
}

/** Writes the Property Length and what {@link propertiesSize} has checked. */
export function writePropertySection(
  target: Uint8Array,
  offset: number,
  scope: PropertyScope,
  properties: object | undefined,
): number {
  const size = propertiesSize(scope, 'properties', properties)
  const start = encodeVariableByteInteger(target, offset, size)
  return writeProperties(target, start, scope, properties)
}
