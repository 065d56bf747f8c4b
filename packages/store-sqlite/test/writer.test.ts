import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MemoryStore, type StoreRecord } from '@promptmq/store'
import { collectRestored } from '@promptmq/store/conformance'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Database } from '../src/database.ts'
import { resolveOptions } from '../src/options.ts'
import { sessionPut, temporaryFolder } from './place.ts'

/** Few of each, so that records meet. Numbers grow where a broker's would. */
const SESSIONS = 4
const TOPICS = 3

const session = fc.integer({ min: 1, max: SESSIONS })
const back = fc.nat({ max: 12 })
const packetIdentifier = fc.integer({ min: 1, max: 4 })

type Numbers = { message: number; position: number }
type Step = (numbers: Numbers) => StoreRecord

function message(number: number): StoreRecord & { kind: 'messagePut' } {
  return {
    kind: 'messagePut',
    message: number,
    topicName: `t/${number % TOPICS}`,
    payload: Uint8Array.of(number),
    properties: new Uint8Array(0),
    qos: 1,
    retain: false,
    expiresAt: null,
    publisher: '',
  }
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  session.map(
    (one): Step =>
      () =>
        sessionPut(one),
  ),
  fc.record({ session, isRare: fc.nat(3) }).map(
    ({ session, isRare }): Step =>
      () =>
        isRare === 0 ? { kind: 'sessionDelete', session } : sessionPut(session, { owner: 'b' }),
  ),
  fc.constant<Step>((numbers) => message(++numbers.message)),
  fc.record({ session, back }).map(
    ({ session, back }): Step =>
      (numbers) => ({
        kind: 'queueAdd',
        session,
        position: ++numbers.position,
        message: Math.max(1, numbers.message - back),
        qos: 2,
        retain: back % 2 === 0,
        subscriptionIdentifiers: back % 3 === 0 ? [] : [back],
        sharedFilter: back % 3 === 1 ? null : `$share/g/${back}`,
      }),
  ),
  fc.record({ session, back, packetIdentifier }).map(
    ({ session, back, packetIdentifier }): Step =>
      ({ position }) => ({
        kind: 'queueSent',
        session,
        position: Math.max(1, position - back),
        packetIdentifier,
      }),
  ),
  fc.record({ kind: fc.constantFrom('queueReleased', 'queueDelete'), session, back }).map(
    ({ kind, session, back }): Step =>
      ({ position }) => ({ kind, session, position: Math.max(1, position - back) }),
  ),
  back.map(
    (back): Step =>
      (numbers) => {
        const { message: number, topicName } = message(Math.max(1, numbers.message - back))
        return back % 4 === 0
          ? { kind: 'retainedDelete', topicName }
          : { kind: 'retainedPut', topicName, message: number }
      },
  ),
  fc
    .record({ kind: fc.constantFrom('receivedAdd', 'receivedDelete'), session, packetIdentifier })
    .map(
      (record): Step =>
        () =>
          record,
    ),
)

const topicFilter = fc.constantFrom('a/#', 'b')

/** What belongs to a session and refers to no message. */
const belongings: fc.Arbitrary<Step> = fc
  .oneof(
    fc.record({
      kind: fc.constant('subscriptionPut'),
      session,
      topicFilter,
      options: fc.nat(63),
      subscriptionIdentifier: fc.nat(9),
    }),
    fc.record({ kind: fc.constant('subscriptionDelete'), session, topicFilter }),
    fc.record({
      kind: fc.constant('willPut'),
      session,
      topicName: fc.string(),
      payload: fc.uint8Array({ maxLength: 5 }),
      properties: fc.uint8Array({ maxLength: 5 }),
      qos: fc.constantFrom(0, 1, 2),
      retain: fc.boolean(),
      messageExpiryInterval: fc.option(fc.nat()),
      willDelayInterval: fc.nat(),
      publishAt: fc.option(fc.maxSafeNat()),
    }),
    fc.record({ kind: fc.constant('willDelete'), session }),
  )
  .map(
    (record): Step =>
      () =>
        record as StoreRecord,
  )

/** A whole history, batch by batch. */
const histories = fc
  .array(fc.array(fc.oneof({ weight: 4, arbitrary: steps }, belongings), { maxLength: 20 }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((batches) => {
    const numbers = { message: 0, position: 0 }
    return batches.map((batch) => batch.map((step) => step(numbers)))
  })

/** A Database as the store that it is, for what reads stores. */
function asStore(database: Database): MemoryStore {
  const store = new MemoryStore()
  store.restore = async (sink) => {
    for (const { kind, value } of [...database.restore()].flat()) {
      const tell = sink[kind] as (value: unknown) => void
      tell(value)
    }
  }
  return store
}

describe('the tables', () => {
  test('hold after any history what the reference store holds, and count it rightly', async () => {
    const folder = temporaryFolder()
    let file = 0
    await fc.assert(
      fc.asyncProperty(histories, async (batches) => {
        const path = join(folder, `${++file}.db`)
        const options = resolveOptions({ path, check: 'off', pragmas: { synchronous: 'off' } })
        const database = Database.open(options)
        const model = new MemoryStore()
        await model.open()
        for (const batch of batches) {
          database.commit(batch)
          await model.commit(batch)
        }
        const { bytes: _, ...stats } = database.stats()
        const { bytes: __, ...expectedStats } = await model.stats()
        expect(stats).toEqual(expectedStats)
        expect(await collectRestored(asStore(database))).toEqual(await collectRestored(model))
        for (let session = 1; session <= SESSIONS; session++) {
          const page = await model.readQueue(session, 0, 1000)
          expect(database.readQueue(session, 0, 1000)).toEqual(page)
        }
        database.close()
        expectExactCounts(path)
      }),
      { numRuns: 80 },
    )
  })
})

/** The invariants of schema.ts, asked of the file. */
function expectExactCounts(path: string): void {
  const db = new DatabaseSync(path)
  const wrong = db.prepare(`SELECT message, reference_count FROM message WHERE reference_count <>
    (SELECT count(*) FROM queue WHERE queue.message = message.message AND NOT released) +
    (SELECT count(*) FROM retained WHERE retained.message = message.message)`)
  expect(wrong.all()).toEqual([])
  const orphans = db.prepare(`SELECT position FROM queue
    WHERE session NOT IN (SELECT session FROM session)
    OR (NOT released AND message NOT IN (SELECT message FROM message))`)
  expect(orphans.all()).toEqual([])
  db.close()
}
