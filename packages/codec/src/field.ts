/**
 * What the encoders share. Encoding has two steps: the size, which checks every field and throws
 * for misuse, and the writing into room that the caller made, which checks nothing again.
 */
import { writeBytes, writeUint16 } from './bytes.ts'
import { FAULTS, Fault } from './fault.ts'
import { checkInteger, type MisuseCode, rangeError, show, typeError } from './misuse.ts'
import { checkTopicNameString } from './topic.ts'
import { asciiSize, utf8Size, writeUtf8 } from './utf8.ts'
import {
  encodeVariableByteInteger,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
} from './variable-byte-integer.ts'

const LENGTH_MAXIMUM = 65_535

/**
 * Bytes of a UTF-8 Encoded String with its length.
 *
 * @throws TypeError for what is no string, RangeError for one the format cannot carry.
 */
export function stringSize(code: MisuseCode, field: string, value: unknown): number {
  if (typeof value !== 'string') throw typeError(code, field, `must be a string, is ${show(value)}`)
  const size = asciiSize(value)
  if (size >= 0) return 2 + checkLength(code, field, size)
  if (!value.isWellFormed()) throw rangeError(code, field, 'has a lone surrogate') // [MQTT-1.5.4-1]
  if (value.includes('\0')) throw rangeError(code, field, 'has U+0000') // [MQTT-1.5.4-2]
  return 2 + checkLength(code, field, utf8Size(value))
}

/** Bytes of Binary Data with its length. Throws as {@link stringSize} does. */
export function binarySize(code: MisuseCode, field: string, value: unknown): number {
  if (value instanceof Uint8Array) return 2 + checkLength(code, field, value.length)
  throw typeError(code, field, `must be a Uint8Array, is ${show(value)}`)
}

function checkLength(code: MisuseCode, field: string, length: number): number {
  if (length <= LENGTH_MAXIMUM) return length
  throw rangeError(code, field, `must be at most ${LENGTH_MAXIMUM} bytes, is ${length}`)
}

/**
 * Writes a UTF-8 Encoded String that {@link stringSize} has checked; returns the offset behind it.
 */
export function writeString(target: Uint8Array, offset: number, text: string): number {
  const end = writeUtf8(target, offset + 2, text)
  writeUint16(target, offset, end - offset - 2)
  return end
}

/** Writes Binary Data that {@link binarySize} has checked; returns the offset behind it. */
export function writeBinary(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  const start = writeUint16(target, offset, bytes.length)
  return writeBytes(target, start, bytes, 0, bytes.length)
}

/** @throws TypeError or RangeError unless it is 1 to 65,535 [MQTT-2.2.1-3]. */
export function checkPacketIdentifier(value: unknown): void {
  checkInteger('ERR_PROMPTMQ_FIELD', 'packetIdentifier', value, 1, 65_535)
}

/**
 * Size of a whole packet with this Remaining Length.
 *
 * @throws RangeError with code `ERR_PROMPTMQ_PACKET` above what the format carries.
 */
export function wholeSize(remainingLength: number): number {
  if (remainingLength > VARIABLE_BYTE_INTEGER_MAX) {
    const text = `Remaining Length would be ${remainingLength}`
    throw rangeError('ERR_PROMPTMQ_PACKET', 'packet', text)
  }
  return 1 + variableByteIntegerSize(remainingLength) + remainingLength
}

/** Writes the first byte and the Remaining Length. */
export function writeFixedHeader(
  target: Uint8Array,
  offset: number,
  firstByte: number,
  remainingLength: number,
): number {
  target[offset] = firstByte
  return encodeVariableByteInteger(target, offset + 1, remainingLength)
}

/** @throws RangeError unless `topicName` is a Topic Name; how many levels is the receiver's limit. */
export function checkTopicField(field: string, topicName: string): void {
  const fault = checkTopicNameString(topicName, Number.POSITIVE_INFINITY)
  if (fault !== Fault.None) throw rangeError('ERR_PROMPTMQ_FIELD', field, FAULTS[fault]!.text)
}
