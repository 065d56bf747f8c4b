import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Database } from '../src/database.ts'
import { resolveOptions } from '../src/options.ts'
import { openDatabase, queued, restoreAll, sessionPut, temporaryFolder } from './place.ts'

const mode = (path: string) => statSync(path).mode & 0o777
const isRoot = process.geteuid?.() === 0
const NOBODY = 65_534

/** A store with some hundred messages, closed. */
async function makeStore(path: string): Promise<void> {
  const database = Database.open(resolveOptions({ path }))
  database.commit([sessionPut(1)])
  for (let number = 1; number <= 300; number++) database.commit(queued(number, 200))
  database.close()
}

function foreign(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

/** Runs `action` without the rights of root, which no mode keeps out. */
function asNobody<T>(action: () => T): T {
  if (!isRoot) return action()
  process.seteuid!(NOBODY)
  try {
    return action()
  } finally {
    process.seteuid!(0)
  }
}

function expectRefusal(path: string, code: string, text: string): void {
  expect(() => openDatabase(path)).toThrow(
    expect.objectContaining({
      code: `ERR_PROMPTMQ_STORE_${code}`,
      message: expect.stringMatching(new RegExp(`${path}.*${text}`)),
    }),
  )
}

describe('a new file', () => {
  test('is its owner’s alone, and so are its companions and the folders made for it', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'a/b/store.db')
    const database = openDatabase(path, { pragmas: { lockingMode: 'normal' } })
    database.commit([sessionPut(1)])
    expect(readdirSync(join(folder, 'a/b'))).toEqual(['store.db', 'store.db-shm', 'store.db-wal'])
    for (const suffix of ['', '-wal', '-shm']) expect(mode(`${path}${suffix}`)).toBe(0o600)
    expect([mode(join(folder, 'a')), mode(join(folder, 'a/b'))]).toEqual([0o700, 0o700])
  })

  test('may be there already, empty', () => {
    const path = join(temporaryFolder(), 'store.db')
    writeFileSync(path, '', { mode: 0o644 })
    openDatabase(path).commit([sessionPut(1)])
    expect(mode(path)).toBe(0o600)
  })

  test('may be an SQLite database without tables', () => {
    const path = join(temporaryFolder(), 'store.db')
    foreign(path, 'CREATE TABLE t (a); DROP TABLE t')
    expect(statSync(path).size).toBeGreaterThan(0)
    openDatabase(path).commit([sessionPut(1)])
  })
})

describe('an existing file', () => {
  test('has its mode tightened, and what its owner may do left alone', async () => {
    const path = join(temporaryFolder(), 'store.db')
    await makeStore(path)
    chmodSync(path, 0o666)
    openDatabase(path).close()
    expect(mode(path)).toBe(0o600)
  })

  test('leaves nothing beside it once it is closed', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'store.db')
    await makeStore(path)
    expect(readdirSync(folder)).toEqual(['store.db'])
    // A checked file is opened read-only first, which makes a -shm.
    openDatabase(path, { check: 'full' }).close()
    expect(readdirSync(folder)).toEqual(['store.db'])
  })

  test.each(['quick', 'full', 'off'] as const)('is opened with check: %s', async (check) => {
    const path = join(temporaryFolder(), 'store.db')
    await makeStore(path)
    expect(openDatabase(path, { check }).stats().queued).toBe(300)
  })
})

describe('a file that is refused is left as it was', () => {
  const REFUSALS: readonly [
    what: string,
    make: (path: string) => Promise<void> | void,
    code: string,
    text: string,
  ][] = [
    [
      'a text file',
      (path) => writeFileSync(path, 'hello'.repeat(1000)),
      'FOREIGN',
      'not an SQLite',
    ],
    ['a file of one byte', (path) => writeFileSync(path, 'x'), 'FOREIGN', 'not an SQLite'],
    [
      'another application’s database',
      (path) => foreign(path, 'PRAGMA application_id = 7; CREATE TABLE t (a)'),
      'FOREIGN',
      'another application',
    ],
    [
      'another application’s empty database',
      (path) => foreign(path, 'PRAGMA application_id = 7'),
      'FOREIGN',
      'another application',
    ],
    [
      'a database with tables and no name',
      (path) => foreign(path, 'PRAGMA journal_mode = WAL; CREATE TABLE session (a)'),
      'FOREIGN',
      'another application',
    ],
    [
      'a later release’s store',
      async (path) => {
        await makeStore(path)
        foreign(path, 'PRAGMA user_version = 99')
      },
      'NEWER',
      'schema version 99.*upgrade',
    ],
    [
      'a damaged page',
      async (path) => {
        await makeStore(path)
        const bytes = readFileSync(path)
        bytes.fill(0xff, 5 * 4096, 7 * 4096)
        writeFileSync(path, bytes)
      },
      'CORRUPT',
      'damaged.*backup',
    ],
    [
      'a row that breaks its table’s rules',
      async (path) => {
        await makeStore(path)
        foreign(path, 'PRAGMA ignore_check_constraints = ON; UPDATE message SET qos = 3')
      },
      'CORRUPT',
      'CHECK constraint',
    ],
    [
      'a file that was cut off',
      async (path) => {
        await makeStore(path)
        writeFileSync(path, readFileSync(path).subarray(0, 8 * 4096))
      },
      'CORRUPT',
      'damaged',
    ],
    [
      'an empty file with a WAL beside it',
      (path) => {
        writeFileSync(path, '')
        writeFileSync(`${path}-wal`, 'commits')
      },
      'CORRUPT',
      '-wal is not',
    ],
  ]

  test.each(REFUSALS)('%s', async (_what, make, code, text) => {
    const folder = temporaryFolder()
    const path = join(folder, 'store.db')
    await make(path)
    chmodSync(path, 0o640)
    const before = { bytes: readFileSync(path), stats: statSync(path, { bigint: true }) }
    expectRefusal(path, code, text)
    const after = statSync(path, { bigint: true })
    expect(readFileSync(path).equals(before.bytes)).toBe(true)
    expect([after.mode, after.mtimeNs]).toEqual([before.stats.mode, before.stats.mtimeNs])
    if (code === 'FOREIGN') expect(readdirSync(folder)).toEqual(['store.db'])
  })

  test('a damaged file whose WAL holds commits: neither changes', async () => {
    const folder = temporaryFolder()
    const live = join(folder, 'live.db')
    const path = join(folder, 'store.db')
    await makeStore(live)
    openDatabase(live).commit(queued(301, 5000))
    for (const suffix of ['', '-wal']) copyFileSync(`${live}${suffix}`, `${path}${suffix}`)
    const bytes = readFileSync(path).fill(0xff, 5 * 4096, 7 * 4096)
    writeFileSync(path, bytes)
    const wal = readFileSync(`${path}-wal`)
    expect(wal.length).toBeGreaterThan(0)
    expectRefusal(path, 'CORRUPT', 'damaged')
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(readFileSync(`${path}-wal`).equals(wal)).toBe(true)
  })
})

describe('a place that cannot be used', () => {
  test('a directory', () => {
    expectRefusal(temporaryFolder(), 'UNUSABLE', 'is a directory')
  })

  test('a device', () => {
    expectRefusal('/dev/null', 'UNUSABLE', 'not a regular file')
  })

  test('a symbolic link, to a store or to nothing', async () => {
    const folder = temporaryFolder()
    const [target, path] = [join(folder, 'target.db'), join(folder, 'store.db')]
    symlinkSync(target, path)
    expectRefusal(path, 'UNUSABLE', 'symbolic link')
    expect(existsSync(target)).toBe(false)
    await makeStore(target)
    expectRefusal(path, 'UNUSABLE', 'symbolic link')
  })

  test.each(['-wal', '-shm', '-journal'])('a symbolic link as its %s', async (suffix) => {
    const folder = temporaryFolder()
    const path = join(folder, 'store.db')
    await makeStore(path)
    writeFileSync(join(folder, 'victim'), 'precious')
    symlinkSync(join(folder, 'victim'), `${path}${suffix}`)
    expectRefusal(path, 'UNUSABLE', 'symbolic link')
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('precious')
  })

  test('somebody else’s file', () => {
    const path = isRoot ? join(temporaryFolder(), 'store.db') : '/etc/hosts'
    if (isRoot) {
      writeFileSync(path, '')
      chownSync(path, NOBODY, NOBODY)
    }
    expectRefusal(path, 'UNUSABLE', 'belongs to user')
  })

  test('below a file', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    expectRefusal(join(folder, 'file/store.db'), 'UNUSABLE', 'ENOTDIR')
  })

  test('a folder that may not be written, new file and old', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'inner/store.db')
    mkdirSync(join(folder, 'inner'))
    await makeStore(path)
    if (isRoot) chownSync(path, NOBODY, NOBODY)
    chmodSync(folder, 0o755)
    chmodSync(join(folder, 'inner'), 0o555)
    onTestFinished(() => chmodSync(join(folder, 'inner'), 0o755))
    asNobody(() => {
      expectRefusal(join(folder, 'inner/new.db'), 'UNUSABLE', 'EACCES')
      expectRefusal(path, 'UNUSABLE', 'unable to open|readonly')
    })
  })

  test('a file that may not be written', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'store.db')
    await makeStore(path)
    if (isRoot) {
      chownSync(folder, NOBODY, NOBODY)
      chownSync(path, NOBODY, NOBODY)
    }
    chmodSync(path, 0o400)
    asNobody(() => expectRefusal(path, 'UNUSABLE', 'mode 400'))
  })
})

describe('a file in use', () => {
  /** Opens the store in a process of its own and says how that went. */
  function openElsewhere(path: string): string {
    const script = `
      import { SqliteStore } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      const store = new SqliteStore({ path: process.argv[1], pragmas: { busyTimeout: 50 } })
      await store.open().then(() => store.close()).then(() => console.log('opened'),
        ({ code }) => console.log(code))`
    const options = ['--conditions=promptmq-source', '--input-type=module', '-e', script, path]
    return spawnSync(process.execPath, options, { encoding: 'utf8' }).stdout.trim()
  }

  test('is refused to another process, and to another store of this one', async () => {
    const path = join(temporaryFolder(), 'store.db')
    const database = openDatabase(path)
    expect(openElsewhere(path)).toBe('ERR_PROMPTMQ_STORE_IN_USE')
    expectRefusal(path, 'IN_USE', 'in use by another process')
    // Looking at a file must not release the locks that this process holds on it.
    expect(openElsewhere(path)).toBe('ERR_PROMPTMQ_STORE_IN_USE')
    database.commit([sessionPut(1)])
    database.close()
    expect(openElsewhere(path)).toBe('opened')
  })

  test('is refused in a rollback journal mode too', () => {
    const path = join(temporaryFolder(), 'store.db')
    openDatabase(path, { pragmas: { journalMode: 'delete' } })
    expectRefusal(path, 'IN_USE', 'in use by another process')
  })

  test('with lockingMode normal passes to who opens it last, and the first keeps out', () => {
    const path = join(temporaryFolder(), 'store.db')
    const pragmas = { lockingMode: 'normal' } as const
    const first = openDatabase(path, { pragmas })
    first.commit([sessionPut(1)])
    const second = openDatabase(path, { pragmas })
    const fenced = expect.objectContaining({ code: 'ERR_PROMPTMQ_STORE_IN_USE' })
    expect(() => first.commit([sessionPut(2)])).toThrow(fenced)
    expect(() => first.readQueue(1, 0, 1)).toThrow(fenced)
    second.commit([sessionPut(3)])
    const sessions = restoreAll(second).flatMap((item) =>
      item.kind === 'session' ? [item.value.session] : [],
    )
    expect(sessions).toEqual([1, 3])
  })
})

describe('a torn WAL opens to a prefix of the commits', () => {
  /** A file and a WAL of `commits` sessions, one a commit. */
  function torn(commits: number): { open(wal: Buffer): number; wal: Buffer } {
    const folder = temporaryFolder()
    const live = join(folder, 'live.db')
    const database = openDatabase(live, { pragmas: { walAutocheckpoint: 0 } })
    for (let session = 1; session <= commits; session++) database.commit([sessionPut(session)])
    const [main, wal] = [readFileSync(live), readFileSync(`${live}-wal`)]
    let copies = 0
    return {
      wal,
      open(bytes) {
        const path = join(folder, `copy-${++copies}.db`)
        writeFileSync(path, main)
        writeFileSync(`${path}-wal`, bytes)
        const sessions = restoreAll(openDatabase(path)).flatMap((item) =>
          item.kind === 'session' ? [item.value.session] : [],
        )
        expect(sessions).toEqual(Array.from({ length: sessions.length }, (_, at) => at + 1))
        return sessions.length
      },
    }
  }

  test('cut anywhere', () => {
    const { open, wal } = torn(8)
    expect(open(wal)).toBe(8)
    let last = 8
    for (let size = wal.length; size >= 0; size -= 1009) {
      const count = open(wal.subarray(0, size))
      expect(count).toBeLessThanOrEqual(last)
      last = count
    }
    expect(last).toBe(0)
  })

  test('with a bit flipped anywhere', () => {
    const { open, wal } = torn(8)
    for (let offset = 40; offset < wal.length; offset += 2503) {
      const flipped = Buffer.from(wal)
      flipped[offset]! ^= 1 << (offset % 8)
      expect(open(flipped)).toBeLessThanOrEqual(8)
    }
  })
})
