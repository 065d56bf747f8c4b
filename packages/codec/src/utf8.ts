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

/** `ignoreBOM` is what keeps U+FEFF: the decoder strips it otherwise [MQTT-1.5.4-3]. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
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
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80) return checkBeyondAscii(bytes, i, end, refuseDisallowed)
    if (byte === 0) return Fault.Utf8Nul // [MQTT-1.5.4-2]
    if (refuseDisallowed && (byte < 0x20 || byte === 0x7f)) return Fault.Utf8DisallowedCodePoint
  }
  return Fault.None
}

function checkBeyondAscii(
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
  if (text.length <= SHORT_WRITE) {
    let i = 0
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) break
      target[offset + i] = unit
    }
    if (i === text.length) return offset + i
  }
  return offset + encoder.encodeInto(text, target.subarray(offset)).written
}

/**
 * The string in `bytes[start..end)`, which {@link checkUtf8} has accepted.
 *
 * @throws TypeError where the bytes are ill-formed after all: they were changed, or never checked.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_READ) {
    let text = ''
    let i = start
    for (; i < end; i++) {
      const byte = bytes[i]!
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (i === end) return text
  }
  return decoder.decode(bytes.subarray(start, end))
}
