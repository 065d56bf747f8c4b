import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MatchResult, type Session, type Subscription, TopicTree } from '../src/index.ts'
import { sessionWith } from './fakes.ts'
import { filters, MATCHES, matches, topicNames } from './matching.ts'
import { subscriptionOf } from './messages.ts'

const { session } = sessionWith()
const result = new MatchResult()

/** Filters of what matches, sorted; groups with their name in front. */
function match(tree: TopicTree, topicName: string): string[] {
  tree.match(topicName, result)
  return [
    ...result.subscriptions.map(({ filter }) => filter),
    ...result.groups.map(({ shareName, filter }) => `${shareName}:${filter}`),
  ].sort()
}

function treeOf(topicFilters: readonly string[], owner: Session = session): TopicTree {
  const tree = new TopicTree()
  for (const topicFilter of topicFilters) tree.add(subscriptionOf(owner, topicFilter))
  return tree
}

describe('matching, §4.7', () => {
  test.each(MATCHES)('%s and %s: %s', (filter, topicName, isMatch) => {
    expect(match(treeOf([filter]), topicName)).toEqual(isMatch ? [filter] : [])
    expect(matches(filter, topicName)).toBe(isMatch)
  })

  test('[MQTT-4.7.2-1] no wildcard at the first level matches a $ topic', () => {
    const tree = treeOf(['#', '+', '+/#', '+/uptime', '$SYS/#', '$SYS/+', '$SYS/uptime'])
    expect(match(tree, '$SYS/uptime')).toEqual(['$SYS/#', '$SYS/+', '$SYS/uptime'])
    expect(match(tree, '$SYS')).toEqual(['$SYS/#'])
    expect(match(tree, 'a/uptime')).toEqual(['#', '+/#', '+/uptime'])
  })

  test('[MQTT-4.7.3-4] characters are compared as they are', () => {
    const tree = treeOf(['A', 'a ', ' a', '\u00c5'])
    expect(match(tree, 'a')).toEqual([])
    expect(match(tree, '\u212b')).toEqual([])
    expect(match(tree, '\u00c5')).toEqual(['\u00c5'])
  })

  test('names of properties of objects are levels like others', () => {
    const tree = treeOf(['__proto__/constructor', 'toString'])
    expect(match(tree, '__proto__/constructor')).toEqual(['__proto__/constructor'])
    expect(match(tree, 'toString')).toEqual(['toString'])
    expect(match(tree, 'valueOf')).toEqual([])
  })

  test('is what a naive matcher finds', () => {
    fc.assert(
      fc.property(
        fc.array(filters, { maxLength: 12 }),
        fc.array(topicNames, { minLength: 1, maxLength: 6 }),
        (someFilters, someNames) => {
          const tree = treeOf(someFilters)
          for (const topicName of someNames) {
            const expected = someFilters.filter((filter) => matches(filter, topicName)).sort()
            expect(match(tree, topicName)).toEqual(expected)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('each match begins with an empty result', () => {
    const tree = treeOf(['a', '$share/g/a'])
    expect(match(tree, 'a')).toHaveLength(2)
    expect(match(tree, 'b')).toEqual([])
    expect(match(tree, 'a')).toHaveLength(2)
  })
})

describe('shared subscriptions, §4.8.2', () => {
  test('a group is its name and its filter', () => {
    const tree = treeOf([
      '$share/g/a/+',
      '$share/g/a/+',
      '$share/h/a/+',
      '$share/g/a/b',
      '$share/g/#',
      'a/b',
    ])
    expect(match(tree, 'a/b')).toEqual(['a/b', 'g:#', 'g:a/+', 'g:a/b', 'h:a/+'])
    expect(result.groups.map(({ members }) => members.length).sort()).toEqual([1, 1, 1, 2])
    expect(tree.size).toBe(6)
  })

  test('the rule for $ is about the filter behind the name', () => {
    const tree = treeOf(['$share/g/#', '$share/g/$SYS/#'])
    expect(match(tree, '$SYS/a')).toEqual(['g:$SYS/#'])
    expect(match(tree, '$share/g/x')).toEqual([])
  })

  test('a group ends with its last member, others of its filter stay', () => {
    const tree = new TopicTree()
    const [one, two, other] = ['$share/g/a', '$share/g/a', '$share/h/a'].map((topicFilter) =>
      subscriptionOf(session, topicFilter),
    ) as [Subscription, Subscription, Subscription]
    for (const subscription of [one, two, other]) tree.add(subscription)
    tree.remove(one)
    expect(match(tree, 'a')).toEqual(['g:a', 'h:a'])
    tree.remove(two)
    expect(match(tree, 'a')).toEqual(['h:a'])
    tree.remove(other)
    expect(match(tree, 'a')).toEqual([])
    expect(tree.countNodes()).toBe(1)
  })
})

describe('add, replace, remove', () => {
  test('tell where interest in a filter begins and ends', () => {
    const tree = new TopicTree()
    const plain = subscriptionOf(session, 'a/+')
    const second = subscriptionOf(sessionWith().session, 'a/+')
    const shared = subscriptionOf(session, '$share/g/a/+')
    const deeper = subscriptionOf(session, 'a/+/b')
    expect(tree.add(deeper)).toBe(true)
    expect(tree.add(plain)).toBe(true)
    expect(tree.add(second)).toBe(false)
    expect(tree.add(shared)).toBe(false)
    expect(tree.remove(plain)).toBe(false)
    expect(tree.remove(second)).toBe(false)
    expect(tree.remove(shared)).toBe(true)
    expect(tree.add(shared)).toBe(true)
    expect(tree.add(plain)).toBe(false)
  })

  test('the version changes with each of them', () => {
    const tree = new TopicTree()
    const first = subscriptionOf(session, 'a')
    const next = subscriptionOf(session, 'a', { qos: 1 })
    const versions = [tree.version]
    tree.add(first)
    versions.push(tree.version)
    tree.replace(first, next)
    versions.push(tree.version)
    tree.remove(next)
    versions.push(tree.version)
    expect(new Set(versions).size).toBe(4)
    tree.match('a', result)
    expect(tree.version).toBe(versions[3])
  })

  test('[MQTT-3.8.4-3] a replaced subscription is gone, and the next one in its place', () => {
    for (const topicFilter of ['a/b', '$share/g/a/b']) {
      const tree = treeOf([topicFilter, topicFilter])
      const first = subscriptionOf(session, topicFilter)
      const next = subscriptionOf(session, topicFilter, { qos: 2 })
      tree.add(first)
      tree.replace(first, next)
      expect(tree.size).toBe(3)
      tree.match('a/b', result)
      const found = [...result.subscriptions, ...result.groups.flatMap(({ members }) => members)]
      expect(found).toHaveLength(3)
      expect(found).toContain(next)
      expect(found).not.toContain(first)
      tree.remove(next)
      expect(tree.size).toBe(2)
    }
  })

  test('is at all times what a list would be, and ends with nothing but the root', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'replace', 'remove'),
      topicFilter: fc.oneof(
        filters,
        filters.map((filter) => `$share/g/${filter}`),
      ),
      which: fc.nat(20),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), topicNames, (steps, topicName) => {
        const tree = new TopicTree()
        const list: Subscription[] = []
        for (const { kind, topicFilter, which } of steps) {
          const index = which % Math.max(1, list.length)
          const old = list[index]
          if (kind === 'add' || old === undefined) {
            const subscription = subscriptionOf(session, topicFilter)
            tree.add(subscription)
            list.push(subscription)
          } else if (kind === 'replace') {
            const next = subscriptionOf(session, old.topicFilter)
            tree.replace(old, next)
            list[index] = next
          } else {
            tree.remove(old)
            list.splice(index, 1)
          }
          tree.match(topicName, result)
          const found = [
            ...result.subscriptions,
            ...result.groups.flatMap(({ members }) => members),
          ]
          const expected = list.filter(({ filter }) => matches(filter, topicName))
          expect(new Set(found)).toEqual(new Set(expected))
          expect(found).toHaveLength(expected.length)
          expect(tree.size).toBe(list.length)
        }
        for (const subscription of list) tree.remove(subscription)
        expect(tree.size).toBe(0)
        expect(tree.countNodes()).toBe(1)
      }),
      { numRuns: 300 },
    )
  })

  test('removing one of many keeps the others where they can be removed', () => {
    const tree = new TopicTree()
    const all = Array.from({ length: 50 }, () => subscriptionOf(session, 'a'))
    for (const subscription of all) tree.add(subscription)
    // From both ends and from the middle, so that moved ones are removed as well.
    for (const index of [0, 49, 25, 48, 1, 24]) tree.remove(all[index]!)
    tree.match('a', result)
    expect(result.subscriptions).toHaveLength(44)
    for (const [index, subscription] of all.entries()) {
      if (![0, 49, 25, 48, 1, 24].includes(index)) tree.remove(subscription)
    }
    expect(tree.countNodes()).toBe(1)
  })
})

describe('cost', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** How often a node is asked for a child: once for each that is visited and has any. */
  function countVisits(tree: TopicTree, topicName: string): number {
    const get = vi.spyOn(Map.prototype, 'get')
    tree.match(topicName, result)
    const count = get.mock.calls.length
    get.mockRestore()
    return count
  }

  test('each node is visited at most once, however many + there are', () => {
    const tree = new TopicTree()
    const depth = 10
    for (let bits = 0; bits < 1 << depth; bits++) {
      const levels = Array.from({ length: depth }, (_, i) => ((bits >> i) & 1 ? '+' : 'a'))
      tree.add(subscriptionOf(session, levels.join('/')))
    }
    const topicName = new Array(depth).fill('a').join('/')
    expect(countVisits(tree, topicName)).toBeLessThan(tree.countNodes())
    expect(result.subscriptions).toHaveLength(1 << depth)
  })

  test('nodes beside the way of a Topic Name are not visited', () => {
    const tree = new TopicTree()
    for (let i = 0; i < 2_000; i++) tree.add(subscriptionOf(session, `b${i}/+/c/#`))
    tree.add(subscriptionOf(session, 'a/+/c'))
    expect(countVisits(tree, 'a/x/c')).toBeLessThanOrEqual(3)
    expect(countVisits(tree, 'c/x/c')).toBe(1)
  })

  test('levels are not read once nobody can be reached', () => {
    const tree = treeOf(['a'])
    const slice = vi.spyOn(String.prototype, 'slice')
    tree.match(`b${'/'.repeat(1_000)}`, result)
    expect(slice.mock.calls.length).toBeLessThanOrEqual(2)
  })

  test('a node may have very many children', () => {
    const tree = new TopicTree()
    for (let i = 0; i < 200_000; i++) {
      tree.add(Object.assign(subscriptionOf(session, 'x'), { filter: String(i) }))
    }
    tree.add(subscriptionOf(session, 'x'))
    expect(tree.countNodes()).toBe(200_002)
    expect(match(tree, 'x')).toEqual(['x'])
  })

  test('a filter and a name of 10,000 levels are walked without recursion', () => {
    const deep = new Array(10_000).fill('+').join('/')
    const tree = new TopicTree()
    // Beyond what a filter's parser lets through, so made by hand.
    const subscription = subscriptionOf(session, 'x')
    Object.assign(subscription, { filter: deep, topicFilter: deep })
    tree.add(subscription)
    expect(tree.countNodes()).toBe(10_001)
    expect(match(tree, '/'.repeat(9_999))).toEqual([deep])
    tree.remove(subscription)
    expect(tree.countNodes()).toBe(1)
  })
})
