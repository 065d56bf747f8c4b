import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QueueIndex } from '../src/queue-index.ts'

const sessions = fc.integer({ min: 1, max: 3 })
const positions = fc.integer({ min: 1, max: 60 })
const steps = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('add' as const), sessions, positions),
    fc.tuple(fc.constant('delete' as const), sessions, positions),
  ),
  { maxLength: 400 },
)

describe('QueueIndex', () => {
  test('is what a set of positions for each session would be', () => {
    fc.assert(
      fc.property(steps, positions, (history, after) => {
        const index = new QueueIndex()
        const model = new Map<number, Set<number>>([1, 2, 3].map((one) => [one, new Set()]))
        for (const [what, session, position] of history) {
          const set = model.get(session)!
          index[what](session, position)
          if (what === 'add') set.add(position)
          else set.delete(position)
        }
        let count = 0
        for (const [session, set] of model) {
          const expected = [...set].sort((a, b) => a - b)
          expect([...index.positions(session)]).toEqual(expected)
          const above = expected.filter((position) => position > after)
          expect([...index.positions(session, after)]).toEqual(above)
          expect(index.has(session)).toBe(set.size > 0)
          count += set.size
        }
        expect(index.count).toBe(count)
      }),
      { numRuns: 300 },
    )
  })

  test('a long queue that is drained from the front stays in order and ends empty', () => {
    const index = new QueueIndex()
    for (let position = 1; position <= 10_000; position++) index.add(1, position)
    for (let position = 1; position < 10_000; position++) {
      index.delete(1, position)
      if (position % 997 === 0) expect([...index.positions(1)][0]).toBe(position + 1)
    }
    expect([...index.positions(1)]).toEqual([10_000])
    index.delete(1, 10_000)
    expect(index.has(1)).toBe(false)
  })

  test('a session that was never there has no positions, and none to delete', () => {
    const index = new QueueIndex()
    index.delete(1, 1)
    expect([...index.positions(1)]).toEqual([])
    expect(index.count).toBe(0)
  })
})
