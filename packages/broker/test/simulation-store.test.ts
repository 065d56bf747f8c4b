import { simulate } from '@promptmq/testing'
import { expect, test } from 'vitest'

const SEEDS = Number(process.env.PROMPTMQ_SEEDS ?? 1_000)
const FIRST_SEED = Number(process.env.PROMPTMQ_FIRST_SEED ?? 1)
const STEPS = 500
const BATCH = 50

/** Batches, so that a failure says where it was and nothing takes long. */
const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => FIRST_SEED + i * BATCH)

test.each(batches)(
  'five clients at random, with a Store that is slow and crashes, from seed %i',
  { timeout: 120_000 },
  async (first) => {
    let publishedCount = 0
    for (let seed = first; seed < first + BATCH; seed++) {
      publishedCount += await simulate({ seed, steps: STEPS, hasStore: true })
    }
    expect(publishedCount).toBeGreaterThan(BATCH * STEPS * 0.6)
  },
)
