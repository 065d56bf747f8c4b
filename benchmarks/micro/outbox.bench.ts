/** A thousand messages through a queue, beside an array with push and shift. */
import { strict as assert } from 'node:assert'
import { Outbox, type Waiting } from '@promptmq/router'
import { MESSAGE as message } from '../harness/router-parts.ts'
import type { Suite } from '../harness/suite.ts'

const COUNT = 1_000

const waiting: Waiting = { message, qos: 1, retain: false, identifiers: [], position: 0 }
const outbox = new Outbox()
const array: Waiting[] = []
let arrayBytes = 0

function ours(): number {
  let sum = 0
  for (let i = 0; i < COUNT; i++) outbox.push(waiting)
  for (let one = outbox.shift(); one !== undefined; one = outbox.shift()) sum += one.qos
  return sum + outbox.byteSize
}

function rival(): number {
  let sum = 0
  for (let i = 0; i < COUNT; i++) {
    array.push(waiting)
    arrayBytes += waiting.message.size
  }
  for (let one = array.shift(); one !== undefined; one = array.shift()) {
    arrayBytes -= one.message.size
    sum += one.qos
  }
  return sum + arrayBytes
}

export default {
  name: 'outbox',
  rival: 'Array',
  cases: [
    {
      name: 'push and shift',
      operations: COUNT,
      ours,
      rival,
      assertEqualWork: () => {
        assert.equal(ours(), COUNT)
        assert.equal(rival(), COUNT)
      },
    },
  ],
} satisfies Suite
