/** A message as it is published. The numbers of a publisher's messages grow. */
export interface Published {
  readonly number: number
  readonly topicName: string
  readonly publisher: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** Of its payload; 0: it deletes what is retained. Else it begins with the number. */
  readonly size: number
  /** Message Expiry Interval, in seconds; 0: none. */
  readonly expiry: number
}

/** What waits for a session in a Store, as its payload tells. */
export interface StoredDelivery {
  readonly number: number
  readonly identifiers: readonly number[]
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly isSent: boolean
}

/** What is known of one PUBLISH that came. */
export interface Arrived {
  readonly number: number
  readonly topicName: string
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly retain: boolean
  /** Subscription Identifiers; `null`: the version has none. */
  readonly identifiers: readonly number[] | null
  /** Milliseconds on the clock: it was written after this. */
  readonly writtenAfter: number
}

/** Of a session's client, as the broker sees it. */
export type Presence = 'reads' | 'stalls' | 'away'

/** What a session subscribed to. */
export interface SimSubscription {
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Subscription Identifier, 0: none. */
  readonly identifier: number
}

/** What comes with a message that matches all of them. */
export function identifiersOf(subscriptions: readonly SimSubscription[]): number[] {
  return subscriptions.map(({ identifier }) => identifier).filter((one) => one !== 0)
}

/** Lists of Subscription Identifiers of which any one may come with a message; their order is open. */
export class IdentifierLists {
  readonly #lists: Set<string>

  constructor(identifiers: readonly number[]) {
    this.#lists = new Set([keyOf(identifiers)])
  }

  add(identifiers: readonly number[]): void {
    this.#lists.add(keyOf(identifiers))
  }

  has({ identifiers }: Arrived): boolean {
    return identifiers === null || this.#lists.has(keyOf(identifiers))
  }
}

function keyOf(identifiers: readonly number[]): string {
  return [...identifiers].sort((a, b) => a - b).join()
}

/** When it expires, of a message that is published now. */
export function expiresAt({ expiry }: Published, now: number): number {
  return expiry === 0 ? Number.POSITIVE_INFINITY : now + expiry * 1_000
}
