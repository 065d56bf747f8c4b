import { VirtualClock } from '@promptmq/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { type Deadline, Deadlines } from '../src/deadlines.ts'

describe('Deadlines', () => {
  test('each fires at its time, once, whatever was set, moved and cancelled', () => {
    const step = fc.tuple(fc.nat(9), fc.oneof(fc.nat(1_000), fc.constant(null)))
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.nat(400), { maxLength: 10 }),
        (steps, jumps) => {
          const clock = new VirtualClock(0)
          const deadlines = new Deadlines(clock, () => {})
          const due = new Map<number, number>()
          const fired: [number, number][] = []
          const list: Deadline[] = Array.from({ length: 10 }, (_, i) =>
            deadlines.create(() => fired.push([i, clock.now()])),
          )
          const expected: [number, number][] = []
          const advance = (milliseconds: number) => {
            const until = clock.now() + milliseconds
            const now = [...due].filter(([, at]) => at <= until).sort((a, b) => a[1] - b[1])
            for (const [i, at] of now) {
              due.delete(i)
              expected.push([i, Math.max(at, clock.now())])
            }
            clock.advance(milliseconds)
          }
          for (const [index, [i, delay]] of steps.entries()) {
            if (delay === null) {
              list[i]!.cancel()
              due.delete(i)
            } else {
              list[i]!.set(clock.now() + delay + 1)
              due.set(i, clock.now() + delay + 1)
            }
            if (index < jumps.length) advance(jumps[index]!)
          }
          advance(2_000)
          const sorted = (pairs: [number, number][]) =>
            [...pairs].sort((a, b) => a[1] - b[1] || a[0] - b[0])
          expect(sorted(fired)).toEqual(sorted(expected))
          expect(deadlines.size).toBe(0)
        },
      ),
    )
  })

  test('a delay beyond what timers take does not fire early', () => {
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock, () => {})
    let isFired = false
    const deadline = deadlines.create(() => {
      isFired = true
    })
    deadline.set(clock.now() + 0xffff_ffff * 1000)
    clock.advance(0xffff_ffff * 1000 - 1)
    expect(isFired).toBe(false)
    clock.advance(1)
    expect(isFired).toBe(true)
  })

  test('one timer serves all, and one that is set again from its own callback fires again', () => {
    const clock = new VirtualClock()
    let turns = 0
    const deadlines = new Deadlines(clock, () => turns++)
    let count = 0
    const repeating: Deadline = deadlines.create(() => {
      if (++count < 5) repeating.set(clock.now() + 10)
    })
    repeating.set(clock.now() + 10)
    for (let i = 0; i < 1_000; i++) deadlines.create(() => {}).set(clock.now() + 1_000 + i)
    expect(clock.pendingCount).toBe(1)
    clock.advance(50)
    expect(count).toBe(5)
    expect(turns).toBeGreaterThanOrEqual(5)
    deadlines.clear()
    expect(clock.pendingCount).toBe(0)
  })
})

describe('systemClock', () => {
  test('calls back, not before its time, and can be cancelled', async () => {
    const before = systemClock.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancelled = systemClock.schedule(1, () => expect.unreachable('it was cancelled'))
    cancelled()
    systemClock.schedule(0, () => expect.unreachable('it was cancelled'))()
    const keepAlive = setInterval(() => {}, 1_000)
    systemClock.schedule(5, resolve)
    await promise
    clearInterval(keepAlive)
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(5)
    expect(Number.isInteger(systemClock.now())).toBe(true)
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000)
  })

  test('a delay of 0 comes soon, but not within the call', async () => {
    let isCalled = false
    const { promise, resolve } = Promise.withResolvers<void>()
    systemClock.schedule(0, () => {
      isCalled = true
      resolve()
    })
    expect(isCalled).toBe(false)
    await promise
  })
})
