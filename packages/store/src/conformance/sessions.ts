import assert from 'node:assert/strict'
import { SESSION_NEVER_EXPIRES } from '../store.ts'
import {
  messagePut,
  queueAdd,
  queueReleased,
  queueSent,
  receivedAdd,
  retainedPut,
  sessionPut,
  subscriptionPut,
  willPut,
  withoutKind,
} from './records.ts'
import { nothing } from './restored.ts'
import type { Case } from './subject.ts'

/** Sessions, and what goes where they go: subscriptions, received identifiers, wills. */
export const sessionCases: readonly Case[] = [
  {
    name: 'a session keeps every field, one that never expires too',
    async run(subject) {
      const never = sessionPut(1, { sessionExpiryInterval: SESSION_NEVER_EXPIRES, owner: '' })
      const expiring = sessionPut(2, { sessionExpiryInterval: 1, expiresAt: 1_893_456_000_123 })
      await subject.commit(never, expiring)
      const { sessions } = await subject.restart()
      assert.deepEqual(sessions, [withoutKind(never), withoutKind(expiring)])
    },
  },
  {
    name: 'a session put again is replaced and keeps what belongs to it',
    async run(subject) {
      const filter = subscriptionPut(1, 'a/#')
      await subject.commit(sessionPut(1), filter, messagePut(1), queueAdd(1, 1, 1), willPut(1))
      await subject.commit(receivedAdd(1, 7), queueSent(1, 1, 9))
      const changed = sessionPut(1, { owner: 'other', sessionExpiryInterval: 5, expiresAt: 99 })
      await subject.commit(changed)
      const restored = await subject.restart()
      assert.deepEqual(restored.sessions, [withoutKind(changed)])
      assert.deepEqual(restored.subscriptions, [withoutKind(filter)])
      assert.deepEqual(restored.received, [{ session: 1, packetIdentifier: 7 }])
      assert.equal(restored.inflight.length, 1)
      assert.equal(restored.wills.length, 1)
    },
  },
  {
    name: 'a Client Identifier may pass to a new session in either order',
    async run(subject) {
      await subject.commit(sessionPut(1, { clientId: 'c' }))
      await subject.commit(sessionPut(2, { clientId: 'c' }), { kind: 'sessionDelete', session: 1 })
      await subject.commit({ kind: 'sessionDelete', session: 2 }, sessionPut(3, { clientId: 'c' }))
      const { sessions } = await subject.restart()
      assert.deepEqual(sessions, [withoutKind(sessionPut(3, { clientId: 'c' }))])
    },
  },
  {
    name: 'a session’s end takes its subscriptions, queue, received identifiers and will with it',
    async run(subject) {
      const adds = [queueAdd(1, 1, 1), queueAdd(1, 2, 2), queueAdd(1, 3, 3)]
      await subject.commit(sessionPut(1), sessionPut(2), subscriptionPut(1, 'a'), willPut(1))
      await subject.commit(messagePut(1), messagePut(2), messagePut(3), ...adds)
      await subject.commit(queueSent(1, 1, 1), queueSent(1, 2, 2), queueReleased(1, 2))
      await subject.commit(receivedAdd(1, 1))
      await subject.commit({ kind: 'sessionDelete', session: 1 })
      const { bytes: _, ...stats } = await subject.store.stats()
      assert.deepEqual(stats, {
        sessions: 1,
        subscriptions: 0,
        messages: 0,
        queued: 0,
        retained: 0,
        wills: 0,
      })
      // A session of the same number would inherit whatever had been left behind.
      await subject.commit(sessionPut(1))
      assert.deepEqual(await subject.readQueue(1), [])
      assert.deepEqual(await subject.restart(), {
        ...nothing(),
        highest: { session: 2, message: 3, position: 3 },
        sessions: [withoutKind(sessionPut(1)), withoutKind(sessionPut(2))],
      })
    },
  },
  {
    name: 'a session’s end takes what the same batch gave it, and leaves what comes after',
    async run(subject) {
      await subject.commit(sessionPut(1), messagePut(1), queueAdd(1, 1, 1))
      await subject.commit(
        messagePut(2),
        queueAdd(1, 2, 2),
        subscriptionPut(1, 'old'),
        { kind: 'sessionDelete', session: 1 },
        sessionPut(1),
        messagePut(3),
        queueAdd(1, 3, 3),
        subscriptionPut(1, 'new'),
      )
      const positions = async () => (await subject.readQueue(1)).map(({ position }) => position)
      assert.deepEqual(await positions(), [3])
      assert.equal((await subject.store.stats()).messages, 1)
      const { subscriptions } = await subject.restart()
      assert.deepEqual(subscriptions, [withoutKind(subscriptionPut(1, 'new'))])
      assert.deepEqual(await positions(), [3])
    },
  },
  {
    name: 'a subscription keeps every field and is replaced by its session and Topic Filter',
    async run(subject) {
      const shared = subscriptionPut(1, '$share/g/a/+', { options: 0b10_1110 })
      const replaced = subscriptionPut(1, 'a/+', { subscriptionIdentifier: 268_435_455 })
      const other = subscriptionPut(2, 'a/+', { options: 0 })
      await subject.commit(sessionPut(1), sessionPut(2), subscriptionPut(1, 'a/+'), other, shared)
      await subject.commit(replaced)
      const { subscriptions } = await subject.restart()
      assert.deepEqual(subscriptions, [shared, replaced, other].map(withoutKind))
    },
  },
  {
    name: 'a subscription goes alone',
    async run(subject) {
      await subject.commit(sessionPut(1), sessionPut(2), subscriptionPut(1, 'a'))
      await subject.commit(subscriptionPut(1, 'b'), subscriptionPut(2, 'a'))
      await subject.commit({ kind: 'subscriptionDelete', session: 1, topicFilter: 'a' })
      const { subscriptions } = await subject.restart()
      assert.deepEqual(
        subscriptions.map(({ session, topicFilter }) => [session, topicFilter]),
        [
          [1, 'b'],
          [2, 'a'],
        ],
      )
    },
  },
  {
    name: 'received Packet Identifiers are held once each until they go, all 65,535 of them',
    async run(subject) {
      const adds = Array.from({ length: 65_535 }, (_, index) => receivedAdd(1, index + 1))
      await subject.commit(sessionPut(1), sessionPut(2), ...adds)
      await subject.commit(receivedAdd(2, 1), receivedAdd(1, 1))
      await subject.commit({ kind: 'receivedDelete', session: 1, packetIdentifier: 2 })
      const { received } = await subject.restart()
      // Not one deepEqual: the report on 65,535 differences takes more memory than there may be.
      assert.equal(received.length, 65_535)
      assert.deepEqual(received.at(-1), { session: 2, packetIdentifier: 1 })
      const held = new Set(received.slice(0, -1).map(({ packetIdentifier }) => packetIdentifier))
      assert.deepEqual([held.size, held.has(1), held.has(2)], [65_534, true, false])
      assert.deepEqual([Math.min(...held), Math.max(...held)], [1, 65_535])
    },
  },
  {
    name: 'a will keeps every field, is replaced and goes',
    async run(subject) {
      const delayed = willPut(1, {
        topicName: 'other',
        qos: 2,
        retain: true,
        messageExpiryInterval: 0xffff_ffff,
        willDelayInterval: 0xffff_ffff,
        publishAt: 1_893_456_000_123,
      })
      await subject.commit(sessionPut(1), sessionPut(2), sessionPut(3))
      await subject.commit(willPut(1), willPut(2), willPut(3))
      await subject.commit(delayed, { kind: 'willDelete', session: 2 })
      const { wills } = await subject.restart()
      assert.deepEqual(wills, [withoutKind(delayed), withoutKind(willPut(3))])
    },
  },
  {
    name: 'records of a session that is not there change nothing and are no error',
    async run(subject) {
      const retained = messagePut(1)
      await subject.commit(sessionPut(1), retained, retainedPut(retained))
      await subject.commit({ kind: 'sessionDelete', session: 1 })
      for (const session of [1, 99]) {
        await subject.commit(
          subscriptionPut(session, 'a'),
          { kind: 'subscriptionDelete', session, topicFilter: 'a' },
          queueAdd(session, 5, 1),
          receivedAdd(session, 1),
          { kind: 'receivedDelete', session, packetIdentifier: 1 },
          willPut(session),
          { kind: 'willDelete', session },
          { kind: 'sessionDelete', session },
        )
      }
      await subject.commit(sessionPut(1), sessionPut(99))
      assert.deepEqual(await subject.readQueue(99), [])
      const { highest: _, ...restored } = await subject.restart()
      const { highest: __, ...expected } = nothing()
      assert.deepEqual(restored, {
        ...expected,
        sessions: [withoutKind(sessionPut(1)), withoutKind(sessionPut(99))],
        retained: [withoutKind(retained)],
      })
    },
  },
]
