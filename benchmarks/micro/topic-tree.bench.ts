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

function both(filters: Iterable<string>): { readonly tree: TopicTree; readonly trie: Trie } {
  const tree = new TopicTree()
  const trie = new Qlobber(OPTIONS)
  let count = 0
  for (const filter of filters) {
    tree.add(subscriptionTo(session, filter))
    trie.add(filter, count++)
  }
  return { tree, trie }
}

function match(name: string, filters: Iterable<string>, topics: readonly string[]): Case {
  const { tree, trie } = both(filters)
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
    assert.equal(ours(), rival())
    assert.ok(ours() >= MATCHES)
  }
  return { name, operations: MATCHES, ours, rival, assertEqualWork }
}

function* filtersOf(count: number, filter: (index: number) => string): Iterable<string> {
  for (let i = 0; i < count; i++) yield filter(i)
}

const spread = (topic: (index: number) => string): string[] =>
  Array.from({ length: MATCHES }, (_, i) => topic((i * 7919) % MILLION))

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
    match(
      'exact, of 1,000',
      filtersOf(1_000, (i) => `site/${i % 10}/m/${i}`),
      ['site/7/m/77'],
    ),
    match(
      '+, of 1,000',
      filtersOf(1_000, (i) => `site/+/m/${i}`),
      ['site/7/m/77'],
    ),
    match(
      '#, of 1,000',
      filtersOf(1_000, (i) => `site/${i}/#`),
      ['site/7/m/77'],
    ),
    comeAndGo(),
    match(
      '+, of 1,000,000',
      filtersOf(MILLION, (i) => `site/+/m/${i}`),
      spread((i) => `site/7/m/${i}`),
    ),
  ],
} satisfies Suite
