/** Packet Identifiers of a window of a hundred, taken and given back, beside a Map of objects. */
import { strict as assert } from 'node:assert'
import { DeliveryState, Inflight } from '@promptmq/router'
import { MESSAGE as message } from '../harness/router-parts.ts'
import type { Case, Suite } from '../harness/suite.ts'

const WINDOW = 100
const NONE: readonly number[] = []

function windowOf(name: string, add: (inflight: Inflight) => number): Case {
  const inflight = new Inflight()
  const map = new Map<number, { message: typeof message; qos: number }>()
  const identifiers = new Uint16Array(WINDOW)
  let next = 0
  const ours = () => {
    let sum = 0
    for (let i = 0; i < WINDOW; i++) identifiers[i] = add(inflight)
    for (let i = 0; i < WINDOW; i++) {
      const identifier = identifiers[i]!
      if (inflight.state(identifier) === DeliveryState.AwaitPuback) sum++
      inflight.remove(identifier)
    }
    return sum + inflight.count
  }
  const rival = () => {
    let sum = 0
    for (let i = 0; i < WINDOW; i++) {
      next = next === 65_535 ? 1 : next + 1
      identifiers[i] = next
      map.set(next, { message, qos: 1 })
    }
    for (let i = 0; i < WINDOW; i++) {
      const identifier = identifiers[i]!
      if (map.get(identifier)?.qos === 1) sum++
      map.delete(identifier)
    }
    return sum + map.size
  }
  const assertEqualWork = () => {
    assert.equal(ours(), WINDOW)
    assert.equal(rival(), WINDOW)
  }
  return { name, operations: WINDOW, ours, rival, assertEqualWork }
}

export default {
  name: 'inflight',
  rival: 'Map',
  cases: [
    windowOf('nothing kept', (inflight) => inflight.addUnkept(1)),
    windowOf('a message kept', (inflight) => inflight.add(message, 1, false, NONE, 0)),
  ],
} satisfies Suite
