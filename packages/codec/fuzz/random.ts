/**
 * Random numbers that a seed decides: sfc32, which is small, fast and passes PractRand. Every choice
 * of a run comes from here, so that a seed and a number of executions are a run.
 */
export class Random {
  #a: number
  #b = 0
  #c = 0x9e3779b9 | 0
  #counter = 1

  /** @param seed - 32 bits. */
  constructor(seed: number) {
    this.#a = seed | 0
    // Until every bit of the seed has reached every bit of the state.
    for (let i = 0; i < 16; i++) this.bits()
  }

  /** The next 32 bits, as a signed integer. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum
  }

  /** 0 to `count - 1`; 0 for a `count` of 0. */
  below(count: number): number {
    return ((this.bits() >>> 0) * count * 2 ** -32) >>> 0
  }

  /** `true` once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)]!
  }

  /** 0 to `count - 1`, the small ones far more often. */
  small(count: number): number {
    return this.below(this.below(count) + 1)
  }
}

/** Mixes a word into a hash of 32 bits. */
export function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}
