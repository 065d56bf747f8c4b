import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type {
  MessagePut,
  QueueAdd,
  ReceivedAdd,
  RetainedPut,
  SessionPut,
  StoreRecord,
  SubscriptionPut,
  WillPut,
} from '@promptmq/store'
import type { QueueIndex } from './queue-index.ts'

/**
 * Applies the records of one batch inside one transaction.
 *
 *   record --> rows of session, subscription, queue, received, retained, will   at once
 *          --> #messages: message -> reference count                            rows at the end
 *          --> #log: what the QueueIndex is to learn                            after COMMIT
 *
 * A message that the batch puts and refers to is written once, with its final count. One that the
 * file has already is read when first touched and written when the batch is through. So each message
 * costs one write a batch, however many records name it.
 *
 * A Batch lives for one transaction: when that fails it is dropped, and nothing outside has changed.
 */
export class Batch {
  readonly highest: HighestNumbers
  readonly #known: HighestNumbers
  readonly #sql: WriteStatements
  readonly #index: QueueIndex
  readonly #messages = new Map<number, CountedMessage>()
  readonly #sessions = new Map<number, boolean>()
  /** Triples of what, session, position. */
  readonly #log: number[] = []

  constructor(sql: WriteStatements, index: QueueIndex, known: HighestNumbers) {
    this.#sql = sql
    this.#index = index
    this.#known = known
    this.highest = { ...known }
  }

  /** Applies one record; what it refers to and is not there makes it do nothing. */
  apply(record: StoreRecord): void {
    const sql = this.#sql
    switch (record.kind) {
      case 'sessionPut':
        this.#putSession(record)
        break
      case 'sessionDelete':
        this.#deleteSession(record.session)
        break
      case 'subscriptionPut':
        this.#putSubscription(record)
        break
      case 'subscriptionDelete':
        sql.deleteSubscription.run(record.session, record.topicFilter)
        break
      case 'messagePut':
        this.#putMessage(record)
        break
      case 'queueAdd':
        this.#addToQueue(record)
        break
      case 'queueSent':
        sql.sendQueued.run(record.packetIdentifier, record.position, record.session)
        break
      case 'queueReleased':
        this.#release(record.session, record.position)
        break
      case 'queueDelete':
        this.#deleteQueued(record.session, record.position)
        break
      case 'receivedAdd':
        this.#addReceived(record)
        break
      case 'receivedDelete':
        sql.deleteReceived.run(record.session, record.packetIdentifier)
        break
      case 'retainedPut':
        this.#putRetained(record)
        break
      case 'retainedDelete':
        this.#deleteRetained(record.topicName)
        break
      case 'willPut':
        this.#putWill(record)
        break
      case 'willDelete':
        sql.deleteWill.run(record.session)
        break
      default:
        throw new TypeError(`a record of unknown kind '${(record as StoreRecord).kind}'`)
    }
  }

  /** Writes the messages; the last thing before COMMIT. */
  finish(): void {
    for (const [message, { put, count, stored }] of this.#messages) {
      if (put !== null) {
        const { qos, retain, expiresAt, topicName, publisher, properties, payload } = put
        this.#sql.insertMessage.run(
          message,
          count,
          qos,
          Number(retain),
          expiresAt,
          topicName,
          publisher,
          properties,
          payload,
        )
      } else if (count !== stored) {
        this.#sql.countMessage.run(count, message)
      }
    }
  }

  /** Tells the index; the first thing after COMMIT. */
  publish(): void {
    for (let at = 0; at < this.#log.length; at += 3) {
      const session = this.#log[at + 1]!
      const position = this.#log[at + 2]!
      if (this.#log[at] === ADDED) this.#index.add(session, position)
      else this.#index.delete(session, position)
    }
  }

  #hasSession(session: number): boolean {
    let has = this.#sessions.get(session)
    if (has === undefined) {
      // Only a session that is there has a queue, and that is known without the file.
      has = this.#index.has(session) || this.#sql.findSession.get(session) !== undefined
      this.#sessions.set(session, has)
    }
    return has
  }

  #putSession(put: SessionPut): void {
    const { session, clientId, owner, sessionExpiryInterval, expiresAt } = put
    this.highest.session = Math.max(this.highest.session, session)
    this.#sql.putSession.run(session, clientId, owner, sessionExpiryInterval, expiresAt)
    this.#sessions.set(session, true)
  }

  #deleteSession(session: number): void {
    if (!this.#hasSession(session)) return
    for (const position of this.#positions(session)) this.#deleteQueued(session, position)
    this.#sql.deleteSession.run(session)
    this.#sql.deleteSubscriptions.run(session)
    this.#sql.deleteAllReceived.run(session)
    this.#sql.deleteWill.run(session)
    this.#sessions.set(session, false)
  }

  /** Of the queue as it was and of what this batch added; some may be deleted by now. */
  #positions(session: number): number[] {
    const positions = [...this.#index.positions(session)]
    for (let at = 0; at < this.#log.length; at += 3) {
      if (this.#log[at] === ADDED && this.#log[at + 1] === session) {
        positions.push(this.#log[at + 2]!)
      }
    }
    return positions
  }

  #putSubscription(put: SubscriptionPut): void {
    const { session, topicFilter, options, subscriptionIdentifier } = put
    if (!this.#hasSession(session)) return
    this.#sql.putSubscription.run(session, topicFilter, options, subscriptionIdentifier)
  }

  #addReceived({ session, packetIdentifier }: ReceivedAdd): void {
    if (this.#hasSession(session)) this.#sql.addReceived.run(session, packetIdentifier)
  }

  #putMessage(put: MessagePut): void {
    this.highest.message = Math.max(this.highest.message, put.message)
    if (this.#findMessage(put.message) !== undefined) return
    this.#messages.set(put.message, { put, count: 0, stored: 0 })
  }

  #addToQueue({
    session,
    position,
    message,
    qos,
    retain,
    subscriptionIdentifiers,
    sharedFilter,
  }: QueueAdd): void {
    this.highest.position = Math.max(this.highest.position, position)
    if (!this.#hasSession(session)) return
    const counted = this.#findMessage(message)
    if (counted === undefined) return
    const identifiers =
      subscriptionIdentifiers.length === 0 ? null : JSON.stringify(subscriptionIdentifiers)
    const { changes } = this.#sql.addQueued.run(
      position,
      session,
      message,
      qos,
      Number(retain),
      identifiers,
      sharedFilter,
    )
    if (changes === 0) return
    counted.count += 1
    this.#log.push(ADDED, session, position)
  }

  #release(session: number, position: number): void {
    const [message, isReleased, packetIdentifier] = this.#findQueued(session, position)
    if (message === undefined || isReleased === 1 || packetIdentifier === null) return
    this.#sql.releaseQueued.run(position)
    this.#letGo(message)
  }

  #deleteQueued(session: number, position: number): void {
    const [message, isReleased] = this.#findQueued(session, position)
    if (message === undefined) return
    this.#sql.deleteQueued.run(position)
    this.#log.push(DELETED, session, position)
    if (isReleased === 0) this.#letGo(message)
  }

  /** Nothing where that is not a delivery of that session. */
  #findQueued(session: number, position: number): Partial<QueuedColumns> {
    const columns: unknown = this.#sql.findQueued.get(position, session)
    return (columns ?? []) as Partial<QueuedColumns>
  }

  #putRetained({ topicName, message }: RetainedPut): void {
    const counted = this.#findMessage(message)
    if (counted === undefined) return
    // Taken before the earlier one is let go: it may be the same.
    counted.count += 1
    this.#deleteRetained(topicName)
    this.#sql.putRetained.run(topicName, message)
  }

  #deleteRetained(topicName: string): void {
    const row = this.#sql.deleteRetained.get(topicName)
    if (row !== undefined) this.#letGo(row.message as number)
  }

  #putWill(will: WillPut): void {
    if (!this.#hasSession(will.session)) return
    this.#sql.putWill.run(
      will.session,
      will.topicName,
      will.qos,
      Number(will.retain),
      will.messageExpiryInterval,
      will.willDelayInterval,
      will.publishAt,
      will.properties,
      will.payload,
    )
  }

  #findMessage(message: number): CountedMessage | undefined {
    const counted = this.#messages.get(message)
    // Numbers only grow: one above all that were ever committed is not in the file.
    if (counted !== undefined || message > this.#known.message) return counted
    const row = this.#sql.findMessage.get(message)
    if (row === undefined) return undefined
    const stored = row.reference_count as number
    const found = { put: null, count: stored, stored }
    this.#messages.set(message, found)
    return found
  }

  /** A reference to `message` is gone. */
  #letGo(message: number): void {
    let counted = this.#messages.get(message)
    // Most messages have one: then it goes without being read.
    if (counted === undefined && this.#sql.deleteUnshared.run(message).changes === 1) return
    counted ??= this.#findMessage(message)
    if (counted === undefined) return
    counted.count -= 1
    if (counted.count > 0) return
    this.#messages.delete(message)
    if (counted.put === null) this.#sql.deleteMessage.run(message)
  }
}

/** The highest numbers that were ever put. */
export interface HighestNumbers {
  session: number
  message: number
  position: number
}

interface CountedMessage {
  /** `null`: it is in the file already. */
  readonly put: MessagePut | null
  count: number
  /** The count in the file. */
  readonly stored: number
}

/** Of `findQueued`: message, released, packet_identifier. */
type QueuedColumns = [message: number, isReleased: number, packetIdentifier: number | null]

const ADDED = 0
const DELETED = 1

const SQL = {
  findSession: 'SELECT 1 FROM session WHERE session = ?',
  putSession: 'INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?)',
  deleteSession: 'DELETE FROM session WHERE session = ?',
  putSubscription: 'INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?)',
  deleteSubscription: 'DELETE FROM subscription WHERE session = ? AND topic_filter = ?',
  deleteSubscriptions: 'DELETE FROM subscription WHERE session = ?',
  findMessage: 'SELECT reference_count FROM message WHERE message = ?',
  insertMessage: 'INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  countMessage: 'UPDATE message SET reference_count = ? WHERE message = ?',
  deleteMessage: 'DELETE FROM message WHERE message = ?',
  deleteUnshared: 'DELETE FROM message WHERE message = ? AND reference_count = 1',
  addQueued:
    'INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?, NULL, 0, ?) ON CONFLICT (position) DO NOTHING',
  sendQueued:
    'UPDATE queue SET packet_identifier = ? WHERE position = ? AND session = ? AND released = 0',
  findQueued:
    'SELECT message, released, packet_identifier FROM queue WHERE position = ? AND session = ?',
  releaseQueued: 'UPDATE queue SET released = 1 WHERE position = ?',
  deleteQueued: 'DELETE FROM queue WHERE position = ?',
  addReceived: 'INSERT INTO received VALUES (?, ?) ON CONFLICT DO NOTHING',
  deleteReceived: 'DELETE FROM received WHERE session = ? AND packet_identifier = ?',
  deleteAllReceived: 'DELETE FROM received WHERE session = ?',
  putRetained: 'INSERT OR REPLACE INTO retained VALUES (?, ?)',
  deleteRetained: 'DELETE FROM retained WHERE topic_name = ? RETURNING message',
  putWill: 'INSERT OR REPLACE INTO will VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  deleteWill: 'DELETE FROM will WHERE session = ?',
  putHighest: 'UPDATE meta SET session = ?, message = ?, position = ? WHERE epoch = ?',
} as const

/** Every statement that a {@link Batch} needs, prepared. */
export type WriteStatements = Readonly<Record<keyof typeof SQL, StatementSync>>

/** Prepares every statement that a {@link Batch} needs, once for the life of `db`. */
export function prepareWrites(db: DatabaseSync): WriteStatements {
  const entries = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)])
  const statements = Object.fromEntries(entries) as WriteStatements
  statements.findQueued.setReturnArrays(true)
  return statements
}
