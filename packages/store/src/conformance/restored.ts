import assert from 'node:assert/strict'
import type {
  InflightMessage,
  QueuedMessage,
  RestoreSink,
  SessionPut,
  Store,
  StoredMessage,
  SubscriptionPut,
  WaitingSummary,
  WillPut,
} from '../store.ts'

/**
 * All that a `restore` handed out, each kind by number or name, so that two can be compared. Only
 * `inflight` is left in the order in which it came, which the contract sets.
 */
export interface Restored {
  highest: { session: number; message: number; position: number }
  sessions: Omit<SessionPut, 'kind'>[]
  subscriptions: Omit<SubscriptionPut, 'kind'>[]
  inflight: InflightMessage[]
  /** Without sessions for which nothing waits. */
  waiting: WaitingSummary[]
  received: { session: number; packetIdentifier: number }[]
  retained: StoredMessage[]
  wills: Omit<WillPut, 'kind'>[]
}

/**
 * Restores `store` and asserts the order in which a sink is called: `highest` once and first, a
 * session before what belongs to it, in-flight messages by position.
 */
export async function collectRestored(store: Store): Promise<Restored> {
  const restored = nothing()
  let highestCalls = 0
  const known = new Set<number>()
  const belongs = ({ session }: { session: number }, what: string) => {
    assert.ok(known.has(session), `a ${what} of session ${session} came before its session`)
  }
  const sink: RestoreSink = {
    highest(numbers) {
      highestCalls += 1
      assert.equal(known.size + restored.retained.length, 0, 'highest comes first')
      restored.highest = { ...numbers }
    },
    session(session) {
      assert.equal(highestCalls, 1, 'highest comes first')
      assert.ok(!known.has(session.session), `session ${session.session} came twice`)
      known.add(session.session)
      restored.sessions.push({ ...session })
    },
    subscription(subscription) {
      belongs(subscription, 'subscription')
      restored.subscriptions.push({ ...subscription })
    },
    inflight(inflight) {
      belongs(inflight, 'message in flight')
      const { message } = inflight
      restored.inflight.push({
        ...inflight,
        subscriptionIdentifiers: [...inflight.subscriptionIdentifiers],
        message: message === null ? null : plainMessage(message),
      })
    },
    waiting(summary) {
      belongs(summary, 'summary')
      if (summary.count > 0) restored.waiting.push({ ...summary })
    },
    received(received) {
      belongs(received, 'received identifier')
      restored.received.push({ ...received })
    },
    retained(message) {
      assert.equal(highestCalls, 1, 'highest comes first')
      restored.retained.push(plainMessage(message))
    },
    will(will) {
      belongs(will, 'will')
      restored.wills.push(plainBytes(will))
    },
  }
  await store.restore(sink)
  assert.equal(highestCalls, 1, 'highest is called once')
  const positions = restored.inflight.map(({ position }) => position)
  assert.deepEqual(positions, positions.toSorted(ascending), 'in flight in the order of the queue')
  return sorted(restored)
}

/** What an empty Store restores. */
export function nothing(): Restored {
  return {
    highest: { session: 0, message: 0, position: 0 },
    sessions: [],
    subscriptions: [],
    inflight: [],
    waiting: [],
    received: [],
    retained: [],
    wills: [],
  }
}

/** A page with its bytes as plain `Uint8Array`s, which `deepEqual` tells from Buffers. */
export function plainPage(page: readonly QueuedMessage[]): QueuedMessage[] {
  return page.map((queued) => ({
    ...queued,
    subscriptionIdentifiers: [...queued.subscriptionIdentifiers],
    message: plainMessage(queued.message),
  }))
}

function plainMessage(message: StoredMessage): StoredMessage {
  return plainBytes(message)
}

function plainBytes<T extends { payload: Uint8Array; properties: Uint8Array }>(holder: T): T {
  const payload = new Uint8Array(holder.payload)
  return { ...holder, payload, properties: new Uint8Array(holder.properties) }
}

function sorted(restored: Restored): Restored {
  restored.sessions.sort((a, b) => a.session - b.session)
  restored.subscriptions.sort(
    (a, b) => a.session - b.session || byCodeUnits(a.topicFilter, b.topicFilter),
  )
  restored.waiting.sort((a, b) => a.session - b.session)
  restored.received.sort((a, b) => a.session - b.session || a.packetIdentifier - b.packetIdentifier)
  restored.retained.sort((a, b) => byCodeUnits(a.topicName, b.topicName))
  restored.wills.sort((a, b) => a.session - b.session)
  return restored
}

function ascending(a: number, b: number): number {
  return a - b
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
