/** The entry of a Topic Name by its bytes, beside making the name a string and looking that up in a Map. */
import { strict as assert } from 'node:assert'
import { topicHashOf } from '@promptmq/codec'
import { TopicTable } from '@promptmq/router'
import { TOPIC } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const SEED = 42

function endsOf(names: readonly string[]): Uint32Array {
  let end = 0
  return Uint32Array.from(names, (name) => {
    end += Buffer.byteLength(name)
    return end
  })
}

/** @param names - looked up in turn; they lie one behind the other, as in a chunk. */
function lookUp(name: string, names: readonly string[]): Case {
  const bytes = Buffer.from(names.join(''))
  const ends = endsOf(names)
  const table = new TopicTable({ seed: SEED })
  const map = new Map(names.map((each) => [each, table.ofName(each)]))
  const hashes = Int32Array.from(names, (_, i) =>
    topicHashOf(bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!, SEED),
  )
  const ours = () => {
    let sum = 0
    for (let i = 0, start = 0; i < ends.length; i++) {
      const end = ends[i]!
      // The hash is there already: decoding the packet gave it.
      sum += table.get(bytes, start, end, hashes[i]).bytes.length
      start = end
    }
    return sum
  }
  const rival = () => {
    let sum = 0
    for (let i = 0, start = 0; i < ends.length; i++) {
      const end = ends[i]!
      sum += map.get(bytes.toString('latin1', start, end))!.bytes.length
      start = end
    }
    return sum
  }
  const assertEqualWork = () => {
    for (const [i, each] of names.entries()) {
      const start = i === 0 ? 0 : ends[i - 1]!
      assert.equal(table.get(bytes, start, ends[i]!, hashes[i]), map.get(each))
    }
    assert.equal(ours(), bytes.length)
    assert.equal(rival(), bytes.length)
  }
  return { name, operations: names.length, ours, rival, assertEqualWork }
}

const topics = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `site/line-07/machine-${10_000 + i}/load/x`)

export default {
  name: 'topic-table',
  rival: 'string and Map',
  cases: [
    lookUp('one topic', new Array<string>(500).fill(TOPIC)),
    lookUp('1,000 topics in turn', topics(1_000)),
    lookUp('10,000 topics in turn', topics(10_000)),
  ],
} satisfies Suite
