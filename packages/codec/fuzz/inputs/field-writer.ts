/**
 * Writes the fields that packets are made of, right or, when it is the turn, wrong.
 *
 * A packet has some dozen places where it may be wrong. At most one of them is, in a packet: two mistakes
 * hide each other, since a decoder stops at the first.
 */
import type { Random } from '../random.ts'
import { Draft } from './draft.ts'
import * as values from './values.ts'

const SLASH = 0x2f
const WILDCARDS = [Uint8Array.of(0x2b), Uint8Array.of(0x23)]

export class FieldWriter extends Draft {
  readonly random: Random
  #mistakeIn = 0

  constructor(random: Random) {
    super()
    this.random = random
  }

  /** Before a packet: whether it will be wrong, and at which place. */
  drawMistake(): void {
    this.#mistakeIn = this.random.oneIn(2) ? 0 : 1 + this.random.small(24)
  }

  /** Asked once at each place where something may be wrong. */
  isWrong(): boolean {
    return --this.#mistakeIn === 0
  }

  /** A UTF-8 Encoded String. */
  text(): void {
    const start = this.#open()
    if (this.isWrong()) this.#badText()
    else this.#goodText()
    this.#close(start)
  }

  topicName(mayBeEmpty = false): void {
    const start = this.#open()
    const isWrong = this.isWrong()
    if (isWrong || !mayBeEmpty || !this.random.oneIn(4)) this.#goodTopicName()
    if (isWrong) {
      if (this.random.oneIn(2)) this.append(this.random.pick(WILDCARDS))
      else this.#badText()
      if (this.random.oneIn(2)) this.#goodTopicName()
    }
    this.#close(start)
  }

  topicFilter(): void {
    const start = this.#open()
    if (this.isWrong()) this.#badText()
    else if (this.random.oneIn(2)) this.append(this.random.pick(values.FILTERS))
    else this.#goodText()
    this.#close(start)
  }

  binary(): void {
    const start = this.#open()
    this.noise(this.random.small(20))
    this.#close(start)
  }

  /** `count` bytes of no meaning. */
  noise(count: number): void {
    for (let i = 0; i < count; i++) this.byte(this.random.bits())
  }

  /** Never 0, unless it is the turn. */
  packetIdentifier(): void {
    this.uint16(this.isWrong() ? 0 : this.someInteger(16) || 1)
  }

  /** An integer of so many bits. */
  someInteger(width: number): number {
    const { random } = this
    if (random.oneIn(2)) return random.pick(values.INTERESTING_INTEGERS) % 2 ** width
    return random.bits() >>> (32 - width + random.below(width))
  }

  /** Ends a section that began with one byte for its Variable Byte Integer. */
  closeSection(at: number): void {
    const { random } = this
    if (!this.isWrong()) this.closeLength(at)
    else if (random.oneIn(4)) this.closeLength(at, 0, 1)
    else this.closeLength(at, random.oneIn(2) ? 1 : random.below(9) - 4)
  }

  #open(): number {
    this.uint16(0)
    return this.size
  }

  /** Writes the two bytes of length before `start`. */
  #close(start: number): void {
    let size = this.size - start
    if (this.isWrong()) size = this.random.oneIn(4) ? 0xffff : size + this.random.below(5) - 2
    this.bytes[start - 2] = size >>> 8
    this.bytes[start - 1] = size
  }

  #goodText(): void {
    const { random } = this
    const choice = random.below(4)
    if (choice === 0) this.append(random.pick(values.TEXTS))
    else if (choice === 1) for (let i = random.small(8); i > 0; i--) this.#character()
    else this.#ascii(choice === 2 ? random.small(40) : random.below(4))
  }

  #goodTopicName(): void {
    const { random } = this
    if (random.oneIn(2)) {
      this.append(random.pick(values.TEXTS))
      return
    }
    const start = this.size
    this.#ascii(1 + random.small(24))
    for (let i = start; i < this.size; i++) {
      const byte = this.bytes[i]
      if (byte === 0x2b || byte === 0x23 || random.oneIn(8)) this.bytes[i] = SLASH
    }
  }

  #badText(): void {
    if (this.random.oneIn(2)) this.#ascii(this.random.small(12))
    this.append(this.random.pick(values.BAD_TEXTS))
    if (this.random.oneIn(2)) this.#ascii(this.random.small(12))
  }

  #ascii(count: number): void {
    for (let i = 0; i < count; i++) this.byte(0x20 + this.random.below(95))
  }

  /** A character of one to four bytes. */
  #character(): void {
    const { random } = this
    const codePoint = 1 + (random.below(0x10_ffff) >>> random.below(20))
    // Surrogates are no characters: what lies below them is.
    const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff
    const size = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x1_0000 ? 3 : 4
    const rest = isSurrogate ? codePoint - 0x800 : codePoint
    const shift = 6 * (size - 1)
    this.byte(size === 1 ? rest : ((0xf00 >> size) & 0xf0) | (rest >> shift))
    for (let i = shift - 6; i >= 0; i -= 6) this.byte(0x80 | ((rest >> i) & 0x3f))
  }
}
