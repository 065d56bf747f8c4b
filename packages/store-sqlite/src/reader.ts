import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type {
  InflightMessage,
  QoS,
  QueuedMessage,
  RestoreSink,
  StoredMessage,
  StoreStats,
  WillPut,
} from '@promptmq/store'
import type { QueueIndex } from './queue-index.ts'

/** One call of a RestoreSink, as data. */
export type RestoreItem = {
  [Kind in keyof RestoreSink]: { kind: Kind; value: Parameters<RestoreSink[Kind]>[0] }
}[keyof RestoreSink]

/** A page of what is restored ends with the item that reaches either. */
const PAGE_COUNT = 1000
const PAGE_BYTES = 1_048_576

type Row = NonNullable<ReturnType<StatementSync['get']>>

const MESSAGE = `message.message, message.topic_name AS topicName, payload, properties,
  message.qos AS messageQos, message.retain AS messageRetain, expires_at AS expiresAt, publisher`

const DELIVERY = `queue.session, queue.position, queue.qos, queue.retain,
  subscription_identifiers AS subscriptionIdentifiers, shared_filter AS sharedFilter,
  packet_identifier AS packetIdentifier`

const SQL = {
  highest: 'SELECT session, message, position FROM meta',
  sessions: `SELECT session, client_id AS clientId, owner,
    session_expiry_interval AS sessionExpiryInterval, expires_at AS expiresAt FROM session`,
  subscriptions: `SELECT session, topic_filter AS topicFilter, options,
    subscription_identifier AS subscriptionIdentifier FROM subscription`,
  inflight: `SELECT ${DELIVERY}, ${MESSAGE} FROM queue
    LEFT JOIN message ON message.message = queue.message AND NOT queue.released
    WHERE packet_identifier IS NOT NULL ORDER BY position`,
  waiting: `SELECT session, count(*) AS count, sum(length(payload) + length(properties)) AS bytes
    FROM queue JOIN message USING (message) WHERE packet_identifier IS NULL GROUP BY session`,
  received: 'SELECT session, packet_identifier AS packetIdentifier FROM received',
  retained: `SELECT ${MESSAGE} FROM retained JOIN message USING (message)`,
  wills: `SELECT session, topic_name AS topicName, payload, properties, qos, retain,
    message_expiry_interval AS messageExpiryInterval, will_delay_interval AS willDelayInterval,
    publish_at AS publishAt FROM will`,
  waitingAt: `SELECT ${DELIVERY}, ${MESSAGE} FROM queue JOIN message USING (message)
    WHERE position = ? AND session = ? AND packet_identifier IS NULL`,
  stats: `SELECT
    (SELECT count(*) FROM session) AS sessions,
    (SELECT count(*) FROM subscription) AS subscriptions,
    (SELECT count(*) FROM message) AS messages,
    (SELECT count(*) FROM retained) AS retained,
    (SELECT count(*) FROM will) AS wills`,
} as const

/** Turns rows back into what the contract hands out. */
export class Reader {
  readonly #db: DatabaseSync
  readonly #index: QueueIndex
  readonly #waitingAt: StatementSync
  readonly #stats: StatementSync

  constructor(db: DatabaseSync, index: QueueIndex) {
    this.#db = db
    this.#index = index
    this.#waitingAt = db.prepare(SQL.waitingAt)
    this.#stats = db.prepare(SQL.stats)
  }

  /** Everything, in pages that bound what is in memory and under way at a time. */
  *restore(): Generator<RestoreItem[]> {
    let page: RestoreItem[] = []
    let bytes = 0
    for (const item of this.#items()) {
      page.push(item)
      bytes += sizeOf(item)
      if (page.length < PAGE_COUNT && bytes < PAGE_BYTES) continue
      yield page
      page = []
      bytes = 0
    }
    yield page
  }

  /** As {@link Store.readQueue}. */
  readQueue(session: number, after: number, limit: number): QueuedMessage[] {
    const page: QueuedMessage[] = []
    if (limit <= 0) return page
    for (const position of this.#index.positions(session, after)) {
      const row = this.#waitingAt.get(position, session)
      if (row === undefined) continue
      page.push({ position, ...delivery(row), message: storedMessage(row) })
      if (page.length >= limit) break
    }
    return page
  }

  stats(): Omit<StoreStats, 'bytes'> {
    const row = this.#stats.get() as unknown as Omit<StoreStats, 'bytes' | 'queued'>
    return { ...row, queued: this.#index.count }
  }

  *#items(): Generator<RestoreItem> {
    for (const row of this.#rows('highest')) yield item('highest', row)
    for (const row of this.#rows('sessions')) yield item('session', row)
    for (const row of this.#rows('subscriptions')) yield item('subscription', row)
    for (const row of this.#rows('inflight')) yield { kind: 'inflight', value: inflight(row) }
    for (const row of this.#rows('waiting')) yield item('waiting', row)
    for (const row of this.#rows('received')) yield item('received', row)
    for (const row of this.#rows('retained')) yield { kind: 'retained', value: storedMessage(row) }
    for (const row of this.#rows('wills')) yield { kind: 'will', value: will(row) }
  }

  #rows(name: keyof typeof SQL): Iterable<Row> {
    return this.#db.prepare(SQL[name]).iterate()
  }
}

/** For kinds whose columns are named and typed as the contract's fields. */
function item<Kind extends 'highest' | 'session' | 'subscription' | 'waiting' | 'received'>(
  kind: Kind,
  row: Row,
): RestoreItem {
  return { kind, value: { ...row } } as unknown as RestoreItem
}

function inflight(row: Row): InflightMessage {
  return {
    session: row.session as number,
    position: row.position as number,
    packetIdentifier: row.packetIdentifier as number,
    ...delivery(row),
    message: row.message === null ? null : storedMessage(row),
  }
}

function delivery(
  row: Row,
): Pick<QueuedMessage, 'qos' | 'retain' | 'subscriptionIdentifiers' | 'sharedFilter'> {
  return {
    qos: row.qos as 1 | 2,
    retain: row.retain === 1,
    subscriptionIdentifiers: identifiers(row.subscriptionIdentifiers as string | null),
    sharedFilter: row.sharedFilter as string | null,
  }
}

function storedMessage(row: Row): StoredMessage {
  return {
    message: row.message as number,
    topicName: row.topicName as string,
    payload: row.payload as Uint8Array,
    properties: row.properties as Uint8Array,
    qos: row.messageQos as QoS,
    retain: row.messageRetain === 1,
    expiresAt: row.expiresAt as number | null,
    publisher: row.publisher as string,
  }
}

function will(row: Row): Omit<WillPut, 'kind'> {
  return { ...row, retain: row.retain === 1 } as unknown as Omit<WillPut, 'kind'>
}

/** The only column that STRICT does not check. */
function identifiers(json: string | null): number[] {
  const list: unknown = json === null ? [] : JSON.parse(json)
  if (Array.isArray(list) && list.every(Number.isInteger)) return list
  throw new TypeError('subscription_identifiers is not a list of integers')
}

function sizeOf({ value }: RestoreItem): number {
  const { message } = value as { message?: unknown }
  const holder = typeof message === 'object' && message !== null ? message : value
  const { payload, properties } = holder as Partial<StoredMessage>
  return (payload?.length ?? 0) + (properties?.length ?? 0)
}
