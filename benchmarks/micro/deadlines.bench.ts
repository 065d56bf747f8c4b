/** Deadlines moved and cancelled among 100,000, beside Node's timers. */
import { strict as assert } from 'node:assert'
import { Deadlines } from '../../packages/broker/src/deadlines.ts'
import type { Suite } from '../harness/suite.ts'

const COUNT = 100_000
const OPERATIONS = 100
const KEEP_ALIVE_MS = 90_000

/** In an array: a variable that holds such a number makes one with each change. */
const now = Float64Array.of(1_700_000_000_000)
const clock = { now: () => now[0]!, schedule: () => () => {}, defer() {} }
const deadlines = new Deadlines(clock, () => {})
const list = Array.from({ length: COUNT }, () => deadlines.create(() => {}))
for (const [i, deadline] of list.entries()) deadline.set(now[0]! + KEEP_ALIVE_MS + i)
const timers = list.map(() => setTimeout(() => {}, KEEP_ALIVE_MS).unref())
let next = 0

function move(): number {
  for (let i = 0; i < OPERATIONS; i++) {
    next = (next + 7919) % COUNT
    now[0]! += 1
    list[next]!.set(now[0]! + KEEP_ALIVE_MS)
  }
  return deadlines.size
}

function refresh(): number {
  for (let i = 0; i < OPERATIONS; i++) {
    next = (next + 7919) % COUNT
    timers[next]!.refresh()
  }
  return timers.length
}

const one = deadlines.create(() => {})

function setAndCancel(): number {
  for (let i = 0; i < OPERATIONS; i++) {
    one.set(now[0]! + KEEP_ALIVE_MS)
    one.cancel()
  }
  return deadlines.size
}

function timeout(): number {
  for (let i = 0; i < OPERATIONS; i++) clearTimeout(setTimeout(refresh, KEEP_ALIVE_MS))
  return timers.length
}

/** What was moved comes when it is due, as a timer does. */
function assertDueInOrder(): void {
  const time = Float64Array.of(1_700_000_000_000)
  let fire = () => {}
  const own = {
    now: () => time[0]!,
    schedule: (_: number, callback: () => void) => {
      fire = callback
      return () => {}
    },
    defer() {},
  }
  const few = new Deadlines(own, () => {})
  const due: number[] = []
  const made = Array.from({ length: 100 }, (_, i) => few.create(() => due.push(i)))
  for (const [i, deadline] of made.entries()) deadline.set(time[0]! + 1_000 + i)
  for (let i = 0; i < 100; i++) made[(i * 37) % 100]!.set(time[0]! + 2_000 + i)
  time[0]! += 10_000
  fire()
  assert.deepEqual(
    due,
    made.map((_, i) => (i * 37) % 100),
  )
}

export default {
  name: 'deadlines',
  rival: "Node's timers",
  cases: [
    {
      name: 'move',
      operations: OPERATIONS,
      ours: move,
      rival: refresh,
      assertEqualWork: () => {
        assert.equal(move(), COUNT)
        assert.equal(list[next]!.at, now[0]! + KEEP_ALIVE_MS)
        assert.equal(refresh(), COUNT)
        assertDueInOrder()
      },
    },
    {
      name: 'set and cancel',
      operations: OPERATIONS,
      ours: setAndCancel,
      rival: timeout,
      assertEqualWork: () => {
        assert.equal(setAndCancel(), COUNT)
        assert.equal(one.isSet, false)
        assert.equal(timeout(), COUNT)
      },
    },
  ],
} satisfies Suite
