import { renameSync, rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { QueuedMessage, StoreRecord, StoreStats } from '@promptmq/store'
import { corrupt, endsTheHandle, Failure, failureFrom, unusable } from './failure.ts'
import { createPrivateFile, exists, prepareFile, sizeOnDisk, tightenModes } from './file.ts'
import type { ResolvedOptions } from './options.ts'
import { QueueIndex } from './queue-index.ts'
import { Reader, type RestoreItem } from './reader.ts'
import { identify, migrate } from './schema.ts'
import { Batch, type HighestNumbers, prepareWrites, type WriteStatements } from './writer.ts'

/**
 * The store on the worker's side: one open file, everything synchronous but for a backup.
 *
 *   open    file.ts: a file to trust --> inspect: whose, which version, sound (nothing is written)
 *           --> connect: PRAGMAs, the lock --> migrate, epoch +1 --> QueueIndex from the table
 *   commit  BEGIN --> Batch (writer.ts) --> numbers, if the epoch is still ours --> COMMIT
 *   read    Reader (reader.ts)
 *
 * The epoch fences: with `lockingMode: 'normal'` a second process may open the file, and from then
 * on no commit of the first succeeds. Numbers and index in memory are therefore always the file's.
 *
 * After an error that says nothing can be relied upon any more, `#lost` answers every call.
 */
export class Database {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #index = new QueueIndex()
  readonly #reader: Reader
  readonly #writes: WriteStatements
  readonly #epoch: number
  #highest: HighestNumbers
  #lost: Failure | null = null

  private constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
    const meta = db.prepare('SELECT epoch, session, message, position FROM meta').get()!
    const { epoch, ...highest } = meta as unknown as HighestNumbers & { epoch: number }
    this.#epoch = epoch
    this.#highest = highest
    const queue = db.prepare('SELECT session, position FROM queue ORDER BY position')
    for (const row of queue.iterate()) {
      this.#index.add(row.session as number, row.position as number)
    }
    this.#reader = new Reader(db, this.#index)
    this.#writes = prepareWrites(db)
  }

  /**
   * Opens the file at `options.path`, makes it where there is none and brings its schema up to date.
   *
   * @throws Failure, and has changed nothing in a file that was there.
   */
  static open(options: ResolvedOptions): Database {
    const { path } = options
    try {
      if (prepareFile(path)) inspect(options)
      tightenModes(path)
      const db = connect(options)
      try {
        return new Database(db, path)
      } catch (error) {
        db.close()
        throw error
      }
    } catch (error) {
      throw failureFrom(error, path)
    }
  }

  /** Pages of what {@link Store.restore} hands out; the Reader says how large. */
  *restore(): Generator<RestoreItem[]> {
    this.#assertUsable()
    try {
      yield* this.#reader.restore()
    } catch (error) {
      throw this.#readFailure(error)
    }
  }

  /**
   * As {@link Store.commit}.
   *
   * @throws Failure `ERR_PROMPTMQ_STORE_COMMIT`: none of it is applied, and the next may succeed.
   *   With any other code the database is lost until it is opened again.
   */
  commit(records: readonly StoreRecord[]): void {
    this.#assertUsable()
    if (records.length === 0) return
    const batch = new Batch(this.#writes, this.#index, this.#highest)
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const record of records) batch.apply(record)
      batch.finish()
      this.#writeHighest(batch.highest)
      this.#db.exec('COMMIT')
    } catch (error) {
      throw this.#rollBack(error)
    }
    batch.publish()
    this.#highest = batch.highest
  }

  /** As {@link Store.readQueue}. */
  readQueue(session: number, after: number, limit: number): QueuedMessage[] {
    return this.#read(() => this.#reader.readQueue(session, after, limit))
  }

  stats(): StoreStats {
    return this.#read(() => ({ ...this.#reader.stats(), bytes: sizeOnDisk(this.#path) }))
  }

  /** Rewrites the file without its gaps and empties the WAL. Takes as much room again meanwhile. */
  compact(): void {
    this.#read(() => {
      this.#db.exec('VACUUM')
      this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    })
  }

  /**
   * Writes a copy to `target`, some pages at a time on another thread. It has its name only once it
   * is complete.
   *
   * @param between - called after each step but the last, while the other thread rests: the only
   *   moment at which this Database may be used until the copy is through, since a step that meets a
   *   transaction fails. What is committed then is in the copy.
   * @throws Failure `ERR_PROMPTMQ_STORE_UNUSABLE` when there is something at `target`, or it cannot
   *   be written. The store itself works on.
   */
  async backup(target: string, between: () => void = () => {}): Promise<void> {
    this.#assertUsable()
    const partial = `${target}.partial`
    try {
      if (exists(target, target)) {
        throw unusable(target, 'a backup replaces nothing: name a new file')
      }
      rmSync(partial, { force: true })
      createPrivateFile(partial)
      await backup(this.#db, partial, { progress: between })
      renameSync(partial, target)
    } catch (error) {
      rmSync(partial, { force: true })
      throw failureFrom(error, target)
    }
  }

  /** Brings the WAL into the file, removes it and lets go of the lock. */
  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }

  #writeHighest({ session, message, position }: HighestNumbers): void {
    const { changes } = this.#writes.putHighest.run(session, message, position, this.#epoch)
    if (changes === 1) return
    throw new Failure(
      'ERR_PROMPTMQ_STORE_IN_USE',
      `store '${this.#path}' has been opened by another process since: only one can use it`,
    )
  }

  #rollBack(error: unknown): Failure {
    let failure: Failure
    if (error instanceof Failure) {
      failure = this.#lost = error
    } else if (endsTheHandle(error)) {
      failure = this.#lost = failureFrom(error, this.#path)
    } else {
      const text = `store '${this.#path}' could not commit: ${(error as Error).message}`
      failure = new Failure('ERR_PROMPTMQ_STORE_COMMIT', text, { cause: error })
    }
    // SQLite has rolled back by itself after some errors.
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    return failure
  }

  #read<T>(action: () => T): T {
    this.#assertUsable()
    try {
      return action()
    } catch (error) {
      throw this.#readFailure(error)
    }
  }

  /** What is neither ours nor SQLite's comes from a value that no PromptMQ wrote. */
  #readFailure(error: unknown): Failure {
    const isOfRow = error instanceof Error && !('errcode' in error || error instanceof Failure)
    return isOfRow
      ? corrupt(this.#path, error.message, { cause: error })
      : failureFrom(error, this.#path)
  }

  #assertUsable(): void {
    if (this.#lost !== null) throw this.#lost
  }
}

/**
 * Looks at a file that has content without a change to it: who made it, and whether it is sound.
 *
 * @throws Failure `_FOREIGN`, `_NEWER`, `_CORRUPT` or `_IN_USE`.
 */
function inspect({ path, check, pragmas }: ResolvedOptions): void {
  // A -wal that waits is a part of what there is to see, and closing a database that may be written
  // brings it into the file. Without one there is nothing to bring; and SQLite makes none beside
  // somebody else's file when that is opened as one that cannot change.
  const waits = exists(path, `${path}-wal`)
  const location = waits ? path : immutable(path)
  const version = withDatabase(location, true, pragmas, (db) => identify(db, path))
  if (version === 0 || check === 'off') return
  // CHECK constraints are seen only where the database may be written.
  withDatabase(path, waits, pragmas, (db) => {
    const pragma = check === 'full' ? 'integrity_check' : 'quick_check'
    const row = db.prepare(`PRAGMA ${pragma}(1)`).get() ?? {}
    const verdict = String(Object.values(row)[0])
    if (verdict !== 'ok') throw corrupt(path, verdict.replaceAll('\n', ' '))
  })
}

function immutable(path: string): URL {
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return url
}

function withDatabase<T>(
  location: string | URL,
  readOnly: boolean,
  pragmas: ResolvedOptions['pragmas'],
  action: (db: DatabaseSync) => T,
): T {
  const db = new DatabaseSync(location, { readOnly })
  try {
    const [, timeout] = pragmas.find(([name]) => name === 'busy_timeout') ?? []
    db.exec(`PRAGMA busy_timeout = ${timeout ?? 0}; PRAGMA trusted_schema = OFF`)
    return action(db)
  } finally {
    db.close()
  }
}

/** Opens the file to use it: its lock is held and its schema is ours when this returns. */
function connect({ path, pragmas }: ResolvedOptions): DatabaseSync {
  const db = new DatabaseSync(path)
  try {
    // A file is data: what a schema made by somebody else asks for is not run.
    db.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON')
    applyPragmas(db, path, pragmas)
    db.exec('BEGIN IMMEDIATE')
    migrate(db, path)
    db.exec('UPDATE meta SET epoch = epoch + 1; DELETE FROM message WHERE reference_count = 0')
    db.exec('COMMIT')
    // Held exclusively, nobody has this mapped: it was left by a store that died, or by `inspect`.
    if (isExclusive(pragmas)) rmSync(`${path}-shm`, { force: true })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function isExclusive(pragmas: ResolvedOptions['pragmas']): boolean {
  return pragmas.some(([name, value]) => name === 'locking_mode' && value === 'exclusive')
}

/** SQLite passes over what it does not know or cannot do, which here is an error. */
function applyPragmas(db: DatabaseSync, path: string, pragmas: ResolvedOptions['pragmas']): void {
  const known = new Set(
    db
      .prepare('PRAGMA pragma_list')
      .all()
      .map(({ name }) => name),
  )
  for (const [name, value] of pragmas) {
    if (!known.has(name)) throw unusable(path, `SQLite has no PRAGMA ${name}`)
    db.exec(`PRAGMA ${name} = ${value}`)
    if (name !== 'journal_mode') continue
    const actual = Object.values(db.prepare('PRAGMA journal_mode').get()!)[0]
    if (actual !== value) {
      throw unusable(
        path,
        `its file system does not allow journalMode '${value}', only '${actual}'`,
      )
    }
  }
}
