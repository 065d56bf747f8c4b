import {
  MatchResult,
  type Message,
  NO_IDENTIFIERS,
  type Session,
  type Subscription,
  TopicTree,
  type Undelivered,
} from '@promptmq/router'
import type { FanOut } from './fan-out.ts'

/**
 * What a session that ends leaves to the other members of its shared subscriptions (§4.8.2): messages at
 * QoS 1 that it was sent and did not acknowledge, and all that waited for it. A QoS 2 message that it was
 * sent is lost with it: another member might get it a second time.
 *
 * Which subscription a message came by is told by its list of Subscription Identifiers, which is the
 * subscription's own. What the Store gave back does not tell: at QoS 1 each group that it may have come by
 * gets it, as the identifiers tell, at QoS 2 only where there is but one; and none where there are no
 * identifiers and an ordinary subscription matches as well.
 */
export class LeftBehind {
  readonly #fanOut: FanOut
  readonly #session: Session
  /** What the session subscribed to. */
  readonly #own = new TopicTree()
  readonly #result = new MatchResult()
  readonly #origins = new Map<readonly number[], Subscription>()
  /** What a message is known by: its number in the Store, where it had one. */
  readonly #keys = new Map<Message, Message | number>()
  /** Which groups got it. */
  readonly #passed = new Map<Message | number, Set<string>>()

  /** @param session - whose subscriptions are in the broker's tree no more. */
  constructor(fanOut: FanOut, session: Session) {
    this.#fanOut = fanOut
    this.#session = session
    for (const subscription of session.subscriptions.values()) {
      this.#own.add(subscription)
      if (subscription.shareName !== null) this.#origins.set(subscription.identifiers, subscription)
    }
  }

  /**
   * Somebody else of its group gets each of them that came by one. In the same batch the session loses
   * it: a crash before all is passed on does not have it passed on again.
   */
  pass(all: readonly Undelivered[]): void {
    for (const { message, identifiers } of all) {
      const origin = this.#origins.get(identifiers)
      if (origin !== undefined) this.#passTo(message, origin)
    }
    for (const undelivered of all) {
      const { identifiers } = undelivered
      if (this.#origins.has(identifiers) || identifiers === NO_IDENTIFIERS) continue
      for (const group of this.#guess(undelivered)) this.#passTo(undelivered.message, group)
    }
    const session = this.#session
    for (const { position } of all) {
      if (position > 0) session.journal?.queueDelete(session, position)
    }
  }

  #passTo(message: Message, { shareName, filter }: Group): void {
    this.#passedTo(message).add(`${shareName}/${filter}`)
    this.#fanOut.passToMember(message, shareName!, filter)
  }

  #passedTo(message: Message): Set<string> {
    const key = this.#keys.get(message) ?? (message.number || message)
    const passed = this.#passed.get(key) ?? new Set()
    this.#keys.set(message, key)
    this.#passed.set(key, passed)
    return passed
  }

  /** Those that it may have come by and that have not got it yet. */
  #guess({ message, qos, identifiers }: Undelivered): Group[] {
    const result = this.#result
    this.#own.match(message.topicName, result)
    const isAlone = result.subscriptions.length === 0
    const groups = result.groups.filter(({ members }) => {
      const own = members[0]!
      const isLike = own.identifiers.join() === identifiers.join()
      const isStored = storedLists.has(identifiers)
      // A list of its own that is empty is of a shared subscription that was made anew.
      const isShared = isStored ? own.identifiers.length > 0 : identifiers.length === 0
      const isTold = isLike && (isAlone || isShared)
      return isTold && Math.min(own.qos, message.qos) <= qos
    })
    if (qos === 2 && groups.length > 1) return []
    const passed = this.#passedTo(message)
    return groups.filter(({ shareName, filter }) => !passed.has(`${shareName}/${filter}`))
  }
}

/** Lists of Subscription Identifiers that are no subscription's own. */
const storedLists = new WeakSet<readonly number[]>()

/** Those of a delivery that the Store gave back. */
export function storedIdentifiers(identifiers: readonly number[]): readonly number[] {
  const list = [...identifiers]
  storedLists.add(list)
  return list
}

type Group = Pick<Subscription, 'shareName' | 'filter'>

/** Whether anything of a session could be of use to others. */
export function sharesSubscriptions({ subscriptions }: Session): boolean {
  for (const { shareName } of subscriptions.values()) if (shareName !== null) return true
  return false
}
