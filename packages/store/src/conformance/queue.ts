import assert from 'node:assert/strict'
import {
  messagePut,
  queueAdd,
  queueDelete,
  queued,
  queueReleased,
  queueSent,
  sessionPut,
  withoutKind,
} from './records.ts'
import type { Case, Subject } from './subject.ts'

/** Puts `count` messages into a session's queue, message and position numbered alike. */
async function fill(subject: Subject, session: number, count: number, first = 1): Promise<void> {
  const batch = Array.from({ length: count }, (_, index) => first + index)
  await subject.commit(
    sessionPut(session),
    ...batch.flatMap((number) => [messagePut(number), queueAdd(session, number, number)]),
  )
}

async function positions(subject: Subject, session: number, after = 0, limit = 1e6) {
  return (await subject.readQueue(session, after, limit)).map(({ position }) => position)
}

/** A session's queue: pages of what waits, and deliveries that had begun. */
export const queueCases: readonly Case[] = [
  {
    name: 'a queued message keeps every field of its delivery',
    async run(subject) {
      const put = messagePut(1, { qos: 2, retain: true, expiresAt: 1 })
      const add = queueAdd(1, 1, 1, {
        qos: 2,
        retain: true,
        subscriptionIdentifiers: [268_435_455, 1, 7, 7],
        sharedFilter: '$share/g/café/+/#',
      })
      const bare = queueAdd(2, 2, 1)
      await subject.commit(sessionPut(1), sessionPut(2), put, add, bare)
      assert.deepEqual(await subject.readQueue(1), [queued(add, put)])
      await subject.restart()
      assert.deepEqual(await subject.readQueue(1), [queued(add, put)])
      assert.deepEqual(await subject.readQueue(2), [queued(bare, put)])
    },
  },
  {
    name: 'readQueue pages: above `after`, at most `limit`, ascending',
    async run(subject) {
      await fill(subject, 1, 10)
      assert.deepEqual(await positions(subject, 1, 0, 4), [1, 2, 3, 4])
      assert.deepEqual(await positions(subject, 1, 4, 4), [5, 6, 7, 8])
      assert.deepEqual(await positions(subject, 1, 8, 4), [9, 10])
      assert.deepEqual(await positions(subject, 1, 10, 4), [])
      assert.deepEqual(await positions(subject, 1, 0, 0), [])
      assert.deepEqual(await positions(subject, 99), [])
      await subject.restart()
      assert.deepEqual(await positions(subject, 1, 4, 4), [5, 6, 7, 8])
    },
  },
  {
    name: 'queues whose positions interleave stay apart',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), sessionPut(3), messagePut(1))
      for (let position = 1; position <= 30; position++) {
        await subject.commit(queueAdd(1 + (position % 3), position, 1))
      }
      const expected = Array.from({ length: 10 }, (_, index) => 3 * index + 1)
      assert.deepEqual(await positions(subject, 2), expected)
      await subject.restart()
      assert.deepEqual(await positions(subject, 2), expected)
      assert.deepEqual(await positions(subject, 2, 13, 2), [16, 19])
    },
  },
  {
    name: 'positions come back ascending, in whatever order they were added',
    async run(subject) {
      await subject.commit(sessionPut(1), messagePut(1), queueAdd(1, 5, 1), queueAdd(1, 2, 1))
      await subject.commit(queueAdd(1, 9, 1), queueAdd(1, 4, 1))
      assert.deepEqual(await positions(subject, 1), [2, 4, 5, 9])
      await subject.commit(queueSent(1, 9, 1), queueSent(1, 2, 2))
      const { inflight } = await subject.restart()
      assert.deepEqual(
        inflight.map(({ position }) => position),
        [2, 9],
      )
      assert.deepEqual(await positions(subject, 1), [4, 5])
    },
  },
  {
    name: 'readQueue leaves out what was sent, released or deleted',
    async run(subject) {
      await fill(subject, 1, 8)
      await subject.commit(queueSent(1, 1, 1), queueSent(1, 2, 2), queueReleased(1, 2))
      await subject.commit(queueDelete(1, 4), queueDelete(1, 6), queueDelete(1, 8))
      assert.deepEqual(await positions(subject, 1), [3, 5, 7])
      assert.deepEqual(await positions(subject, 1, 0, 2), [3, 5])
    },
  },
  {
    name: 'readQueue sees every batch whose commit was called before it',
    async run(subject) {
      const commits = [subject.commit(sessionPut(1), messagePut(1))]
      for (let position = 1; position <= 20; position++) {
        commits.push(subject.commit(queueAdd(1, position, 1)))
      }
      commits.push(subject.commit(queueDelete(1, 1)))
      const page = positions(subject, 1)
      await Promise.all(commits)
      assert.deepEqual(
        await page,
        Array.from({ length: 19 }, (_, index) => index + 2),
      )
    },
  },
  {
    name: 'sent and released deliveries come back in order, with their Packet Identifiers',
    async run(subject) {
      await fill(subject, 2, 2)
      await fill(subject, 1, 3, 3)
      await subject.commit(queueSent(1, 4, 65_535), queueSent(2, 2, 1))
      await subject.commit(queueSent(1, 3, 10), queueReleased(1, 4), queueSent(2, 1, 2))
      const { inflight } = await subject.restart()
      const common = { qos: 1, retain: false, subscriptionIdentifiers: [], sharedFilter: null }
      const [one, two, three] = [1, 2, 3].map((number) => withoutKind(messagePut(number)))
      assert.deepEqual(inflight, [
        { ...common, session: 2, position: 1, packetIdentifier: 2, message: one },
        { ...common, session: 2, position: 2, packetIdentifier: 1, message: two },
        { ...common, session: 1, position: 3, packetIdentifier: 10, message: three },
        { ...common, session: 1, position: 4, packetIdentifier: 65_535, message: null },
      ])
    },
  },
  {
    name: 'a delivery in flight keeps every field of its delivery',
    async run(subject) {
      const delivery = {
        qos: 2,
        retain: true,
        subscriptionIdentifiers: [3, 1],
        sharedFilter: '$share/g/t',
      } as const
      await subject.commit(sessionPut(1), messagePut(1), queueAdd(1, 1, 1, delivery))
      await subject.commit(queueSent(1, 1, 7))
      const { inflight } = await subject.restart()
      const message = withoutKind(messagePut(1))
      assert.deepEqual(inflight, [
        { ...delivery, session: 1, position: 1, packetIdentifier: 7, message },
      ])
      await subject.commit(queueReleased(1, 1))
      const released = (await subject.restart()).inflight
      assert.deepEqual(released, [
        { ...delivery, session: 1, position: 1, packetIdentifier: 7, message: null },
      ])
      await subject.commit(queueDelete(1, 1))
      assert.deepEqual((await subject.restart()).inflight, [])
    },
  },
  {
    name: 'waiting counts messages and bytes of what was never sent',
    async run(subject) {
      const size = (number: number) => {
        const { payload, properties } = messagePut(number)
        return payload.length + properties.length
      }
      await fill(subject, 1, 4)
      await fill(subject, 2, 2, 5)
      await subject.commit(sessionPut(3), queueAdd(3, 7, 6), queueSent(3, 7, 1))
      await subject.commit(queueSent(1, 1, 1), queueReleased(1, 1), queueDelete(1, 3))
      const { waiting } = await subject.restart()
      assert.deepEqual(waiting, [
        { session: 1, count: 2, bytes: size(2) + size(4) },
        { session: 2, count: 2, bytes: size(5) + size(6) },
      ])
    },
  },
  {
    name: 'records of a delivery that is not there, or is another session’s, change nothing',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), messagePut(1), queueAdd(1, 1, 1))
      for (const [session, position] of [
        [2, 1],
        [1, 9],
        [9, 1],
      ] as const) {
        await subject.commit(
          queueSent(session, position, 1),
          queueReleased(session, position),
          queueDelete(session, position),
        )
      }
      await subject.commit(queueReleased(1, 1))
      assert.deepEqual(await positions(subject, 1), [1], 'what was never sent is not released')
      const { inflight, waiting } = await subject.restart()
      assert.deepEqual({ inflight, count: waiting[0]!.count }, { inflight: [], count: 1 })
    },
  },
  {
    name: '10,000 messages in one queue are paged, acknowledged and gone',
    async run(subject) {
      await fill(subject, 1, 10_000)
      const { waiting } = await subject.restart()
      assert.equal(waiting[0]!.count, 10_000)
      for (let after = 0; after < 10_000; after += 1000) {
        const page = await subject.readQueue(1, after, 1000)
        const [first, last] = [page[0]!, page.at(-1)!]
        assert.deepEqual(
          [page.length, first.position, last.position],
          [1000, after + 1, after + 1000],
        )
        assert.deepEqual(last.message, withoutKind(messagePut(last.position)))
        await subject.commit(...page.map((one) => queueSent(1, one.position, one.position)))
        await subject.commit(...page.map((one) => queueDelete(1, one.position)))
      }
      assert.deepEqual(await positions(subject, 1), [])
      const { messages, queued } = await subject.store.stats()
      assert.deepEqual({ messages, queued }, { messages: 0, queued: 0 })
    },
  },
  {
    name: 'deliveries acknowledged out of order leave the others as they were',
    async run(subject) {
      await fill(subject, 1, 500)
      const odd = Array.from({ length: 250 }, (_, index) => 2 * index + 1)
      await subject.commit(...odd.toReversed().map((position) => queueDelete(1, position)))
      const even = odd.map((position) => position + 1)
      assert.deepEqual(await positions(subject, 1), even)
      await fill(subject, 1, 3, 501)
      assert.deepEqual(await positions(subject, 1, 498), [500, 501, 502, 503])
      await subject.restart()
      assert.deepEqual(await positions(subject, 1), [...even, 501, 502, 503])
    },
  },
]
