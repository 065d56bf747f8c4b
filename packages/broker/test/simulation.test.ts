import { simulate } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { testSeeds } from './simulation-harness.ts'

describe('five clients at random', () => testSeeds(false))

describe('a broker that breaks a rule is found out, and the fewest steps are told', () => {
  // Queues of one message: what has to come is dropped.
  const broker = { maximumQueuedMessages: 1, maximumInflight: 1 }

  test.each([false, true])('with a Store: %s', async (isStored) => {
    const run = simulate({ seed: 3, steps: 500, isStored, broker }).then(String, String)
    const message = await run
    expect(message).toMatch(
      /^Error: seed 3: (c\d never got \d|no member of a group got \d|\d+ is not kept for c\d)/,
    )
    const [, count] = /^(\d+) of 500 steps show it:$/m.exec(message)!
    expect(Number(count)).toBeLessThan(20)
    expect(message).toMatch(/ {2}publishes \d+ on /)
  })
})
