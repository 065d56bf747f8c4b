/** Deadlines moved and cancelled among 100,000, beside Node's timers. */
import { strict as assert } from 'node:assert'
import { Deadlines } from '../../packages/broker/src/deadlines.ts'
import type { Suite } from '../harness/suite.ts'

const COUNT = 100_000
const OPERATIONS = 100
const KEEP_ALIVE_MS = 90_000

let now = 1_700_000_000_000
const clock = { now: () => now, schedule: () => () => {}, defer() {} }
const deadlines = new Deadlines(clock, () => {})
const list = Array.from({ length: COUNT }, () => deadlines.create(() => {}))
for (const [i, deadline] of list.entries()) deadline.set(now + KEEP_ALIVE_MS + i)
const timers = list.map(() => setTimeout(() => {}, KEEP_ALIVE_MS).unref())
let next = 0

function move(): number {
  for (let i = 0; i < OPERATIONS; i++) {
    next = (next + 7919) % COUNT
    list[next]!.set(++now + KEEP_ALIVE_MS)
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
    one.set(now + KEEP_ALIVE_MS)
    one.cancel()
  }
  return deadlines.size
}

function timeout(): number {
  for (let i = 0; i < OPERATIONS; i++) clearTimeout(setTimeout(refresh, KEEP_ALIVE_MS))
  return timers.length
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
      assertEqualWork: () => assert.equal(move(), refresh()),
    },
    {
      name: 'set and cancel',
      operations: OPERATIONS,
      ours: setAndCancel,
      rival: timeout,
      assertEqualWork: () => assert.equal(setAndCancel(), timeout()),
    },
  ],
} satisfies Suite
