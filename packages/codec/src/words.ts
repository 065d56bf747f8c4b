/**
 * Bytes four at a time, for what is done to the strings of every PUBLISH.
 *
 *   start                          end
 *     | w0 | w1 | w2 | ...   | last |     the last word ends where the bytes end, so it may overlap
 *     | a  b  c |                         fewer than four bytes: one word, the missing ones 0
 *
 * A word is read through a DataView: 30 bytes are judged and hashed in 15 ns so, in 52 byte by byte
 * (Node 26, `publish-decode`). Making a view costs what it saves on a handful of strings, so that one is
 * made for bytes that are many, and kept until others come; in few bytes a word is put together.
 */
import { NO_BYTES } from './bytes.ts'

/** From this many bytes in the whole array a view is made. */
const WORTH_A_VIEW = 512

/** In each byte of a word. */
const HIGH_BITS = 0x80808080

let viewed: Uint8Array = NO_BYTES
let view: DataView = new DataView(NO_BYTES.buffer)

/** Makes `view` one of `bytes`, if that is worth it. @returns whether it is now. */
function look(bytes: Uint8Array): boolean {
  if (bytes.length < WORTH_A_VIEW) return false
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  viewed = bytes
  return true
}

/** The word at `index`, its first byte lowest; what lies at or past `end` is 0. */
function wordAt(bytes: Uint8Array, index: number, end: number): number {
  const size = Math.min(4, end - index)
  let word = 0
  for (let i = 0; i < size; i++) word |= bytes[index + i]! << (8 * i)
  return word
}

/** Multiply and shift: mixes well enough for a table that is half empty. */
function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/**
 * High bits: not plain. A byte from 80 has its own; below 2c the subtraction borrows and sets it. A
 * borrow reaches the byte above as well, which makes a plain byte look odd beside one that is.
 */
function oddOnes(word: number): number {
  return word | ((word - 0x2c2c2c2c) & ~word)
}

/** High bits: a byte from 80 or, with the borrow as above, a byte that is 0. */
function notAscii(word: number): number {
  return word | ((word - 0x01010101) & ~word)
}

/**
 * Whether `bytes[start..end)` are ASCII without U+0000. Never throws; allocates nothing but the view
 * of new bytes.
 */
export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  const last = end - 4
  if (last < start || (bytes !== viewed && !look(bytes))) return isAsciiBytes(bytes, start, end)
  let odd = notAscii(view.getInt32(last, true))
  for (let i = start; i < last; i += 4) odd |= notAscii(view.getInt32(i, true))
  return (odd & HIGH_BITS) === 0
}

function isAsciiBytes(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! === 0 || bytes[i]! >= 0x80) return false
  return true
}

/** The words of `bytes[start..end)`, as the head of this file has them. */
export function wordsOf(bytes: Uint8Array, start: number, end: number): Int32Array {
  const words = new Int32Array(Math.max(1, Math.ceil((end - start) / 4)))
  const last = Math.max(start, end - 4)
  for (let i = 0; i < words.length; i++) {
    words[i] = wordAt(bytes, Math.min(start + 4 * i, last), end)
  }
  return words
}

/**
 * Whether `bytes[start..end)` have these words; that they are as many bytes, the caller has asked.
 * Never throws; allocates nothing but the view of new bytes.
 */
export function haveWords(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
): boolean {
  const last = end - 4
  if (last < start || (bytes !== viewed && !look(bytes))) {
    return haveWordsClosely(bytes, start, end, words)
  }
  let index = 0
  for (let i = start; i < last; i += 4) if (view.getInt32(i, true) !== words[index++]) return false
  return view.getInt32(last, true) === words[index]
}

function haveWordsClosely(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Int32Array,
): boolean {
  const last = Math.max(start, end - 4)
  for (let i = 0; i < words.length; i++) {
    if (wordAt(bytes, Math.min(start + 4 * i, last), end) !== words[i]) return false
  }
  return true
}

/**
 * A `PublishHeader`'s `topicHash` of a Topic Name that is in `bytes[start..end)`.
 *
 * @param seed - the same as the `DecodeContext.topicHashSeed` that it is to be compared with.
 */
export function topicHashOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  scan.over(bytes, start, end, seed)
  return scan.hash
}

/** What one pass over a Topic Name tells. One serves a module: it is read before the next pass. */
export class TopicScan {
  /** 32 bits of seed, size and bytes. */
  hash = 0

  /**
   * Passes over `bytes[start..end)`. Never throws; allocates nothing but the view of new bytes.
   *
   * @returns whether each byte is 2c to 7f: ASCII beyond `#`, `+`, U+0000, so that there is nothing to
   *   refuse but too many levels and U+007F. Of a name that is not plain no more is said than that.
   */
  over(bytes: Uint8Array, start: number, end: number, seed: number): boolean {
    const last = end - 4
    if (last < start || (bytes !== viewed && !look(bytes)))
      return this.#overFew(bytes, start, end, seed)
    let hash = seed ^ (end - start)
    let odd = 0
    for (let i = start; i < last; i += 4) {
      const word = view.getInt32(i, true)
      odd |= oddOnes(word)
      hash = mix(hash, word)
    }
    const word = view.getInt32(last, true)
    this.hash = mix(hash, word)
    return ((odd | oddOnes(word)) & HIGH_BITS) === 0
  }

  #overFew(bytes: Uint8Array, start: number, end: number, seed: number): boolean {
    const last = Math.max(start, end - 4)
    let hash = seed ^ (end - start)
    let odd = 0
    for (let i = start; i < last; i += 4) {
      const word = wordAt(bytes, i, end)
      odd |= oddOnes(word)
      hash = mix(hash, word)
    }
    const word = wordAt(bytes, last, end)
    this.hash = mix(hash, word)
    // What is missing of a short word is plain.
    const filled = end - last < 4 ? word | (0x61616161 << (8 * (end - last))) : word
    return ((odd | oddOnes(filled)) & HIGH_BITS) === 0
  }
}

const scan = new TopicScan()
