import type { StoreErrorCode } from '@promptmq/store'

/**
 * What goes wrong on the worker's side of the thread. It crosses as data and becomes a StoreError on
 * the other side: the worker imports nothing from other packages.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** SQLite's primary result codes that have an answer of their own. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
/** Extended result codes: an fsync of the file or of its directory failed. */
const SQLITE_IOERR_FSYNC = 1034
const SQLITE_IOERR_DIR_FSYNC = 1290

function resultCode(error: unknown): number {
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode : 0
}

/**
 * After this error no later success on the same handle says anything: the kernel may have dropped
 * the pages that it failed to write, and the database may not be what its pages say.
 */
export function endsTheHandle(error: unknown): boolean {
  const code = resultCode(error)
  const primary = code & 0xff
  return (
    code === SQLITE_IOERR_FSYNC ||
    code === SQLITE_IOERR_DIR_FSYNC ||
    primary === SQLITE_CORRUPT ||
    primary === SQLITE_NOTADB
  )
}

/** Names what SQLite or the file system said about the store at `path`, and what to do about it. */
export function failureFrom(error: unknown, path: string): Failure {
  if (error instanceof Failure) return error
  const options = { cause: error }
  const text = error instanceof Error ? error.message : String(error)
  switch (resultCode(error) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new Failure(
        'ERR_PROMPTMQ_STORE_IN_USE',
        `store '${path}' is in use by another process or broker: stop that one, or give each a path of its own`,
        options,
      )
    case SQLITE_CORRUPT:
      return corrupt(path, text, options)
    case SQLITE_NOTADB:
      return notSqlite(path, options)
    default:
      return unusable(path, text, options)
  }
}

/** The file cannot be used as it is, and somebody has to do something about it. */
export function unusable(path: string, why: string, options?: ErrorOptions): Failure {
  return new Failure(
    'ERR_PROMPTMQ_STORE_UNUSABLE',
    `store '${path}' cannot be used: ${why}`,
    options,
  )
}

/** Somebody else's file, or one whose first page is gone. */
export function notSqlite(path: string, options?: ErrorOptions): Failure {
  return new Failure(
    'ERR_PROMPTMQ_STORE_FOREIGN',
    `'${path}' is not an SQLite database: move it away, or choose another path`,
    options,
  )
}

/** The file's content contradicts itself. */
export function corrupt(path: string, why: string, options?: ErrorOptions): Failure {
  return new Failure(
    'ERR_PROMPTMQ_STORE_CORRUPT',
    `store '${path}' is damaged (${why}): restore it from a backup, or move it and its -wal away to begin anew`,
    options,
  )
}
