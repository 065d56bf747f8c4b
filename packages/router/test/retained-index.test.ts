import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type Message, RetainedIndex } from '../src/index.ts'
import { filters, MATCHES, matches, topicNames } from './matching.ts'
import { messageOf, payloadOf } from './messages.ts'

function retained(topicName: string, payload = 'x'): Message {
  return messageOf(payload, { topicName, retain: true })
}

function indexOf(names: readonly string[]): RetainedIndex {
  const index = new RetainedIndex()
  for (const topicName of names) index.set(retained(topicName))
  return index
}

function found(index: RetainedIndex, filter: string): string[] {
  return [...index.match(filter)].map(({ topicName }) => topicName).sort()
}

describe('matching, §4.7', () => {
  test.each(MATCHES)('%s finds %s: %s', (filter, topicName, isMatch) => {
    expect(found(indexOf([topicName, 'beside/it']), filter).includes(topicName)).toBe(isMatch)
  })

  test('[MQTT-4.7.2-1] a wildcard at the first level finds no $ topic', () => {
    const index = indexOf(['$SYS/uptime', '$SYS', 'a/$b', 'a'])
    expect(found(index, '#')).toEqual(['a', 'a/$b'])
    expect(found(index, '+/#')).toEqual(['a', 'a/$b'])
    expect(found(index, '+/+')).toEqual(['a/$b'])
    expect(found(index, '$SYS/#')).toEqual(['$SYS', '$SYS/uptime'])
    expect(found(index, 'a/#')).toEqual(['a', 'a/$b'])
  })
})

describe('set and delete', () => {
  test('keep one message a topic and tell which one it was', () => {
    const index = new RetainedIndex()
    const first = retained('a/b', 'first')
    const second = retained('a/b', 'second one')
    expect(index.set(first)).toBeNull()
    expect(index.get('a/b')).toBe(first)
    expect(index.byteSize).toBe(3 + 5)
    expect(index.set(second)).toBe(first)
    expect(index.get('a/b')).toBe(second)
    expect(index.count).toBe(1)
    expect(index.byteSize).toBe(3 + 10)
    expect(index.delete('a/b')).toBe(second)
    expect(index.get('a/b')).toBeNull()
    expect(index.delete('a/b')).toBeNull()
    expect(index.count).toBe(0)
    expect(index.byteSize).toBe(0)
  })

  test('a level in between is no topic', () => {
    const index = indexOf(['a/b/c'])
    expect(index.get('a/b')).toBeNull()
    expect(index.delete('a')).toBeNull()
    expect(index.get('a/b/c/d')).toBeNull()
    expect(index.delete('a/b/c/d')).toBeNull()
    expect(index.get('a/b/c')).not.toBeNull()
    expect(index.count).toBe(1)
  })

  test('deleting one keeps those above and below it', () => {
    const index = indexOf(['a', 'a/b', 'a/b/c'])
    index.delete('a/b')
    expect(found(index, '#')).toEqual(['a', 'a/b/c'])
    index.delete('a/b/c')
    expect(found(index, '#')).toEqual(['a'])
    index.delete('a')
    expect(found(index, '#')).toEqual([])
  })

  test('are what a Map and a filter over it would be', () => {
    const step = fc.record({
      kind: fc.constantFrom('set', 'set', 'delete'),
      topicName: topicNames,
      payload: fc.string({ maxLength: 5 }),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(filters, { minLength: 1, maxLength: 5 }),
        (steps, someFilters) => {
          const index = new RetainedIndex()
          const map = new Map<string, Message>()
          for (const { kind, topicName, payload } of steps) {
            const former = map.get(topicName) ?? null
            if (kind === 'set') {
              const message = retained(topicName, payload)
              expect(index.set(message)).toBe(former)
              map.set(topicName, message)
            } else {
              expect(index.delete(topicName)).toBe(former)
              map.delete(topicName)
            }
            const messages = [...map.values()]
            expect(index.count).toBe(map.size)
            expect(index.byteSize).toBe(messages.reduce((sum, { size }) => sum + size, 0))
            expect(index.get(topicName)).toBe(map.get(topicName) ?? null)
          }
          for (const filter of someFilters) {
            const expected = [...map.keys()].filter((topicName) => matches(filter, topicName))
            expect(found(index, filter)).toEqual(expected.sort())
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('levels that hold nothing any more are not kept', () => {
    const index = new RetainedIndex()
    const names = Array.from({ length: 1_000 }, (_, i) => `a/b${i}/c/d`)
    for (const topicName of names) index.set(retained(topicName))
    for (const topicName of names) index.delete(topicName)
    const values = vi.spyOn(Map.prototype, 'values')
    expect(found(index, '+/+/+/#')).toEqual([])
    // The root is asked for its children, and has none.
    expect(values).toHaveBeenCalledTimes(1)
    values.mockRestore()
  })
})

describe('a match that is read bit by bit', () => {
  const names = Array.from({ length: 20 }, (_, i) => `a/${i}/x`)

  test.each(['a/+/x', 'a/#', '#', '+/+/+'])('%s leaves out what is deleted meanwhile', (filter) => {
    const index = indexOf(names)
    const seen: string[] = []
    for (const { topicName } of index.match(filter)) {
      seen.push(topicName)
      if (seen.length === 5) {
        for (const other of names) if (!seen.includes(other)) index.delete(other)
      }
    }
    expect(seen).toHaveLength(5)
  })

  test.each(['a/+/x', 'a/#', '#', '+/+/+'])('%s has nothing that came after the call', (filter) => {
    const index = indexOf(names)
    const match = index.match(filter)
    index.set(retained(names[3]!, 'new'))
    index.set(retained('a/new/x', 'new'))
    const payloads: string[] = []
    for (const message of match) {
      payloads.push(payloadOf(message))
      if (payloads.length === 10) for (const topicName of names) index.set(retained(topicName))
    }
    expect(payloads).toEqual(new Array(10).fill('x'))
    expect([...index.match(filter)]).toHaveLength(21)
  })

  test('each that stays is seen once, whatever else comes and goes', () => {
    const step = fc.record({ topicName: topicNames, isSet: fc.boolean() })
    const run = fc.property(
      fc.uniqueArray(topicNames, { maxLength: 15 }),
      fc.array(step, { maxLength: 30 }),
      filters,
      (first, steps, filter) => {
        const index = indexOf(first)
        const touched = new Set(steps.map(({ topicName }) => topicName))
        const seen: string[] = []
        let next = 0
        for (const { topicName } of index.match(filter)) {
          seen.push(topicName)
          for (const step of steps.slice(next, next + 3)) {
            if (step.isSet) index.set(retained(step.topicName))
            else index.delete(step.topicName)
          }
          next += 3
        }
        const steady = (topicName: string): boolean => !touched.has(topicName)
        const expected = first.filter((topicName) => matches(filter, topicName)).filter(steady)
        expect(seen.filter(steady).sort()).toEqual(expected.sort())
        for (const topicName of seen) expect(matches(filter, topicName)).toBe(true)
      },
    )
    fc.assert(run, { numRuns: 300 })
  })

  test.each(['+/x', '+', '#', '+/#'])('%s does little before the first is handed out', (filter) => {
    const index = new RetainedIndex()
    for (let i = 0; i < 1_000; i++) {
      index.set(retained(`${i}`))
      index.set(retained(`${i}/x`))
    }
    const next = vi.spyOn(MAP_ITERATOR, 'next')
    const first = index.match(filter).next()
    const steps = next.mock.calls.length
    next.mockRestore()
    expect(first.done).toBe(false)
    expect(steps).toBeLessThan(5)
  })
})

/** What steps through the children of a node. */
const MAP_ITERATOR = Object.getPrototypeOf(new Map().values()) as IterableIterator<unknown>
