import { resolve } from 'node:path'
import {
  assertObject,
  oneOf,
  optionError,
  type PragmaSetting,
  resolvePragmas,
  type SqlitePragmas,
} from './pragmas.ts'

/** What {@link SqliteStore} takes. */
export interface SqliteStoreOptions {
  /** The database file. It is made, with the directories above it, where there is none. */
  readonly path: string
  readonly pragmas?: SqlitePragmas
  /**
   * What is verified when the file is opened. `quick`, the default, reads all of it once; `full`
   * compares indexes with tables too; `off` finds damage only where it is read.
   */
  readonly check?: 'quick' | 'full' | 'off'
}

/** Checked, complete and as plain data: it is posted to the worker. */
export interface ResolvedOptions {
  /** Absolute. */
  readonly path: string
  readonly pragmas: readonly PragmaSetting[]
  readonly check: 'quick' | 'full' | 'off'
}

const OPTIONS: readonly string[] = [
  'path',
  'pragmas',
  'check',
] satisfies (keyof SqliteStoreOptions)[]
const checkOneOf = oneOf('quick', 'full', 'off')

/** @throws TypeError or RangeError with `code: 'ERR_PROMPTMQ_OPTION'`, naming the option. */
export function resolveOptions(options: SqliteStoreOptions): ResolvedOptions {
  assertObject(options, 'options')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw optionError(TypeError, `${name} is not an option`)
  }
  return {
    path: resolvePath(options.path),
    pragmas: resolvePragmas(options.pragmas ?? {}),
    check: checkOneOf(options.check ?? 'quick', 'check') as ResolvedOptions['check'],
  }
}

/** @throws as {@link resolveOptions}. */
export function resolvePath(path: unknown): string {
  if (typeof path !== 'string') throw optionError(TypeError, 'path must be a string')
  if (path === '' || path.includes('\0')) {
    throw optionError(RangeError, 'path must name a file')
  }
  if (path === ':memory:' || path.startsWith('file:')) {
    throw optionError(
      RangeError,
      `path must name a file, not '${path}'; MemoryStore is the store without one`,
    )
  }
  return resolve(path)
}
