import {
  type InflightMessage,
  type MessagePut,
  type QueueAdd,
  type QueuedMessage,
  type RestoreSink,
  type RetainedPut,
  type SessionPut,
  type Store,
  type StoredMessage,
  StoreError,
  type StoreRecord,
  type StoreStats,
  type SubscriptionPut,
  type WillPut,
} from './store.ts'

/**
 * The reference Store: what each record means, in Maps.
 *
 *   #sessions   session -> KeptSession   #retained  Topic Name -> KeptMessage
 *                 |- subscriptions                                   ^
 *                 |- queue: position -> KeptDelivery -- kept --------|
 *                 |- received, will                                  |
 *   #messages   message -> KeptMessage, until its references are 0 --'
 *
 * An instance lives as long as the process and outlives `close`: opening it again restores what was
 * there, which is as durable as memory gets. `commit` settles without a timer or any I/O.
 *
 * Invariant: `references` of a message is the number of deliveries and Topic Names that hold it. One
 * with none is either still awaiting its first or gone from `#messages`.
 */

interface KeptMessage {
  readonly message: StoredMessage
  references: number
}

interface KeptDelivery {
  readonly add: QueueAdd
  packetIdentifier: number | null
  /** `null` once released. */
  kept: KeptMessage | null
}

interface KeptSession {
  put: SessionPut
  readonly subscriptions: Map<string, SubscriptionPut>
  readonly queue: Map<number, KeptDelivery>
  readonly received: Set<number>
  will: WillPut | null
}

type Handlers = {
  readonly [Kind in StoreRecord['kind']]: (record: Extract<StoreRecord, { kind: Kind }>) => void
}

/**
 * Keeps everything in memory and nothing on disk: for tests, for brokers that need not outlive their
 * process, and as the measure of other stores.
 *
 * @example
 * ```ts
 * const store = new MemoryStore()
 * await store.open()
 * await store.commit([{ kind: 'sessionPut', session: 1, clientId: 'c', owner: '',
 *   sessionExpiryInterval: 60, expiresAt: null }])
 * console.log((await store.stats()).sessions) // 1
 * ```
 */
export class MemoryStore implements Store {
  readonly description = 'memory'

  #isOpen = false
  #highest = { session: 0, message: 0, position: 0 }
  readonly #sessions = new Map<number, KeptSession>()
  readonly #messages = new Map<number, KeptMessage>()
  readonly #retained = new Map<string, KeptMessage>()

  async open(): Promise<void> {
    this.#isOpen = true
    for (const [number, { references }] of this.#messages) {
      if (references === 0) this.#messages.delete(number)
    }
  }

  async restore(sink: RestoreSink): Promise<void> {
    this.#assertOpen()
    sink.highest({ ...this.#highest })
    for (const { put } of this.#sessions.values()) {
      const { kind: _, ...session } = put
      sink.session(session)
    }
    for (const session of this.#sessions.values()) restoreSession(session, sink)
    for (const inflight of this.#inflight()) sink.inflight(inflight)
    for (const { message } of this.#retained.values()) sink.retained(copyBytes(message))
  }

  /** Nothing that a handler does can fail, so a batch of known kinds is atomic as it is. */
  async commit(batch: readonly StoreRecord[]): Promise<void> {
    this.#assertOpen()
    for (const { kind } of batch) {
      if (!Object.hasOwn(this.#handlers, kind)) {
        throw new StoreError('ERR_PROMPTMQ_STORE_COMMIT', `a record of unknown kind '${kind}'`)
      }
    }
    for (const record of batch) {
      // The kind picks the handler of its own record type, which the compiler cannot correlate.
      const handle = this.#handlers[record.kind] as (record: StoreRecord) => void
      handle(record)
    }
  }

  async readQueue(session: number, after: number, limit: number): Promise<QueuedMessage[]> {
    this.#assertOpen()
    const page: QueuedMessage[] = []
    for (const delivery of inOrder(this.#sessions.get(session)?.queue.values() ?? [])) {
      const { add, packetIdentifier, kept } = delivery
      if (page.length >= limit) break
      if (add.position <= after || packetIdentifier !== null || kept === null) continue
      page.push({
        position: add.position,
        qos: add.qos,
        retain: add.retain,
        subscriptionIdentifiers: [...add.subscriptionIdentifiers],
        sharedFilter: add.sharedFilter,
        message: copyBytes(kept.message),
      })
    }
    return page
  }

  async stats(): Promise<StoreStats> {
    this.#assertOpen()
    const stats = { subscriptions: 0, queued: 0, wills: 0, bytes: 0 }
    for (const session of this.#sessions.values()) {
      stats.subscriptions += session.subscriptions.size
      stats.queued += session.queue.size
      if (session.will !== null) stats.wills += 1
    }
    for (const { message } of this.#messages.values()) stats.bytes += messageSize(message)
    return {
      ...stats,
      sessions: this.#sessions.size,
      messages: this.#messages.size,
      retained: this.#retained.size,
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false
  }

  readonly #handlers: Handlers = {
    sessionPut: (put) => {
      this.#highest.session = Math.max(this.#highest.session, put.session)
      const session = this.#sessions.get(put.session)
      if (session !== undefined) session.put = put
      else this.#sessions.set(put.session, newSession(put))
    },
    sessionDelete: ({ session }) => {
      for (const { kept } of this.#sessions.get(session)?.queue.values() ?? []) this.#letGo(kept)
      this.#sessions.delete(session)
    },
    subscriptionPut: (put) => {
      this.#sessions.get(put.session)?.subscriptions.set(put.topicFilter, put)
    },
    subscriptionDelete: ({ session, topicFilter }) => {
      this.#sessions.get(session)?.subscriptions.delete(topicFilter)
    },
    messagePut: (put) => this.#putMessage(put),
    queueAdd: (add) => this.#addToQueue(add),
    queueSent: ({ session, position, packetIdentifier }) => {
      const delivery = this.#sessions.get(session)?.queue.get(position)
      if (delivery !== undefined && delivery.kept !== null) {
        delivery.packetIdentifier = packetIdentifier
      }
    },
    queueReleased: ({ session, position }) => {
      const delivery = this.#sessions.get(session)?.queue.get(position)
      if (delivery === undefined || delivery.packetIdentifier === null) return
      this.#letGo(delivery.kept)
      delivery.kept = null
    },
    queueDelete: ({ session, position }) => {
      const queue = this.#sessions.get(session)?.queue
      this.#letGo(queue?.get(position)?.kept ?? null)
      queue?.delete(position)
    },
    receivedAdd: ({ session, packetIdentifier }) => {
      this.#sessions.get(session)?.received.add(packetIdentifier)
    },
    receivedDelete: ({ session, packetIdentifier }) => {
      this.#sessions.get(session)?.received.delete(packetIdentifier)
    },
    retainedPut: (put) => this.#putRetained(put),
    retainedDelete: ({ topicName }) => {
      this.#letGo(this.#retained.get(topicName) ?? null)
      this.#retained.delete(topicName)
    },
    willPut: (put) => {
      const session = this.#sessions.get(put.session)
      if (session !== undefined) session.will = put
    },
    willDelete: ({ session: number }) => {
      const session = this.#sessions.get(number)
      if (session !== undefined) session.will = null
    },
  }

  #putMessage({ kind: _, ...message }: MessagePut): void {
    this.#highest.message = Math.max(this.#highest.message, message.message)
    if (this.#messages.has(message.message)) return
    this.#messages.set(message.message, { message, references: 0 })
  }

  #addToQueue(add: QueueAdd): void {
    this.#highest.position = Math.max(this.#highest.position, add.position)
    const queue = this.#sessions.get(add.session)?.queue
    const kept = this.#messages.get(add.message)
    if (queue === undefined || kept === undefined || queue.has(add.position)) return
    kept.references += 1
    queue.set(add.position, { add, packetIdentifier: null, kept })
  }

  #putRetained({ topicName, message }: RetainedPut): void {
    const kept = this.#messages.get(message)
    if (kept === undefined) return
    // Taken before the earlier one is let go: it may be the same.
    kept.references += 1
    this.#letGo(this.#retained.get(topicName) ?? null)
    this.#retained.set(topicName, kept)
  }

  #letGo(kept: KeptMessage | null): void {
    if (kept === null) return
    kept.references -= 1
    if (kept.references === 0) this.#messages.delete(kept.message.message)
  }

  #inflight(): InflightMessage[] {
    const inflight: InflightMessage[] = []
    const queues = [...this.#sessions.values()].map(({ queue }) => [...queue.values()])
    for (const { add, packetIdentifier, kept } of inOrder(queues.flat())) {
      if (packetIdentifier === null) continue
      const { session, position, qos, retain } = add
      inflight.push({
        session,
        position,
        packetIdentifier,
        qos,
        retain,
        subscriptionIdentifiers: [...add.subscriptionIdentifiers],
        sharedFilter: add.sharedFilter,
        message: kept === null ? null : copyBytes(kept.message),
      })
    }
    return inflight
  }

  #assertOpen(): void {
    if (!this.#isOpen) {
      throw new StoreError('ERR_PROMPTMQ_STORE_CLOSED', 'the memory store is not open')
    }
  }
}

function newSession(put: SessionPut): KeptSession {
  return { put, subscriptions: new Map(), queue: new Map(), received: new Set(), will: null }
}

/** What belongs to one session, but for its deliveries in flight: their order is over all of them. */
function restoreSession({ put, ...session }: KeptSession, sink: RestoreSink): void {
  for (const { kind: _, ...subscription } of session.subscriptions.values()) {
    sink.subscription(subscription)
  }
  let count = 0
  let bytes = 0
  for (const { packetIdentifier, kept } of session.queue.values()) {
    if (packetIdentifier !== null || kept === null) continue
    count += 1
    bytes += messageSize(kept.message)
  }
  if (count > 0) sink.waiting({ session: put.session, count, bytes })
  for (const packetIdentifier of session.received) {
    sink.received({ session: put.session, packetIdentifier })
  }
  if (session.will !== null) {
    const { kind: _, ...will } = session.will
    sink.will(copyBytes(will))
  }
}

/** Records usually come in order of position; sorting makes it a promise. */
function inOrder(deliveries: Iterable<KeptDelivery>): KeptDelivery[] {
  return [...deliveries].sort((a, b) => a.add.position - b.add.position)
}

function messageSize({ payload, properties }: StoredMessage): number {
  return payload.length + properties.length
}

/** What is handed out belongs to the broker, so the kept bytes stay out of its reach. */
function copyBytes<T extends { payload: Uint8Array; properties: Uint8Array }>(holder: T): T {
  // Not `slice`: that of a Buffer is a view.
  const payload = new Uint8Array(holder.payload)
  return { ...holder, payload, properties: new Uint8Array(holder.properties) }
}
