import { STAMP_SIZE } from './packets.ts'

/** Buckets of latency: 16 to each doubling of a microsecond, up to 2^32. */
const STEPS = 16
const BUCKETS = 32 * STEPS

/**
 * What was sent and what came: how many, whether in order, whether each once, how long it took.
 *
 * Where each subscriber gets every message of a topic, the sequence of each publisher must go on at each
 * subscriber without a gap. Where subscribers share, each message must come to one of them, once, and
 * at each of them in order.
 */
export class Tally {
  readonly #publishers: number
  readonly #isShared: boolean
  /** The last sequence, by subscriber and publisher; 0: none yet. */
  readonly #last: Uint32Array
  /** By publisher, a bit a sequence, where subscribers share. */
  readonly #seen: Uint8Array[]
  readonly #latencies = new Uint32Array(BUCKETS)
  #isMeasuring = false
  receivedCount = 0
  gapCount = 0
  repeatedCount = 0
  disorderCount = 0
  sentCount = 0

  constructor(publishers: number, subscribers: number, isShared: boolean) {
    this.#publishers = publishers
    this.#isShared = isShared
    this.#last = new Uint32Array(publishers * subscribers)
    this.#seen = Array.from({ length: isShared ? publishers : 0 }, () => new Uint8Array(1 << 20))
  }

  /** From here on latencies count, from none, or do not. */
  measure(isMeasuring: boolean): void {
    if (isMeasuring) this.#latencies.fill(0)
    this.#isMeasuring = isMeasuring
  }

  /** A message came: its payload is at `bytes[at..]`. */
  received(subscriber: number, bytes: Buffer, at: number, now: number): void {
    const publisher = bytes[at]! | (bytes[at + 1]! << 8)
    const sequence = readUint32(bytes, at + 4)
    this.receivedCount++
    const index = subscriber * this.#publishers + publisher
    const last = this.#last[index]!
    if (sequence !== last + 1) this.#unexpected(publisher, last, sequence)
    else if (this.#isShared) this.#mark(publisher, sequence)
    if (sequence > last) this.#last[index] = sequence
    if (this.#isMeasuring) this.#latencies[bucketOf((now - readUint32(bytes, at + 8)) >>> 0)]!++
  }

  /** Microseconds that a part of the latencies is below. */
  quantile(part: number): number {
    const total = this.#latencies.reduce((sum, count) => sum + count, 0)
    let left = total * part
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#latencies[bucket]!
      if (left <= 0 && total > 0) return 2 ** (bucket / STEPS)
    }
    return Number.NaN
  }

  #unexpected(publisher: number, last: number, sequence: number): void {
    if (this.#isShared) {
      if (sequence < last) this.disorderCount++
      this.#mark(publisher, sequence)
    } else if (sequence === last) this.repeatedCount++
    else if (sequence < last) this.disorderCount++
    else this.gapCount += sequence - last - 1
  }

  #mark(publisher: number, sequence: number): void {
    let bits = this.#seen[publisher]!
    const at = sequence >> 3
    if (at >= bits.length) {
      const grown = new Uint8Array(bits.length * 4)
      grown.set(bits)
      bits = grown
      this.#seen[publisher] = grown
    }
    const bit = 1 << (sequence & 7)
    if ((bits[at]! & bit) !== 0) this.repeatedCount++
    bits[at]! |= bit
  }
}

function bucketOf(us: number): number {
  return us < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(us) * STEPS))
}

function readUint32(bytes: Buffer, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  )
}

/** Writes the stamp of a message; see `packets.ts`. */
export function stamp(
  bytes: Buffer,
  at: number,
  publisher: number,
  sequence: number,
  now: number,
): void {
  bytes[at] = publisher
  bytes[at + 1] = publisher >> 8
  writeUint32(bytes, at + 4, sequence)
  writeUint32(bytes, at + STAMP_SIZE - 4, now)
}

function writeUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
