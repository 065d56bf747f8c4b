import { checkInteger } from './misuse.ts'
import { readUtf8 } from './utf8.ts'
import { haveWords, topicHashOf, wordsOf } from './words.ts'

/** A string that has been read, and the bytes that it was read from. */
interface Known {
  readonly hash: number
  readonly size: number
  readonly words: Int32Array
  readonly text: string
}

/** Longer ones are read each time, so that the cache has a bound in bytes too. */
const LONGEST = 256

/**
 * Strings by their bytes: the same bytes again give the same string without making it, which takes a
 * quarter of the time and no memory. For who wants the Topic Name of each PUBLISH as text.
 *
 *   slots   [ newer | older ][ newer | older ] ...     a pair for each value of the hash's low bits
 *
 * What is new takes the place of the older one of its pair. Never more than `capacity` strings of at
 * most 256 bytes are held.
 *
 * @example
 * ```ts
 * import { StringCache } from '@promptmq/codec'
 *
 * const names = new StringCache()
 * const bytes = Uint8Array.of(0x61, 0x2f, 0x62)
 * names.read(bytes, 0, 3) // 'a/b'
 * names.read(bytes, 0, 3) // 'a/b', found
 * ```
 */
export class StringCache {
  readonly #slots: (Known | null)[]
  readonly #mask: number

  /**
   * @param capacity - strings, 2 to 1,048,576, rounded up to a power of two; default 4,096.
   * @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`.
   */
  constructor(capacity = 4096) {
    checkInteger('ERR_PROMPTMQ_OPTION', 'capacity', capacity, 2, 1 << 20)
    const size = 2 ** Math.ceil(Math.log2(capacity))
    this.#slots = new Array<Known | null>(size).fill(null)
    this.#mask = size - 2
  }

  /**
   * The string in `bytes[start..end)`, which a decoder has accepted.
   *
   * @param hash - of these bytes, where a `PublishHeader` has it: its `topicHash`.
   */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number = topicHashOf(bytes, start, end, 0),
  ): string {
    const slots = this.#slots
    const index = hash & this.#mask
    const newer = slots[index]!
    if (newer !== null && isIn(newer, hash, bytes, start, end)) return newer.text
    const older = slots[index + 1]!
    if (older !== null && isIn(older, hash, bytes, start, end)) return older.text
    return this.#add(index, hash, bytes, start, end)
  }

  #add(index: number, hash: number, bytes: Uint8Array, start: number, end: number): string {
    const text = readUtf8(bytes, start, end)
    if (end - start > LONGEST) return text
    this.#slots[index + 1] = this.#slots[index]!
    this.#slots[index] = { hash, size: end - start, words: wordsOf(bytes, start, end), text }
    return text
  }
}

function isIn(known: Known, hash: number, bytes: Uint8Array, start: number, end: number): boolean {
  return (
    known.hash === hash && known.size === end - start && haveWords(bytes, start, end, known.words)
  )
}
