import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { corrupt, notSqlite, unusable } from './failure.ts'

/**
 * The file and its companions, as far as they are the file system's business.
 *
 *   promptmq.db        0600, in directories made with 0700
 *   promptmq.db-wal    SQLite gives these the mode of the first
 *   promptmq.db-shm
 *   promptmq.db-journal
 *
 * An existing file is looked at and never opened here: closing any descriptor of a file releases all
 * locks that the process holds on it, those of a store that is open on it elsewhere included.
 */
const COMPANIONS = ['', '-wal', '-shm', '-journal']

/** Bytes: no SQLite database with content is smaller. */
const SMALLEST_PAGE = 512

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077

/**
 * Sees to it that there is a file at `path` that this process may trust: a regular one, its own.
 * Makes it, and the directories above, where there is nothing.
 *
 * @returns whether it has content.
 * @throws Failure `ERR_PROMPTMQ_STORE_UNUSABLE`; `_FOREIGN` for what is too small to be a database;
 *   `_CORRUPT` where only the -wal has content.
 */
export function prepareFile(path: string): boolean {
  for (const suffix of COMPANIONS) assertTrustworthy(path, `${path}${suffix}`)
  const size = statOf(path, path)?.size ?? 0
  // The file systems that made SQLite take one byte for none are gone; it still does.
  if (size > 0 && size < SMALLEST_PAGE) throw notSqlite(path)
  if (size > 0) return true
  // SQLite would take an empty file for a new one, and drop the commits that wait in the -wal.
  if ((statOf(path, `${path}-wal`)?.size ?? 0) > 0) {
    throw corrupt(path, 'the file is empty or gone, and its -wal is not')
  }
  create(path)
  return false
}

/** Takes all rights from everybody but the owner. */
export function tightenModes(path: string): void {
  for (const suffix of COMPANIONS) {
    const file = `${path}${suffix}`
    const stats = statOf(path, file)
    if (stats !== undefined && (stats.mode & OTHERS) !== 0) {
      attempt(path, () => chmodSync(file, stats.mode & 0o700))
    }
  }
}

/** Bytes of the database and of what is to be brought into it. */
export function sizeOnDisk(path: string): number {
  return COMPANIONS.reduce((sum, suffix) => sum + (statOf(path, `${path}${suffix}`)?.size ?? 0), 0)
}

/** Makes an empty file that only its owner can read; there must be none. */
export function createPrivateFile(file: string): void {
  closeSync(openSync(file, 'wx', 0o600))
}

/** Whether there is anything at all called `file`. */
export function exists(path: string, file: string): boolean {
  return statOf(path, file) !== undefined
}

function create(path: string): void {
  attempt(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (!exists(path, path)) createPrivateFile(path)
  })
}

/**
 * A symbolic link could lead writes anywhere, and who owns a file can read and change what is in it
 * whatever its mode.
 */
function assertTrustworthy(path: string, file: string): void {
  const stats = statOf(path, file)
  if (stats === undefined) return
  if (stats.isDirectory()) throw unusable(path, `'${file}' is a directory: name a file in it`)
  if (stats.isSymbolicLink()) {
    throw unusable(path, `'${file}' is a symbolic link: name the file that it leads to`)
  }
  if (!stats.isFile()) throw unusable(path, `'${file}' is not a regular file`)
  const mode = stats.mode & 0o777
  if ((mode & 0o600) !== 0o600) {
    throw unusable(path, `'${file}' has mode ${mode.toString(8)}: let its owner read and write it`)
  }
  const user = process.geteuid?.()
  if (user !== undefined && stats.uid !== user) {
    throw unusable(
      path,
      `'${file}' belongs to user ${stats.uid} and this process runs as ${user}: change its owner`,
    )
  }
}

function statOf(path: string, file: string): Stats | undefined {
  return attempt(path, () => lstatSync(file, { throwIfNoEntry: false }))
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw unusable(path, (error as Error).message, { cause: error })
  }
}
