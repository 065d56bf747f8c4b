/** The gates hold what they say: an honest build passes, a slower or greedier one does not. */
import { getHeapStatistics } from 'node:v8'
import { describe, expect, test } from 'vitest'
import {
  type Gates,
  judge,
  MOST_REPEATS,
  repeatFailed,
  unknownSuites,
  unmeasured,
} from '../harness/gates.ts'
import { measureCase } from '../harness/measure.ts'
import type { Case, Figures, Suite, Work } from '../harness/suite.ts'

const GATES: Gates = { sums: { 'a sum': { ratio: 0.5, bytes: 0.5 } } }

function figures(change: Partial<Figures> = {}): Figures {
  const timing = { median: 10, spread: 1 }
  return {
    suite: 'sums',
    name: 'a sum',
    rival: 'the same',
    ours: timing,
    theirs: timing,
    ratio: 1,
    bytes: 0,
    theirBytes: 0,
    ...change,
  }
}

describe('judge', () => {
  test.each([
    ['within both bounds', {}],
    ['on both bounds', { ratio: 0.5, bytes: 0.5 }],
  ])('%s: passes', (_what, change) => {
    expect(judge(figures(change), GATES)).toEqual([])
  })

  test.each([
    ['too slow', { ratio: 0.49 }, ['is 0.5x as fast, at least 0.5x is asked']],
    ['too greedy', { bytes: 0.51 }, ['allocates 0.51 B, at most 0.5 B is asked']],
    ['both', { ratio: 0.1, bytes: 80 }, [/0.1x/, /80.00 B/]],
    ['no number', { ratio: Number.NaN }, [/NaN/]],
    ['a case without a gate', { name: 'another' }, ['has no gate in gates.json']],
    ['a suite without gates', { suite: 'others' }, ['has no gate in gates.json']],
  ])('%s: fails', (_what, change, reasons) => {
    const found = judge(figures(change), GATES)
    expect(found).toHaveLength(reasons.length)
    for (const [i, reason] of reasons.entries()) expect(found[i]).toMatch(reason)
  })
})

describe('what is missing fails too', () => {
  test('a gate whose case was not measured', () => {
    expect(unmeasured(GATES, ['sums'], [])).toEqual(['sums, a sum'])
    expect(unmeasured(GATES, ['sums'], [figures()])).toEqual([])
    expect(unmeasured(GATES, ['others'], [])).toEqual([])
  })

  test('gates of a suite that there is not', () => {
    expect(unknownSuites(GATES, ['others'])).toEqual(['sums'])
    expect(unknownSuites(GATES, ['sums'])).toEqual([])
  })
})

describe('repeatFailed', () => {
  test('noise that passes is forgiven', async () => {
    const asked: unknown[] = []
    const failures = await repeatFailed([figures({ ratio: 0.1 })], GATES, async (...parameters) => {
      asked.push(parameters)
      return [figures({ ratio: asked.length < MOST_REPEATS ? 0.1 : 1 })]
    })
    expect(failures).toEqual([])
    expect(asked).toEqual(Array(MOST_REPEATS).fill(['sums', ['a sum']]))
  })

  test('what fails each time has failed, and is not measured once more', async () => {
    let count = 0
    const failures = await repeatFailed([figures({ ratio: 0.1 })], GATES, async () => {
      count++
      return [figures({ ratio: 0.2 })]
    })
    expect(count).toBe(MOST_REPEATS)
    expect(failures).toMatchObject([
      { suite: 'sums', name: 'a sum', reasons: [expect.stringContaining('0.2x')] },
    ])
  })

  test('what passed is not measured again', async () => {
    const failures = await repeatFailed([figures()], GATES, async () => {
      throw new Error('asked')
    })
    expect(failures).toEqual([])
  })
})

/** Additions in a call. */
const ADDITIONS = 1000

/** Adds up what is here, `times` times over. */
function sumOf(times: number): Work {
  const numbers = Int32Array.from({ length: ADDITIONS }, (_, i) => i)
  return () => {
    let sum = 0
    for (let round = 0; round < times; round++) for (const number of numbers) sum += number
    return sum
  }
}

const kept: object[] = []
function greedySum(): Work {
  const sum = sumOf(1)
  return () => {
    for (let i = 0; i < ADDITIONS; i++) kept[0] = { sum: i }
    return sum()
  }
}

/** Older Nodes do not count what they allocate. */
const canMeasure = typeof getHeapStatistics().total_allocated_bytes === 'number'

describe.runIf(canMeasure)('a real measurement', () => {
  const options = { rounds: 5, roundMs: 2 }
  const assertEqualWork = () => {}
  const measure = (ours: Work) => {
    const one: Case = {
      name: 'a sum',
      operations: ADDITIONS,
      ours,
      rival: sumOf(1),
      assertEqualWork,
    }
    const suite: Suite = { name: 'sums', rival: 'the same', cases: [one] }
    return measureCase(suite, one, options)
  }

  test('the same work passes', async () => {
    const first = measure(sumOf(1))
    expect(await repeatFailed([first], GATES, async () => [measure(sumOf(1))])).toEqual([])
    expect(first.bytes).toBeLessThan(0.5)
  })

  test('a function made twenty times slower fails, however often it is measured', async () => {
    const first = measure(sumOf(20))
    const failures = await repeatFailed([first], GATES, async () => [measure(sumOf(20))])
    expect(failures).toMatchObject([
      { name: 'a sum', reasons: [expect.stringContaining('as fast')] },
    ])
  })

  test('a function that makes one object a call fails', async () => {
    const first = measure(greedySum())
    expect(first.bytes).toBeGreaterThan(8)
    const failures = await repeatFailed([first], GATES, async () => [measure(greedySum())])
    expect(failures).toMatchObject([{ name: 'a sum' }])
    expect(failures[0]!.reasons.join()).toContain('allocates')
  })

  test('sides that do unequal work are not timed', () => {
    const one: Case = {
      name: 'a sum',
      operations: ADDITIONS,
      ours: sumOf(1),
      rival: sumOf(2),
      assertEqualWork: () => {
        throw new Error('unequal')
      },
    }
    const suite: Suite = { name: 'sums', rival: 'another', cases: [one] }
    expect(() => measureCase(suite, one, options)).toThrow('unequal')
  })
})
