import { simulate } from '@promptmq/testing'
import { expect, test } from 'vitest'
import { testSeeds } from './simulation-seeds.ts'

testSeeds('five clients at random, without a Store', false)

test('a broker that breaks a rule is found out, and the seed is told', async () => {
  // Next to nothing may wait to be written: QoS 0 is dropped, though its receiver reads.
  const broker = { maximumPendingBytes: 100 }
  await expect(simulate({ seed: 3, steps: 500, hasStore: false, broker })).rejects.toSatisfy(
    (error: Error) => {
      const lines = error.message.split('\n')
      expect(lines[0]).toMatch(/^seed 3: c\d never got/)
      expect(lines[1]).toContain(
        'maximumPendingBytes=100; again: npm run simulate -- --first 3 --seeds 1',
      )
      expect(lines.slice(3).length).toBeLessThan(8)
      expect(lines.slice(3).some((line) => / publish /.test(line))).toBe(true)
      return true
    },
  )
})
