import { describe, expect, test } from 'vitest'
import {
  findRoute,
  type SharedGroup,
  type ShareOptions,
  type ShareStrategy,
  type Subscription,
  TopicTree,
} from '../src/index.ts'
import { FakeOutlet, sessionWith } from './fakes.ts'
import { messageOf, type SubscriptionFields, subscriptionOf } from './messages.ts'

type Presence = 'ready' | 'busy' | 'away'

interface Group {
  readonly group: SharedGroup
  readonly tree: TopicTree
  readonly members: Subscription[]
}

/** A group with a member for each; `busy` ones are connected and do not read. */
function groupOf(
  presences: readonly Presence[],
  fields: SubscriptionFields = { qos: 1 },
  share: ShareOptions = {},
): Group {
  const tree = new TopicTree(share)
  const members = presences.map((presence) => {
    const { session } = sessionWith()
    const outlet = new FakeOutlet()
    outlet.writable = presence === 'ready'
    if (presence !== 'away') session.attach(outlet, 10)
    const member = subscriptionOf(session, '$share/g/a', fields)
    tree.add(member)
    return member
  })
  return { group: findRoute(tree, 'a').groups[0]!, tree, members }
}

/** Who gets the next messages, as indexes into `members`; -1: nobody. */
function choices({ group, members }: Group, count: number, qos = 1): number[] {
  return Array.from({ length: count }, () => {
    const chosen = group.choose(qos, '', 0)
    return chosen === null ? -1 : members.indexOf(chosen)
  })
}

describe('who gets the next message', () => {
  test.each<[string, Presence[], number[]]>([
    ['each in turn', ['ready', 'ready', 'ready'], [0, 1, 2, 0, 1, 2]],
    ['those that are ready, if any is', ['busy', 'ready', 'away', 'ready'], [1, 3, 1, 3, 1, 3]],
    ['else those that are connected', ['away', 'busy', 'away', 'busy'], [1, 3, 1, 3, 1, 3]],
    ['else those that are away', ['away', 'away', 'away'], [0, 1, 2, 0, 1, 2]],
    ['the only one', ['away'], [0, 0, 0, 0, 0, 0]],
  ])('%s', (_what, presences, expected) => {
    expect(choices(groupOf(presences), 6)).toEqual(expected)
  })

  test('at QoS 0 nothing waits for who is away', () => {
    expect(choices(groupOf(['away', 'away']), 2, 0)).toEqual([-1, -1])
    expect(choices(groupOf(['away', 'away'], { qos: 0 }), 2, 2)).toEqual([-1, -1])
    expect(choices(groupOf(['away', 'busy', 'away']), 3, 0)).toEqual([1, 1, 1])
    expect(choices(groupOf(['away', 'ready']), 2, 0)).toEqual([1, 1])
  })

  test('a member without quota is passed over until it has some again', () => {
    const group = groupOf(['ready', 'ready'])
    const { session } = group.members[0]!
    session.detach()
    session.attach(new FakeOutlet(), 1)
    session.deliver(messageOf('m'), 1, false, [])
    expect(choices(group, 3)).toEqual([1, 1, 1])
    session.puback(1)
    expect(choices(group, 2)).toEqual([0, 1])
  })
})

describe('members that come and go between two messages', () => {
  test('the turn goes on with those that are left', () => {
    const group = groupOf(['ready', 'ready', 'ready', 'ready'])
    expect(choices(group, 3)).toEqual([0, 1, 2])
    group.tree.remove(group.members[3]!)
    group.tree.remove(group.members[1]!)
    expect(new Set(choices(group, 2))).toEqual(new Set([0, 2]))
    expect(new Set(choices(group, 2))).toEqual(new Set([0, 2]))
    group.tree.remove(group.members[0]!)
    expect(choices(group, 3)).toEqual([2, 2, 2])
  })

  test('a group that lost its last member while somebody holds it chooses nobody', () => {
    const group = groupOf(['ready'])
    group.tree.remove(group.members[0]!)
    expect(choices(group, 2)).toEqual([-1, -1])
  })

  test('a new one has its turn', () => {
    const group = groupOf(['ready', 'ready'])
    expect(choices(group, 1)).toEqual([0])
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    const member = subscriptionOf(session, '$share/g/a', { qos: 1 })
    group.tree.add(member)
    group.members.push(member)
    expect(choices(group, 5)).toEqual([1, 2, 0, 1, 2])
  })
})

test('over many messages every ready member gets its share', () => {
  const group = groupOf(['ready', 'away', 'ready', 'busy', 'ready'])
  const counts = [0, 0, 0, 0, 0]
  for (const index of choices(group, 300)) counts[index]!++
  expect(counts).toEqual([100, 0, 100, 0, 100])
})

describe('the strategy', () => {
  const qos1: SubscriptionFields = { qos: 1 }
  const three: Presence[] = ['ready', 'ready', 'ready']

  test.each<[ShareStrategy, number[]]>([
    ['round-robin', [0, 1, 2, 0, 1, 2]],
    ['sticky', [0, 0, 0, 0, 0, 0]],
    ['least-inflight', [0, 1, 2, 0, 1, 2]],
  ])('%s', (strategy, expected) => {
    const group = groupOf(three, qos1, { strategy })
    const got = Array.from({ length: 6 }, () => {
      const [chosen] = choices(group, 1)
      group.members[chosen!]!.session.deliver(messageOf('m'), 1, false, [])
      return chosen
    })
    expect(got).toEqual(expected)
  })

  test('random takes chance as it comes', () => {
    const bits = [4, 0xffff_ffff, -1, 0]
    const random = () => bits.shift()!
    expect(choices(groupOf(three, qos1, { strategy: 'random', random }), 4)).toEqual([1, 0, 0, 0])
  })

  test('sticky leaves who cannot, and stays with the next', () => {
    const group = groupOf(three, qos1, { strategy: 'sticky' })
    expect(choices(group, 2)).toEqual([0, 0])
    group.members[0]!.session.detach()
    expect(choices(group, 2)).toEqual([1, 1])
    group.members[0]!.session.attach(new FakeOutlet(), 10)
    expect(choices(group, 2)).toEqual([1, 1])
  })

  test('least-inflight prefers who has acknowledged', () => {
    const group = groupOf(three, qos1, { strategy: 'least-inflight' })
    for (const { session } of group.members) session.deliver(messageOf('m'), 1, false, [])
    group.members[1]!.session.puback(1)
    expect(choices(group, 2)).toEqual([1, 1])
  })

  test.each<[ShareStrategy, (i: number) => [string, number]]>([
    ['hash-publisher', (i) => [`publisher ${i}`, 0]],
    ['hash-topic', (i) => ['', Math.imul(i, 0x9e3779b1)]],
  ])('%s keeps together what belongs together, and spreads the rest', (strategy, at) => {
    const { group, members } = groupOf(three, qos1, { strategy })
    const of = (i: number) => members.indexOf(group.choose(1, ...at(i))!)
    const first = Array.from({ length: 50 }, (_, i) => of(i))
    expect(Array.from({ length: 50 }, (_, i) => of(i))).toEqual(first)
    expect(new Set(first).size).toBe(3)
    group.choose(1, 'somebody else', 1)
    expect(of(7)).toBe(first[7])
  })
})
