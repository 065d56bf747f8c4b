/** Retained messages by name and by filter, among 100,000, beside a Map and a scan with an expression. */
import { strict as assert } from 'node:assert'
import { composeMessage, type Message, RetainedIndex } from '@promptmq/router'
import { PAYLOAD } from '../harness/packets.ts'
import type { Suite } from '../harness/suite.ts'

const COUNT = 100_000
const OPERATIONS = 100
const FILTER = 'site-7/+/load'
const EXPRESSION = /^site-7\/[^/]*\/load$/

const index = new RetainedIndex()
const map = new Map<string, Message>()
const messages = Array.from({ length: COUNT }, (_, i) => {
  const topicName = `site-${i % 1_000}/${i}/load`
  return composeMessage(Buffer.from(topicName), {
    topicName,
    qos: 0,
    retain: true,
    properties: new Uint8Array(0),
    payload: PAYLOAD,
    expiresAt: Number.POSITIVE_INFINITY,
    publisher: '',
  })
})
for (const message of messages) {
  index.set(message)
  map.set(message.topicName, message)
}

function set(): number {
  for (let i = 0; i < OPERATIONS; i++) index.set(messages[i * 97]!)
  return index.count
}

function setInMap(): number {
  for (let i = 0; i < OPERATIONS; i++) map.set(messages[i * 97]!.topicName, messages[i * 97]!)
  return map.size
}

function get(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) {
    const { topicName } = messages[i * 97]!
    if (index.get(topicName)!.topicName === topicName) sum++
  }
  return sum
}

function getFromMap(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) {
    const { topicName } = messages[i * 97]!
    if (map.get(topicName)!.topicName === topicName) sum++
  }
  return sum
}

function match(): number {
  let count = 0
  for (const { retain } of index.match(FILTER)) count += retain ? 1 : 0
  return count
}

function scan(): number {
  let count = 0
  for (const [topicName, { retain }] of map) {
    if (EXPRESSION.test(topicName)) count += retain ? 1 : 0
  }
  return count
}

export default {
  name: 'retained-index',
  rival: 'Map',
  cases: [
    {
      name: 'set',
      operations: OPERATIONS,
      ours: set,
      rival: setInMap,
      assertEqualWork: () => {
        assert.equal(set(), COUNT)
        assert.equal(setInMap(), COUNT)
        for (const message of messages) assert.equal(index.get(message.topicName), message)
      },
    },
    {
      name: 'get',
      operations: OPERATIONS,
      ours: get,
      rival: getFromMap,
      assertEqualWork: () => {
        assert.equal(get(), OPERATIONS)
        assert.equal(getFromMap(), OPERATIONS)
      },
    },
    {
      name: 'match of 100 of 100,000',
      operations: 100,
      ours: match,
      rival: scan,
      assertEqualWork: () => {
        const matched = [...index.match(FILTER)].map(({ topicName }) => topicName)
        const scanned = [...map.keys()].filter((topicName) => EXPRESSION.test(topicName))
        assert.deepEqual(matched.sort(), scanned.sort())
        assert.equal(match(), 100)
        assert.equal(scan(), 100)
      },
    },
  ],
} satisfies Suite
