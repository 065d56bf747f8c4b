import assert from 'node:assert/strict'
import {
  messagePut,
  queueAdd,
  queueDelete,
  queueReleased,
  queueSent,
  retainedPut,
  sessionPut,
  withoutKind,
} from './records.ts'
import type { Case, Subject } from './subject.ts'

async function messageCount(subject: Subject): Promise<number> {
  return (await subject.store.stats()).messages
}

/** A message is kept once and as long as a queue or a Topic Name refers to it; retained messages. */
export const referenceCases: readonly Case[] = [
  {
    name: 'one message serves many queues and goes with the last of them',
    async run(subject) {
      const sessions = Array.from({ length: 50 }, (_, index) => index + 1)
      await subject.commit(...sessions.map((session) => sessionPut(session)))
      await subject.commit(messagePut(1), ...sessions.map((one) => queueAdd(one, one, 1)))
      const { messages, queued } = await subject.store.stats()
      assert.deepEqual({ messages, queued }, { messages: 1, queued: 50 })

      for (const session of sessions.slice(0, 49))
        await subject.commit(queueDelete(session, session))
      assert.equal(await messageCount(subject), 1)
      assert.deepEqual((await subject.readQueue(50))[0]!.message, withoutKind(messagePut(1)))
      await subject.commit(queueDelete(50, 50))
      assert.equal(await messageCount(subject), 0)
    },
  },
  {
    name: 'a message put in one batch is referred to by later ones',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), messagePut(1))
      await subject.commit(queueAdd(1, 1, 1))
      await subject.commit(queueAdd(2, 2, 1))
      await subject.commit(queueDelete(1, 1))
      assert.deepEqual((await subject.readQueue(2))[0]!.message, withoutKind(messagePut(1)))
    },
  },
  {
    name: 'references survive a restart',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), messagePut(1))
      await subject.commit(queueAdd(1, 1, 1), queueAdd(2, 2, 1))
      await subject.restart()
      await subject.commit(queueDelete(1, 1))
      assert.equal(await messageCount(subject), 1)
      await subject.restart()
      await subject.commit(queueDelete(2, 2))
      assert.equal(await messageCount(subject), 0)
    },
  },
  {
    name: 'a message that lost its last reference is not there for a later record',
    async run(subject) {
      await subject.commit(sessionPut(1), messagePut(1), queueAdd(1, 1, 1), queueDelete(1, 1))
      await subject.commit(queueAdd(1, 2, 1), { ...retainedPut(messagePut(1)) })
      assert.deepEqual(await subject.readQueue(1), [])
      assert.deepEqual((await subject.restart()).retained, [])
    },
  },
  {
    name: 'the end of a session lets go only its own references',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), messagePut(1), messagePut(2))
      await subject.commit(queueAdd(1, 1, 1), queueAdd(1, 2, 2), queueAdd(2, 3, 1))
      await subject.commit({ kind: 'sessionDelete', session: 1 })
      assert.equal(await messageCount(subject), 1)
      assert.deepEqual((await subject.readQueue(2))[0]!.message, withoutKind(messagePut(1)))
    },
  },
  {
    name: 'a released delivery needs its message no more, and lets it go once',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), messagePut(1))
      await subject.commit(queueAdd(1, 1, 1, { qos: 2 }), queueAdd(2, 2, 1))
      await subject.commit(queueSent(1, 1, 1), queueReleased(1, 1), queueReleased(1, 1))
      assert.equal(await messageCount(subject), 1)
      await subject.commit(queueDelete(1, 1))
      assert.equal(await messageCount(subject), 1, 'the reference was let go already')
      await subject.commit(queueSent(2, 2, 1), queueReleased(2, 2))
      const { messages, queued } = await subject.store.stats()
      assert.deepEqual({ messages, queued }, { messages: 0, queued: 1 })
    },
  },
  {
    name: 'a released delivery comes back without its message, whoever else still has that',
    async run(subject) {
      const put = messagePut(1)
      await subject.commit(sessionPut(1), sessionPut(2), put, retainedPut(put))
      await subject.commit(queueAdd(1, 1, 1, { qos: 2 }), queueAdd(2, 2, 1))
      await subject.commit(queueSent(1, 1, 1), queueReleased(1, 1))
      const { inflight, retained } = await subject.restart()
      assert.deepEqual(
        inflight.map(({ position, message }) => [position, message]),
        [[1, null]],
      )
      assert.deepEqual(retained, [withoutKind(put)])
      assert.equal((await subject.readQueue(2)).length, 1)
    },
  },
  {
    name: 'a retained message keeps every field, and an empty retained payload is a payload',
    async run(subject) {
      const full = messagePut(1, { qos: 2, retain: true, expiresAt: 1_893_456_000_123 })
      const empty = messagePut(2, { payload: new Uint8Array(0), qos: 0, publisher: '' })
      await subject.commit(full, empty, retainedPut(full), retainedPut(empty))
      const { retained } = await subject.restart()
      assert.deepEqual(retained, [full, empty].map(withoutKind))
    },
  },
  {
    name: 'a Topic Name has one retained message, and lets the earlier one go',
    async run(subject) {
      const [old, young] = [1, 2].map((number) => messagePut(number, { topicName: 'a' }))
      await subject.commit(old!, retainedPut(old!))
      await subject.commit(young!, retainedPut(young!))
      assert.equal(await messageCount(subject), 1)
      assert.deepEqual((await subject.restart()).retained, [withoutKind(young!)])
      assert.equal((await subject.store.stats()).retained, 1)
    },
  },
  {
    name: 'a retained message put again for the same Topic Name stays',
    async run(subject) {
      const put = messagePut(1)
      await subject.commit(put, retainedPut(put))
      await subject.commit(retainedPut(put))
      assert.deepEqual((await subject.restart()).retained, [withoutKind(put)])
      await subject.commit({ kind: 'retainedDelete', topicName: put.topicName })
      assert.equal(await messageCount(subject), 0)
    },
  },
  {
    name: 'a retained message and a queue share one message, whichever lets go first',
    async run(subject) {
      const [a, b] = [messagePut(1), messagePut(2)]
      await subject.commit(sessionPut(1), a, b, retainedPut(a), retainedPut(b))
      await subject.commit(queueAdd(1, 1, 1, { retain: true }), queueAdd(1, 2, 2))
      assert.equal(await messageCount(subject), 2)
      await subject.commit({ kind: 'retainedDelete', topicName: a.topicName }, queueDelete(1, 2))
      const page = await subject.readQueue(1)
      assert.deepEqual(
        page.map(({ position, retain, message }) => ({ position, retain, message })),
        [{ position: 1, retain: true, message: withoutKind(a) }],
      )
      assert.deepEqual((await subject.restart()).retained, [withoutKind(b)])
      assert.equal(await messageCount(subject), 2)
    },
  },
  {
    name: 'records that refer to no message change nothing and are no error',
    async run(subject) {
      const kept = messagePut(1)
      await subject.commit(sessionPut(1), kept, retainedPut(kept))
      await subject.commit(
        { kind: 'retainedPut', topicName: kept.topicName, message: 99 },
        { kind: 'retainedPut', topicName: 'other', message: 99 },
        { kind: 'retainedDelete', topicName: 'never/retained' },
        queueAdd(1, 1, 99),
      )
      assert.deepEqual(await subject.readQueue(1), [])
      const { retained, waiting } = await subject.restart()
      assert.deepEqual({ retained, waiting }, { retained: [withoutKind(kept)], waiting: [] })
    },
  },
]
