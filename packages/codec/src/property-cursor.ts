/**
 * Walks over a property section that has been checked, and copies what goes on to the next hop.
 */
import { NO_BYTES, readUint16, readUint32, writeBytes } from './bytes.ts'
import { PropertyIdentifier, PropertyType } from './property.ts'
import { PROPERTY_TYPES } from './property-check.ts'
import { decodeVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts'

/**
 * One property after the other, as offsets.
 *
 *   start         valueStart        valueEnd = start of the next
 *     | identifier | (length) value   |
 *
 * `valueStart` lies behind the length of a String or of Binary Data, so that the value is
 * `bytes[valueStart..valueEnd)`; of a User Property it lies before the name's length.
 *
 * Valid only over what a decoder has accepted: nothing is checked again. Never allocates.
 *
 * @example
 * ```ts
 * import { PropertyCursor, PropertyIdentifier, encodePublishProperties } from '@promptmq/codec'
 *
 * const bytes = encodePublishProperties({ messageExpiryInterval: 60, contentType: 'text/plain' })
 * const cursor = new PropertyCursor()
 * cursor.reset(bytes, 0, bytes.length)
 * while (cursor.next()) {
 *   if (cursor.identifier === PropertyIdentifier.MessageExpiryInterval) cursor.integer() // 60
 * }
 * ```
 */
export class PropertyCursor {
  /** 0 before the first {@link next}, and once it has returned `false`. */
  identifier = 0
  /** Of the identifier's byte. */
  start = 0
  valueStart = 0
  valueEnd = 0
  #bytes: Uint8Array = NO_BYTES
  #end = 0

  /** Sets the cursor before the first property of `bytes[start..end)`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.identifier = 0
    this.start = start
    this.valueStart = start
    this.valueEnd = start
    this.#bytes = bytes
    this.#end = end
  }

  /** Goes to the next property; `false` where there is none. */
  next(): boolean {
    const start = this.valueEnd
    if (start >= this.#end) {
      this.identifier = 0
      this.#bytes = NO_BYTES
      return false
    }
    const bytes = this.#bytes
    this.start = start
    this.identifier = bytes[start]!
    this.valueStart = start + 1
    switch (PROPERTY_TYPES[this.identifier]) {
      case PropertyType.Byte:
        this.valueEnd = start + 2
        break
      case PropertyType.TwoByteInteger:
        this.valueEnd = start + 3
        break
      case PropertyType.FourByteInteger:
        this.valueEnd = start + 5
        break
      case PropertyType.VariableByteInteger:
        this.valueEnd = start + 1 + variableByteIntegerSize(this.integer())
        break
      case PropertyType.StringPair:
        this.valueEnd = behindLengthPrefixed(bytes, behindLengthPrefixed(bytes, start + 1))
        break
      default:
        this.valueStart = start + 3
        this.valueEnd = behindLengthPrefixed(bytes, start + 1)
    }
    return true
  }

  /** The value of a Byte, Two Byte, Four Byte or Variable Byte Integer; 0 for other types. */
  integer(): number {
    const bytes = this.#bytes
    const offset = this.valueStart
    switch (PROPERTY_TYPES[this.identifier]) {
      case PropertyType.Byte:
        return bytes[offset]!
      case PropertyType.TwoByteInteger:
        return readUint16(bytes, offset)
      case PropertyType.FourByteInteger:
        return readUint32(bytes, offset)
      case PropertyType.VariableByteInteger:
        return decodeVariableByteInteger(bytes, offset, this.#end)
      default:
        return 0
    }
  }
}

function behindLengthPrefixed(bytes: Uint8Array, offset: number): number {
  return offset + 2 + readUint16(bytes, offset)
}

/**
 * Whether a property belongs to one hop: Message Expiry Interval (its value shrinks), Subscription
 * Identifier and Topic Alias (the receiver's own), Will Delay Interval (never in PUBLISH).
 */
function isOfOneHop(identifier: number): boolean {
  return (
    identifier === PropertyIdentifier.MessageExpiryInterval ||
    identifier === PropertyIdentifier.SubscriptionIdentifier ||
    identifier === PropertyIdentifier.TopicAlias ||
    identifier === PropertyIdentifier.WillDelayInterval
  )
}

/** One for the module: a walk ends before the function that began it returns. */
const cursor = new PropertyCursor()

/**
 * Bytes that {@link copyForwardedProperties} will write of the checked properties in
 * `bytes[start..end)`. Never allocates.
 */
export function forwardedPropertiesSize(bytes: Uint8Array, start: number, end: number): number {
  let size = end - start
  cursor.reset(bytes, start, end)
  while (cursor.next()) {
    if (isOfOneHop(cursor.identifier)) size -= cursor.valueEnd - cursor.start
  }
  return size
}

/**
 * Copies the checked properties in `bytes[start..end)` that every subscriber gets unaltered and in
 * order [MQTT-3.3.2-17] [MQTT-3.3.2-18], and leaves out those of one hop (02, 0B, 23; 18 of a will).
 *
 * @returns the offset after the last byte written.
 */
export function copyForwardedProperties(
  target: Uint8Array,
  offset: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  cursor.reset(bytes, start, end)
  while (cursor.next()) {
    if (isOfOneHop(cursor.identifier)) continue
    offset = writeBytes(target, offset, bytes, cursor.start, cursor.valueEnd)
  }
  return offset
}
