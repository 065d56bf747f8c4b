/**
 * Bytes as a fixture writes them, a packet a line; the notation of `wire`, for JSON:
 *
 *   30 0b | 00 06 '@run/a' | 00 | 'x'   ; PUBLISH, and whatever else a reader should know
 *
 *   hex pairs, 'text' as UTF-8, repetitions of either: 61*65535
 *   |        where a field ends; means nothing
 *   ##       the Remaining Length of what follows, for a packet whose size depends on the broker
 *   $name    what a name stands for: two bytes of a Packet Identifier, or a text with its length
 *   ;        the rest is for the reader
 */
import { encodeVariableByteInteger, variableByteIntegerSize } from '@promptmq/codec'
import type { Names } from './names.ts'

const TOKEN = /\s*(?:(?:'([^']*)'|([0-9a-f]{2}))(?:\*(\d+))?|\$(\w+)|(##)|(\|))(?=[\s|]|$)/y

/**
 * @param names - what they stand for; one that stands for nothing yet is an error.
 * @throws Error for what is none of the above.
 */
export function readNotation(line: string, names: Names): Uint8Array {
  const text = line.replace(/\s*;.*$/, '').trimEnd()
  const token = new RegExp(TOKEN)
  const parts: Uint8Array[] = []
  let lengthAt = -1
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const found = token.exec(text)
    if (found === null) throw new Error(`neither hex pairs nor a 'text': ${text.slice(at).trim()}`)
    const [, quoted, pair, times = '1', name, remainingLength, bar] = found
    if (bar !== undefined) continue
    if (remainingLength !== undefined) lengthAt = parts.length
    else if (name !== undefined) parts.push(bytesOfName(name, names))
    else parts.push(repeated(quoted, pair, Number(times), names))
  }
  if (lengthAt >= 0) parts.splice(lengthAt, 0, remainingLengthOf(parts.slice(lengthAt)))
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * What is wrong with the length of a packet, '' for nothing: its Remaining Length must be that of
 * what follows it.
 */
export function lengthFault(packet: Uint8Array): string {
  let length = 0
  for (let i = 0; i < 4; i++) {
    const byte = packet[1 + i]
    if (byte === undefined) return 'it ends in its Fixed Header'
    length += (byte & 0x7f) * 128 ** i
    if (byte < 0x80) {
      const following = packet.length - 2 - i
      return length === following ? '' : `Remaining Length ${length}, ${following} bytes follow`
    }
  }
  return 'its Remaining Length is none'
}

function repeated(
  quoted: string | undefined,
  pair: string | undefined,
  times: number,
  names: Names,
): Uint8Array {
  const unit = quoted === undefined ? Buffer.from(pair!, 'hex') : Buffer.from(names.fill(quoted))
  return times === 1 ? unit : Buffer.alloc(unit.length * times, unit)
}

function bytesOfName(name: string, names: Names): Uint8Array {
  const value = names.get(name)
  if (value === undefined) throw new Error(`$${name} stands for nothing yet`)
  if (typeof value === 'number') return Uint8Array.of(value >> 8, value & 0xff)
  const text = Buffer.from(value)
  return Buffer.concat([Uint8Array.of(text.length >> 8, text.length & 0xff), text])
}

function remainingLengthOf(parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const bytes = new Uint8Array(variableByteIntegerSize(size))
  encodeVariableByteInteger(bytes, 0, size)
  return bytes
}
