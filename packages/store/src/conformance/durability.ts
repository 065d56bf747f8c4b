import assert from 'node:assert/strict'
import {
  messagePut,
  queueAdd,
  queueDelete,
  queueSent,
  receivedAdd,
  retainedPut,
  sessionPut,
  subscriptionPut,
  willPut,
} from './records.ts'
import type { Restored } from './restored.ts'
import type { Case, Subject } from './subject.ts'

/** One of everything, in the order in which a broker would say it. */
async function live(subject: Subject): Promise<void> {
  const retained = messagePut(1, { retain: true })
  await subject.commit(sessionPut(1), sessionPut(2), subscriptionPut(1, 'a/#'), willPut(1))
  await subject.commit(retained, retainedPut(retained), queueAdd(1, 1, 1), queueAdd(2, 2, 1))
  await subject.commit(messagePut(2), queueAdd(1, 3, 2), receivedAdd(2, 5))
  await subject.commit(queueSent(1, 1, 1))
}

function assertLived(restored: Restored): void {
  const { sessions, subscriptions, inflight, waiting, received, retained, wills } = restored
  const counts = [sessions, subscriptions, inflight, waiting, received, retained, wills]
  assert.deepEqual(
    counts.map(({ length }) => length),
    [2, 1, 1, 2, 1, 1, 1],
  )
}

/** What is there after an end, expected or not. */
export const durabilityCases: readonly Case[] = [
  {
    name: 'the highest numbers come back, and never go back, whatever is left of their rows',
    async run(subject) {
      await subject.commit(sessionPut(3), sessionPut(7), messagePut(5), messagePut(9))
      await subject.commit(queueAdd(3, 11, 5), queueAdd(7, 12, 9))
      const highest = { session: 7, message: 9, position: 12 }
      assert.deepEqual((await subject.restart()).highest, highest)
      await subject.commit(queueDelete(7, 12), { kind: 'sessionDelete', session: 7 })
      assert.deepEqual((await subject.restart()).highest, highest)
      await subject.commit({ kind: 'sessionDelete', session: 3 })
      assert.deepEqual((await subject.restart()).highest, highest)
      await subject.commit(sessionPut(8))
      assert.deepEqual((await subject.restart()).highest, { ...highest, session: 8 })
    },
  },
  {
    name: 'numbers count that were put and gone within one batch, or referred to nothing',
    async run(subject) {
      await subject.commit(
        sessionPut(4),
        messagePut(4),
        queueAdd(4, 4, 4),
        { kind: 'sessionDelete', session: 4 },
        queueAdd(4, 6, 4),
      )
      const { highest } = await subject.restart()
      assert.deepEqual(highest, { session: 4, message: 4, position: 6 })
    },
  },
  {
    name: 'stats count what is kept, and bytes are a size',
    async run(subject) {
      const before = await subject.store.stats()
      await live(subject)
      const check = async () => {
        const { bytes, ...stats } = await subject.store.stats()
        assert.deepEqual(stats, {
          sessions: 2,
          subscriptions: 1,
          messages: 2,
          queued: 3,
          retained: 1,
          wills: 1,
        })
        assert.ok(Number.isSafeInteger(bytes) && bytes > 0)
        return bytes
      }
      assert.ok((await check()) >= before.bytes)
      await subject.restart()
      await check()
    },
  },
  {
    name: 'everything is there after a restart, and after the next one',
    async run(subject) {
      await live(subject)
      const first = await subject.restart()
      assertLived(first)
      assert.deepEqual(await subject.restart(), first)
    },
  },
  {
    name: 'compact gives room back and changes nothing else',
    async run(subject) {
      if (subject.store.compact === undefined) return
      await live(subject)
      const before = await subject.restart()
      await subject.store.compact?.()
      assert.equal((await subject.readQueue(1)).length, 1)
      await subject.commit(sessionPut(2))
      assert.deepEqual(await subject.restart(), before)
    },
  },
  {
    name: 'crash: what commit resolved for is there',
    async run(subject) {
      if (subject.fixture.crash === undefined) return
      await live(subject)
      const restored = await subject.crash()
      assertLived(restored)
      assert.deepEqual(await subject.restart(), restored)
    },
  },
  {
    name: 'crash: again and again, with work in between',
    async run(subject) {
      if (subject.fixture.crash === undefined) return
      await subject.commit(sessionPut(1))
      for (let round = 1; round <= 5; round++) {
        await subject.commit(messagePut(round), queueAdd(1, round, round))
        if (round > 1) await subject.commit(queueDelete(1, round - 1))
        const { highest, waiting } = await subject.crash()
        assert.deepEqual(highest, { session: 1, message: round, position: round })
        assert.equal(waiting[0]!.count, 1)
        assert.equal((await subject.store.stats()).messages, 1)
      }
    },
  },
  {
    name: 'crash: a batch under way is there whole or not at all, and its commit settles',
    async run(subject) {
      if (subject.fixture.crash === undefined) return
      await subject.commit(sessionPut(1))
      const size = 2000
      const batches = [0, 1, 2].map((index) =>
        Array.from({ length: size }, (_, offset) => index * size + offset + 1).flatMap((number) => [
          messagePut(number),
          queueAdd(1, number, number),
        ]),
      )
      const commits = batches.map((batch) => subject.store.commit(batch))
      const settled = Promise.allSettled(commits)
      const { waiting, highest } = await subject.crash()
      const resolved = (await settled).filter(({ status }) => status === 'fulfilled').length
      const count = waiting[0]?.count ?? 0
      assert.ok([0, 1, 2, 3].map((whole) => whole * size).includes(count), `${count} messages`)
      assert.ok(count >= resolved * size, 'what commit resolved for is there')
      assert.equal(highest.position, count)
      assert.equal((await subject.store.stats()).messages, count)
    },
  },
]
