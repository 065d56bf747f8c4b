/** Who matches a Topic Name, beside qlobber, the trie that aedes uses. */
import { strict as assert } from 'node:assert'
import { createRequire } from 'node:module'
import { MatchResult, TopicTree } from '@promptmq/router'
import { connectedSession, subscriptionTo } from '../harness/router-parts.ts'
import type { Case, Suite } from '../harness/suite.ts'

const MATCHES = 100
const MILLION = 1_000_000
const OPTIONS = { separator: '/', wildcard_one: '+', wildcard_some: '#', match_empty_levels: true }

interface Trie {
  add(filter: string, value: number): void
  remove(filter: string, value: number): void
  match(topic: string): number[]
}
const { Qlobber } = createRequire(import.meta.url)('qlobber') as {
  Qlobber: new (options: object) => Trie
}

const session = connectedSession('bench')
const result = new MatchResult()

interface Both {
  readonly tree: TopicTree
  readonly trie: Trie
  /** What the trie's values stand for. */
  readonly filters: readonly string[]
}

function both(filters: readonly string[]): Both {
  const tree = new TopicTree()
  const trie = new Qlobber(OPTIONS)
  for (const [i, filter] of filters.entries()) {
    tree.add(subscriptionTo(session, filter))
    trie.add(filter, i)
  }
  return { tree, trie, filters }
}

function match(name: string, { tree, trie, filters }: Both, topics: readonly string[]): Case {
  const ours = () => {
    let sum = 0
    for (let i = 0; i < MATCHES; i++) {
      tree.match(topics[i % topics.length]!, result)
      sum += result.subscriptions.length
    }
    return sum
  }
  const rival = () => {
    let sum = 0
    for (let i = 0; i < MATCHES; i++) sum += trie.match(topics[i % topics.length]!).length
    return sum
  }
  const assertEqualWork = () => {
    for (const topic of topics) {
      tree.match(topic, result)
      assert.deepEqual(
        result.subscriptions.map(({ filter }) => filter).sort(),
        trie
          .match(topic)
          .map((i) => filters[i]!)
          .sort(),
      )
      assert.ok(result.subscriptions.length > 0)
    }
    assert.equal(ours(), rival())
  }
  return { name, operations: MATCHES, ours, rival, assertEqualWork }
}

const filtersOf = (count: number, filter: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => filter(i))

/** Of the million's topics, those that a kind of filter matches: of every three one. */
const spread = (kind: number, topic: (index: number) => string): string[] =>
  Array.from({ length: MATCHES }, (_, i) => topic(3 * ((i * 7919) % (MILLION / 4)) + kind))

/** A third of them exact, a third with `+`, a third with `#`. */
const million = both(
  filtersOf(MILLION, (i) => [`site/7/m/${i}`, `site/+/m/${i}`, `site/7/m/${i}/#`][i % 3]!),
)

function comeAndGo(): Case {
  const { tree, trie } = both(filtersOf(10_000, (i) => `site/${i % 100}/m/${i}`))
  const filters = Array.from({ length: MATCHES }, (_, i) => `site/${i}/+/new`)
  const ours = () => {
    for (const filter of filters) {
      const subscription = subscriptionTo(session, filter)
      tree.add(subscription)
      tree.remove(subscription)
    }
    return tree.size
  }
  const rival = () => {
    for (const filter of filters) {
      trie.add(filter, 1)
      trie.remove(filter, 1)
    }
    return trie.match('site/1/m/1').length
  }
  const assertEqualWork = () => {
    assert.equal(ours(), 10_000)
    assert.equal(rival(), 1)
    assert.equal(trie.match('site/1/x/new').length, 0)
  }
  return {
    name: 'a subscription comes and goes',
    operations: MATCHES,
    ours,
    rival,
    assertEqualWork,
  }
}

export default {
  name: 'topic-tree',
  rival: 'qlobber',
  cases: [
    match('exact, of 1,000', both(filtersOf(1_000, (i) => `site/${i % 10}/m/${i}`)), [
      'site/7/m/77',
    ]),
    match('+, of 1,000', both(filtersOf(1_000, (i) => `site/+/m/${i}`)), ['site/7/m/77']),
    match('#, of 1,000', both(filtersOf(1_000, (i) => `site/${i}/#`)), ['site/7/m/77']),
    comeAndGo(),
    match(
      'exact, of 1,000,000',
      million,
      spread(0, (i) => `site/7/m/${i}`),
    ),
    match(
      '+, of 1,000,000',
      million,
      spread(1, (i) => `site/7/m/${i}`),
    ),
    match(
      '#, of 1,000,000',
      million,
      spread(2, (i) => `site/7/m/${i}/x`),
    ),
  ],
} satisfies Suite
