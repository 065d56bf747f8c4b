import type { PublishHeader } from '@promptmq/codec'
import {
  keepMessage,
  type Message,
  type Recipient,
  type Session,
  type SharedGroup,
  type TopicEntry,
  type TopicTree,
} from '@promptmq/router'
import type { Retained } from './retained.ts'

/**
 * From one PUBLISH to everybody who gets it. Synchronous, one message after the other: that alone
 * keeps the order of §4.6.
 *
 * A QoS 0 packet goes on as the bytes that came, for every subscriber for whom it would be the same
 * bytes. Whatever else is needed is encoded from a Message, which is made when the first subscriber
 * asks for it and shared by all.
 */
export class FanOut {
  readonly #tree: TopicTree
  readonly #retained: Retained
  readonly #now: () => number

  constructor(tree: TopicTree, retained: Retained, now: () => number) {
    this.#tree = tree
    this.#retained = retained
    this.#now = now
  }

  /**
   * A PUBLISH as it lies in the chunk.
   *
   * @param entry - its Topic Name, resolved.
   * @param packetStart - where the packet begins in `header.bytes`.
   * @param wireFormat - of the connection that it came on: see Outlet.
   * @returns whether anybody subscribes to its topic.
   */
  publishPacket(
    entry: TopicEntry,
    header: PublishHeader,
    packetStart: number,
    wireFormat: number,
    publisher: Session,
  ): boolean {
    const route = entry.route(this.#tree)
    const isPlain = header.qos === 0 && !header.retain && !header.hasHopProperties
    let message: Message | null = null
    for (const each of route.recipients) {
      const recipient = each.session === publisher ? each.toSelf : each
      if (recipient === null) continue // [MQTT-3.8.3-3]
      const { outlet } = recipient.session
      if (isPlain && recipient.identifiers.length === 0 && outlet?.wireFormat === wireFormat) {
        outlet.forward(header.bytes, packetStart, header.payloadEnd)
      } else {
        message ??= keepMessage(header, entry.name, entry.bytes, publisher.clientId, this.#now())
        deliver(recipient, message)
      }
    }
    if (route.groups.length > 0 || header.retain) {
      message ??= keepMessage(header, entry.name, entry.bytes, publisher.clientId, this.#now())
      shareOut(route.groups, message)
      if (header.retain) this.#retained.publish(message)
    }
    return !route.isEmpty
  }

  /**
   * A message that is kept already: a will, one that a hook was asked about, one of the embedder's.
   * @param publisher - `null` where no session published it.
   */
  publishMessage(entry: TopicEntry, message: Message, publisher: Session | null): boolean {
    const route = entry.route(this.#tree)
    for (const each of route.recipients) {
      const recipient = each.session === publisher ? each.toSelf : each
      if (recipient !== null) deliver(recipient, message)
    }
    shareOut(route.groups, message)
    if (message.retain) this.#retained.publish(message)
    return !route.isEmpty
  }
}

function shareOut(groups: readonly SharedGroup[], message: Message): void {
  for (const group of groups) {
    const member = group.choose(message.qos)
    if (member === null) continue
    const identifiers = member.identifier === 0 ? [] : [member.identifier]
    deliver(
      {
        session: member.session,
        qos: member.qos,
        retainAsPublished: member.retainAsPublished,
        identifiers,
      },
      message,
    )
  }
}

/** The lower QoS of the two rules [MQTT-3.8.4-8]; RETAIN by [MQTT-3.3.1-12] [MQTT-3.3.1-13]. */
function deliver(
  {
    session,
    qos,
    retainAsPublished,
    identifiers,
  }: Pick<Recipient, 'session' | 'qos' | 'retainAsPublished' | 'identifiers'>,
  message: Message,
): void {
  const retain = message.retain && retainAsPublished
  const deliveryQos = Math.min(message.qos, qos)
  if (deliveryQos === 0) session.outlet?.publish(message, 0, retain, false, 0, identifiers)
  else session.deliver(message, deliveryQos as 1 | 2, retain, identifiers)
}
