import { describe, expect, test } from 'vitest'
import { type StoreFixture, storeConformance } from '../src/conformance/index.ts'
import {
  MemoryStore,
  type QueuedMessage,
  type RestoreSink,
  type StoreRecord,
  type StoreStats,
} from '../src/index.ts'

/** A reference store that gets one thing wrong. */
abstract class BrokenStore extends MemoryStore {
  /** What the store makes of a batch. */
  protected heard(batch: readonly StoreRecord[]): readonly StoreRecord[] {
    return batch
  }

  /** What the store makes of a sink. */
  protected sink(sink: RestoreSink): RestoreSink {
    return sink
  }

  override async commit(batch: readonly StoreRecord[]): Promise<void> {
    await super.commit(this.heard(batch))
  }

  override async restore(sink: RestoreSink): Promise<void> {
    await super.restore(this.sink(sink))
  }
}

function deaf(kind: StoreRecord['kind']): new () => MemoryStore {
  return class extends BrokenStore {
    protected override heard(batch: readonly StoreRecord[]) {
      return batch.filter((record) => record.kind !== kind)
    }
  }
}

function altered(change: (record: StoreRecord) => StoreRecord): new () => MemoryStore {
  return class extends BrokenStore {
    protected override heard(batch: readonly StoreRecord[]) {
      return batch.map(change)
    }
  }
}

function mute(change: (sink: RestoreSink) => Partial<RestoreSink>): new () => MemoryStore {
  return class extends BrokenStore {
    protected override sink(sink: RestoreSink) {
      const original: RestoreSink = {
        highest: (numbers) => sink.highest(numbers),
        session: (session) => sink.session(session),
        subscription: (subscription) => sink.subscription(subscription),
        inflight: (inflight) => sink.inflight(inflight),
        waiting: (summary) => sink.waiting(summary),
        received: (received) => sink.received(received),
        retained: (message) => sink.retained(message),
        will: (will) => sink.will(will),
      }
      return { ...original, ...change(sink) }
    }
  }
}

class Reversing extends BrokenStore {
  protected override heard(batch: readonly StoreRecord[]) {
    return batch.toReversed()
  }
}

class NotAtomic extends MemoryStore {
  override async commit(batch: readonly StoreRecord[]) {
    for (const record of batch) await super.commit([record])
  }
}

class Tolerant extends MemoryStore {
  override async commit(batch: readonly StoreRecord[]) {
    await super.commit(batch).catch(() => {})
  }
}

class Late extends MemoryStore {
  override async commit(batch: readonly StoreRecord[]) {
    await new Promise((resolve) => setImmediate(resolve))
    await super.commit(batch)
  }
}

class WrongPages extends MemoryStore {
  override readQueue(session: number, after: number, limit: number): Promise<QueuedMessage[]> {
    return super.readQueue(session, after - 1, limit)
  }
}

class UnlimitedPages extends MemoryStore {
  override readQueue(session: number, after: number): Promise<QueuedMessage[]> {
    return super.readQueue(session, after, Number.POSITIVE_INFINITY)
  }
}

class WrongStats extends MemoryStore {
  override async stats(): Promise<StoreStats> {
    return { ...(await super.stats()), subscriptions: 0 }
  }
}

/** Forgets on close, as a store without a disk would. */
function forgetful(): StoreFixture {
  const store = new MemoryStore()
  return { store, reopen: async () => new MemoryStore(), dispose: () => store.close() }
}

/** Says that it can crash and loses what was committed last. */
function losing(): StoreFixture {
  let store = new MemoryStore()
  const log: (readonly StoreRecord[])[] = []
  const wrap = (one: MemoryStore) => {
    const commit = one.commit.bind(one)
    one.commit = async (batch) => {
      await commit(batch)
      log.push(batch)
    }
    return one
  }
  return {
    store: wrap(store),
    reopen: async () => store,
    async crash() {
      store = new MemoryStore()
      await store.open()
      for (const batch of log.slice(0, -1)) await store.commit(batch)
      return wrap(store)
    },
    dispose: () => store.close(),
  }
}

async function failures(create: () => StoreFixture): Promise<string[]> {
  const names: string[] = []
  for (const { name, run } of storeConformance(create)) {
    // The random histories find everything: what is asked here is whether a named case does.
    if (name.startsWith('random batches')) continue
    await run().catch(() => names.push(name))
  }
  return names
}

function failuresOf(Broken: new () => MemoryStore): Promise<string[]> {
  return failures(() => {
    const store = new Broken()
    return { store, reopen: async () => store, dispose: () => store.close() }
  })
}

const KINDS: readonly StoreRecord['kind'][] = [
  'sessionPut',
  'sessionDelete',
  'subscriptionPut',
  'subscriptionDelete',
  'messagePut',
  'queueAdd',
  'queueSent',
  'queueReleased',
  'queueDelete',
  'receivedAdd',
  'receivedDelete',
  'retainedPut',
  'retainedDelete',
  'willPut',
  'willDelete',
]

describe('a broken store fails the suite', () => {
  test.each(KINDS)('one that ignores %s', async (kind) => {
    expect(await failuresOf(deaf(kind))).not.toEqual([])
  })

  test.each<[what: string, broken: new () => MemoryStore, found: RegExp]>([
    ['applies a batch backwards', Reversing, /records of a batch apply in their order/],
    ['applies half of a refused batch', NotAtomic, /refuses its whole batch/],
    ['resolves for what it refused', Tolerant, /refuses its whole batch/],
    ['reads before it has written', Late, /sees every batch/],
    ['includes `after` in a page', WrongPages, /readQueue pages/],
    ['overlooks `limit`', UnlimitedPages, /readQueue pages/],
    ['counts wrongly', WrongStats, /stats count/],
    [
      'truncates times to 32 bits',
      altered((one) =>
        one.kind === 'sessionPut' && one.expiresAt !== null
          ? { ...one, expiresAt: one.expiresAt | 0 }
          : one,
      ),
      /beyond 32 bits/,
    ],
    [
      'takes payloads for text',
      altered((one) =>
        one.kind === 'messagePut'
          ? { ...one, payload: Buffer.from(Buffer.from(one.payload).toString()) }
          : one,
      ),
      /payloads and properties are bytes/,
    ],
    [
      'takes the whole buffer behind a view',
      altered((one) =>
        one.kind === 'messagePut' ? { ...one, payload: Buffer.from(one.payload.buffer) } : one,
      ),
      /part of a larger buffer/,
    ],
    [
      'normalizes names',
      altered((one) =>
        one.kind === 'sessionPut' ? { ...one, clientId: one.clientId.normalize() } : one,
      ),
      /any string is a Client Identifier/,
    ],
    [
      'cuts long topics',
      altered((one) =>
        one.kind === 'messagePut' ? { ...one, topicName: one.topicName.slice(0, 255) } : one,
      ),
      /65,535 bytes/,
    ],
    [
      'forgets the numbers of what is gone',
      mute((sink) => ({
        highest: () => sink.highest({ session: 0, message: 0, position: 0 }),
      })),
      /highest numbers come back/,
    ],
    ['restores no subscriptions', mute(() => ({ subscription() {} })), /after a restart/],
    ['restores no wills', mute(() => ({ will() {} })), /a will keeps every field/],
    ['restores no received', mute(() => ({ received() {} })), /received Packet Identifiers/],
    ['restores no retained', mute(() => ({ retained() {} })), /a retained message keeps/],
    ['restores no waiting', mute(() => ({ waiting() {} })), /waiting counts/],
    ['restores nothing in flight', mute(() => ({ inflight() {} })), /sent and released/],
    [
      'says `highest` twice',
      mute((sink) => ({
        session(session) {
          sink.highest({ session: 0, message: 0, position: 0 })
          sink.session(session)
        },
      })),
      /after a restart/,
    ],
    [
      'restores a released message',
      mute((sink) => ({
        inflight: (one) => sink.inflight(one.message === null ? { ...one, qos: 1 } : one),
      })),
      /in flight keeps every field/,
    ],
  ])('one that %s', async (_what, broken, found) => {
    expect(await failuresOf(broken)).toContainEqual(expect.stringMatching(found))
  })

  test('one that forgets on close', async () => {
    expect(await failures(forgetful)).toContainEqual(expect.stringMatching(/after a restart/))
  })

  test('one that loses the last commit in a crash', async () => {
    expect(await failures(losing)).toContain('crash: what commit resolved for is there')
  })
})

describe('storeConformance', () => {
  test('makes no fixture before a case runs, one for each, and disposes of it', async () => {
    let made = 0
    let disposed = 0
    const cases = storeConformance(() => {
      made += 1
      const store = new MemoryStore()
      return {
        store,
        reopen: async () => store,
        async dispose() {
          disposed += 1
        },
      }
    })
    expect(made).toBe(0)
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    for (const { run } of cases.slice(0, 3)) await run()
    expect([made, disposed]).toEqual([3, 3])
  })

  test('disposes after a failure too', async () => {
    let disposed = 0
    const [first] = storeConformance(() => ({
      store: new (mute(() => ({ highest() {} })))(),
      reopen: () => Promise.reject(new Error('no')),
      async dispose() {
        disposed += 1
      },
    }))
    await expect(first!.run()).rejects.toThrow('highest is called once')
    expect(disposed).toBe(1)
  })
})
