import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findRoute, type Recipient, type Session, TopicTable, TopicTree } from '../src/index.ts'
import { sessionWith } from './fakes.ts'
import { filters, matches, topicNames } from './matching.ts'
import { type SubscriptionFields, subscriptionOf } from './messages.ts'

interface Options extends SubscriptionFields {
  readonly owner: number
  readonly filter: string
}

/** What a copy of a message carries, as plain data: identifiers sorted, any order is right. */
interface Copy {
  readonly qos: number
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[]
}

function copyOf(recipient: Recipient | null): Copy | null {
  if (recipient === null) return null
  const { qos, retainAsPublished, identifiers } = recipient
  return { qos, retainAsPublished, identifiers: [...identifiers].sort((a, b) => a - b) }
}

/** The rules of §3.3.4, straight: leave out No Local where it applies, then merge what is left. */
function mergeNaively(matching: readonly Options[]): Copy | null {
  if (matching.length === 0) return null
  return {
    qos: Math.max(...matching.map(({ qos }) => qos ?? 0)),
    retainAsPublished: matching.some(({ retainAsPublished }) => retainAsPublished === true),
    identifiers: matching
      .map(({ identifier }) => identifier ?? 0)
      .filter((identifier) => identifier > 0)
      .sort((a, b) => a - b),
  }
}

function routeOf(options: readonly Options[], topicName: string): Map<Session, Recipient> {
  const tree = new TopicTree()
  for (const { owner, filter, ...fields } of options) {
    tree.add(subscriptionOf(OWNERS[owner]!, filter, fields))
  }
  const { recipients } = findRoute(tree, topicName)
  const bySession = new Map(recipients.map((recipient) => [recipient.session, recipient]))
  expect(bySession.size).toBe(recipients.length)
  return bySession
}

const OWNERS = Array.from({ length: 3 }, () => sessionWith().session)

const subscriptions = fc.record({
  owner: fc.nat(OWNERS.length - 1),
  filter: filters,
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  identifier: fc.constantFrom(0, 0, 1, 2, 268_435_455),
})

describe('overlapping subscriptions', () => {
  test('[MQTT-3.3.4-2] the one copy has the highest QoS granted', () => {
    const route = routeOf(
      [
        { owner: 0, filter: 'a/+', qos: 0 },
        { owner: 0, filter: 'a/b', qos: 2 },
        { owner: 0, filter: '#', qos: 1 },
        { owner: 1, filter: 'a/b', qos: 1 },
      ],
      'a/b',
    )
    expect(route.get(OWNERS[0]!)!.qos).toBe(2)
    expect(route.get(OWNERS[1]!)!.qos).toBe(1)
    expect(route.size).toBe(2)
  })

  test('[MQTT-3.3.4-4] it has the identifiers of all that match, equal ones too', () => {
    const route = routeOf(
      [
        { owner: 0, filter: 'a/+', identifier: 7 },
        { owner: 0, filter: 'a/b', identifier: 7 },
        { owner: 0, filter: '#' },
        { owner: 0, filter: 'a/#', identifier: 3 },
        { owner: 0, filter: 'b', identifier: 9 },
      ],
      'a/b',
    )
    expect(copyOf(route.get(OWNERS[0]!)!)!.identifiers).toEqual([3, 7, 7])
  })

  test('[MQTT-3.3.1-13] Retain As Published holds if any of them has it', () => {
    const route = routeOf(
      [
        { owner: 0, filter: 'a', retainAsPublished: false },
        { owner: 0, filter: '+', retainAsPublished: true },
        { owner: 1, filter: 'a', retainAsPublished: false },
      ],
      'a',
    )
    expect(route.get(OWNERS[0]!)!.retainAsPublished).toBe(true)
    expect(route.get(OWNERS[1]!)!.retainAsPublished).toBe(false)
  })

  test('[MQTT-3.8.3-3] its own messages reach a session only without No Local', () => {
    const local = { owner: 0, filter: 'a', qos: 1, identifier: 1 } as const
    const other = { owner: 0, filter: '+', qos: 2, identifier: 2, noLocal: true } as const
    const alone = routeOf([{ ...local, noLocal: true }], 'a').get(OWNERS[0]!)!
    expect(alone.toSelf).toBeNull()
    for (const order of [
      [local, other],
      [other, local],
    ]) {
      const recipient = routeOf(order, 'a').get(OWNERS[0]!)!
      expect(copyOf(recipient)).toEqual({ qos: 2, retainAsPublished: false, identifiers: [1, 2] })
      expect(copyOf(recipient.toSelf)).toEqual({
        qos: 1,
        retainAsPublished: false,
        identifiers: [1],
      })
    }
    const neither = routeOf([local, { ...other, noLocal: false }], 'a').get(OWNERS[0]!)!
    expect(neither.toSelf).toBe(neither)
  })

  test('are what filtering and then merging gives', () => {
    fc.assert(
      fc.property(fc.array(subscriptions, { maxLength: 14 }), topicNames, (options, topicName) => {
        const route = routeOf(options, topicName)
        for (const [owner, session] of OWNERS.entries()) {
          const matching = options.filter(
            (one) => one.owner === owner && matches(one.filter, topicName),
          )
          const recipient = route.get(session) ?? null
          expect(copyOf(recipient)).toEqual(mergeNaively(matching))
          const toSelf = matching.filter(({ noLocal }) => noLocal !== true)
          expect(copyOf(recipient?.toSelf ?? null)).toEqual(mergeNaively(toSelf))
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('a shared subscription stands beside them, on its own', () => {
    const tree = new TopicTree()
    tree.add(subscriptionOf(OWNERS[0]!, 'a', { qos: 1 }))
    tree.add(subscriptionOf(OWNERS[0]!, '$share/g/a', { qos: 2, identifier: 5 }))
    const route = findRoute(tree, 'a')
    expect(route.recipients.map(copyOf)).toEqual([
      { qos: 1, retainAsPublished: false, identifiers: [] },
    ])
    expect(route.groups.map(({ shareName }) => shareName)).toEqual(['g'])
    expect(route.isEmpty).toBe(false)
    expect(findRoute(treeOnly('$share/g/a'), 'a').isEmpty).toBe(false)
    expect(findRoute(tree, 'b').isEmpty).toBe(true)
  })
})

function treeOnly(topicFilter: string): TopicTree {
  const tree = new TopicTree()
  tree.add(subscriptionOf(OWNERS[0]!, topicFilter))
  return tree
}

describe('a Route', () => {
  test('is found once, until a subscription changes', () => {
    const tree = new TopicTree()
    const entry = new TopicTable().ofName('a')
    expect(entry.route(tree).isEmpty).toBe(true)
    const first = subscriptionOf(OWNERS[0]!, 'a')
    tree.add(first)
    const route = entry.route(tree)
    expect(route.recipients).toHaveLength(1)
    expect(entry.route(tree)).toBe(route)
    const next = subscriptionOf(OWNERS[0]!, 'a', { qos: 2 })
    tree.replace(first, next)
    expect(entry.route(tree).recipients[0]!.qos).toBe(2)
    const other = subscriptionOf(OWNERS[1]!, '#')
    tree.add(other)
    expect(entry.route(tree).recipients).toHaveLength(2)
    tree.remove(next)
    tree.remove(other)
    expect(entry.route(tree).isEmpty).toBe(true)
  })

  test('stays as it is while its receivers subscribe and unsubscribe', () => {
    const tree = new TopicTree()
    const mine = OWNERS.map((session) => subscriptionOf(session, 'a/b'))
    for (const subscription of mine) tree.add(subscription)
    const entry = new TopicTable().ofName('a/b')
    const seen: Session[] = []
    for (const { session } of entry.route(tree).recipients) {
      seen.push(session)
      if (seen.length === 1) tree.remove(mine[1]!)
      tree.add(subscriptionOf(session, 'a/#'))
      // Another match in between must not disturb the one under way.
      new TopicTable().ofName('a/c').route(tree)
    }
    expect(seen).toEqual(OWNERS)
    expect(new Set(entry.route(tree).recipients.map(({ session }) => session))).toEqual(
      new Set(OWNERS),
    )
  })
})
