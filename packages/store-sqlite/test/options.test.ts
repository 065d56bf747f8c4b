import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { SqliteStore, type SqliteStoreOptions } from '../src/index.ts'
import { resolveOptions } from '../src/options.ts'
import type { SqlitePragmas } from '../src/pragmas.ts'
import { openDatabase, temporaryFolder } from './place.ts'

/** Opens a store and asks its own connection, since most PRAGMAs are one connection's. */
async function readBack(pragmas: SqlitePragmas, names: readonly string[]): Promise<unknown[]> {
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
  const database = openDatabase(`${temporaryFolder()}/store.db`, { pragmas })
  const db = exec.mock.contexts.at(-1) as DatabaseSync
  exec.mockRestore()
  const values = names.map((name) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0])
  database.close()
  return values
}

const NUMBERS = { off: 0, normal: 1, full: 2, extra: 3 } as const

describe('PRAGMAs reach SQLite', () => {
  test('the defaults are durable and private', async () => {
    const names = ['journal_mode', 'synchronous', 'locking_mode', 'fullfsync', 'foreign_keys']
    expect(await readBack({}, names)).toEqual(['wal', 2, 'exclusive', 1, 0])
    const others = ['journal_size_limit', 'trusted_schema', 'cell_size_check']
    expect(await readBack({}, others)).toEqual([67_108_864, 0, 1])
  })

  test('the default patience is five seconds', () => {
    expect(resolveOptions({ path: 'a' }).pragmas).toContainEqual(['busy_timeout', 5000])
  })

  test.each<[SqlitePragmas, string, unknown]>([
    [{ pageSize: 512 }, 'page_size', 512],
    [{ pageSize: 65_536 }, 'page_size', 65_536],
    [{ autoVacuum: 'none' }, 'auto_vacuum', 0],
    [{ autoVacuum: 'full' }, 'auto_vacuum', 1],
    [{ autoVacuum: 'incremental' }, 'auto_vacuum', 2],
    [{ lockingMode: 'normal' }, 'locking_mode', 'normal'],
    [{ journalMode: 'delete' }, 'journal_mode', 'delete'],
    [{ journalMode: 'truncate' }, 'journal_mode', 'truncate'],
    [{ journalMode: 'persist' }, 'journal_mode', 'persist'],
    ...Object.entries(NUMBERS).map(([word, number]): [SqlitePragmas, string, unknown] => [
      { synchronous: word as keyof typeof NUMBERS },
      'synchronous',
      number,
    ]),
    [{ fullfsync: false }, 'fullfsync', 0],
    [{ foreignKeys: true }, 'foreign_keys', 1],
    [{ secureDelete: true }, 'secure_delete', 1],
    [{ secureDelete: 'fast' }, 'secure_delete', 2],
    [{ tempStore: 'default' }, 'temp_store', 0],
    [{ tempStore: 'file' }, 'temp_store', 1],
    [{ tempStore: 'memory' }, 'temp_store', 2],
    [{ cacheSize: 500 }, 'cache_size', 500],
    [{ cacheSize: -16_384 }, 'cache_size', -16_384],
    [{ mmapSize: 1_048_576 }, 'mmap_size', 1_048_576],
    [{ walAutocheckpoint: 0 }, 'wal_autocheckpoint', 0],
    [{ journalSizeLimit: -1 }, 'journal_size_limit', -1],
    [{ journalSizeLimit: 5_000_000_000 }, 'journal_size_limit', 5_000_000_000],
    [{ busyTimeout: 1234 }, 'busy_timeout', 1234],
    [{ extra: { max_page_count: 4321 } }, 'max_page_count', 4321],
    [{ extra: { cache_spill: 'off' } }, 'cache_spill', 0],
  ])('%o', async (pragmas, name, expected) => {
    expect(await readBack(pragmas, [name])).toEqual([expected])
  })

  test('a journal mode that the file system does not allow is an error, not passed over', () => {
    const { prepare } = DatabaseSync.prototype
    const spy = vi.spyOn(DatabaseSync.prototype, 'prepare')
    onTestFinished(() => spy.mockRestore())
    // As SQLite answers where it has no shared memory.
    spy.mockImplementation(function (this: DatabaseSync, sql: string) {
      return prepare.call(this, sql === 'PRAGMA journal_mode' ? "SELECT 'delete'" : sql)
    })
    const path = `${temporaryFolder()}/store.db`
    expect(() => openDatabase(path)).toThrow("does not allow journalMode 'wal', only 'delete'")
  })

  test('one that SQLite does not know is an error, not passed over', () => {
    const pragmas = { extra: { max_page_cuont: 5 } }
    expect(() => openDatabase(`${temporaryFolder()}/store.db`, { pragmas })).toThrow(
      expect.objectContaining({
        code: 'ERR_PROMPTMQ_STORE_UNUSABLE',
        message: expect.stringContaining('max_page_cuont'),
      }),
    )
  })
})

describe('a bad option throws at construction', () => {
  const path = 'store.db'
  test.each<[unknown, typeof Error, string]>([
    [undefined, TypeError, 'options must be an object'],
    [null, TypeError, 'options must be an object'],
    [[], TypeError, 'options must be an object'],
    [{}, TypeError, 'path must be a string'],
    [{ path: 5 }, TypeError, 'path must be a string'],
    [{ path: '' }, RangeError, 'path must name a file'],
    [{ path: 'a\0b' }, RangeError, 'path must name a file'],
    [{ path: ':memory:' }, RangeError, 'MemoryStore'],
    [{ path: 'file:a.db?mode=memory' }, RangeError, 'path must name a file'],
    [{ path, file: 'a' }, TypeError, 'file is not an option'],
    [{ path, check: 'fast' }, RangeError, "check must be one of 'quick', 'full', 'off'"],
    [{ path, check: true }, TypeError, 'check must be one of'],
    [{ path, pragmas: 'wal' }, TypeError, 'pragmas must be an object'],
    [{ path, pragmas: { sync: 'full' } }, TypeError, 'pragmas.sync is not an option'],
    [{ path, pragmas: { toString: 1 } }, TypeError, 'pragmas.toString is not an option'],
    [
      { path, pragmas: { synchronous: 'FULL' } },
      RangeError,
      "pragmas.synchronous must be one of 'off', 'normal', 'full', 'extra', not 'FULL'",
    ],
    [{ path, pragmas: { synchronous: 2 } }, TypeError, 'pragmas.synchronous must be one of'],
    [{ path, pragmas: { journalMode: 'memory' } }, RangeError, 'pragmas.journalMode'],
    [{ path, pragmas: { journalMode: 'off' } }, RangeError, 'pragmas.journalMode'],
    [{ path, pragmas: { lockingMode: 'none' } }, RangeError, 'pragmas.lockingMode'],
    [{ path, pragmas: { autoVacuum: 1 } }, TypeError, 'pragmas.autoVacuum'],
    [{ path, pragmas: { tempStore: 'disk' } }, RangeError, 'pragmas.tempStore'],
    [{ path, pragmas: { fullfsync: 1 } }, TypeError, 'pragmas.fullfsync must be true or false'],
    [{ path, pragmas: { foreignKeys: 'on' } }, TypeError, 'pragmas.foreignKeys'],
    [{ path, pragmas: { secureDelete: 'slow' } }, RangeError, 'pragmas.secureDelete'],
    [{ path, pragmas: { pageSize: 256 } }, RangeError, 'pragmas.pageSize must be an integer from'],
    [{ path, pragmas: { pageSize: 5000 } }, RangeError, 'pragmas.pageSize must be a power of two'],
    [{ path, pragmas: { pageSize: 131_072 } }, RangeError, 'pragmas.pageSize'],
    [{ path, pragmas: { cacheSize: Number.NaN } }, RangeError, 'pragmas.cacheSize'],
    [{ path, pragmas: { cacheSize: 1.5 } }, RangeError, 'pragmas.cacheSize'],
    [{ path, pragmas: { cacheSize: '5' } }, TypeError, 'pragmas.cacheSize'],
    [{ path, pragmas: { cacheSize: 2 ** 31 } }, RangeError, 'pragmas.cacheSize'],
    [{ path, pragmas: { mmapSize: -1 } }, RangeError, 'pragmas.mmapSize'],
    [{ path, pragmas: { walAutocheckpoint: -1 } }, RangeError, 'pragmas.walAutocheckpoint'],
    [{ path, pragmas: { journalSizeLimit: -2 } }, RangeError, 'pragmas.journalSizeLimit'],
    [{ path, pragmas: { busyTimeout: Infinity } }, RangeError, 'pragmas.busyTimeout'],
    [{ path, pragmas: { extra: [] } }, TypeError, 'pragmas.extra must be an object'],
    [{ path, pragmas: { extra: { 'a; b': 1 } } }, RangeError, 'is not the name of a PRAGMA'],
    [{ path, pragmas: { extra: { CACHE_SIZE: 1 } } }, RangeError, 'is not the name of a PRAGMA'],
    [
      { path, pragmas: { extra: { cache_size: 1 } } },
      RangeError,
      'pragmas.extra.cache_size has an option of its own: pragmas.cacheSize',
    ],
    [{ path, pragmas: { extra: { user_version: 1 } } }, RangeError, "is the store's own"],
    [{ path, pragmas: { extra: { writable_schema: 1 } } }, RangeError, "is the store's own"],
    [{ path, pragmas: { extra: { threads: 1.5 } } }, RangeError, 'an integer or a word'],
    [{ path, pragmas: { extra: { threads: '1; DROP' } } }, RangeError, 'an integer or a word'],
    [{ path, pragmas: { extra: { threads: null } } }, RangeError, 'an integer or a word'],
  ])('%o', (options, Type, text) => {
    const construct = () => new SqliteStore(options as SqliteStoreOptions)
    expect(construct).toThrow(Type)
    expect(construct).toThrow(
      expect.objectContaining({
        code: 'ERR_PROMPTMQ_OPTION',
        message: expect.stringContaining(text),
      }),
    )
  })

  test('a path is made absolute, and describes the store', () => {
    expect(new SqliteStore({ path: 'data/x.db' }).description).toBe(resolve('data/x.db'))
  })

  test('an option that is undefined is one that was left out', () => {
    const pragmas = { synchronous: undefined } as unknown as SqlitePragmas
    expect(resolveOptions({ path, pragmas })).toEqual(resolveOptions({ path }))
  })
})
