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
  /** Milliseconds on the clock: it was written after this. */
  readonly writtenAfter: number
}

/** Of a session's client, as the broker sees it. */
export type Presence = 'reads' | 'stalls' | 'away'

/** When it expires, of a message that is published now. */
export function expiresAt({ expiry }: Published, now: number): number {
  return expiry === 0 ? Number.POSITIVE_INFINITY : now + expiry * 1_000
}
