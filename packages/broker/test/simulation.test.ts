import { MemoryStore } from '@promptmq/store'
import { simulate } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'

const SEEDS = Number(process.env.PROMPTMQ_SEEDS ?? 250)
const FIRST_SEED = Number(process.env.PROMPTMQ_FIRST_SEED ?? 1)
const STEPS = 500
const BATCH = 25

/** Batches, so that a failure says where it was and nothing takes long. */
const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => FIRST_SEED + i * BATCH)

describe.each([
  ['without a Store', () => undefined],
  ['with a Store', () => new MemoryStore()],
])('five clients at random, %s', (_name, makeStore) => {
  test.each(batches)('from seed %i', { timeout: 60_000 }, async (first) => {
    let publishedCount = 0
    for (let seed = first; seed < first + BATCH; seed++) {
      const store = makeStore()
      const broker = store === undefined ? {} : { store }
      publishedCount += await simulate({ seed, steps: STEPS, broker })
    }
    expect(publishedCount).toBeGreaterThan(BATCH * STEPS)
  })
})

test('a broker that breaks a rule is found out, and the seed is told', async () => {
  // Queues of one message: what has to come is dropped.
  const broker = { maximumQueuedMessages: 1, maximumInflight: 1 }
  await expect(simulate({ seed: 3, steps: 500, broker })).rejects.toThrow(/^seed 3: c\d never got/)
})
