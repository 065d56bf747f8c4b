/** However little is left, a connection may have so many bytes pending: a chunk's worth. */
const LEAST = 64 * 1024

/**
 * Bytes that wait for sockets, of all connections together. Each may have as much pending as is still
 * free, up to its own limit: one that does not read gets its limit, a thousand share the budget evenly,
 * and there is always as much left for one that does read.
 *
 *   limit = least of (a connection's own, total - pending)      and never less than a chunk
 */
export class PendingBudget {
  readonly #perConnection: number
  readonly #total: number
  #pending = 0

  constructor(perConnection: number, total: number) {
    this.#perConnection = perConnection
    this.#total = total
  }

  /** Bytes that wait. */
  get pending(): number {
    return this.#pending
  }

  /** What one connection may have pending, as of now. */
  get limit(): number {
    return Math.min(this.#perConnection, Math.max(LEAST, this.#total - this.#pending))
  }

  /** @param difference - of what one connection has pending. */
  changed(difference: number): void {
    this.#pending += difference
  }
}
