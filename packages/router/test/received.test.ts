import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Received } from '../src/index.ts'

test('an identifier is held from add to delete', () => {
  const received = new Received()
  for (const packetIdentifier of [1, 31, 32, 33, 65_535]) {
    expect(received.has(packetIdentifier)).toBe(false)
    expect(received.delete(packetIdentifier)).toBe(false)
    expect(received.add(packetIdentifier)).toBe(true)
    expect(received.add(packetIdentifier)).toBe(false)
    expect(received.has(packetIdentifier)).toBe(true)
  }
  expect(received.count).toBe(5)
  expect(received.delete(32)).toBe(true)
  expect(received.has(32)).toBe(false)
  expect(received.has(33)).toBe(true)
  expect(received.has(31)).toBe(true)
  expect(received.count).toBe(4)
})

test('all 65,535 can be held at once', () => {
  const received = new Received()
  for (let i = 1; i <= 65_535; i++) expect(received.add(i)).toBe(true)
  expect(received.count).toBe(65_535)
  for (let i = 1; i <= 65_535; i++) expect(received.delete(i)).toBe(true)
  expect(received.count).toBe(0)
})

test('it is what a Set would be', () => {
  const step = fc.tuple(
    fc.boolean(),
    fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 65_500, max: 65_535 })),
  )
  // As many as may be in the list, one more, and all of them gone again.
  const bursts = fc.array(fc.integer({ min: 30, max: 35 }), { maxLength: 3 }).map((lengths) =>
    lengths.flatMap((length) => {
      const identifiers = Array.from({ length }, (_, i) => i + 1)
      return [true, false].flatMap((isAdd) => identifiers.map((one) => [isAdd, one] as const))
    }),
  )
  fc.assert(
    fc.property(bursts, fc.array(step, { maxLength: 200 }), (first, then) => {
      const received = new Received()
      const held = new Set<number>()
      for (const [isAdd, packetIdentifier] of [...first, ...then]) {
        const isHeld = held.has(packetIdentifier)
        expect(received.has(packetIdentifier)).toBe(isHeld)
        if (isAdd) {
          expect(received.add(packetIdentifier)).toBe(!isHeld)
          held.add(packetIdentifier)
        } else {
          expect(received.delete(packetIdentifier)).toBe(isHeld)
          held.delete(packetIdentifier)
        }
        expect(received.count).toBe(held.size)
      }
    }),
  )
})

test('what holds one now and then takes next to nothing', () => {
  const before = process.memoryUsage().arrayBuffers
  const all = Array.from({ length: 1_000 }, () => new Received())
  for (const received of all) {
    for (const packetIdentifier of [1, 40_000]) {
      received.add(packetIdentifier)
      received.delete(packetIdentifier)
    }
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(all.length * 200)
})
