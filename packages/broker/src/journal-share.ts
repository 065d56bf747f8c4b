import type { Budget } from '@promptmq/router'
import type { Journal } from './journal.ts'

/**
 * What one connection has added to the batch that gathers while the Store is busy with the one before.
 * Who publishes faster than the Store can keep up fills it; who has more in it than its share is not
 * read from until the Store has taken it. Nobody else waits.
 */
export class JournalShare {
  readonly #journal: Journal
  readonly #budget: Budget
  #batch = 0
  #bytes = 0
  #before = 0

  constructor(journal: Journal, budget: Budget) {
    this.#journal = journal
    this.#budget = budget
  }

  /** Something is done for the connection. */
  begin(): void {
    this.#before = this.#journal.openBytes
  }

  /** It is done; nothing was handed to the Store meanwhile. */
  end(): void {
    const { openBatch, openBytes } = this.#journal
    if (this.#batch !== openBatch) {
      this.#batch = openBatch
      this.#bytes = 0
    }
    this.#bytes += openBytes - this.#before
  }

  /** Whether it has more than its share in what the Store has not taken yet. */
  get isExceeded(): boolean {
    return this.#batch === this.#journal.openBatch && this.#bytes > this.#budget.limit
  }
}
