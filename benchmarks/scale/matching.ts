/**
 * What a subscription takes, and a match costs, as subscriptions become many. In a process of its own:
 *
 *   node --expose-gc matching.ts SHAPE COUNT      prints a Growth as JSON
 */
import { strict as assert } from 'node:assert'
import { type ParsedTopicFilter, parseTopicFilter } from '@promptmq/codec'
import {
  Budget,
  findRoute,
  type Outlet,
  Session,
  type SessionHost,
  Subscription,
  TopicTree,
} from '@promptmq/router'

export interface Growth {
  readonly shape: ShapeName
  readonly count: number
  /** Of memory, in the tree and for the subscription itself. */
  readonly bytesEach: number
  /** Nanoseconds: a Topic Name that has no route yet, or none any more. */
  readonly match: number
  /** Nanoseconds: one subscription comes, a message is published, the subscription goes. */
  readonly churn: number
}

interface Shape {
  filter(index: number): string
  /** One that the filter of the same index matches. */
  topic(index: number): string
}

const DEPTH = 32
const DEEP = Array.from({ length: DEPTH - 1 }, (_, i) => `l${i}`).join('/')

export const SHAPES = {
  'distinct topics': {
    filter: (i) => `site/${i % 100}/m/${i}`,
    topic: (i) => `site/${i % 100}/m/${i}`,
  },
  'a/+/b filters': { filter: (i) => `site/+/m/${i}`, topic: (i) => `site/${i % 100}/m/${i}` },
  'a/# filters': { filter: (i) => `site/${i}/#`, topic: (i) => `site/${i}/m/x` },
  '32 levels': { filter: (i) => `${DEEP}/${i}`, topic: (i) => `${DEEP}/${i}` },
} as const satisfies Record<string, Shape>
export type ShapeName = keyof typeof SHAPES

const SAMPLE = 100_000
const REPEATS = 5

const host = {
  heldBudget: new Budget({ total: Number.MAX_SAFE_INTEGER }),
  now: () => 0,
} as unknown as SessionHost

function subscriptionTo(session: Session, topicFilter: string): Subscription {
  const parsed = parseTopicFilter(topicFilter, 128) as ParsedTopicFilter
  const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  return new Subscription(session, parsed, options, 0)
}

function measure(shapeName: ShapeName, count: number): Growth {
  const shape: Shape = SHAPES[shapeName]
  const session = new Session(0, 'scale', host)
  session.outlet = {} as Outlet
  const tree = new TopicTree()
  const before = usedBytes()
  for (let i = 0; i < count; i++) tree.add(subscriptionTo(session, shape.filter(i)))
  const bytesEach = (usedBytes() - before) / count
  // Spread, so that nothing is in the processor's cache that would not be.
  const topics = Array.from({ length: Math.min(SAMPLE, count) }, (_, i) =>
    shape.topic(Math.floor((i * 7919) % count)),
  )
  const match = timeOf(topics, (topic) => {
    assert.equal(findRoute(tree, topic).recipients.length, 1)
  })
  const churn = timeOf(topics, (topic) => {
    const subscription = subscriptionTo(session, `${topic}/+/new`)
    tree.add(subscription)
    findRoute(tree, topic)
    tree.remove(subscription)
  })
  return { shape: shapeName, count, bytesEach, match, churn }
}

/** Nanoseconds a topic, the least of some repeats. */
function timeOf(topics: readonly string[], work: (topic: string) => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const begin = performance.now()
    for (const topic of topics) work(topic)
    least = Math.min(least, ((performance.now() - begin) * 1e6) / topics.length)
  }
  return least
}

function usedBytes(): number {
  globalThis.gc!()
  return process.memoryUsage().heapUsed
}

if (import.meta.main) {
  const [shape, count] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(measure(shape as ShapeName, Number(count))))
}
