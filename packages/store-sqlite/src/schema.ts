import type { DatabaseSync } from 'node:sqlite'
import { Failure } from './failure.ts'

/**
 * The tables, and the steps that lead to them.
 *
 *   meta          one row: the highest numbers, and the epoch (how often the file was opened)
 *   session       session PK                    subscription  (session, topic_filter) PK
 *   received      (session, packet_identifier) PK     will    session PK
 *   message       message PK, reference_count, payload ...
 *   queue         position PK, session, message, ...
 *   retained      topic_name PK, message
 *
 * `message` and `queue` are written at the speed of the traffic, and their keys only grow: every row
 * goes to the end of its table, whoever it is for. A key of (session, position), or an index on the
 * session, touches a page for each session instead; which rows are whose is kept in memory
 * (queue-index.ts). Per message, one message row and one queue row, 200,000 rows before, 1,000
 * messages a commit, synchronous = FULL, Node 26:
 *
 *                                        add, 1 session   1,000 sessions   delete, 1,000 sessions
 *   position PK                               2.1 µs           2.0 µs              1.4 µs
 *   position PK, index on session             2.6 µs          17.0 µs              7.5 µs
 *   (session, position) PK                    2.3 µs          28.1 µs             27.4 µs
 *
 * Invariant: `reference_count` is the number of rows of `queue` that are not released and of rows of
 * `retained` that name the message. A row with 0 waits for its first reference, and goes when the
 * file is next opened.
 */

/** `PMQ1`, in the file's header: whose file it is. */
export const APPLICATION_ID = 0x504d5131

/** A step each: from the version that is its index to the next. Never changed, only added to. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL,
    session INTEGER NOT NULL,
    message INTEGER NOT NULL,
    position INTEGER NOT NULL
  ) STRICT;
  INSERT INTO meta VALUES (1, 0, 0, 0, 0);

  CREATE TABLE session (
    session INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    session_expiry_interval INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT;

  CREATE TABLE subscription (
    session INTEGER NOT NULL,
    topic_filter TEXT NOT NULL,
    options INTEGER NOT NULL,
    subscription_identifier INTEGER NOT NULL,
    PRIMARY KEY (session, topic_filter)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE message (
    message INTEGER PRIMARY KEY,
    reference_count INTEGER NOT NULL,
    qos INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    retain INTEGER NOT NULL CHECK (retain BETWEEN 0 AND 1),
    expires_at INTEGER,
    topic_name TEXT NOT NULL,
    publisher TEXT NOT NULL,
    properties BLOB NOT NULL,
    payload BLOB NOT NULL
  ) STRICT;

  CREATE TABLE queue (
    position INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    message INTEGER NOT NULL,
    qos INTEGER NOT NULL CHECK (qos BETWEEN 1 AND 2),
    retain INTEGER NOT NULL CHECK (retain BETWEEN 0 AND 1),
    -- A JSON array; NULL: none.
    subscription_identifiers TEXT,
    -- NULL: never sent.
    packet_identifier INTEGER CHECK (packet_identifier BETWEEN 1 AND 65535),
    released INTEGER NOT NULL CHECK (released BETWEEN 0 AND 1)
  ) STRICT;

  CREATE TABLE received (
    session INTEGER NOT NULL,
    packet_identifier INTEGER NOT NULL,
    PRIMARY KEY (session, packet_identifier)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE retained (
    topic_name TEXT PRIMARY KEY,
    message INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE will (
    session INTEGER PRIMARY KEY,
    topic_name TEXT NOT NULL,
    qos INTEGER NOT NULL CHECK (qos BETWEEN 0 AND 2),
    retain INTEGER NOT NULL CHECK (retain BETWEEN 0 AND 1),
    message_expiry_interval INTEGER,
    will_delay_interval INTEGER NOT NULL,
    publish_at INTEGER,
    properties BLOB NOT NULL,
    payload BLOB NOT NULL
  ) STRICT;
  `,
  `
  -- Of the shared subscription that it came by; NULL: it came by ordinary ones.
  ALTER TABLE queue ADD COLUMN shared_filter TEXT;
  `,
]

/**
 * Looks whose database it is, and changes nothing.
 *
 * @returns its schema version, 0 where there is nothing in it yet.
 * @throws Failure `ERR_PROMPTMQ_STORE_FOREIGN` or `_NEWER`.
 */
export function identify(db: DatabaseSync, path: string, newest = MIGRATIONS.length): number {
  const applicationId = readNumber(db, 'PRAGMA application_id')
  const version = readNumber(db, 'PRAGMA user_version')
  if (applicationId !== APPLICATION_ID) {
    if (applicationId === 0 && readNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0) return 0
    throw new Failure(
      'ERR_PROMPTMQ_STORE_FOREIGN',
      `'${path}' is the SQLite database of another application: choose another path`,
    )
  }
  if (version > newest) {
    throw new Failure(
      'ERR_PROMPTMQ_STORE_NEWER',
      `store '${path}' has schema version ${version}, and this release knows ${newest}: upgrade PromptMQ`,
    )
  }
  return version
}

/**
 * Brings the schema up to date, from nothing too. The caller has a transaction open, so that a step
 * that fails leaves the file as it was.
 *
 * @throws Failure as {@link identify}; whatever SQLite says of a step.
 */
export function migrate(db: DatabaseSync, path: string, steps = MIGRATIONS): void {
  const version = identify(db, path, steps.length)
  if (version === steps.length) return
  for (const step of steps.slice(version)) db.exec(step)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${steps.length}`)
}

/** The one number that `sql` gives. */
export function readNumber(db: DatabaseSync, sql: string): number {
  const row = db.prepare(sql).get() ?? {}
  return Number(Object.values(row)[0])
}
