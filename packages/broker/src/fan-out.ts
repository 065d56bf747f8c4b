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

/** Who gets a message, and as what: a Recipient of the topic, or a member of a shared group. */
type Target = Pick<Recipient, 'session' | 'qos' | 'retainAsPublished' | 'identifiers'>

/**
 * From one PUBLISH to everybody who gets it. Synchronous, one message after the other: that alone
 * keeps the order of §4.6.
 *
 * A packet goes on as the bytes that came, for every subscriber for whom it would be the same bytes
 * (but for the Packet Identifier), and of whom nothing has to be kept. Whatever else is needed is
 * encoded from a Message, which is made when the first subscriber asks for it and shared by all.
 */
export class FanOut {
  readonly #tree: TopicTree
  readonly #retained: Retained
  readonly #now: () => number
  readonly #packet = new Packet()

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
    const { recipients, groups } = route
    const packet = this.#packet
    packet.set(entry, header, packetStart, wireFormat, publisher)
    for (let i = 0; i < recipients.length; i++) {
      const each = recipients[i]!
      const recipient = each.session === publisher ? each.toSelf : each
      // [MQTT-3.8.3-3]
      if (recipient !== null && !packet.pass(recipient)) deliver(recipient, this.#kept())
    }
    for (let i = 0; i < groups.length; i++) {
      const member = groups[i]!.choose(header.qos, publisher.clientId, entry.hash)
      // A message that is not acknowledged may yet go to another member: it is kept.
      const isPassed = member !== null && header.qos === 0 && packet.pass(member)
      if (member !== null && !isPassed) deliver(member, this.#kept())
    }
    if (header.retain) this.#retained.publish(this.#kept())
    packet.message = null
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
    shareOut(route.groups, message, entry.hash)
    if (message.retain) this.#retained.publish(message)
    return !route.isEmpty
  }

  #kept(): Message {
    const packet = this.#packet
    packet.message ??= packet.keep(this.#now())
    return packet.message
  }
}

/** The PUBLISH that is being fanned out; one serves for all. */
class Packet {
  /** Made when it is asked for. */
  message: Message | null = null
  #entry: TopicEntry | null = null
  #header: PublishHeader | null = null
  #start = 0
  #end = 0
  #qos: 0 | 1 | 2 = 0
  #identifierAt = 0
  #wireFormat = 0
  #isPlain = false
  #publisher: Session | null = null

  set(
    entry: TopicEntry,
    header: PublishHeader,
    start: number,
    wireFormat: number,
    publisher: Session,
  ): void {
    // A store of what is there already is not free: the collector is told of it.
    if (this.#entry !== entry) this.#entry = entry
    if (this.#header !== header) this.#header = header
    if (this.#publisher !== publisher) this.#publisher = publisher
    this.#start = start
    this.#end = header.payloadEnd
    this.#qos = header.qos
    this.#identifierAt = header.topicEnd
    this.#wireFormat = wireFormat
    this.#isPlain = !header.retain && !header.hasHopProperties
  }

  /** Passes its bytes on. @returns false where others are needed, or where it has to be kept. */
  pass({ session, qos, identifiers }: Target): boolean {
    const { outlet } = session
    if (!this.#isPlain || outlet?.wireFormat !== this.#wireFormat || identifiers.length > 0) {
      return false
    }
    const { bytes } = this.#header!
    if (this.#qos === 0) {
      outlet.forward(bytes, this.#start, this.#end)
      return true
    }
    return (
      qos >= this.#qos &&
      session.forward(bytes, this.#start, this.#end, this.#identifierAt, this.#qos)
    )
  }

  keep(now: number): Message {
    const { name, bytes } = this.#entry!
    return keepMessage(
      this.#header!,
      this.#start,
      this.#wireFormat,
      name,
      bytes,
      this.#publisher!.clientId,
      now,
    )
  }
}

function shareOut(groups: readonly SharedGroup[], message: Message, topicHash: number): void {
  for (const group of groups) {
    const member = group.choose(message.qos, message.publisher, topicHash)
    if (member !== null) deliver(member, message)
  }
}

/** The lower QoS of the two rules [MQTT-3.8.4-8]; RETAIN by [MQTT-3.3.1-12] [MQTT-3.3.1-13]. */
function deliver(target: Target, message: Message): void {
  const { session, identifiers } = target
  const retain = message.retain && target.retainAsPublished
  const qos = Math.min(message.qos, target.qos)
  if (qos === 0) session.outlet?.publish(message, 0, retain, false, 0, identifiers)
  else session.deliver(message, qos as 1 | 2, retain, identifiers)
}
