/**
 * UTF-8 Encoded Strings (§1.5.4): checked once where they arrive, read only where they are needed.
 *
 *   first byte   sequence                        code points
 *   00..7f       1                               U+0000 (refused) .. U+007F
 *   c2..df       2, then 80..bf                  U+0080 .. U+07FF
 *   e0           3, then a0..bf 80..bf           U+0800 .. U+0FFF
 *   e1..ef       3, then 80..bf 80..bf           U+1000 .. U+FFFF, for ed: 80..9f (no surrogates)
 *   f0           4, then 90..bf 80..bf 80..bf    U+10000 ..
 *   f1..f3       4, then 80..bf three times
 *   f4           4, then 80..8f 80..bf 80..bf    .. U+10FFFF
 *
 * Everything else is ill-formed: over-long forms (c0, c1, e0 80..9f, f0 80..8f), stray continuation
 * bytes, surrogates (ed a0..bf), and what lies above U+10FFFF (f4 90.., f5..ff). EF BB BF is the
 * character U+FEFF like any other and is kept wherever it stands [MQTT-1.5.4-3].
 */
import { Fault } from './fault.ts'
import { isAscii } from './words.ts'

/** `ignoreBOM` is what keeps U+FEFF: the decoder strips it otherwise [MQTT-1.5.4-3]. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** Below these sizes a loop beats the call into the runtime's own code (measured on Node 26). */
const SHORT_READ = 12
const SHORT_WRITE = 32

/**
 * Checks the string in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param refuseDisallowed - also refuse the control characters U+0001..U+001F and U+007F..U+009F
 *   and the 66 non-characters, which §1.5.4 lets a receiver refuse.
 * @returns {@link Fault.None}, `Utf8IllFormed`, `Utf8Nul` or `Utf8DisallowedCodePoint`.
 */
export function checkUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
  refuseDisallowed: boolean,
): Fault {
  if (!refuseDisallowed && isAscii(bytes, start, end)) return Fault.None
  return checkClosely(bytes, start, end, refuseDisallowed)
}

function checkClosely(
  bytes: Uint8Array,
  start: number,
  end: number,
  refuseDisallowed: boolean,
): Fault {
  let i = start
  while (i < end) {
    const first = bytes[i]!
    if (first < 0x80) {
      if (first === 0) return Fault.Utf8Nul // [MQTT-1.5.4-2]
      if (refuseDisallowed && isDisallowed(first)) return Fault.Utf8DisallowedCodePoint
      i++
      continue
    }
    const size = sequenceSize(first)
    if (size === 0 || i + size > end) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
    let codePoint = first & (0x7f >> size)
    for (let k = 1; k < size; k++) {
      const byte = bytes[i + k]!
      if ((byte & 0xc0) !== 0x80) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
      codePoint = (codePoint << 6) | (byte & 0x3f)
    }
    // Over-long forms of two bytes are refused by their first, c0 or c1, already.
    if (size === 3 && codePoint < 0x800) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
    if (size === 4 && codePoint < 0x1_0000) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
    if (codePoint > 0x10_ffff) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
    if (refuseDisallowed && isDisallowed(codePoint)) return Fault.Utf8DisallowedCodePoint
    i += size
  }
  return Fault.None
}

/** Bytes of the sequence that a byte from 0x80 begins, or 0 where none begins so. */
function sequenceSize(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 0
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

function isDisallowed(codePoint: number): boolean {
  if (codePoint < 0x20) return true
  if (codePoint >= 0x7f && codePoint <= 0x9f) return true
  if (codePoint >= 0xfdd0 && codePoint <= 0xfdef) return true
  return (codePoint & 0xfffe) === 0xfffe
}

/** Units of `text`, which is then as many bytes, or -1: it is not all ASCII, or has U+0000. */
export function asciiSize(text: string): number {
  let seen = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // U+0000 less one has all bits.
    seen |= unit | (unit - 1)
  }
  return seen >= 0 && seen < 0x80 ? text.length : -1
}

/** Bytes that `text` takes as UTF-8; a lone surrogate counts as the three of U+FFFD. */
export function utf8Size(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) size += 1
    else {
      size += 2
      // A pair's second half adds nothing: two units, four bytes.
      if (unit >= 0xd800 && unit <= 0xdbff) {
        const next = text.charCodeAt(i + 1)
        if (next >= 0xdc00 && next <= 0xdfff) i++
      }
    }
  }
  return size
}

/**
 * Writes `text` at `target[offset]`; the caller has made room for {@link utf8Size} bytes. A lone
 * surrogate becomes U+FFFD: who must not send that asks `text.isWellFormed()` before.
 *
 * @returns the offset after the last byte written.
 */
export function writeUtf8(target: Uint8Array, offset: number, text: string): number {
  if (text.length > SHORT_WRITE) return writeLong(target, offset, text)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return writeLong(target, offset, text)
    target[offset + i] = unit
  }
  return offset + text.length
}

function writeLong(target: Uint8Array, offset: number, text: string): number {
  return offset + encoder.encodeInto(text, target.subarray(offset)).written
}

/**
 * The string in `bytes[start..end)`, which {@link checkUtf8} has accepted. Of bytes that were never
 * checked, what is ill-formed becomes U+FFFD.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return end - start <= SHORT_READ ? readShort(bytes, start, end) : readLong(bytes, start, end)
}

function readShort(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let i = start
  for (; i + 4 <= end; i += 4) {
    const a = bytes[i]!
    const b = bytes[i + 1]!
    const c = bytes[i + 2]!
    const d = bytes[i + 3]!
    if ((a | b | c | d) >= 0x80) return readLong(bytes, start, end)
    text += String.fromCharCode(a, b, c, d)
  }
  for (; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80) return readLong(bytes, start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

type Slice = (this: Uint8Array, start: number, end: number) => string

/** Node's own way, where there is one: it makes no view, and takes 60 ns where TextDecoder takes 100. */
const utf8Slice = (globalThis as { Buffer?: { prototype: { utf8Slice?: Slice } } }).Buffer
  ?.prototype.utf8Slice

const readLong: (bytes: Uint8Array, start: number, end: number) => string =
  utf8Slice === undefined
    ? (bytes, start, end) => decoder.decode(bytes.subarray(start, end))
    : (bytes, start, end) => utf8Slice.call(bytes, start, end)
