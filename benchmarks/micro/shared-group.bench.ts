/** Who of a shared group gets the next message, beside filtering who can and taking the next of them. */
import { strict as assert } from 'node:assert'
import { SharedGroup } from '@promptmq/router'
import { connectedSession, subscriptionTo } from '../harness/router-parts.ts'
import type { Case, Suite } from '../harness/suite.ts'

const OPERATIONS = 100

function choose(count: number): Case {
  const group = new SharedGroup('workers', 'a/#')
  for (let i = 0; i < count; i++) {
    const member = subscriptionTo(connectedSession(`m${i}`), '$share/workers/a/#')
    member.index = i
    group.members.push(member)
  }
  let next = 0
  const ours = () => {
    let sum = 0
    for (let i = 0; i < OPERATIONS; i++) sum += group.choose(0, '', 0)!.index
    return sum
  }
  const rival = () => {
    let sum = 0
    for (let i = 0; i < OPERATIONS; i++) {
      const able = group.members.filter(({ session }) => session.ready)
      sum += able[next++ % able.length]!.index
    }
    return sum
  }
  const assertEqualWork = () => {
    assert.equal(ours(), rival())
    const turn = Array.from({ length: count }, () => group.choose(0, '', 0)!.index)
    assert.deepEqual(new Set(turn).size, count)
  }
  return { name: `of ${count}`, operations: OPERATIONS, ours, rival, assertEqualWork }
}

export default {
  name: 'shared-group',
  rival: 'filter and modulo',
  cases: [choose(4), choose(100)],
} satisfies Suite
