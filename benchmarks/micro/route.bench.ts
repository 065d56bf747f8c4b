/** The cached Route of a topic, beside matching and merging it anew. */
import { strict as assert } from 'node:assert'
import { findRoute, TopicTable, TopicTree } from '@promptmq/router'
import { TOPIC } from '../harness/packets.ts'
import { connectedSession, subscriptionTo } from '../harness/router-parts.ts'
import type { Suite } from '../harness/suite.ts'

const OPERATIONS = 100

const tree = new TopicTree()
const session = connectedSession('bench')
for (const filter of [TOPIC, 'site/+/machine-42/#', 'site/#']) {
  tree.add(subscriptionTo(session, filter))
}
for (let i = 0; i < 1_000; i++) tree.add(subscriptionTo(session, `other/${i}`))
const entry = new TopicTable().ofName(TOPIC)

function hits(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) sum += entry.route(tree).recipients.length
  return sum
}

function misses(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) sum += findRoute(tree, entry.name).recipients.length
  return sum
}

export default {
  name: 'route',
  rival: 'findRoute',
  cases: [
    {
      name: 'hit beside miss',
      operations: OPERATIONS,
      ours: hits,
      rival: misses,
      assertEqualWork: () => {
        assert.equal(hits(), OPERATIONS)
        assert.equal(misses(), OPERATIONS)
        assert.deepEqual(entry.route(tree), findRoute(tree, entry.name))
      },
    },
  ],
} satisfies Suite
