import { simulate } from '@promptmq/testing'
import { expect, test } from 'vitest'

const SEEDS = Number(process.env.PROMPTMQ_SEEDS ?? 1_000)
const FIRST_SEED = Number(process.env.PROMPTMQ_FIRST_SEED ?? 1)
const STEPS = 500
const BATCH = 50

/** Batches, so that a failure says where it was and nothing takes long. */
const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => FIRST_SEED + i * BATCH)

test.each(batches)(
  'five clients at random, without a Store, from seed %i',
  { timeout: 120_000 },
  async (first) => {
    let publishedCount = 0
    for (let seed = first; seed < first + BATCH; seed++) {
      publishedCount += await simulate({ seed, steps: STEPS, hasStore: false })
    }
    expect(publishedCount).toBeGreaterThan(BATCH * STEPS * 0.6)
  },
)

test('a broker that breaks a rule is found out, and the seed is told', async () => {
  // Queues of one message: what has to come is dropped.
  const broker = { maximumQueuedMessages: 1, maximumInflight: 1 }
  await expect(simulate({ seed: 3, steps: 500, hasStore: false, broker })).rejects.toSatisfy(
    (error: Error) => {
      const lines = error.message.split('\n')
      expect(lines[0]).toMatch(/^seed 3: c\d never got/)
      expect(lines[1]).toContain(
        'maximumInflight=1; again: npm run simulate -- --first 3 --seeds 1',
      )
      expect(lines.slice(3).length).toBeLessThan(8)
      expect(lines.slice(3).some((line) => / publish /.test(line))).toBe(true)
      return true
    },
  )
})
