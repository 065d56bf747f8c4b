import type {
  MemoryStore,
  QueuedMessage,
  RestoreSink,
  Store,
  StoreRecord,
  StoreStats,
} from '@promptmq/store'
import { numberOf } from './stored-state.ts'

/** What has been committed, for those who have to know before an acknowledgement leaves. */
export class Committed {
  /** Messages by their number in the payload, ever. */
  readonly messages = new Set<number>()
  /** The youngest session of a client that the Store was given, committed or not. */
  readonly offeredSessions = new Map<string, number>()
  /** The same, committed. */
  readonly #sessions = new Map<string, number>()
  /** By session: Topic Filters, and Packet Identifiers of QoS 2. */
  readonly #subscriptions = new Map<number, Set<string>>()
  readonly #received = new Map<number, Set<number>>()
  /** By session: Packet Identifiers of what was sent, by position. */
  readonly #sent = new Map<number, Map<number, number>>()

  offered(batch: readonly StoreRecord[]): void {
    for (const record of batch) {
      if (record.kind !== 'sessionPut') continue
      const { clientId, session } = record
      // One that has ended may be told of as well.
      const youngest = Math.max(session, this.offeredSessions.get(clientId) ?? 0)
      this.offeredSessions.set(clientId, youngest)
    }
  }

  /** What was offered and not committed is forgotten: its numbers are given anew. */
  crash(): void {
    this.offeredSessions.clear()
    for (const [clientId, number] of this.#sessions) this.offeredSessions.set(clientId, number)
  }

  subscribes(clientId: string, topicFilter: string): boolean {
    const session = this.#sessions.get(clientId) ?? 0
    return this.#subscriptions.get(session)?.has(topicFilter) ?? false
  }

  hasReceived(clientId: string, packetIdentifier: number): boolean {
    const session = this.#sessions.get(clientId) ?? 0
    return this.#received.get(session)?.has(packetIdentifier) ?? false
  }

  /** Whether a delivery under this Packet Identifier is known. */
  hasSent(clientId: string, packetIdentifier: number): boolean {
    const session = this.#sessions.get(clientId) ?? 0
    return [...(this.#sent.get(session)?.values() ?? [])].includes(packetIdentifier)
  }

  add(record: StoreRecord): void {
    switch (record.kind) {
      case 'messagePut': {
        const number = numberOf(record.payload)
        if (number !== null) this.messages.add(number)
        break
      }
      case 'sessionPut':
        if ((this.#sessions.get(record.clientId) ?? 0) >= record.session) break
        this.#sessions.set(record.clientId, record.session)
        this.#subscriptions.set(record.session, new Set())
        this.#received.set(record.session, new Set())
        this.#sent.set(record.session, new Map())
        break
      case 'queueSent':
        this.#sent.get(record.session)?.set(record.position, record.packetIdentifier)
        break
      case 'queueDelete':
        this.#sent.get(record.session)?.delete(record.position)
        break
      case 'subscriptionPut':
        this.#subscriptions.get(record.session)?.add(record.topicFilter)
        break
      case 'subscriptionDelete':
        this.#subscriptions.get(record.session)?.delete(record.topicFilter)
        break
      case 'receivedAdd':
        this.#received.get(record.session)?.add(record.packetIdentifier)
        break
      case 'receivedDelete':
        this.#received.get(record.session)?.delete(record.packetIdentifier)
        break
      default:
    }
  }
}

interface Pending {
  readonly batch: readonly StoreRecord[]
  stepsLeft: number
  due(): void
  readonly isDue: Promise<void>
}

/**
 * One process' way to a MemoryStore that outlives it: commits some steps later, and not at all once the
 * process is gone.
 */
export class SimStore implements Store {
  readonly description = 'simulated'
  /** Steps that a commit takes. */
  delay = 0
  /** Steps in which it can keep nothing. */
  failsFor = 0
  /** The last commit failed. */
  hasFailed = false
  readonly #memory: MemoryStore
  readonly #committed: Committed
  #isDead = false
  #pending: Pending | null = null

  constructor(memory: MemoryStore, committed: Committed) {
    this.#memory = memory
    this.#committed = committed
  }

  get isBusy(): boolean {
    return this.#pending !== null
  }

  open(): Promise<void> {
    return this.#memory.open()
  }

  restore(sink: RestoreSink): Promise<void> {
    return this.#memory.restore(sink)
  }

  async commit(batch: readonly StoreRecord[]): Promise<void> {
    if (this.#pending !== null) throw new Error('two commits at once')
    this.#committed.offered(batch)
    if (this.#isDead) await new Promise<never>(() => {})
    if (this.delay > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#pending = { batch, stepsLeft: this.delay, due: resolve, isDue: promise }
      await promise
    }
    if (this.failsFor > 0) {
      await undefined // The broker does not know yet.
      this.hasFailed = true
      throw new Error('disk full')
    }
    await this.#apply(batch)
    this.hasFailed = false
  }

  /** A step is over. */
  tick(): void {
    if (this.failsFor > 0) this.failsFor--
    const pending = this.#pending
    if (pending === null || --pending.stepsLeft > 0) return
    this.#pending = null
    pending.due()
  }

  /** All that is under way is kept, now and from now on. */
  hurry(): void {
    this.delay = 0
    this.failsFor = 0
    if (this.#pending !== null) this.#pending.stepsLeft = 1
    this.tick()
  }

  /** The process is gone. @param isKept - the commit under way reached the Store. */
  async crash(isKept: boolean): Promise<void> {
    this.#isDead = true
    const pending = this.#pending
    if (pending !== null && isKept) await this.#apply(pending.batch)
    this.#committed.crash()
  }

  async readQueue(session: number, after: number, limit: number): Promise<QueuedMessage[]> {
    await this.#pending?.isDue
    if (this.#isDead) await new Promise<never>(() => {})
    return this.#memory.readQueue(session, after, limit)
  }

  stats(): Promise<StoreStats> {
    return this.#memory.stats()
  }

  close(): Promise<void> {
    return this.#memory.close()
  }

  async #apply(batch: readonly StoreRecord[]): Promise<void> {
    await this.#memory.commit(batch)
    for (const record of batch) this.#committed.add(record)
  }
}
