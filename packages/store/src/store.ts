/**
 * The Store contract: what a broker asks of the place where its durable state lives.
 *
 * The broker keeps its working state in memory and tells the Store what changed. Reading happens at
 * two moments only: `restore` once at the start, and `readQueue` when a session comes back to more
 * messages than fit into memory.
 *
 *   Broker --- StoreRecord[] ---> commit()      one batch under way; the next gathers meanwhile
 *          <-- RestoreSink ------ restore()     once, before the first commit
 *          <-- QueuedMessage[] -- readQueue()   a page, in order
 *
 * Who numbers what: the broker. `session`, `message` and `position` are integers from 1 that only
 * grow, over restarts too: {@link RestoreSink.highest} hands the last ones back.
 *
 * Times are whole milliseconds since 1970.
 *
 * Ownership: a record and the bytes in it belong to the Store until its commit settles, and the
 * broker does not change them ever. What `restore` and `readQueue` hand out belongs to the broker.
 */

/** Seconds; this value of a Session Expiry Interval means "never" (§3.1.2.11.2). */
export const SESSION_NEVER_EXPIRES = 0xffff_ffff

/** Quality of Service (§4.3). */
export type QoS = 0 | 1 | 2

/** A PUBLISH as it is kept: everything that the standard has forwarded unaltered. */
export interface StoredMessage {
  /** From 1, growing; one number a message, however many queues refer to it. */
  readonly message: number
  readonly topicName: string
  readonly payload: Uint8Array
  /**
   * The properties as MQTT 5.0 encodes them, without the Property Length and without those that
   * belong to one hop (Message Expiry Interval, Subscription Identifier, Topic Alias). May be empty.
   */
  readonly properties: Uint8Array
  readonly qos: QoS
  /** RETAIN as it was received. */
  readonly retain: boolean
  /** Milliseconds since 1970 at which it expires, `null`: never. */
  readonly expiresAt: number | null
  /** Client Identifier of the publisher, '' for the broker itself. */
  readonly publisher: string
}

/** A session begins or changes. Replaces an earlier record of the same `session`. */
export interface SessionPut {
  readonly kind: 'sessionPut'
  readonly session: number
  readonly clientId: string
  /** Who may resume it: the authenticated identity, '' where nobody authenticates. */
  readonly owner: string
  /** Seconds, 1 to {@link SESSION_NEVER_EXPIRES}. A session of 0 seconds is never stored. */
  readonly sessionExpiryInterval: number
  /** Milliseconds since 1970 at which it ends; `null` while connected, and where it never does. */
  readonly expiresAt: number | null
}

/** A session ends; its subscriptions, queue, received identifiers and will go with it. */
export interface SessionDelete {
  readonly kind: 'sessionDelete'
  readonly session: number
}

/** Adds a subscription or replaces the one of the same `session` and `topicFilter`. */
export interface SubscriptionPut {
  readonly kind: 'subscriptionPut'
  readonly session: number
  /** As in SUBSCRIBE, with `$share/NAME/` where it has it. */
  readonly topicFilter: string
  /** The Subscription Options byte of §3.8.3.1. */
  readonly options: number
  /** 1 to 268 435 455, 0: none. */
  readonly subscriptionIdentifier: number
}

/** The session has no subscription of this filter any more. */
export interface SubscriptionDelete {
  readonly kind: 'subscriptionDelete'
  readonly session: number
  readonly topicFilter: string
}

/**
 * Keeps a message for the {@link QueueAdd} and {@link RetainedPut} records that refer to it, in this
 * batch or a later one. The Store drops it with the last of those references, and may drop one that
 * nothing refers to when it opens: nobody could name it any more.
 */
export interface MessagePut extends StoredMessage {
  readonly kind: 'messagePut'
}

/** A message is put at the end of a session's queue. */
export interface QueueAdd {
  readonly kind: 'queueAdd'
  readonly session: number
  /** Its place: growing over all sessions. */
  readonly position: number
  readonly message: number
  /** At which it is delivered: 1 or 2. */
  readonly qos: 1 | 2
  /** RETAIN as it is delivered. */
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[]
  /**
   * The shared subscription that it came by, as its Topic Filter with `$share/NAME/`; `null`: it came by
   * ordinary ones. A member that ends leaves it to the others of that group (§4.8.2).
   */
  readonly sharedFilter: string | null
}

/** A queued message is about to be sent for the first time, under this Packet Identifier. */
export interface QueueSent {
  readonly kind: 'queueSent'
  readonly session: number
  readonly position: number
  readonly packetIdentifier: number
}

/** QoS 2: PUBREC came, PUBREL is owed. The message itself is not needed again. */
export interface QueueReleased {
  readonly kind: 'queueReleased'
  readonly session: number
  readonly position: number
}

/** Delivery is complete, or the message was dropped. */
export interface QueueDelete {
  readonly kind: 'queueDelete'
  readonly session: number
  readonly position: number
}

/** An inbound QoS 2 Packet Identifier is held until its PUBREL. */
export interface ReceivedAdd {
  readonly kind: 'receivedAdd'
  readonly session: number
  readonly packetIdentifier: number
}

/** The Packet Identifier was released by its PUBREL. */
export interface ReceivedDelete {
  readonly kind: 'receivedDelete'
  readonly session: number
  readonly packetIdentifier: number
}

/** The retained message of `topicName` is now `message`; an earlier one is let go. */
export interface RetainedPut {
  readonly kind: 'retainedPut'
  readonly topicName: string
  readonly message: number
}

/** The topic has no retained message any more. */
export interface RetainedDelete {
  readonly kind: 'retainedDelete'
  readonly topicName: string
}

/** The Will Message of a session's current connection, or one that waits for its delay. */
export interface WillPut {
  readonly kind: 'willPut'
  readonly session: number
  readonly topicName: string
  readonly payload: Uint8Array
  /** As {@link StoredMessage.properties}. */
  readonly properties: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  /** Message Expiry Interval in seconds from publication, `null`: none. */
  readonly messageExpiryInterval: number | null
  /** Seconds. */
  readonly willDelayInterval: number
  /** Milliseconds since 1970 at which it is due, `null` while the connection lives. */
  readonly publishAt: number | null
}

/** The will was published, or is not to be. */
export interface WillDelete {
  readonly kind: 'willDelete'
  readonly session: number
}

/** Everything that a batch may hold. */
export type StoreRecord =
  | SessionPut
  | SessionDelete
  | SubscriptionPut
  | SubscriptionDelete
  | MessagePut
  | QueueAdd
  | QueueSent
  | QueueReleased
  | QueueDelete
  | ReceivedAdd
  | ReceivedDelete
  | RetainedPut
  | RetainedDelete
  | WillPut
  | WillDelete

/** A message that waits in a session's queue and was never sent. */
export interface QueuedMessage {
  readonly position: number
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[]
  readonly sharedFilter: string | null
  readonly message: StoredMessage
}

/** A delivery that had begun: PUBLISH was or may have been sent. */
export interface InflightMessage {
  readonly session: number
  readonly position: number
  readonly packetIdentifier: number
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly subscriptionIdentifiers: readonly number[]
  readonly sharedFilter: string | null
  /** `null` once PUBREC came: PUBREL is all that is left to send. */
  readonly message: StoredMessage | null
}

/** What of a session's queue was never sent. */
export interface WaitingSummary {
  readonly session: number
  readonly count: number
  /** Payloads and properties, in bytes. */
  readonly bytes: number
}

/**
 * Takes back what was committed. A Store calls `highest` first, then the sessions, and of each kind
 * what belongs to a session after it; in-flight messages in the order in which they were queued.
 */
export interface RestoreSink {
  /**
   * The highest numbers that a committed `sessionPut`, `messagePut` and `queueAdd` carried, 0 where
   * there was none. They never go back, whatever of it is still kept.
   */
  highest(numbers: { session: number; message: number; position: number }): void
  session(session: Omit<SessionPut, 'kind'>): void
  subscription(subscription: Omit<SubscriptionPut, 'kind'>): void
  inflight(inflight: InflightMessage): void
  /** A session for which nothing waits may be left out. */
  waiting(summary: WaitingSummary): void
  received(received: { session: number; packetIdentifier: number }): void
  retained(message: StoredMessage): void
  will(will: Omit<WillPut, 'kind'>): void
}

/** How much a Store holds. */
export interface StoreStats {
  readonly sessions: number
  readonly subscriptions: number
  readonly messages: number
  /** Queue entries, sent or not. */
  readonly queued: number
  readonly retained: number
  readonly wills: number
  /** What the Store occupies, in bytes. */
  readonly bytes: number
}

/**
 * Where durable state lives. Every call but `open`, `close` and `kill` rejects with
 * `ERR_PROMPTMQ_STORE_CLOSED` while the Store is not open.
 */
export interface Store {
  /** For log lines: `memory`, or where it is. */
  readonly description: string

  /**
   * Makes ready. Called once, first.
   * @throws {@link StoreError} when what is there cannot be used; it is left untouched.
   */
  open(): Promise<void>

  /** Hands all that was committed to `sink`. Called once, after `open` and before any commit. */
  restore(sink: RestoreSink): Promise<void>

  /**
   * Applies the records in order and atomically, and resolves when they are as durable as the Store
   * is configured to make them. Records that refer to what is not there (a deleted session, an
   * unknown position) change nothing and are no error; a record of a kind that the Store does not
   * know refuses its batch. The broker has at most one commit under way.
   *
   * @throws {@link StoreError}. `ERR_PROMPTMQ_STORE_COMMIT` has applied none of them, the Store works
   *   on and the broker may offer them again. After any other code the Store is of no more use, and
   *   whether the batch is kept, all of it or nothing, shows when it is opened again.
   */
  commit(batch: readonly StoreRecord[]): Promise<void>

  /**
   * The oldest `limit` messages of a session's queue that were never sent and whose position is
   * above `after`, ascending. Sees every batch whose `commit` was called before it.
   */
  readQueue(session: number, after: number, limit: number): Promise<QueuedMessage[]>

  stats(): Promise<StoreStats>

  /** Gives unused space back, where the Store can. */
  compact?(): Promise<void>

  /** Writes a consistent copy to `path` while in use, where the Store can. */
  backup?(path: string): Promise<void>

  /** Finishes what was committed and lets everything go. Safe to call twice. */
  close(): Promise<void>

  /**
   * For crash tests: stop at once, as if the process had died; calls under way reject. `open` may
   * follow.
   */
  kill?(): Promise<void>
}

/** What a {@link StoreError} is about; stable across releases. */
export type StoreErrorCode =
  | 'ERR_PROMPTMQ_STORE_UNUSABLE'
  | 'ERR_PROMPTMQ_STORE_CORRUPT'
  | 'ERR_PROMPTMQ_STORE_FOREIGN'
  | 'ERR_PROMPTMQ_STORE_NEWER'
  | 'ERR_PROMPTMQ_STORE_IN_USE'
  | 'ERR_PROMPTMQ_STORE_CLOSED'
  | 'ERR_PROMPTMQ_STORE_COMMIT'

/** Disk, file or database failed: nobody's bug, and nothing was acknowledged that is not kept. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
