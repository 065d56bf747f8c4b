/**
 * An input being written: bytes that are appended, inserted and removed in one large array that serves
 * a whole run.
 *
 *   bytes   | 0 ... size | spare, up to CAPACITY |
 *
 * What does not fit is left out, so no writer has to ask.
 */
export const CAPACITY = 320 * 1024

export class Draft {
  readonly bytes = new Uint8Array(CAPACITY)
  size = 0

  byte(value: number): void {
    if (this.size < CAPACITY) this.bytes[this.size++] = value
  }

  /** A big-endian integer of so many bytes. */
  integer(value: number, size: number): void {
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) this.byte(value >>> shift)
  }

  uint16(value: number): void {
    this.integer(value, 2)
  }

  /** A Variable Byte Integer; `extra` bytes longer than it need be. */
  variableByteInteger(value: number, extra = 0): void {
    let rest = value
    for (let left = extra; rest >= 0x80 || left > 0; rest >>>= 7) {
      if (rest < 0x80) left--
      this.byte((rest & 0x7f) | 0x80)
    }
    this.byte(rest)
  }

  /** Appends `bytes[start..end)`, which may be of this draft. */
  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const size = Math.max(0, Math.min(end - start, CAPACITY - this.size))
    copy(this.bytes, this.size, bytes, start, size)
    this.size += size
  }

  fill(value: number, count: number): void {
    const end = Math.min(this.size + count, CAPACITY)
    this.bytes.fill(value, this.size, end)
    this.size = end
  }

  /** Makes room for `count` bytes at `at`; what is in it is what was there. */
  insert(at: number, count: number): void {
    const room = Math.min(count, CAPACITY - this.size)
    this.bytes.copyWithin(at + room, at, this.size)
    this.size += room
  }

  remove(at: number, count: number): void {
    this.bytes.copyWithin(at, at + count, this.size)
    this.size -= count
  }

  /**
   * Writes the size of what follows it over the one byte at `at`: as it is, or `delta` off, or `extra`
   * bytes longer than it need be. The room grows where it takes more than a byte.
   */
  closeLength(at: number, delta = 0, extra = 0): void {
    const value = Math.max(this.size - at - 1 + delta, 0)
    const more = extra + (value < 0x80 ? 0 : value < 0x4000 ? 1 : 2)
    if (more > 0) this.insert(at + 1, more)
    for (let i = 0; i < more; i++) this.bytes[at + i] = ((value >>> (7 * i)) & 0x7f) | 0x80
    this.bytes[at + more] = value >>> (7 * more)
  }
}

/** Below this a loop beats making a view. */
const SHORT_COPY = 64

/** Copies `bytes[start..start + size)` to `target[offset]`. */
export function copy(
  target: Uint8Array,
  offset: number,
  bytes: Uint8Array,
  start: number,
  size: number,
): void {
  if (size > SHORT_COPY) target.set(bytes.subarray(start, start + size), offset)
  else for (let i = 0; i < size; i++) target[offset + i] = bytes[start + i]!
}
