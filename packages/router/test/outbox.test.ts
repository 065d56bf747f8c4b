import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Outbox, type Waiting } from '../src/index.ts'
import { sizesOf } from './fakes.ts'
import { messageOf, payloadOf } from './messages.ts'

function waiting(payload: string, position = 0): Waiting {
  return { message: messageOf(payload), qos: 1, retain: false, identifiers: [], position }
}

function drain(outbox: Outbox): string[] {
  const payloads: string[] = []
  for (let one = outbox.shift(); one !== undefined; one = outbox.shift()) {
    payloads.push(payloadOf(one.message))
  }
  return payloads
}

describe('in memory', () => {
  test('first in, first out', () => {
    const outbox = new Outbox()
    expect(outbox.shift()).toBeUndefined()
    for (const payload of ['a', 'b', 'c']) outbox.push(waiting(payload))
    expect(payloadOf(outbox.shift()!.message)).toBe('a')
    outbox.push(waiting('d'))
    expect(drain(outbox)).toEqual(['b', 'c', 'd'])
    expect(outbox.count).toBe(0)
    expect(outbox.byteSize).toBe(0)
  })

  test('order, count and size stay right through long use', () => {
    const outbox = new Outbox()
    let pushed = 0
    let shifted = 0
    for (let round = 0; round < 5_000; round++) {
      for (let i = 0; i < 3; i++) outbox.push(waiting(String(pushed++).padStart(5, '0')))
      for (let i = 0; i < 2; i++)
        expect(payloadOf(outbox.shift()!.message)).toBe(String(shifted++).padStart(5, '0'))
      expect(outbox.count).toBe(pushed - shifted)
      expect(outbox.byteSize).toBe((pushed - shifted) * 6)
    }
    expect(drain(outbox)).toHaveLength(5_000)
  })
})

describe('in the Store', () => {
  test('what is spilled counts, and is not at hand', () => {
    const outbox = new Outbox()
    outbox.push(waiting('a'))
    outbox.spill(2, 100)
    expect(sizesOf(outbox)).toMatchObject({
      count: 3,
      heldCount: 1,
      spilledCount: 2,
      byteSize: 102,
    })
    expect(drain(outbox)).toEqual(['a'])
    expect(sizesOf(outbox)).toMatchObject({
      count: 2,
      heldCount: 0,
      spilledCount: 2,
      byteSize: 100,
    })
  })

  test('a page moves it into memory', () => {
    const outbox = new Outbox()
    outbox.spill(3, 6)
    outbox.unspill([waiting('a'), waiting('b')])
    expect(sizesOf(outbox)).toMatchObject({ count: 3, heldCount: 2, spilledCount: 1, byteSize: 6 })
    outbox.spill(1, 2)
    outbox.unspill([waiting('c'), waiting('d')])
    expect(sizesOf(outbox)).toMatchObject({ count: 4, heldCount: 4, spilledCount: 0, byteSize: 8 })
    expect(drain(outbox)).toEqual(['a', 'b', 'c', 'd'])
    expect(outbox.byteSize).toBe(0)
  })

  test('an empty page says that there is no more', () => {
    const outbox = new Outbox()
    outbox.spill(3, 6)
    outbox.unspill([])
    expect(sizesOf(outbox)).toMatchObject({ count: 0, spilledCount: 0, byteSize: 0 })
  })

  test('a Store that has more than it said, or counts bytes otherwise, drives nothing below 0', () => {
    const outbox = new Outbox()
    // Topic Names, for one, are not in what a Store sums up.
    outbox.spill(3, 3)
    outbox.unspill([waiting('a'), waiting('b')])
    expect(sizesOf(outbox)).toMatchObject({ count: 3, byteSize: 4 })
    drain(outbox)
    expect(sizesOf(outbox)).toMatchObject({ count: 1, byteSize: 0 })
    outbox.unspill([waiting('c'), waiting('d')])
    expect(sizesOf(outbox)).toMatchObject({ count: 2, spilledCount: 0, byteSize: 4 })
  })

  test('clear forgets both', () => {
    const outbox = new Outbox()
    outbox.push(waiting('a'))
    outbox.spill(3, 6)
    outbox.clear()
    expect(sizesOf(outbox)).toMatchObject({ count: 0, heldCount: 0, spilledCount: 0, byteSize: 0 })
    outbox.push(waiting('b'))
    expect(drain(outbox)).toEqual(['b'])
  })

  test('as a model: two lists, one behind the other', () => {
    const step = fc.record({
      kind: fc.constantFrom('push', 'push', 'shift', 'unspill', 'clear'),
      payload: fc.string({ maxLength: 4, unit: 'grapheme-ascii' }),
      count: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const outbox = new Outbox()
        let held: Waiting[] = []
        let spilled: Waiting[] = []
        for (const [index, { kind, payload, count }] of steps.entries()) {
          const one = waiting(payload)
          if (kind === 'push' && (spilled.length > 0 || index % 3 === 0)) {
            outbox.spill(1, one.message.size)
            spilled.push(one)
          } else if (kind === 'push') {
            outbox.push(one)
            held.push(one)
          } else if (kind === 'shift') {
            expect(outbox.shift()).toBe(held.shift())
          } else if (kind === 'unspill' && spilled.length > 0) {
            const page = spilled.splice(0, count)
            outbox.unspill(page)
            held.push(...page)
          } else if (kind === 'clear' && index % 5 === 0) {
            outbox.clear()
            held = []
            spilled = []
          }
          const byteSize = [...held, ...spilled].reduce((sum, { message }) => sum + message.size, 0)
          expect(sizesOf(outbox)).toMatchObject({
            count: held.length + spilled.length,
            heldCount: held.length,
            spilledCount: spilled.length,
            byteSize,
          })
        }
      }),
    )
  })
})
