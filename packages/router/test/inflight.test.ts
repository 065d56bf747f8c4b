import { getHeapStatistics } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeliveryState, Inflight } from '../src/index.ts'
import { messageOf } from './messages.ts'

const { None, AwaitPuback, AwaitPubrec, AwaitPubcomp } = DeliveryState
const message = messageOf('m')
const NO_IDENTIFIERS: readonly number[] = []

function add(inflight: Inflight, qos = 1): number {
  return inflight.add(message, qos, false, NO_IDENTIFIERS, 0)
}

describe('the allocator', () => {
  test('[MQTT-2.2.1-4] hands out no identifier that is in flight, and never 0', () => {
    const inflight = new Inflight()
    const seen = new Set<number>()
    for (let i = 0; i < 65_535; i++) seen.add(add(inflight))
    expect(seen.size).toBe(65_535)
    expect(inflight.count).toBe(65_535)
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([1, 65_535])
  })

  test('begins at 1 and goes on after the last, free ones before it or not', () => {
    const inflight = new Inflight()
    expect([add(inflight), add(inflight), add(inflight)]).toEqual([1, 2, 3])
    inflight.remove(1)
    inflight.remove(2)
    expect(add(inflight)).toBe(4)
  })

  test('passes over one that is held for days, wrap after wrap', () => {
    const inflight = new Inflight()
    for (let i = 1; i <= 79; i++) add(inflight)
    for (let i = 1; i < 79; i++) inflight.remove(i)
    const counts = new Uint32Array(65_536)
    for (let i = 0; i < 3 * 65_535; i++) {
      const packetIdentifier = add(inflight)
      counts[packetIdentifier]!++
      inflight.remove(packetIdentifier)
    }
    expect(inflight.state(79)).toBe(AwaitPuback)
    expect(inflight.count).toBe(1)
    expect(counts[79]).toBe(0)
    expect(counts[0]).toBe(0)
  })

  test('finds the one that is left', () => {
    const inflight = new Inflight()
    for (let i = 1; i <= 65_535; i++) add(inflight)
    for (const packetIdentifier of [40_000, 1, 65_535]) {
      inflight.remove(packetIdentifier)
      expect(add(inflight)).toBe(packetIdentifier)
    }
  })

  test('goes on after the last that was restored', () => {
    const inflight = new Inflight()
    inflight.restore(9, AwaitPuback, message, false, NO_IDENTIFIERS, 1)
    inflight.restore(10, AwaitPuback, message, false, NO_IDENTIFIERS, 2)
    expect(add(inflight)).toBe(11)
    inflight.restore(65_535, AwaitPuback, message, false, NO_IDENTIFIERS, 3)
    expect(add(inflight)).toBe(1)
  })
})

describe('a delivery', () => {
  test('is found as it was added', () => {
    const inflight = new Inflight()
    const packetIdentifier = inflight.add(message, 2, true, [3, 7], 42)
    expect(inflight.delivery(packetIdentifier)).toEqual({
      packetIdentifier,
      state: AwaitPubrec,
      message,
      retain: true,
      identifiers: [3, 7],
    })
    expect(inflight.position(packetIdentifier)).toBe(42)
  })

  test('[MQTT-4.3.3-6] lets its message go at PUBREC and holds its identifier', () => {
    const inflight = new Inflight()
    const packetIdentifier = inflight.add(message, 2, true, [3], 42)
    inflight.release(packetIdentifier)
    expect(inflight.state(packetIdentifier)).toBe(AwaitPubcomp)
    expect(inflight.delivery(packetIdentifier)).toMatchObject({ message: null, identifiers: [] })
    expect(inflight.position(packetIdentifier)).toBe(42)
    expect(inflight.count).toBe(1)
  })

  test('that nobody has begun has no state', () => {
    const inflight = new Inflight()
    expect(inflight.state(1)).toBe(None)
    const packetIdentifier = add(inflight)
    // Others that would be in the same slot.
    for (const other of [packetIdentifier + 8, packetIdentifier + 16, 65_535]) {
      expect(inflight.state(other)).toBe(None)
    }
    inflight.remove(packetIdentifier)
    add(inflight)
    expect(inflight.state(packetIdentifier)).toBe(None)
  })

  test('holds a place from when it is counted until a new connection begins', () => {
    const inflight = new Inflight()
    const [a, b, c] = [add(inflight), add(inflight), add(inflight)] as const
    inflight.markCounted(a)
    inflight.markCounted(b)
    expect(inflight.remove(a)).toBe(true)
    expect(inflight.remove(c)).toBe(false)
    for (let i = 0; i < 20; i++) add(inflight)
    inflight.clearCounted()
    expect(inflight.remove(b)).toBe(false)
    // The slot of `a` was counted once: who has it next is not.
    const next = new Inflight()
    next.markCounted(add(next))
    next.remove(1)
    for (let i = 0; i < 8; i++) expect(next.remove(add(next))).toBe(false)
  })

  test('keeps its place through growth', () => {
    const inflight = new Inflight()
    inflight.markCounted(add(inflight))
    inflight.add(message, 2, true, [5], 17)
    for (let i = 0; i < 100; i++) add(inflight)
    expect(inflight.delivery(2)).toMatchObject({ retain: true, identifiers: [5], message })
    expect(inflight.position(2)).toBe(17)
    expect(inflight.remove(1)).toBe(true)
    expect(inflight.remove(2)).toBe(false)
  })
})

describe('restore', () => {
  test('takes any identifiers, in any state', () => {
    const inflight = new Inflight()
    // All in one slot until there are 65,536 of them.
    const identifiers = [1, 32_769, 16_385, 49_153, 9, 65_535]
    for (const [index, packetIdentifier] of identifiers.entries()) {
      const state = [AwaitPuback, AwaitPubrec, AwaitPubcomp][index % 3]!
      const kept = state === AwaitPubcomp ? null : message
      inflight.restore(packetIdentifier, state, kept, false, NO_IDENTIFIERS, index + 1)
    }
    const restored = inflight.inOrder()
    expect(restored.map(({ packetIdentifier }) => packetIdentifier)).toEqual(identifiers)
    expect(restored.map(({ state }) => state)).toEqual([1, 2, 3, 1, 2, 3])
    expect(identifiers.map((one) => inflight.position(one))).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('leaves alone what is in flight', () => {
    const inflight = new Inflight()
    add(inflight, 2)
    inflight.restore(1, AwaitPubcomp, null, false, NO_IDENTIFIERS, 5)
    expect(inflight.count).toBe(1)
    expect(inflight.state(1)).toBe(AwaitPubrec)
    expect(inflight.position(1)).toBe(0)
  })
})

describe('as a model', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'add', 'restore', 'release', 'remove'),
    which: fc.nat(100),
    qos: fc.constantFrom(1, 2),
    packetIdentifier: fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 65_500, max: 65_535 }),
    ),
  })

  test('it is a Map in the order of first sending', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const inflight = new Inflight()
        const model = new Map<number, { state: number; position: number }>()
        for (const [position, { kind, which, qos, packetIdentifier }] of steps.entries()) {
          const state = qos === 1 ? AwaitPuback : AwaitPubrec
          const known = [...model.keys()][which % Math.max(1, model.size)]
          if (kind === 'add') {
            const added = inflight.add(message, qos, false, NO_IDENTIFIERS, position)
            expect(model.has(added)).toBe(false)
            model.set(added, { state, position })
          } else if (kind === 'restore') {
            inflight.restore(packetIdentifier, state, message, false, NO_IDENTIFIERS, position)
            if (!model.has(packetIdentifier)) model.set(packetIdentifier, { state, position })
          } else if (known !== undefined && kind === 'release') {
            inflight.release(known)
            model.get(known)!.state = AwaitPubcomp
          } else if (known !== undefined) {
            inflight.remove(known)
            model.delete(known)
            expect(inflight.state(known)).toBe(None)
          }
          expect(inflight.count).toBe(model.size)
        }
        expect(
          inflight.inOrder().map(({ packetIdentifier, state }) => ({ packetIdentifier, state })),
        ).toEqual([...model].map(([packetIdentifier, { state }]) => ({ packetIdentifier, state })))
        for (const [packetIdentifier, { state, position }] of model) {
          expect(inflight.state(packetIdentifier)).toBe(state)
          expect(inflight.position(packetIdentifier)).toBe(position)
        }
      }),
      { numRuns: 300 },
    )
  })
})

// Node 24 does not count what is allocated.
const canCount = getHeapStatistics().total_allocated_bytes !== undefined
test.skipIf(!canCount)('a delivery allocates nothing', () => {
  const inflight = new Inflight()
  const cycle = (count: number): void => {
    for (let i = 0; i < count; i++) inflight.remove(add(inflight))
  }
  for (let i = 0; i < 100; i++) add(inflight)
  cycle(200_000)
  const before = getHeapStatistics().total_allocated_bytes
  cycle(1_000_000)
  const allocated = getHeapStatistics().total_allocated_bytes - before
  expect(allocated / 1_000_000).toBeLessThan(1)
})
