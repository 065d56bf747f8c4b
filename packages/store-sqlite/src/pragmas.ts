/**
 * The PRAGMAs that a store can be given, in one table: option, PRAGMA, which values, the default.
 *
 * The order is that in which they are applied: how long to wait before anything is waited for, the
 * size of a page before anything is written, the locking mode before the journal mode (which then
 * needs no shared memory).
 */

/** What SQLite is told: `PRAGMA name = value`. */
export type PragmaSetting = readonly [name: string, value: string | number]

/** How SQLite keeps the file. What is left out has the default named with it, else SQLite's own. */
export interface SqlitePragmas {
  /** Bytes, a power of two from 512 to 65,536. Only a new file takes it. */
  readonly pageSize?: number
  /** Only a new file takes it; an existing one at its next `compact()`. */
  readonly autoVacuum?: 'none' | 'full' | 'incremental'
  /**
   * `exclusive`, the default: no other process opens the file, not even to read. With `normal` it can
   * be looked into while in use; a second broker that opens it makes commits of the first fail.
   */
  readonly lockingMode?: 'exclusive' | 'normal'
  /**
   * Default `wal`. Neither `memory` nor `off`: a store keeps its promises over crashes.
   */
  readonly journalMode?: 'wal' | 'delete' | 'truncate' | 'persist'
  /**
   * Default `full`: a resolved commit outlives a loss of power. With `normal` and `wal` the last
   * commits before a loss of power may be gone; with `off` the file may be. None of them loses
   * anything when only the process dies.
   */
  readonly synchronous?: 'off' | 'normal' | 'full' | 'extra'
  /** Default true: on macOS, reaches the disk and not only its cache. Nothing elsewhere. */
  readonly fullfsync?: boolean
  /** Default false. The store's tables have no foreign keys: for tables of your own in the file. */
  readonly foreignKeys?: boolean
  /** Overwrites what is deleted with zeros; `fast`: where that costs no further write. */
  readonly secureDelete?: boolean | 'fast'
  readonly tempStore?: 'default' | 'file' | 'memory'
  /** Pages, or as a negative number KiB. */
  readonly cacheSize?: number
  /** Bytes that are read through a memory map, 0 to 2,147,418,112. */
  readonly mmapSize?: number
  /** Pages in the WAL after which it is brought into the file; 0: only at `compact` and `close`. */
  readonly walAutocheckpoint?: number
  /** Bytes that an idle journal or WAL may occupy; -1: as much as it once needed. Default 64 MiB. */
  readonly journalSizeLimit?: number
  /** Milliseconds to wait for another process to let go of the file. Default 5,000. */
  readonly busyTimeout?: number
  /**
   * Any other PRAGMA by its own name. Values are integers or words; those that have an option above
   * and those that a store depends on are refused.
   *
   * @example { max_page_count: 262_144, cache_spill: 'off' }
   */
  readonly extra?: Readonly<Record<string, string | number>>
}

/** Thrown synchronously at the door, with `code: 'ERR_PROMPTMQ_OPTION'`. */
export function optionError(Type: new (message: string) => Error, message: string): Error {
  return Object.assign(new Type(message), { code: 'ERR_PROMPTMQ_OPTION' })
}

type Check = (value: unknown, path: string) => string | number

interface PragmaRow {
  readonly pragma: string
  readonly check: Check
  readonly fallback?: string | number | boolean
}

type Option = Exclude<keyof SqlitePragmas, 'extra'>

const INT32_MAX = 0x7fff_ffff

const PRAGMAS: { readonly [Name in Option]: PragmaRow } = {
  busyTimeout: { pragma: 'busy_timeout', check: integer(0, INT32_MAX), fallback: 5000 },
  pageSize: { pragma: 'page_size', check: powerOfTwo(512, 65_536) },
  autoVacuum: { pragma: 'auto_vacuum', check: oneOf('none', 'full', 'incremental') },
  lockingMode: {
    pragma: 'locking_mode',
    check: oneOf('exclusive', 'normal'),
    fallback: 'exclusive',
  },
  journalMode: {
    pragma: 'journal_mode',
    check: oneOf('wal', 'delete', 'truncate', 'persist'),
    fallback: 'wal',
  },
  synchronous: {
    pragma: 'synchronous',
    check: oneOf('off', 'normal', 'full', 'extra'),
    fallback: 'full',
  },
  fullfsync: { pragma: 'fullfsync', check: flag(), fallback: true },
  foreignKeys: { pragma: 'foreign_keys', check: flag(), fallback: false },
  secureDelete: { pragma: 'secure_delete', check: flag('fast') },
  tempStore: { pragma: 'temp_store', check: oneOf('default', 'file', 'memory') },
  cacheSize: { pragma: 'cache_size', check: integer(-INT32_MAX, INT32_MAX) },
  mmapSize: { pragma: 'mmap_size', check: integer(0, 0x7fff_0000) },
  walAutocheckpoint: { pragma: 'wal_autocheckpoint', check: integer(0, INT32_MAX) },
  journalSizeLimit: {
    pragma: 'journal_size_limit',
    check: integer(-1, Number.MAX_SAFE_INTEGER),
    fallback: 64 * 1024 * 1024,
  },
}

/** PRAGMAs that say whose file it is, or could take away what the store builds upon. */
const RESERVED: ReadonlySet<string> = new Set([
  'application_id',
  'user_version',
  'schema_version',
  'writable_schema',
  'trusted_schema',
  'query_only',
  'read_uncommitted',
  'encoding',
])

/**
 * Checks `pragmas` and gives what SQLite is to be told, defaults included, in order.
 *
 * @throws TypeError or RangeError with `code: 'ERR_PROMPTMQ_OPTION'`, naming the option.
 */
export function resolvePragmas(pragmas: SqlitePragmas): PragmaSetting[] {
  assertObject(pragmas, 'pragmas')
  for (const name of Object.keys(pragmas)) {
    if (name !== 'extra' && !Object.hasOwn(PRAGMAS, name)) {
      throw optionError(TypeError, `pragmas.${name} is not an option; other PRAGMAs go into extra`)
    }
  }
  const settings: PragmaSetting[] = []
  for (const [name, { pragma, check, fallback }] of Object.entries(PRAGMAS)) {
    const value = pragmas[name as Option] ?? fallback
    if (value !== undefined) settings.push([pragma, check(value, `pragmas.${name}`)])
  }
  return [...settings, ...resolveExtra(pragmas.extra ?? {})]
}

function resolveExtra(extra: Readonly<Record<string, unknown>>): PragmaSetting[] {
  assertObject(extra, 'pragmas.extra')
  return Object.entries(extra).map(([name, value]) => {
    const path = `pragmas.extra.${name}`
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
      throw optionError(RangeError, `${path} is not the name of a PRAGMA`)
    }
    const option = Object.entries(PRAGMAS).find(([, { pragma }]) => pragma === name)
    if (option !== undefined) {
      throw optionError(RangeError, `${path} has an option of its own: pragmas.${option[0]}`)
    }
    if (RESERVED.has(name)) throw optionError(RangeError, `${path} is the store's own`)
    if (Number.isSafeInteger(value)) return [name, value as number]
    if (typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(value)) {
      return [name, value]
    }
    throw optionError(RangeError, `${path} must be an integer or a word`)
  })
}

/** @throws TypeError with `code: 'ERR_PROMPTMQ_OPTION'` unless `value` is an object of options. */
export function assertObject(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw optionError(TypeError, `${path} must be an object`)
  }
}

/** The check for an option that is one of a few words. */
export function oneOf(...words: readonly string[]): Check {
  return (value, path) => {
    const list = words.map((word) => `'${word}'`).join(', ')
    if (typeof value !== 'string') throw optionError(TypeError, `${path} must be one of ${list}`)
    if (!words.includes(value)) {
      throw optionError(RangeError, `${path} must be one of ${list}, not '${value}'`)
    }
    return value
  }
}

function flag(...words: readonly string[]): Check {
  return (value, path) => {
    if (typeof value === 'boolean') return value ? 1 : 0
    if (words.length > 0) return oneOf(...words)(value, `${path}, unless true or false,`)
    throw optionError(TypeError, `${path} must be true or false`)
  }
}

function integer(min: number, max: number): Check {
  return (value, path) => {
    const range = `an integer from ${min} to ${max}`
    if (typeof value !== 'number') throw optionError(TypeError, `${path} must be ${range}`)
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw optionError(RangeError, `${path} must be ${range}, not ${value}`)
    }
    return value
  }
}

function powerOfTwo(min: number, max: number): Check {
  const inRange = integer(min, max)
  return (value, path) => {
    const size = inRange(value, path) as number
    if ((size & (size - 1)) !== 0) {
      throw optionError(RangeError, `${path} must be a power of two, not ${size}`)
    }
    return size
  }
}
