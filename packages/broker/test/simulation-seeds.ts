import { simulate } from '@promptmq/testing'
import { expect, test } from 'vitest'

const SEEDS = Number(process.env.PROMPTMQ_SEEDS ?? 1_000)
const FIRST_SEED = Number(process.env.PROMPTMQ_FIRST_SEED ?? 1)
const STEPS = 500
const BATCH = 50

/**
 * One world, a file each, so that the two run beside each other: with a Store the seeds that follow. In
 * batches, so that a failure says where it was and nothing takes long.
 */
export function testSeeds(what: string, hasStore: boolean): void {
  const begin = hasStore ? FIRST_SEED + SEEDS : FIRST_SEED
  const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => begin + i * BATCH)
  test.each(batches)(`${what}, from seed %i`, { timeout: 120_000 }, async (first) => {
    let publishedCount = 0
    for (let seed = first; seed < first + BATCH; seed++) {
      publishedCount += await simulate({ seed, steps: STEPS, hasStore })
    }
    expect(publishedCount).toBeGreaterThan(BATCH * STEPS * 0.5)
  })
}
