import { haveWords, readUtf8, topicHashOf, utf8Size, wordsOf, writeUtf8 } from '@promptmq/codec'
import { findRoute, type Route } from './route.ts'
import type { TopicTree } from './topic-tree.ts'

/**
 * Known Topic Names by their bytes, so that a PUBLISH on a topic seen before costs no string and no
 * match: the hash that decoding gave, compared bytes, the cached Route.
 *
 *   slots   [ - ][ a/b ][ x ][ - ] ...   open addressing, linear probing, at most half full
 *
 * Bounded in entries and in bytes: when either is reached the table is emptied and fills again with
 * what is in use; entries that somebody still holds (a Topic Alias) work on. The hash is seeded, and
 * a probe gives up after {@link LONGEST_PROBE} slots: who sends colliding names gains nothing.
 */
export class TopicEntry {
  readonly hash: number
  /** The Topic Name as UTF-8. */
  readonly bytes: Uint8Array
  readonly name: string
  readonly #words: Int32Array
  #route: Route | null = null
  #version = 0

  constructor(hash: number, bytes: Uint8Array) {
    this.hash = hash
    this.bytes = bytes
    this.name = readUtf8(bytes, 0, bytes.length)
    this.#words = wordsOf(bytes, 0, bytes.length)
  }

  /** Whether its name is in `bytes[start..end)`, of which `hash` is the hash. */
  is(hash: number, bytes: Uint8Array, start: number, end: number): boolean {
    return (
      this.hash === hash &&
      this.bytes.length === end - start &&
      haveWords(bytes, start, end, this.#words)
    )
  }

  /** Who gets this topic's messages, as of now. */
  route(tree: TopicTree): Route {
    if (this.#route === null || this.#version !== tree.version) {
      this.#route = findRoute(tree, this.name)
      this.#version = tree.version
    }
    return this.#route
  }
}

const LONGEST_PROBE = 32
const FIRST_CAPACITY = 256

/** What {@link TopicTable} takes; every field may be left out. */
export interface TopicTableOptions {
  /** Default 131,072. */
  readonly maximumEntries?: number
  /** Bytes of Topic Names, default 16 MiB. */
  readonly maximumBytes?: number
  /** 32 bits that no client knows. */
  readonly seed?: number
}

/**
 * The table of {@link TopicEntry}s.
 *
 * @example
 * ```ts
 * import { TopicTable, TopicTree } from '@promptmq/router'
 *
 * const table = new TopicTable({ maximumEntries: 10_000 })
 * const entry = table.ofName('plant/3/temp')
 * entry === table.ofName('plant/3/temp') // true
 * entry.route(new TopicTree()).isEmpty // true: nobody subscribed
 * ```
 */
export class TopicTable {
  readonly #maximumEntries: number
  readonly #maximumBytes: number
  /** To be the `topicHashSeed` of who decodes for this table. */
  readonly seed: number
  #slots: (TopicEntry | null)[] = new Array(FIRST_CAPACITY).fill(null)
  #size = 0
  #byteSize = 0

  constructor({
    maximumEntries = 131_072,
    maximumBytes = 16 * 1024 * 1024,
    seed = 0,
  }: TopicTableOptions = {}) {
    this.#maximumEntries = maximumEntries
    this.#maximumBytes = maximumBytes
    this.seed = seed
  }

  get size(): number {
    return this.#size
  }

  /**
   * The entry of the Topic Name in `bytes[start..end)`, well-formed UTF-8; made when it is new.
   * @param hash - `PublishHeader.topicHash`, decoded with this table's seed.
   */
  get(
    bytes: Uint8Array,
    start: number,
    end: number,
    hash: number = topicHashOf(bytes, start, end, this.seed),
  ): TopicEntry {
    const slots = this.#slots
    const mask = slots.length - 1
    let index = hash & mask
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const entry = slots[index] as TopicEntry | null
      if (entry === null) break
      if (entry.is(hash, bytes, start, end)) return entry
      index = (index + 1) & mask
    }
    // Not `slice`: a Buffer's is a view, and the chunk is only lent.
    return this.#add(hash, new Uint8Array(bytes.subarray(start, end)))
  }

  /** The entry of a Topic Name that is at hand as text. */
  ofName(topicName: string): TopicEntry {
    const bytes = new Uint8Array(utf8Size(topicName))
    writeUtf8(bytes, 0, topicName)
    return this.get(bytes, 0, bytes.length)
  }

  #add(hash: number, bytes: Uint8Array): TopicEntry {
    const entry = new TopicEntry(hash, bytes)
    if (bytes.length > this.#maximumBytes || this.#maximumEntries < 1) return entry
    if (this.#size >= this.#maximumEntries || this.#byteSize + bytes.length > this.#maximumBytes) {
      this.#slots = new Array(FIRST_CAPACITY).fill(null)
      this.#size = 0
      this.#byteSize = 0
    } else if (this.#size * 2 >= this.#slots.length) {
      this.#grow()
    }
    this.#place(entry)
    return entry
  }

  /** Where all slots in reach are taken, the entry is not kept and serves this once. */
  #place(entry: TopicEntry): void {
    const mask = this.#slots.length - 1
    let index = entry.hash & mask
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      if (this.#slots[index] === null) {
        this.#slots[index] = entry
        this.#size++
        this.#byteSize += entry.bytes.length
        return
      }
      index = (index + 1) & mask
    }
  }

  #grow(): void {
    const entries = this.#slots.filter((entry) => entry !== null)
    this.#slots = new Array(this.#slots.length * 2).fill(null)
    this.#size = 0
    this.#byteSize = 0
    for (const entry of entries) this.#place(entry)
  }
}
