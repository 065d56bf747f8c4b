import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StoreRecord } from '@promptmq/store'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Database } from '../src/database.ts'
import { MIGRATIONS, migrate } from '../src/schema.ts'
import { openDatabase, queued, restoreAll, sessionPut, temporaryFolder } from './place.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const MEGABYTE = 1_048_576

function makeDatabase(options: Parameters<typeof openDatabase>[1] = {}): Database {
  return openDatabase(join(temporaryFolder(), 'store.db'), options)
}

function storeError(code: string, text = '') {
  return expect.objectContaining({
    code: `ERR_PROMPTMQ_STORE_${code}`,
    message: expect.stringContaining(text),
  })
}

/** Reads a closed file as anybody could. */
function query(path: string, sql: string): unknown[] {
  const db = new DatabaseSync(path)
  const rows = db.prepare(sql).all()
  db.close()
  return rows.map((row) => ({ ...row }))
}

/** Changes a closed file as anybody could. */
function tamper(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

/** Makes the next `sql` fail as SQLite reports it, once. */
function failOnce(sql: string, errcode: number): void {
  const { exec } = DatabaseSync.prototype
  const spy = vi.spyOn(DatabaseSync.prototype, 'exec')
  spy.mockImplementation(function (this: DatabaseSync, text: string) {
    if (text !== sql) return exec.call(this, text)
    spy.mockRestore()
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode })
  })
}

describe('a commit that fails', () => {
  test('because the disk is full applies nothing, and the next one may succeed', () => {
    const database = makeDatabase({ pragmas: { extra: { max_page_count: 100 } } })
    database.commit([sessionPut(1), ...queued(1)])
    const before = restoreAll(database)
    for (let round = 0; round < 3; round++) {
      expect(() => database.commit([sessionPut(2), ...queued(2, MEGABYTE)])).toThrow(
        storeError('COMMIT', 'database or disk is full'),
      )
    }
    expect(restoreAll(database)).toEqual(before)
    expect(database.readQueue(1, 0, 10)).toHaveLength(1)
    database.commit([sessionPut(2), ...queued(2)])
    expect(database.readQueue(1, 0, 10).map(({ position }) => position)).toEqual([1, 2])
  })

  test.each<[string, object[]]>([
    ['a field that is missing', [{ kind: 'sessionPut', session: 2 }]],
    ['a type that SQLite refuses', [sessionPut(2, { expiresAt: 'never' as never })]],
    ['a value that its column refuses', [queued(5)[0]!, { ...queued(5)[1], qos: 0 }]],
    ['an unknown kind', [{ kind: 'leapSecond' }]],
  ])('because of %s applies nothing', (_what, bad) => {
    const database = makeDatabase()
    database.commit([sessionPut(1), ...queued(1), ...queued(2)])
    const before = [restoreAll(database), database.stats()]
    const good: StoreRecord[] = [
      ...queued(3),
      { kind: 'queueDelete', session: 1, position: 1 },
      { kind: 'sessionDelete', session: 1 },
      sessionPut(1),
      ...queued(4),
    ]
    const batch = [...good, ...(bad as StoreRecord[])]
    expect(() => database.commit(batch)).toThrow(storeError('COMMIT', 'could not commit'))
    expect([restoreAll(database), database.stats()]).toEqual(before)
    expect(database.readQueue(1, 0, 10).map(({ position }) => position)).toEqual([1, 2])
    database.commit(good)
    expect(database.readQueue(1, 0, 10).map(({ position }) => position)).toEqual([4])
  })

  test.each([
    ['BUSY', 'BEGIN IMMEDIATE', 5],
    ['IOERR_WRITE', 'COMMIT', 778],
    ['FULL', 'COMMIT', 13],
  ])('with %s may be offered again', (_name, sql, errcode) => {
    const database = makeDatabase()
    database.commit([sessionPut(1)])
    failOnce(sql, errcode)
    expect(() => database.commit(queued(1))).toThrow(storeError('COMMIT'))
    database.commit(queued(1))
    expect(database.readQueue(1, 0, 10)).toHaveLength(1)
  })

  test.each([
    ['IOERR_FSYNC', 1034, 'UNUSABLE'],
    ['IOERR_DIR_FSYNC', 1290, 'UNUSABLE'],
    ['CORRUPT', 11, 'CORRUPT'],
    ['CORRUPT_INDEX', 779, 'CORRUPT'],
    ['NOTADB', 26, 'FOREIGN'],
  ])('with %s ends the handle: no later success would mean anything', async (_, errcode, code) => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    database.commit([sessionPut(1)])
    failOnce('COMMIT', errcode)
    expect(() => database.commit([sessionPut(2)])).toThrow(storeError(code))
    expect(() => database.commit([sessionPut(3)])).toThrow(storeError(code))
    expect(() => database.readQueue(1, 0, 1)).toThrow(storeError(code))
    expect(() => database.stats()).toThrow(storeError(code))
    expect(() => restoreAll(database)).toThrow(storeError(code))
    await expect(database.backup(`${path}.copy`)).rejects.toEqual(storeError(code))
    expect(() => database.compact()).toThrow(storeError(code))
    database.close()
    expect(restoreAll(openDatabase(path)).filter(({ kind }) => kind === 'session')).toHaveLength(1)
  })
})

describe('reference counts', () => {
  test('are exact in the file, and a shared message is written once a batch', async () => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    const [put, add] = queued(1)
    const adds = [2, 3, 4].map((position) => ({ ...add, position }) as StoreRecord)
    database.commit([sessionPut(1), put!, add!, ...adds])
    database.commit([{ kind: 'retainedPut', topicName: 'a/b', message: 1 }])
    database.commit([{ kind: 'queueDelete', session: 1, position: 2 }])
    database.close()
    const sql = 'SELECT message, reference_count AS count FROM message'
    expect(query(path, sql)).toEqual([{ message: 1, count: 4 }])
  })

  test('a message that nothing refers to goes when the file is opened', async () => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    database.commit([queued(1)[0]!])
    expect(database.stats().messages).toBe(1)
    database.close()
    expect(openDatabase(path).stats().messages).toBe(0)
  })

  test('a message put again stays what it was', () => {
    const database = makeDatabase()
    const [put, add] = queued(1)
    database.commit([sessionPut(1), put!, add!])
    database.commit([{ ...put, topicName: 'other' } as StoreRecord])
    database.commit([put!, { ...add, position: 2 } as StoreRecord, { ...add } as StoreRecord])
    const page = database.readQueue(1, 0, 10)
    expect(page.map(({ position, message }) => [position, message.topicName])).toEqual([
      [1, 'a/b'],
      [2, 'a/b'],
    ])
    database.commit([1, 2].map((position) => ({ kind: 'queueDelete', session: 1, position })))
    expect(database.stats().messages).toBe(0)
  })

  test('a number that was dropped may be put again within the batch', () => {
    const database = makeDatabase()
    const [put, add] = queued(1)
    const drop = { kind: 'queueDelete', session: 1, position: 1 } as const
    const again = { ...put, topicName: 'again' } as StoreRecord
    database.commit([sessionPut(1), put!, add!])
    database.commit([drop, again, { ...add, position: 2 } as StoreRecord])
    expect(database.readQueue(1, 0, 10)[0]!.message.topicName).toBe('again')
    expect(database.stats().messages).toBe(1)
  })
})

describe('what no PromptMQ wrote', () => {
  test.each([
    ['a list that is none', `UPDATE queue SET subscription_identifiers = '{}'`],
    ['a list of no integers', `UPDATE queue SET subscription_identifiers = '["1"]'`],
    ['text that is no JSON', `UPDATE queue SET subscription_identifiers = 'x'`],
    ['a number that is none in JavaScript', 'UPDATE message SET expires_at = 1 << 60'],
  ])('%s is named as damage when it is read', async (_what, sql) => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    database.commit([sessionPut(1), ...queued(1)])
    database.close()
    tamper(path, sql)
    const again = openDatabase(path)
    expect(() => again.readQueue(1, 0, 1)).toThrow(storeError('CORRUPT', 'damaged'))
    again.commit([{ kind: 'queueSent', session: 1, position: 1, packetIdentifier: 1 }])
    expect(() => restoreAll(again)).toThrow(storeError('CORRUPT', 'damaged'))
  })

  test('queue rows without a message are passed over', async () => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    database.commit([sessionPut(1), ...queued(1), ...queued(2)])
    database.close()
    tamper(path, 'DELETE FROM message WHERE message = 1')
    const again = openDatabase(path)
    expect(again.readQueue(1, 0, 10).map(({ position }) => position)).toEqual([2])
    again.commit([{ kind: 'queueDelete', session: 1, position: 1 }])
    expect(again.stats().queued).toBe(1)
  })
})

describe('migration', () => {
  const steps = ['CREATE TABLE one (a)', 'CREATE TABLE two (a); INSERT INTO two VALUES (7)']

  test('takes the steps that are missing, in order, and says which it took', () => {
    const db = new DatabaseSync(':memory:')
    migrate(db, 'x', steps.slice(0, 1))
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    migrate(db, 'x', steps)
    migrate(db, 'x', steps)
    expect(db.prepare('SELECT a FROM two').all()).toEqual([{ a: 7 }])
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 })
    expect(db.prepare('PRAGMA application_id').get()).toEqual({ application_id: 0x504d5131 })
    expect(() => migrate(db, 'x', steps.slice(0, 1))).toThrow(storeError('NEWER', 'version 2'))
    db.close()
  })

  test('of a file of the first version keeps what its queues have', () => {
    const path = join(temporaryFolder(), 'store.db')
    const db = new DatabaseSync(path)
    migrate(db, path, MIGRATIONS.slice(0, 1))
    db.exec(`
      INSERT INTO session VALUES (1, 'c', '', 4294967295, NULL);
      INSERT INTO message VALUES (1, 2, 1, 0, NULL, 't', 'p', x'', x'2a');
      INSERT INTO queue VALUES (1, 1, 1, 1, 0, '[7]', 3, 0), (2, 1, 1, 1, 0, NULL, NULL, 0);
    `)
    db.close()
    const database = openDatabase(path)
    const delivery = { sharedFilter: null, message: { payload: Uint8Array.of(42) } }
    expect(restoreAll(database).filter(({ kind }) => kind === 'inflight')).toMatchObject([
      { value: { ...delivery, subscriptionIdentifiers: [7], packetIdentifier: 3 } },
    ])
    expect(database.readQueue(1, 0, 10)).toMatchObject([{ ...delivery, position: 2 }])
    database.close()
  })

  test('in a transaction leaves nothing of a step that fails', () => {
    const db = new DatabaseSync(':memory:')
    migrate(db, 'x', steps.slice(0, 1))
    db.exec('BEGIN')
    expect(() => migrate(db, 'x', [...steps, 'CREATE TABLE three (a); FAIL'])).toThrow('syntax')
    db.exec('ROLLBACK')
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'one' }])
    db.close()
  })

  test('that fails at open leaves the file as it was', async () => {
    const path = join(temporaryFolder(), 'store.db')
    openDatabase(path).close()
    failOnce('BEGIN IMMEDIATE', 10)
    expect(() => openDatabase(path)).toThrow(storeError('UNUSABLE', 'disk I/O error'))
    expect(readdirSync(join(path, '..'))).toEqual(['store.db'])
    openDatabase(path).commit([sessionPut(1)])
  })
})

describe('restore', () => {
  test('comes in pages that are bounded in count', () => {
    const database = makeDatabase()
    const sessions = Array.from({ length: 2500 }, (_, index) => sessionPut(index + 1))
    database.commit(sessions)
    const pages = [...database.restore()]
    expect(pages.map(({ length }) => length)).toEqual([1000, 1000, 501])
  })

  test('comes in pages that are bounded in bytes', () => {
    const database = makeDatabase()
    for (let number = 1; number <= 5; number++) {
      const put = { ...queued(number, MEGABYTE)[0], topicName: `t/${number}` }
      const retained = { kind: 'retainedPut', topicName: put.topicName, message: number }
      database.commit([put, retained] as StoreRecord[])
    }
    const pages = [...database.restore()].filter(({ length }) => length > 0)
    expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(2)
  })

  test('can be left and begun again', () => {
    const database = makeDatabase()
    database.commit([sessionPut(1)])
    database.restore().next()
    expect(restoreAll(database)).toHaveLength(2)
  })
})

describe('compact', () => {
  test('gives the room of what is gone back to the file system', async () => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    database.commit([sessionPut(1), ...queued(1, 3 * MEGABYTE)])
    database.commit([{ kind: 'queueDelete', session: 1, position: 1 }])
    expect(database.stats().bytes).toBeGreaterThan(3 * MEGABYTE)
    database.compact()
    expect(database.stats().bytes).toBeLessThan(100_000)
    expect(statSync(`${path}-wal`).size).toBe(0)
    database.commit(queued(2))
    expect(database.readQueue(1, 0, 10)).toHaveLength(1)
  })
})

describe('backup', () => {
  test('is a store of its own, private, with what was committed meanwhile', async () => {
    const folder = temporaryFolder()
    const database = openDatabase(join(folder, 'store.db'))
    database.commit([sessionPut(1), ...queued(1, 2 * MEGABYTE)])
    let last = 1
    await database.backup(join(folder, 'copy.db'), () => database.commit(queued(++last, 1000)))
    expect(last).toBeGreaterThan(3)
    expect(readdirSync(folder)).toEqual(['copy.db', 'store.db', 'store.db-wal'])
    expect(statSync(join(folder, 'copy.db')).mode & 0o777).toBe(0o600)
    const copy = openDatabase(join(folder, 'copy.db'), { check: 'full' })
    const positions = copy.readQueue(1, 0, 100).map(({ position }) => position)
    expect(positions).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    database.commit(queued(last + 1))
  })

  test('replaces nothing, and what it leaves behind is nothing', async () => {
    const folder = temporaryFolder()
    const database = openDatabase(join(folder, 'store.db'))
    database.commit([sessionPut(1)])
    writeFileSync(join(folder, 'there'), 'precious')
    mkdirSync(join(folder, 'folder'))
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'))
    for (const name of ['there', 'folder', 'link', 'store.db', 'missing/copy.db']) {
      await expect(database.backup(join(folder, name))).rejects.toEqual(storeError('UNUSABLE'))
    }
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
    const names = ['folder', 'link', 'store.db', 'store.db-wal', 'there']
    expect(readdirSync(folder)).toEqual(names)
    database.commit([sessionPut(2)])
  })
})
