import { type Session, sharedFilterOf, type Undelivered } from '@promptmq/router'
import type { FanOut } from './fan-out.ts'

/**
 * What a session that ends leaves to the other members of its shared subscriptions (§4.8.2): messages at
 * QoS 1 that it was sent and did not acknowledge, and all that waited for it. A QoS 2 message that it was
 * sent is lost with it: another member might get it a second time. So is what came by a subscription that
 * it has no more.
 */

/** Whether anything of a session could be of use to others. */
export function sharesSubscriptions({ subscriptions }: Session): boolean {
  for (const { shareName } of subscriptions.values()) if (shareName !== null) return true
  return false
}

/**
 * Somebody else of its group gets each of them that came by one. In the same batch the session loses it:
 * a crash before all is passed on does not have it passed on again.
 *
 * @param session - whose subscriptions are in the broker's tree no more.
 */
export function passOn(fanOut: FanOut, session: Session, all: readonly Undelivered[]): void {
  for (const { message, identifiers, position } of all) {
    const subscription = session.subscriptions.get(sharedFilterOf(identifiers) ?? '')
    if (subscription !== undefined) fanOut.passToMember(message, subscription)
    if (position > 0) session.journal?.queueDelete(session, position)
  }
}
