import type { QoS, Subscription as SubscriptionRequest } from '@promptmq/codec'
import type { Session } from './session.ts'

/** The list of all subscriptions that have no identifier and are not shared. */
export const NO_IDENTIFIERS: readonly number[] = []
/** By the list that is delivered with a message: the shared subscription that it came by. */
const sharedFilters = new WeakMap<readonly number[], string>()
const NO_LOCAL = 0b0100
const RETAIN_AS_PUBLISHED = 0b1000

/**
 * One session's subscription to one Topic Filter (§4.8). Immutable: subscribing again puts another
 * in its place. `place` and `index` belong to the TopicTree: where it stands, for removal in O(1).
 */
export class Subscription {
  readonly session: Session
  /** As in SUBSCRIBE, with `$share/NAME/` where it has it: what identifies it in its session. */
  readonly topicFilter: string
  /** What is matched: without `$share/NAME/`. */
  readonly filter: string
  /** `null`: not shared. */
  readonly shareName: string | null
  /** The QoS granted. */
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: number
  /** Subscription Identifier, 0: none. */
  readonly identifier: number
  /** The same as the list that is delivered with a message: see {@link sharedFilterOf}. */
  readonly identifiers: readonly number[]
  place: Subscription[] | null = null
  index = -1

  constructor(
    session: Session,
    parsed: { topicFilter: string; filter: string; shareName: string | null },
    options: Omit<SubscriptionRequest, 'topicFilter'>,
    identifier: number,
  ) {
    this.session = session
    this.topicFilter = parsed.topicFilter
    this.filter = parsed.filter
    this.shareName = parsed.shareName
    this.qos = options.qos
    this.noLocal = options.noLocal
    this.retainAsPublished = options.retainAsPublished
    this.retainHandling = options.retainHandling
    this.identifier = identifier
    const identifiers = identifier === 0 ? NO_IDENTIFIERS : [identifier]
    this.identifiers =
      parsed.shareName === null ? identifiers : identifiersOfShared(this.topicFilter, identifiers)
  }

  /** The Subscription Options byte of §3.8.3.1, as a Store keeps it. */
  get options(): number {
    return (
      this.qos |
      (this.noLocal ? NO_LOCAL : 0) |
      (this.retainAsPublished ? RETAIN_AS_PUBLISHED : 0) |
      (this.retainHandling << 4)
    )
  }
}

/** A copy for messages that come by a shared subscription of this Topic Filter. */
export function identifiersOfShared(
  topicFilter: string,
  identifiers: readonly number[],
): readonly number[] {
  const own = [...identifiers]
  sharedFilters.set(own, topicFilter)
  return own
}

/** The Topic Filter of the shared subscription that a message came by; `null`: it came by ordinary ones. */
export function sharedFilterOf(identifiers: readonly number[]): string | null {
  return identifiers === NO_IDENTIFIERS ? null : (sharedFilters.get(identifiers) ?? null)
}

/** What {@link Subscription.options} was made from. */
export function subscriptionOptions(options: number): Omit<SubscriptionRequest, 'topicFilter'> {
  return {
    qos: (options & 0b11) as QoS,
    noLocal: (options & NO_LOCAL) !== 0,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: ((options >> 4) & 0b11) as 0 | 1 | 2,
  }
}

/** Appends to a list that {@link removeFrom} takes out of again in O(1); order is not kept. */
export function appendTo(place: Subscription[], subscription: Subscription): void {
  subscription.place = place
  subscription.index = place.length
  place.push(subscription)
}

/** Puts `next` where `subscription` stands. */
export function replaceIn(subscription: Subscription, next: Subscription): void {
  next.place = subscription.place
  next.index = subscription.index
  next.place![next.index] = next
  subscription.place = null
}

/** Takes a subscription out of the list that it stands in. */
export function removeFrom(subscription: Subscription): void {
  const place = subscription.place!
  const last = place.pop()!
  if (last !== subscription) {
    place[subscription.index] = last
    last.index = subscription.index
  }
  subscription.place = null
}
