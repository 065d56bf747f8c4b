/** However little is left, each may have so many bytes: a chunk's worth. */
const LEAST = 64 * 1024

/**
 * Bytes that many share. Each may have as much as is still free, up to its own limit: one that takes
 * without giving back gets its limit, a thousand of them share evenly, and there is always as much left
 * for one that does give back.
 *
 *   limit = least of (each one's own, total - used)      and never less than a chunk
 *
 * @example
 * ```ts
 * import { Budget } from '@promptmq/router'
 *
 * const budget = new Budget({ each: 1_000_000, total: 1_500_000 })
 * budget.changed(900_000)
 * budget.limit // 600_000
 * ```
 */
export class Budget {
  readonly #each: number
  readonly #total: number
  #used = 0

  /** @param limits - in bytes; `each` is left out where nothing but the total bounds one. */
  constructor({ each = Number.POSITIVE_INFINITY, total }: { each?: number; total: number }) {
    this.#each = each
    this.#total = total
  }

  /** Bytes that all have together. */
  get used(): number {
    return this.#used
  }

  /** Bytes that one may have, as of now. */
  get limit(): number {
    return Math.min(this.#each, Math.max(LEAST, this.#total - this.#used))
  }

  /** Whether one that has nothing may have so many bytes at once, though that is above its limit. */
  allows(byteSize: number): boolean {
    return this.#used === 0 || this.#used + byteSize <= this.#total
  }

  /** @param difference - in bytes, of what one has. */
  changed(difference: number): void {
    this.#used += difference
  }
}
