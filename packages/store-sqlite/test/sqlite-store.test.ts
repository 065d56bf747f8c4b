import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { RestoreSink, StoreRecord } from '@promptmq/store'
import { collectRestored, storeConformance } from '@promptmq/store/conformance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SqliteStore } from '../src/index.ts'
import { queued, sessionPut, temporaryFolder } from './place.ts'

describe.concurrent('SqliteStore conforms', () => {
  const cases = storeConformance(() => {
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-'))
    const options = { path: join(folder, 'store.db') }
    let store = new SqliteStore(options)
    return {
      store,
      async reopen() {
        store = new SqliteStore(options)
        return store
      },
      async crash() {
        await store.kill()
        store = new SqliteStore(options)
        return store
      },
      async dispose() {
        await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  })
  for (const { name, run } of cases) test(name, run)
})

async function openStore(): Promise<SqliteStore> {
  const store = new SqliteStore({ path: join(temporaryFolder(), 'store.db') })
  onTestFinished(() => store.close())
  await store.open()
  return store
}

/** Opens a store and gives its thread too. */
async function openWithWorker(): Promise<{ store: SqliteStore; worker: Worker }> {
  const created = once(process, 'worker')
  const store = await openStore()
  const [worker] = (await created) as [Worker]
  return { store, worker }
}

function error(code: string, message = '') {
  return { name: 'StoreError', code, message: expect.stringContaining(message) }
}

describe('errors cross the thread', () => {
  test('with their code, and what SQLite said as their cause', async () => {
    const store = await openStore()
    await store.commit([sessionPut(1)])
    const batch = [sessionPut(2, { expiresAt: 'never' as never })]
    await expect(store.commit(batch)).rejects.toMatchObject({
      ...error('ERR_PROMPTMQ_STORE_COMMIT', store.description),
      cause: { code: 'ERR_SQLITE_ERROR', errcode: 3091 },
    })
    await store.commit([sessionPut(2)])
    expect((await store.stats()).sessions).toBe(2)
  })

  test.each<[string, unknown]>([
    ['that cannot be cloned', { kind: 'sessionDelete', session: () => {} }],
    ['whose payload is no bytes', { kind: 'willPut', session: 1, payload: 'text' }],
    ['that is none', null],
  ])('a record %s refuses its batch', async (_what, record) => {
    const store = await openStore()
    await expect(store.commit([record as StoreRecord])).rejects.toMatchObject(
      error('ERR_PROMPTMQ_STORE_COMMIT', 'bad batch'),
    )
    await store.commit([sessionPut(1)])
  })

  test('from open, and the store may be opened once the cause is gone', async () => {
    const path = join(temporaryFolder(), 'store.db')
    writeFileSync(path, 'precious'.repeat(100))
    const store = new SqliteStore({ path })
    onTestFinished(() => store.close())
    await expect(store.open()).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_FOREIGN', path))
    await expect(store.stats()).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_CLOSED'))
    rmSync(path)
    await store.open()
    expect((await store.stats()).sessions).toBe(0)
  })

  test('and a bad path for a backup is the caller’s mistake', async () => {
    const store = await openStore()
    await expect(store.backup('')).rejects.toMatchObject({ code: 'ERR_PROMPTMQ_OPTION' })
    await expect(store.backup(store.description)).rejects.toMatchObject(
      error('ERR_PROMPTMQ_STORE_UNUSABLE', 'replaces nothing'),
    )
  })
})

describe('life cycle', () => {
  test('nothing works before open, and close is no error', async () => {
    const store = new SqliteStore({ path: join(temporaryFolder(), 'store.db') })
    const closed = error('ERR_PROMPTMQ_STORE_CLOSED', 'not open')
    await expect(store.commit([])).rejects.toMatchObject(closed)
    await expect(store.restore({} as RestoreSink)).rejects.toMatchObject(closed)
    await expect(store.compact()).rejects.toMatchObject(closed)
    await expect(store.backup('copy.db')).rejects.toMatchObject(closed)
    await store.close()
    await store.kill()
  })

  test('open twice is refused; open after close, and while closing, is not', async () => {
    const store = await openStore()
    await expect(store.open()).rejects.toMatchObject(
      error('ERR_PROMPTMQ_STORE_IN_USE', 'open already'),
    )
    await store.commit([sessionPut(1)])
    const closing = store.close()
    await store.open()
    await closing
    expect((await store.stats()).sessions).toBe(1)
  })

  test('close leaves one file', async () => {
    const store = await openStore()
    await store.commit([sessionPut(1)])
    await store.close()
    expect(readdirSync(dirname(store.description))).toEqual(['store.db'])
  })

  test.each(['close', 'kill'] as const)('%s while opening ends it', async (end) => {
    const path = join(temporaryFolder(), 'store.db')
    const store = new SqliteStore({ path })
    await Promise.all([store.open(), store[end]()])
    await expect(store.stats()).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_CLOSED'))
    expect(readdirSync(dirname(path))).toEqual(['store.db'])
  })

  test('kill while the thread opens the file rejects the opening', async () => {
    const created = once(process, 'worker')
    const store = new SqliteStore({ path: join(temporaryFolder(), 'store.db') })
    const opening = expect(store.open()).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_CLOSED'))
    await created
    await store.kill()
    await opening
    await store.open()
    await store.close()
  })

  test('kill rejects what is under way, and open may follow', async () => {
    const store = await openStore()
    await store.commit([sessionPut(1)])
    const commits = [1, 2, 3].map((number) => store.commit(queued(number, 1_000_000)))
    const settled = Promise.allSettled(commits)
    await store.kill()
    for (const result of await settled) {
      if (result.status === 'fulfilled') continue
      expect(result.reason).toMatchObject(error('ERR_PROMPTMQ_STORE_CLOSED'))
    }
    await expect(store.stats()).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_CLOSED'))
    await store.open()
    expect((await store.stats()).sessions).toBe(1)
  })

  test('a thread that ends by itself rejects what is pending and what comes after', async () => {
    const { store, worker } = await openWithWorker()
    const ended = error('ERR_PROMPTMQ_STORE_UNUSABLE', 'its thread has ended')
    const pending = expect(store.commit(queued(1, 1_000_000))).rejects.toMatchObject(ended)
    await worker.terminate()
    await pending
    await expect(store.stats()).rejects.toMatchObject(ended)
    await store.close()
    await store.open()
    expect((await store.stats()).sessions).toBe(0)
  })

  test('a thread that fails says why', async () => {
    const { store, worker } = await openWithWorker()
    worker.emit('error', new Error('out of memory'))
    await expect(store.stats()).rejects.toMatchObject({
      ...error('ERR_PROMPTMQ_STORE_UNUSABLE'),
      cause: { message: 'out of memory' },
    })
    await worker.terminate()
    await store.close()
  })
})

describe('restore', () => {
  test('throws on what a sink throws, and the store works on', async () => {
    const store = await openStore()
    const sessions = Array.from({ length: 3000 }, (_, index) => sessionPut(index + 1))
    await store.commit(sessions)
    const sink = {
      highest() {},
      session() {
        throw new RangeError('no more')
      },
    } as unknown as RestoreSink
    await expect(store.restore(sink)).rejects.toThrow(new RangeError('no more'))
    // The rest of it must not keep the tables from being rewritten.
    await store.compact()
    expect((await collectRestored(store)).sessions).toHaveLength(3000)
  })

  test('keeps `this` of a sink that is an object with methods', async () => {
    const store = await openStore()
    await store.commit([sessionPut(7)])
    const sink = {
      seen: [] as number[],
      highest() {},
      session({ session }: { session: number }) {
        this.seen.push(session)
      },
    }
    await store.restore(sink as unknown as RestoreSink)
    expect(sink.seen).toEqual([7])
  })
})

test('records are the caller’s again as soon as commit returns', async () => {
  const store = await openStore()
  const batch = [sessionPut(1), ...queued(1)]
  const commit = store.commit(batch)
  for (const record of batch) if (record.kind === 'messagePut') record.payload.fill(0)
  batch.length = 0
  await commit
  const [page] = await store.readQueue(1, 0, 1)
  expect(page!.message.payload[0]).toBe(1)
})

describe('backup', () => {
  test('lets commits pass, and has those that passed', async () => {
    const store = await openStore()
    await store.commit([sessionPut(1), ...queued(1, 20_000_000)])
    let isThrough = false
    const backup = store.backup(`${store.description}.copy`).then(() => {
      isThrough = true
    })
    let last = 1
    let passed = 1
    while (!isThrough) {
      await store.commit(queued(++last))
      if (!isThrough) passed = last
    }
    await backup
    // Whatever the timing, most commits are served while pages are being copied.
    expect(passed).toBeGreaterThan(5)
    const copy = new SqliteStore({ path: `${store.description}.copy` })
    onTestFinished(() => copy.close())
    await copy.open()
    const positions = (await copy.readQueue(1, 1, 100_000)).map(({ position }) => position)
    expect(positions.length).toBeGreaterThanOrEqual(passed - 2)
    expect(positions).toEqual(positions.map((_, index) => index + 2))
  })

  test('is waited for by another backup, by compact and by close', async () => {
    const store = await openStore()
    await store.commit([sessionPut(1), ...queued(1, 5_000_000)])
    const order: string[] = []
    const note = (name: string) => () => {
      order.push(name)
    }
    await Promise.all([
      store.backup(`${store.description}.a`).then(note('a')),
      store.commit(queued(2)).then(note('commit')),
      store.backup(`${store.description}.b`).then(note('b')),
      store.compact().then(note('compact')),
      store.close().then(note('close')),
    ])
    expect(order).toEqual(['commit', 'a', 'b', 'compact', 'close'])
    const names = ['store.db', 'store.db.a', 'store.db.b']
    expect(readdirSync(dirname(store.description))).toEqual(names)
  })

  test('that fails lets what waited for it go on', async () => {
    const store = await openStore()
    const [backup, compact] = [store.backup(store.description), store.compact()]
    await expect(backup).rejects.toMatchObject(error('ERR_PROMPTMQ_STORE_UNUSABLE'))
    await compact
    await store.commit([sessionPut(1)])
  })
})
