import type { Tally } from './tally.ts'

/** Who may have to wait for room. */
export interface Waiting {
  proceed(): void
}

/**
 * Holds a flood to what comes out at the other end: no more than so many deliveries are on their way,
 * in the broker and in the sockets about it. Without that a broker that reads faster than its subscriber
 * would fill its queues and be measured at what it does then.
 */
export class Flow {
  readonly #tally: Tally
  readonly #most: number
  /** Deliveries of one message. */
  readonly #fanOut: number
  #waiting: Waiting[] = []

  constructor(tally: Tally, most: number, fanOut: number) {
    this.#tally = tally
    this.#most = most
    this.#fanOut = fanOut
  }

  /** Messages that may be sent now; a publisher that gets 0 is told when there is room again. */
  room(publisher: Waiting): number {
    const { sentCount, receivedCount } = this.#tally
    const room = Math.floor((this.#most - sentCount * this.#fanOut + receivedCount) / this.#fanOut)
    if (room > 0) return room
    this.#waiting.push(publisher)
    return 0
  }

  /** Messages have come. */
  progressed(): void {
    const { sentCount, receivedCount } = this.#tally
    if (this.#waiting.length === 0) return
    if (sentCount * this.#fanOut - receivedCount > this.#most / 2) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const publisher of waiting) publisher.proceed()
  }
}
