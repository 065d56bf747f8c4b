import {
  type Budget,
  type Message,
  type Session,
  type SessionJournal,
  sharedFilterOf,
} from '@promptmq/router'
import type { Store, StoreRecord } from '@promptmq/store'
import type { Clock } from './clock.ts'

/**
 * What changed, on its way to the Store: gathered in batches, one commit under way at a time. That
 * is group commit for every Store: while one batch is written, the next one gathers.
 *
 *   append --> [ open batch n+1 ]   [ batch n under way ] --> Store.commit --> kept: acknowledge
 *
 * A promise to a peer (PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK) remembers the batch that holds
 * what it promises and goes out when that batch is kept, never before.
 *
 * When a commit fails nothing in it is acknowledged: who waits is told, the records are kept in
 * front of the next batch and offered again after a while, and until that succeeds
 * {@link Journal.failure} has the broker refuse what it could not keep.
 */
export class Journal implements SessionJournal {
  readonly #store: Store
  readonly #clock: Clock
  readonly #host: JournalHost
  readonly #budget: Budget
  #open: StoreRecord[] = []
  #openBatch = 1
  #openBytes = 0
  #committing: StoreRecord[] | null = null
  #committingBytes = 0
  #sessions = new Set<Session>()
  /** To be called when the open batch is handed over. */
  #taken: (() => void)[] = []
  #waiting: { batch: number; kept: (error: Error | null) => void }[] = []
  #nextMessage = 1
  #nextPosition = 1
  #nextSession = 1
  #appended = 0
  #failure: Error | null = null
  #isHeld = false
  #isRetryDue = false
  #cancelRetry: (() => void) | null = null

  /** @param budget - of the bytes that gather, which connections share: see JournalShare. */
  constructor(store: Store, clock: Clock, budget: Budget, host: JournalHost) {
    this.#store = store
    this.#clock = clock
    this.#budget = budget
    this.#host = host
  }

  /** How many records were ever appended: who compares before and after knows whether it did. */
  get appended(): number {
    return this.#appended
  }

  /** The batch that gathers. */
  get openBatch(): number {
    return this.#openBatch
  }

  /** About what its records take in memory. */
  get openBytes(): number {
    return this.#openBytes
  }

  get pendingBatch(): number {
    if (this.#open.length > 0) return this.#openBatch
    return this.#committing === null ? 0 : this.#openBatch - 1
  }

  /** What the last commit failed with, `null` where it did not, or one has succeeded since. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Numbers go on where an earlier process stopped. */
  continueFrom(highest: { session: number; message: number; position: number }): void {
    this.#nextSession = highest.session + 1
    this.#nextMessage = highest.message + 1
    this.#nextPosition = highest.position + 1
  }

  newSessionNumber(): number {
    return this.#nextSession++
  }

  append(record: StoreRecord): void {
    this.#appended++
    this.#open.push(record)
    this.#grow(RECORD_BYTES)
  }

  /** Keeps a message, once, and gives it its number. */
  putMessage(message: Message): number {
    if (message.number === 0) {
      message.number = this.#nextMessage++
      this.#grow(message.size)
      this.append({
        kind: 'messagePut',
        message: message.number,
        topicName: message.topicName,
        payload: message.payload,
        properties: message.properties,
        qos: message.qos,
        retain: message.retain,
        expiresAt: message.expiresAt === Number.POSITIVE_INFINITY ? null : message.expiresAt,
        publisher: message.publisher,
      })
    }
    return message.number
  }

  queueAdd(
    session: Session,
    message: Message,
    qos: 1 | 2,
    retain: boolean,
    identifiers: readonly number[],
  ): number {
    const position = this.#nextPosition++
    this.append({
      kind: 'queueAdd',
      session: session.number,
      position,
      message: this.putMessage(message),
      qos,
      retain,
      subscriptionIdentifiers: identifiers,
      sharedFilter: sharedFilterOf(identifiers),
    })
    return position
  }

  queueSent(session: Session, position: number, packetIdentifier: number): void {
    this.append({ kind: 'queueSent', session: session.number, position, packetIdentifier })
  }

  queueReleased(session: Session, position: number): void {
    this.append({ kind: 'queueReleased', session: session.number, position })
  }

  queueDelete(session: Session, position: number): void {
    this.append({ kind: 'queueDelete', session: session.number, position })
  }

  receivedAdd(session: Session, packetIdentifier: number): void {
    this.append({ kind: 'receivedAdd', session: session.number, packetIdentifier })
  }

  receivedDelete(session: Session, packetIdentifier: number): void {
    this.append({ kind: 'receivedDelete', session: session.number, packetIdentifier })
  }

  notify(session: Session): void {
    this.#sessions.add(session)
  }

  /**
   * Calls back once when `batch` is kept, or with the error when its commit failed. In the order of
   * these calls for who waits for the same batch.
   */
  whenKept(batch: number, kept: (error: Error | null) => void): void {
    this.#waiting.push({ batch, kept })
  }

  /** Calls back once, when the Store is given what gathers now. */
  whenTaken(taken: () => void): void {
    this.#taken.push(taken)
  }

  /**
   * Resolves when all that was appended so far is kept. Starts no commit, which is for the end of a turn:
   * what belongs together may not all be appended yet.
   * @throws what its commit failed with.
   */
  async settled(): Promise<void> {
    const batch = this.pendingBatch
    if (batch === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.whenKept(batch, (error) => (error === null ? resolve() : reject(error)))
    await promise
  }

  /** Starts a commit if there is something to keep and none is under way. */
  flush(): void {
    if (this.#isHeld || this.#committing !== null || this.#open.length === 0) return
    if (this.#failure === null) this.#commit()
  }

  /** Starts no commit: what is to be kept as one is not complete. */
  hold(): void {
    this.#isHeld = true
  }

  /** It is. */
  letGo(): void {
    this.#isHeld = false
    if (this.#isRetryDue) this.#retry()
  }

  /** Starts no commit while `run` runs. */
  gather(run: () => void): void {
    const wasHeld = this.#isHeld
    this.hold()
    try {
      run()
    } finally {
      if (!wasHeld) this.letGo()
    }
  }

  /** Offers a failing batch no more: the broker closes. */
  stop(): void {
    this.#cancelRetry?.()
  }

  #commit(): void {
    const batch = this.#openBatch++
    const records = this.#open
    this.#committing = records
    this.#open = []
    this.#committingBytes = this.#openBytes
    this.#grow(-this.#openBytes)
    for (const taken of this.#taken.splice(0)) taken()
    this.#store.commit(records).then(
      () => this.#kept(batch),
      (error: Error) => this.#failed(batch, records, error),
    )
  }

  #retry(): void {
    this.#isRetryDue = this.#isHeld
    if (!this.#isHeld) this.#commit()
  }

  #kept(batch: number): void {
    this.#committing = null
    this.#failure = null
    this.#answer(batch, null)
    const sessions = this.#sessions
    this.#sessions = new Set()
    for (const session of sessions) session.committed(batch)
    if (this.pendingBatch !== 0) for (const session of sessions) this.#sessions.add(session)
    this.flush()
    this.#host.committed()
  }

  #failed(batch: number, records: StoreRecord[], error: Error): void {
    this.#committing = null
    this.#open = [...records, ...this.#open]
    this.#grow(this.#committingBytes)
    this.#failure = error
    this.#answer(batch, error)
    this.#host.commitFailed(error)
    this.#cancelRetry = this.#clock.schedule(RETRY_MS, () => this.#retry())
  }

  #grow(byteSize: number): void {
    this.#openBytes += byteSize
    this.#budget.changed(byteSize)
  }

  #answer(batch: number, error: Error | null): void {
    const answered = this.#waiting.filter((one) => one.batch <= batch)
    this.#waiting = this.#waiting.filter((one) => one.batch > batch)
    for (const { kept } of answered) kept(error)
  }
}

const RETRY_MS = 1_000

/** About what a record takes beside the message that it keeps. */
const RECORD_BYTES = 100

/** Whom a Journal tells how its batches went. */
export interface JournalHost {
  /** A batch is kept, and what waited for it was told: there may be something to write. */
  committed(): void
  commitFailed(error: Error): void
}
