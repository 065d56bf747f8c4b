import assert from 'node:assert/strict'
import { SESSION_NEVER_EXPIRES } from '../store.ts'
import {
  bytes,
  messagePut,
  queueAdd,
  queued,
  retainedPut,
  sessionPut,
  subscriptionPut,
  willPut,
  withoutKind,
} from './records.ts'
import type { Case } from './subject.ts'

/** Every byte value, which no text encoding survives. */
const BINARY = Uint8Array.from({ length: 256 }, (_, index) => index)

/** Strings that code which takes names for keys, patterns or another encoding gets wrong. */
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  '',
  ' ',
  "'; DROP TABLE session; --",
  '%u',
  '(a+)+$',
  '..',
  'a/../b',
  '\r\n\u001b[31m',
  '\u202eevil',
  // The same to a reader and different to the standard [MQTT-4.7.3-4].
  '\u00e9',
  'e\u0301',
  'E\u0301',
  // U+FEFF is a character wherever it stands [MQTT-1.5.4-3].
  '\ufeffbom',
  'bom',
  '\u{1f600}',
  '\uffff',
  '\u{10ffff}',
]

interface Bytes {
  readonly payload: Uint8Array
  readonly properties: Uint8Array
}

/** Without a report of where they differ, which takes minutes for a megabyte. */
function assertSameBytes(actual: Bytes, expected: Bytes): void {
  assert.equal(actual.payload.length, expected.payload.length)
  assert.ok(Buffer.compare(actual.payload, expected.payload) === 0, 'payload')
  assert.ok(Buffer.compare(actual.properties, expected.properties) === 0, 'properties')
}

/** Values at the edge of what the standard allows. */
export const extremeCases: readonly Case[] = [
  {
    name: 'any string is a Client Identifier, owner, publisher, filter or topic of its own',
    async run(subject) {
      const sessions = NAMES.map((name, index) =>
        sessionPut(index + 1, { clientId: name, owner: name }),
      )
      const filters = NAMES.map((name) => subscriptionPut(1, `${name}/#`))
      const messages = NAMES.map((name, index) =>
        messagePut(index + 1, { topicName: name, publisher: name }),
      )
      await subject.commit(...sessions, ...filters, ...messages, ...messages.map(retainedPut))
      const restored = await subject.restart()
      assert.deepEqual(restored.sessions, sessions.map(withoutKind))
      assert.deepEqual(
        new Set(restored.subscriptions.map(({ topicFilter }) => topicFilter)),
        new Set(filters.map(({ topicFilter }) => topicFilter)),
      )
      const byNumber = restored.retained.toSorted((a, b) => a.message - b.message)
      assert.deepEqual(byNumber, messages.map(withoutKind))
      for (const topicName of NAMES) await subject.commit({ kind: 'retainedDelete', topicName })
      assert.equal((await subject.store.stats()).messages, 0)
    },
  },
  {
    name: 'names of 65,535 bytes that differ in the last one stay apart',
    async run(subject) {
      const long = 'é/'.repeat(21_844)
      const names = [`${long}abc`, `${long}abd`]
      assert.equal(bytes(names[0]!).length, 65_535)
      const messages = names.map((topicName, index) => messagePut(index + 1, { topicName }))
      const filters = names.map((topicFilter) => subscriptionPut(1, topicFilter))
      const session = sessionPut(1, { clientId: names[0]!, owner: names[1]! })
      const will = willPut(1, { topicName: names[1]! })
      await subject.commit(session, ...filters, ...messages, ...messages.map(retainedPut), will)
      await subject.commit({ kind: 'retainedDelete', topicName: names[0]! })
      const restored = await subject.restart()
      assert.deepEqual(restored.sessions, [withoutKind(session)])
      assert.deepEqual(restored.subscriptions, filters.map(withoutKind))
      assert.deepEqual(restored.retained, [withoutKind(messages[1]!)])
      assert.deepEqual(restored.wills, [withoutKind(will)])
    },
  },
  {
    name: 'payloads and properties are bytes: empty, binary and of a megabyte',
    async run(subject) {
      const empty = { payload: new Uint8Array(0), properties: new Uint8Array(0) }
      const binary = { payload: BINARY, properties: BINARY }
      const large = { payload: new Uint8Array(1_048_577).fill(0xa5), properties: BINARY }
      const holders = [empty, binary, large]
      const messages = holders.map((holder, index) => messagePut(index + 1, holder))
      const adds = messages.map(({ message }) => queueAdd(1, message, message))
      const wills = holders.map((holder, index) => willPut(index + 1, holder))
      await subject.commit(sessionPut(1), sessionPut(2), sessionPut(3), ...wills)
      await subject.commit(...messages, ...adds)
      const check = async () => {
        const page = await subject.readQueue(1)
        page.forEach(({ message }, index) => {
          assertSameBytes(message, holders[index]!)
        })
        assert.equal(page.length, 3)
      }
      await check()
      const restored = await subject.restart()
      restored.wills.forEach((will, index) => {
        assertSameBytes(will, holders[index]!)
      })
      assert.equal(restored.wills.length, 3)
      await check()
    },
  },
  {
    name: 'bytes that are a part of a larger buffer are that part',
    async run(subject) {
      const pool = Buffer.alloc(4096, 0x55)
      pool.set(BINARY, 1000)
      const part = pool.subarray(1000, 1256)
      const nothing = pool.subarray(50, 50)
      const put = messagePut(1, { payload: part, properties: nothing })
      await subject.commit(sessionPut(1), put, queueAdd(1, 1, 1), willPut(1, { payload: part }))
      const { message } = (await subject.readQueue(1))[0]!
      assert.deepEqual(message.payload, BINARY)
      assert.equal(message.properties.length, 0)
      assert.deepEqual((await subject.restart()).wills[0]!.payload, BINARY)
    },
  },
  {
    name: 'numbers are kept beyond 32 bits',
    async run(subject) {
      const [number, time] = [2 ** 45 + 1, 253_402_300_799_999]
      const session = sessionPut(number, {
        sessionExpiryInterval: SESSION_NEVER_EXPIRES,
        expiresAt: time,
      })
      const put = messagePut(number, { expiresAt: time })
      const add = queueAdd(number, number, number)
      await subject.commit(session, put, add, willPut(number, { publishAt: time }))
      assert.deepEqual(await subject.readQueue(number), [queued(add, put)])
      assert.deepEqual(await subject.readQueue(number, number - 1), [queued(add, put)])
      assert.deepEqual(await subject.readQueue(number, number), [])
      const restored = await subject.restart()
      assert.deepEqual(restored.sessions, [withoutKind(session)])
      assert.equal(restored.wills[0]!.publishAt, time)
      assert.deepEqual(restored.highest, { session: number, message: number, position: number })
    },
  },
  {
    name: 'times of 0 are times, not their absence',
    async run(subject) {
      const will = willPut(1, { publishAt: 0, messageExpiryInterval: 0 })
      const put = messagePut(1, { expiresAt: 0 })
      await subject.commit(sessionPut(1, { expiresAt: 0 }), will, put, retainedPut(put))
      const restored = await subject.restart()
      assert.equal(restored.sessions[0]!.expiresAt, 0)
      assert.deepEqual(restored.wills, [withoutKind(will)])
      assert.equal(restored.retained[0]!.expiresAt, 0)
    },
  },
]
