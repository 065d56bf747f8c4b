import type { QoS } from '@promptmq/codec'
import type { Session } from './session.ts'
import type { SharedGroup } from './shared-group.ts'
import type { Subscription } from './subscription.ts'
import { MatchResult, type TopicTree } from './topic-tree.ts'

/**
 * What one session gets of a topic: all of its matching subscriptions merged into the one copy that
 * it is sent (§3.3.4). QoS is the highest granted, RETAIN is kept if any of them asked for it, and
 * each Subscription Identifier is listed [MQTT-3.3.4-2] [MQTT-3.3.4-4].
 */
export class Recipient {
  readonly session: Session
  qos: QoS
  retainAsPublished: boolean
  identifiers: readonly number[]
  /**
   * The same without the subscriptions that have No Local: what the session gets of its own
   * messages [MQTT-3.8.3-3]. Itself where none has it, `null` where all have.
   */
  toSelf: Recipient | null = null
  /** While there is one subscription, the list is that one's. */
  ownsIdentifiers = false

  constructor(subscription: Subscription) {
    this.session = subscription.session
    this.qos = subscription.qos
    this.retainAsPublished = subscription.retainAsPublished
    this.identifiers = subscription.identifiers
  }

  merge(subscription: Subscription): void {
    if (subscription.qos > this.qos) this.qos = subscription.qos
    this.retainAsPublished ||= subscription.retainAsPublished
    if (subscription.identifier === 0) return
    // Grown in place: one client may have ten thousand of them.
    if (!this.ownsIdentifiers) this.identifiers = [...this.identifiers]
    this.ownsIdentifiers = true
    ;(this.identifiers as number[]).push(subscription.identifier)
  }
}

/** Who gets the messages of one topic. Immutable; made anew when a subscription changes. */
export class Route {
  readonly recipients: readonly Recipient[]
  readonly groups: readonly SharedGroup[]

  constructor(recipients: readonly Recipient[], groups: readonly SharedGroup[]) {
    this.recipients = recipients
    this.groups = groups
  }

  get isEmpty(): boolean {
    return this.recipients.length === 0 && this.groups.length === 0
  }
}

const NO_ROUTE = new Route([], [])
const result = new MatchResult()

/** Matches a Topic Name against the tree and merges what matched, session by session. */
export function findRoute(tree: TopicTree, topicName: string): Route {
  tree.match(topicName, result)
  const { subscriptions, groups } = result
  if (subscriptions.length === 0 && groups.length === 0) return NO_ROUTE
  const route = new Route(mergeBySession(subscriptions), [...groups])
  result.clear()
  return route
}

function mergeBySession(subscriptions: readonly Subscription[]): Recipient[] {
  if (subscriptions.length === 1) return [sole(subscriptions[0]!)]
  const recipients = new Map<Session, Recipient>()
  for (const subscription of subscriptions) {
    const recipient = recipients.get(subscription.session)
    if (recipient === undefined) recipients.set(subscription.session, sole(subscription))
    else mergeInto(recipient, subscription)
  }
  return [...recipients.values()]
}

function sole(subscription: Subscription): Recipient {
  const recipient = new Recipient(subscription)
  recipient.toSelf = subscription.noLocal ? null : recipient
  return recipient
}

function mergeInto(recipient: Recipient, subscription: Subscription): void {
  const { toSelf } = recipient
  if (toSelf !== recipient && !subscription.noLocal) {
    // Some have No Local and some have not: from here on there are two answers.
    if (toSelf === null) recipient.toSelf = new Recipient(subscription)
    else toSelf.merge(subscription)
  } else if (toSelf === recipient && subscription.noLocal) {
    recipient.toSelf = copyOf(recipient)
  }
  recipient.merge(subscription)
}

function copyOf(recipient: Recipient): Recipient {
  const identifiers = [...recipient.identifiers]
  return Object.assign(Object.create(Recipient.prototype), recipient, { identifiers }) as Recipient
}
