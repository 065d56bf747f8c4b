import { type Message, RetainedIndex, type Subscription } from '@promptmq/router'
import type { Journal } from './journal.ts'

/** Looked at in one turn of a replay, so that a `#` over a million of them stalls nobody. */
const SLICE = 256

/** The retained messages: the index in memory, its journal, its bounds, and replay to subscribers. */
export class Retained {
  readonly #index = new RetainedIndex()
  readonly #journal: Journal | null
  readonly #maximumCount: number
  readonly #maximumBytes: number

  constructor(
    journal: Journal | null,
    bounds: { maximumRetainedMessages: number; maximumRetainedBytes: number },
  ) {
    this.#journal = journal
    this.#maximumCount = bounds.maximumRetainedMessages
    this.#maximumBytes = bounds.maximumRetainedBytes
  }

  get count(): number {
    return this.#index.count
  }

  get byteSize(): number {
    return this.#index.byteSize
  }

  get(topicName: string): Message | null {
    return this.#index.get(topicName)
  }

  /** Whether a message of `size` bytes more is within the bounds. */
  hasRoom(topicName: string, size: number): boolean {
    const former = this.#index.get(topicName)
    return (
      (former !== null || this.#index.count < this.#maximumCount) &&
      this.#index.byteSize - (former?.size ?? 0) + size <= this.#maximumBytes
    )
  }

  /** A message with RETAIN 1: replaces [MQTT-3.3.1-5], or with an empty payload deletes [MQTT-3.3.1-6]. */
  publish(message: Message): void {
    if (message.payloadSize === 0) {
      this.#index.delete(message.topicName)
      // Also where nothing was: what deleted it may not be kept yet, and this one be answered before.
      this.#journal?.append({ kind: 'retainedDelete', topicName: message.topicName })
      return
    }
    message.settle()
    this.#index.set(message)
    if (this.#journal !== null) {
      const number = this.#journal.putMessage(message)
      this.#journal.append({ kind: 'retainedPut', topicName: message.topicName, message: number })
    }
  }

  delete(topicName: string): void {
    if (this.#index.delete(topicName) !== null) {
      this.#journal?.append({ kind: 'retainedDelete', topicName })
    }
  }

  /** What the Store had. */
  restore(message: Message): void {
    this.#index.set(message)
  }

  /** Those that match a new subscription, to be delivered as the connection has room for them. */
  replay(subscription: Subscription): RetainedReplay {
    return new RetainedReplay(this, subscription, this.#index.match(subscription.filter))
  }
}

/**
 * The retained messages that one subscription still has coming (§3.3.1.3). Goes on where it stopped,
 * a slice at a time and no faster than the peer reads.
 */
export class RetainedReplay {
  readonly #retained: Retained
  readonly #subscription: Subscription
  readonly #messages: Iterator<Message, void>

  constructor(retained: Retained, subscription: Subscription, messages: Iterator<Message, void>) {
    this.#retained = retained
    this.#subscription = subscription
    this.#messages = messages
  }

  /**
   * Delivers some.
   * @returns 'done', 'full': the peer has to read or acknowledge first, or 'slice': call again soon.
   */
  advance(now: number): 'done' | 'full' | 'slice' {
    const { session, topicFilter } = this.#subscription
    if (!session.subscriptions.has(topicFilter)) return 'done' // it was unsubscribed meanwhile
    for (let i = 0; i < SLICE; i++) {
      if (session.outlet === null || !session.ready) return 'full'
      const { done, value: message } = this.#messages.next()
      if (done) return 'done'
      this.#deliver(message, now)
    }
    return 'slice'
  }

  /** For a subscription of this process, which takes all there is. */
  deliverRest(now: number): void {
    for (let next = this.#messages.next(); !next.done; next = this.#messages.next()) {
      this.#deliver(next.value, now)
    }
  }

  /**
   * The connection is gone, the session stays: what is left is queued for its return, until the queue is
   * full. A million of them are not looked at to drop all but some.
   */
  queueRest(now: number): void {
    const { session, qos } = this.#subscription
    if (qos === 0) return
    for (let next = this.#messages.next(); !next.done; next = this.#messages.next()) {
      const { count } = session.outbox
      this.#deliver(next.value, now)
      const isForQueue = next.value.qos > 0 && next.value.expiresAt > now
      if (isForQueue && session.outbox.count <= count) return
    }
  }

  #deliver(message: Message, now: number): void {
    if (message.expiresAt <= now) {
      this.#retained.delete(message.topicName)
      return
    }
    const { session, qos, identifiers } = this.#subscription
    const deliveryQos = Math.min(message.qos, qos)
    if (deliveryQos > 0) session.deliver(message, deliveryQos as 1 | 2, true, identifiers)
    else session.outlet?.publish(message, 0, true, false, 0, identifiers)
  }
}
