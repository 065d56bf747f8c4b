import { MatchResult, type Message, type Session, TopicTree } from '@promptmq/router'
import type { FanOut } from './fan-out.ts'

/**
 * What a session that ends leaves to the other members of its shared subscriptions (§4.8.2): messages at
 * QoS 1 that it was sent and did not acknowledge, and all that waited for it. A QoS 2 message that it was
 * sent is lost with it: another member might get it a second time.
 *
 * Which subscription a message came by is not written down: one that an ordinary subscription of the
 * session matches as well is taken for that one's, unless its Subscription Identifiers tell.
 */
export class LeftBehind {
  readonly #fanOut: FanOut
  /** What the session subscribed to. */
  readonly #own = new TopicTree()
  readonly #result = new MatchResult()

  /** @param session - whose subscriptions are in the broker's tree no more. */
  constructor(fanOut: FanOut, session: Session) {
    this.#fanOut = fanOut
    for (const subscription of session.subscriptions.values()) this.#own.add(subscription)
  }

  /** Somebody else of the group gets it, where it came by one. */
  pass({ message, identifiers }: Undelivered): void {
    const result = this.#result
    this.#own.match(message.topicName, result)
    for (const { shareName, filter, members } of result.groups) {
      const own = members[0]!.identifiers
      const isTold = own.length > 0 && own.join() === identifiers.join()
      if (result.subscriptions.length === 0 || isTold) {
        this.#fanOut.passToMember(message, shareName, filter)
      }
    }
  }
}

/** A message that its session has not acknowledged. */
export interface Undelivered {
  readonly message: Message
  readonly identifiers: readonly number[]
}

/** Whether anything of a session could be of use to others. */
export function sharesSubscriptions({ subscriptions }: Session): boolean {
  for (const { shareName } of subscriptions.values()) if (shareName !== null) return true
  return false
}
