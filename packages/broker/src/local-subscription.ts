import { type PublishProperties, type QoS, readPublishProperties } from '@promptmq/codec'
import {
  type Message,
  type Outlet,
  Session,
  type SessionHost,
  Subscription,
} from '@promptmq/router'

/** A message as code in this process gets it. */
export interface ReceivedMessage {
  readonly topicName: string
  /** Shared with other receivers: not to be changed. */
  readonly payload: Uint8Array
  /** At which it was published. */
  readonly qos: QoS
  /** True for a retained message that was there before the subscription. */
  readonly retain: boolean
  readonly properties: PublishProperties
  /** Client Identifier of the publisher, '' for the broker itself. */
  readonly publisher: string
}

/**
 * A subscription of code in this process: a session whose outlet is a bounded list that somebody
 * iterates over. It subscribes at QoS 0, since handing over within a process loses nothing and needs
 * no acknowledgement; a consumer that is too slow loses the newest messages, and they are counted.
 */
export class LocalSubscription implements Outlet, AsyncIterableIterator<ReceivedMessage> {
  readonly writable = true
  readonly wireFormat = 0
  readonly maximumPacketSize = Number.POSITIVE_INFINITY
  readonly subscription: Subscription
  readonly #maximumPending: number
  readonly #dropped: (message: Message) => void
  readonly #ended: () => void
  #pending: ReceivedMessage[] = []
  #waiting: ((result: IteratorResult<ReceivedMessage>) => void)[] = []
  #isEnded = false

  constructor(
    host: SessionHost,
    parsed: { topicFilter: string; filter: string; shareName: string | null },
    maximumPending: number,
    ended: () => void,
  ) {
    const session = new Session(0, '', host)
    session.attach(this, 1)
    this.subscription = new Subscription(
      session,
      parsed,
      { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      0,
    )
    this.#maximumPending = maximumPending
    this.#dropped = (message) => host.dropped(session, message, 'slow')
    this.#ended = ended
  }

  fits(): boolean {
    return true
  }

  /** Never called: no packet has wire format 0. */
  forward(): void {}

  /** Never called, as above. */
  forwardAs(): void {}

  /** Never called: at QoS 0 there is none. */
  pubrel(): void {}

  publish(message: Message, _qos: number, retain: boolean): void {
    if (this.#isEnded) return
    const value = received(message, retain)
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) waiting({ done: false, value })
    else if (this.#pending.length < this.#maximumPending) this.#pending.push(value)
    else this.#dropped(message)
  }

  next(): Promise<IteratorResult<ReceivedMessage>> {
    const value = this.#pending.shift()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** What `break` in a `for await` calls; so does the end of the broker. */
  return(): Promise<IteratorResult<ReceivedMessage>> {
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** Takes no more; what is pending may still be read. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#ended()
    for (const waiting of this.#waiting) waiting({ done: true, value: undefined })
    this.#waiting = []
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

function received(message: Message, retain: boolean): ReceivedMessage {
  // Its receiver may keep the payload for long.
  message.settle()
  return {
    topicName: message.topicName,
    payload: message.payload,
    qos: message.qos,
    retain,
    properties: readPublishProperties(message.properties, 0, message.propertiesSize),
    publisher: message.publisher,
  }
}
