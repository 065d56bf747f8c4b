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
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const received = new Received()
      const held = new Set<number>()
      for (const [isAdd, packetIdentifier] of steps) {
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
