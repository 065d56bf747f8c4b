/**
 * Which positions are in which session's queue: what an index on `queue(session)` would tell, without
 * the pages that it would dirty (schema.ts has the figures).
 *
 *   session -> positions  [ 3, -5, 8, 9, ... ]   ascending by magnitude; negative: deleted
 *
 * Filled from the table when the file is opened and changed after a commit has succeeded, so it is
 * what the table holds. Eight bytes a queued message, and as much again at most for those deleted:
 * a list is rewritten once half of it is.
 */
export class QueueIndex {
  readonly #queues = new Map<number, PositionList>()

  /** Positions may come in any order; ascending is the fast one. */
  add(session: number, position: number): void {
    let queue = this.#queues.get(session)
    if (queue === undefined) {
      queue = new PositionList()
      this.#queues.set(session, queue)
    }
    queue.add(position)
  }

  delete(session: number, position: number): void {
    const queue = this.#queues.get(session)
    queue?.delete(position)
    if (queue?.count === 0) this.#queues.delete(session)
  }

  /** Whether anything is in the session's queue. */
  has(session: number): boolean {
    return this.#queues.has(session)
  }

  /** The positions of a session above `after`, ascending. Not to be changed meanwhile. */
  positions(session: number, after = 0): Iterable<number> {
    return this.#queues.get(session)?.above(after) ?? []
  }

  /** How many positions there are in all queues. */
  get count(): number {
    let count = 0
    for (const queue of this.#queues.values()) count += queue.count
    return count
  }
}

/** Below this length a list is not worth rewriting. */
const REWRITE_LENGTH = 32

class PositionList {
  count = 0
  #list: number[] = []

  add(position: number): void {
    const last = this.#list.at(-1)
    if (last === undefined || position > Math.abs(last)) {
      this.#list.push(position)
    } else {
      const index = this.#find(position)
      if (this.#list[index] === position) return
      this.#list.splice(index, 0, position)
    }
    this.count += 1
  }

  delete(position: number): void {
    const index = this.#find(position)
    if (this.#list[index] !== position) return
    this.#list[index] = -position
    this.count -= 1
    if (this.#list.length >= REWRITE_LENGTH && 2 * this.count < this.#list.length) {
      this.#list = this.#list.filter((one) => one > 0)
    }
  }

  *above(after: number): Generator<number> {
    for (let index = this.#find(after + 1); index < this.#list.length; index++) {
      const position = this.#list[index]!
      if (position > 0) yield position
    }
  }

  /** Where the first of at least `position` is, deleted or not; the length if there is none. */
  #find(position: number): number {
    let [low, high] = [0, this.#list.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Math.abs(this.#list[middle]!) < position) low = middle + 1
      else high = middle
    }
    return low
  }
}
