import assert from 'node:assert/strict'
import type { StoreRecord } from '../store.ts'
import { messagePut, queueAdd, sessionPut, willPut, withoutKind } from './records.ts'
import { nothing } from './restored.ts'
import { type Case, rejectsWith } from './subject.ts'

/** Beginning, end and what a batch is. */
export const lifecycleCases: readonly Case[] = [
  {
    name: 'an empty store restores nothing, and its numbers begin at 0',
    async run(subject) {
      assert.deepEqual(await subject.restart(), nothing())
    },
  },
  {
    name: 'an empty batch is no error',
    async run(subject) {
      await subject.commit()
      assert.deepEqual(await subject.restart(), nothing())
    },
  },
  {
    name: 'a description says where the store is',
    async run(subject) {
      assert.equal(typeof subject.store.description, 'string')
      assert.notEqual(subject.store.description, '')
    },
  },
  {
    name: 'closing twice is safe, at once and one after the other',
    async run(subject) {
      await Promise.all([subject.store.close(), subject.store.close()])
      await subject.store.close()
    },
  },
  {
    name: 'every call after close rejects with ERR_PROMPTMQ_STORE_CLOSED',
    async run(subject) {
      const { store } = subject
      await store.close()
      await rejectsWith(store.commit([sessionPut(1)]), 'ERR_PROMPTMQ_STORE_CLOSED')
      await rejectsWith(store.commit([]), 'ERR_PROMPTMQ_STORE_CLOSED')
      await rejectsWith(store.readQueue(1, 0, 1), 'ERR_PROMPTMQ_STORE_CLOSED')
      await rejectsWith(store.stats(), 'ERR_PROMPTMQ_STORE_CLOSED')
      assert.deepEqual((await subject.restart()).sessions, [])
    },
  },
  {
    name: 'close finishes the commits that were called before it',
    async run(subject) {
      const commits = Promise.all([subject.commit(sessionPut(1)), subject.commit(sessionPut(2))])
      const { sessions } = await subject.restart()
      await commits
      assert.deepEqual(
        sessions.map(({ session }) => session),
        [1, 2],
      )
    },
  },
  {
    name: 'records of a batch apply in their order',
    async run(subject) {
      await subject.commit(
        sessionPut(1, { clientId: 'first' }),
        sessionPut(1, { clientId: 'second' }),
        sessionPut(2),
        { kind: 'sessionDelete', session: 2 },
        { kind: 'sessionDelete', session: 3 },
        sessionPut(3),
      )
      const { sessions } = await subject.restart()
      assert.deepEqual(
        sessions.map(({ session, clientId }) => [session, clientId]),
        [
          [1, 'second'],
          [3, 'client-3'],
        ],
      )
    },
  },
  {
    name: 'a record of an unknown kind refuses its whole batch, and the store works on',
    async run(subject) {
      await subject.commit(sessionPut(1))
      const unknown = { kind: 'leapSecond' } as unknown as StoreRecord
      for (const kind of ['leapSecond', '__proto__', 'toString']) {
        const batch = [sessionPut(2), messagePut(1), queueAdd(1, 1, 1), { ...unknown, kind }]
        await rejectsWith(subject.store.commit(batch as StoreRecord[]), 'ERR_PROMPTMQ_STORE_COMMIT')
      }
      const { sessions, messages, queued } = await subject.store.stats()
      assert.deepEqual({ sessions, messages, queued }, { sessions: 1, messages: 0, queued: 0 })
      assert.deepEqual(await subject.readQueue(1), [])
      await subject.commit(messagePut(1), queueAdd(1, 1, 1))
      assert.equal((await subject.readQueue(1)).length, 1)
      assert.deepEqual((await subject.restart()).highest, { session: 1, message: 1, position: 1 })
    },
  },
  {
    name: 'what restore hands out is the broker’s: changing it changes nothing that is kept',
    async run(subject) {
      const will = willPut(1)
      await subject.commit(sessionPut(1), messagePut(1), queueAdd(1, 1, 1), willPut(1))
      const [first] = await subject.store.readQueue(1, 0, 1)
      first!.message.payload.fill(0)
      first!.message.properties.fill(0)
      const [again] = await subject.readQueue(1)
      assert.deepEqual(again!.message, withoutKind(messagePut(1)))
      await subject.restart()
      assert.deepEqual((await subject.restart()).wills, [withoutKind(will)])
    },
  },
]
