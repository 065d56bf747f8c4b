import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionPut, StoreRecord } from '@promptmq/store'
import { onTestFinished } from 'vitest'
import { Database } from '../src/database.ts'
import { resolveOptions, type SqliteStoreOptions } from '../src/options.ts'
import type { RestoreItem } from '../src/reader.ts'

/** A folder that goes with its test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'promptmq-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Opens a Database on this thread, with a short patience. */
export function openDatabase(path: string, options: Partial<SqliteStoreOptions> = {}): Database {
  const pragmas = { busyTimeout: 50, ...options.pragmas }
  const database = Database.open(resolveOptions({ ...options, path, pragmas }))
  onTestFinished(() => database.close())
  return database
}

export function restoreAll(database: Database): RestoreItem[] {
  return [...database.restore()].flat()
}

export function sessionPut(session: number, rest: Partial<SessionPut> = {}): SessionPut {
  return {
    kind: 'sessionPut',
    session,
    clientId: `client-${session}`,
    owner: '',
    sessionExpiryInterval: 60,
    expiresAt: null,
    ...rest,
  }
}

/** A message of `size` bytes in the queue of session 1, message and position numbered alike. */
export function queued(number: number, size = 10): StoreRecord[] {
  return [
    {
      kind: 'messagePut',
      message: number,
      topicName: 'a/b',
      payload: new Uint8Array(size).fill(number),
      properties: new Uint8Array(0),
      qos: 1,
      retain: false,
      expiresAt: null,
      publisher: '',
    },
    {
      kind: 'queueAdd',
      session: 1,
      position: number,
      message: number,
      qos: 1,
      retain: false,
      subscriptionIdentifiers: [],
      sharedFilter: null,
    },
  ]
}
