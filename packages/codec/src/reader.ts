import { copyBytes, readUint16 } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault, integerFault } from './fault.ts'
import type { PropertyScope } from './property.ts'
import { checkProperties, PropertySummary } from './property-check.ts'
import { checkUtf8, readUtf8 } from './utf8.ts'
import { decodeVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts'

/**
 * Reads one packet's fields in order, for the decoders that make objects.
 *
 *   start        offset                 end
 *     | read       | to be read           |
 *
 * The first fault sticks: reads after it give 0, '' or nothing, so that a decoder reads its fields
 * in a straight line and asks once. One Reader serves one call. It never looks at or past `end`, and
 * what it returns shares no memory with the bytes, which are lent.
 */
export class Reader {
  /** May be set before the first field that depends on it: CONNECT tells its own version. */
  context: DecodeContext
  readonly bytes: Uint8Array
  readonly end: number
  /** What the last {@link properties} found. */
  readonly summary = new PropertySummary()
  offset: number
  fault: Fault = Fault.None
  /** The section that the last {@link properties} checked, without its length. */
  propertiesStart = 0
  propertiesEnd = 0

  constructor(context: DecodeContext, bytes: Uint8Array, start: number, end: number) {
    this.context = context
    this.bytes = bytes
    this.offset = start
    this.end = end
  }

  /** Whether there is another byte to read, and no fault so far. */
  get hasMore(): boolean {
    return this.fault === Fault.None && this.offset < this.end
  }

  /** Keeps the first fault. */
  fail(fault: Fault): void {
    if (this.fault === Fault.None) this.fault = fault
  }

  byte(): number {
    const at = this.#take(1)
    return at < 0 ? 0 : this.bytes[at]!
  }

  uint16(): number {
    const at = this.#take(2)
    return at < 0 ? 0 : readUint16(this.bytes, at)
  }

  /** A Packet Identifier, which is never 0 [MQTT-2.2.1-3]. */
  packetIdentifier(): number {
    const value = this.uint16()
    if (value === 0) this.fail(Fault.PacketIdentifierZero)
    return value
  }

  /** A UTF-8 Encoded String. */
  string(): string {
    const start = this.#lengthPrefixed()
    if (start < 0) return ''
    const { refuseDisallowedCodePoints } = this.context
    const fault = checkUtf8(this.bytes, start, this.offset, refuseDisallowedCodePoints)
    if (fault === Fault.None) return readUtf8(this.bytes, start, this.offset)
    this.fail(fault)
    return ''
  }

  /** Binary Data, copied. */
  binary(): Uint8Array {
    const start = this.#lengthPrefixed()
    return copyBytes(this.bytes, start < 0 ? this.offset : start, this.offset)
  }

  /**
   * Reads a Property Length and checks the section behind it, which `propertiesStart` and
   * `propertiesEnd` then delimit. Before MQTT 5.0 there is none: both are where the reader stands.
   */
  properties(scope: PropertyScope): void {
    this.propertiesStart = this.offset
    this.propertiesEnd = this.offset
    if (this.fault !== Fault.None || this.context.protocolVersion !== 5) return
    const size = decodeVariableByteInteger(this.bytes, this.offset, this.end)
    if (size < 0) {
      this.fail(integerFault(size))
      return
    }
    const start = this.offset + variableByteIntegerSize(size)
    if (start + size > this.end) {
      this.fail(Fault.PacketTruncated)
      return
    }
    this.propertiesStart = start
    this.propertiesEnd = start + size
    this.offset = start + size
    const { summary, context, bytes } = this
    this.fail(checkProperties(summary, scope, context, bytes, start, start + size))
  }

  /** The fault so far; bytes that nobody has read are one. */
  finish(): Fault {
    if (this.hasMore) this.fail(Fault.PacketOverlong)
    return this.fault
  }

  /** @returns where the field begins, or -1 after a fault. */
  #take(size: number): number {
    if (this.fault !== Fault.None) return -1
    const at = this.offset
    if (at + size > this.end) {
      this.fail(Fault.PacketTruncated)
      return -1
    }
    this.offset = at + size
    return at
  }

  #lengthPrefixed(): number {
    const size = this.uint16()
    return this.#take(size)
  }
}
