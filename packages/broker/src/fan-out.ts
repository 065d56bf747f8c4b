import type { PublishHeader } from '@promptmq/codec'
import type {
  Message,
  Recipient,
  Route,
  Session,
  SharedGroup,
  Subscription,
  TopicEntry,
  TopicTable,
  TopicTree,
} from '@promptmq/router'
import type { Journal } from './journal.ts'
import { WRITTEN_AS_KEPT } from './packet-writer.ts'
import { PublishedPacket } from './published-packet.ts'
import type { Retained } from './retained.ts'

/** Who gets a message, and as what: a Recipient of the topic, or a member of a shared group. */
export type Target = Pick<Recipient, 'session' | 'qos' | 'retainAsPublished' | 'identifiers'>

type Group = Pick<Subscription, 'shareName' | 'filter'>

/** What a FanOut needs of the broker. */
export interface FanOutHost {
  readonly tree: TopicTree
  readonly topics: TopicTable
  readonly retained: Retained
  readonly journal: Journal | null
  now(): number
  /** Calls back when the event loop has gone round. */
  defer(callback: () => void): void
  endTurn(): void
}

/** A message for more than so many goes out in slices. */
const LONG = 4_096
/** Receivers of one slice: a few milliseconds at most. */
const SLICE = 1_024
/** What a receiver at QoS 1 or 2 costs, beside one at QoS 0. */
const ACKNOWLEDGED = 16

/**
 * From one PUBLISH to everybody who gets it. One message after the other: that alone keeps the order of
 * §4.6.
 *
 * A packet goes on as the bytes that came, for every subscriber for whom it would be the same bytes
 * (but for the Packet Identifier), and of whom nothing has to be kept. Whatever else is needed is
 * encoded from a Message, which is made when the first subscriber asks for it and shared by all.
 *
 * What very many get goes out in slices, between which the event loop goes round. One such message at a
 * time, and nothing is handed to the Store meanwhile: what it queues for all is one batch, of which a
 * crash keeps all or nothing. Messages on the same topic get in line behind it.
 */
export class FanOut {
  readonly #host: FanOutHost
  readonly #packet = new PublishedPacket()
  readonly #line: LongFanOut[] = []
  /** What was done, ever: a receiver at QoS 0 is one, at QoS 1 or 2 it is {@link ACKNOWLEDGED}. */
  work = 0

  constructor(host: FanOutHost) {
    this.#host = host
  }

  /**
   * A PUBLISH as it lies in the chunk.
   *
   * @param entry - its Topic Name, resolved.
   * @param packetStart - where the packet begins in `header.bytes`.
   * @param wireFormat - of the connection that it came on: see Outlet.
   * @returns whether anybody subscribes to its topic; `null` where it must be kept, since it takes long or
   *   is large: nothing was done, see {@link FanOut.publishMessage}.
   */
  publishPacket(
    entry: TopicEntry,
    header: PublishHeader,
    packetStart: number,
    wireFormat: number,
    publisher: Session,
  ): boolean | null {
    const route = entry.route(this.#host.tree)
    const { recipients, groups } = route
    // One memory for all is better than a copy for each.
    const isShared = recipients.length > 1 && header.payloadEnd - packetStart >= WRITTEN_AS_KEPT
    if (isShared || this.#isLong(entry, route)) return null
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
    if (header.retain) this.#host.retained.publish(this.#kept())
    packet.message = null
    this.work += workOf(header.qos, recipients.length)
    return !route.isEmpty
  }

  /**
   * A message that is kept already: a will, one that a hook was asked about, one of the embedder's, one
   * that takes long or is large.
   *
   * @param publisher - `null` where no session published it.
   * @param begin - called when its turn has come; where it returns false, nothing is done.
   * @returns whether anybody subscribes to its topic; the promise of it where it takes long.
   */
  publishMessage(
    entry: TopicEntry,
    message: Message,
    publisher: Session | null,
    begin: () => boolean = () => true,
  ): boolean | Promise<boolean> {
    const route = entry.route(this.#host.tree)
    if (this.#isLong(entry, route)) return this.#getInLine(entry, message, publisher, begin)
    if (!begin()) return false
    deliverSome(route.recipients, 0, route.recipients.length, message, publisher)
    this.#shareAndRetain(route, message, entry.hash)
    this.work += workOf(message.qos, route.recipients.length)
    return !route.isEmpty
  }

  /** A message that a member of a shared group has not acknowledged goes to another, if there is one. */
  passToMember(message: Message, { shareName, filter }: Group): void {
    const { topics, tree } = this.#host
    if (message.expiresAt <= this.#host.now()) return
    message.number = 0 // No stored session may have it any more.
    const entry = topics.ofName(message.topicName)
    const isGroup = (group: SharedGroup) => group.shareName === shareName && group.filter === filter
    shareOut(entry.route(tree).groups.filter(isGroup), message, entry.hash)
  }

  #isLong(entry: TopicEntry, route: Route): boolean {
    if (route.recipients.length > LONG) return true
    return this.#line.length > 0 && this.#line.some(({ topicName }) => topicName === entry.name)
  }

  #getInLine(
    entry: TopicEntry,
    message: Message,
    publisher: Session | null,
    begin: () => boolean,
  ): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const start = (long: LongFanOut) => {
      if (!begin()) return
      long.recipients = entry.route(this.#host.tree).recipients
      this.#shareAndRetain(entry.route(this.#host.tree), message, entry.hash)
    }
    message.settle()
    this.#line.push(new LongFanOut(entry.name, message, publisher, start, resolve))
    if (this.#line.length === 1) this.#advance()
    return promise
  }

  /** The next slice of the first in line. */
  #advance(): void {
    const { journal } = this.#host
    const long = this.#line[0]!
    journal?.hold()
    const isDone = long.advance()
    if (isDone) {
      this.#line.shift()
      journal?.letGo()
    }
    if (this.#line.length === 0) return
    this.#host.defer(() => {
      this.#advance()
      this.#host.endTurn()
    })
  }

  #shareAndRetain(route: Route, message: Message, topicHash: number): void {
    shareOut(route.groups, message, topicHash)
    if (message.retain) this.#host.retained.publish(message)
  }

  #kept(): Message {
    const packet = this.#packet
    packet.message ??= packet.keep(this.#host.now())
    return packet.message
  }
}

/** One message on its way to very many: to those who subscribed when its turn came. */
class LongFanOut {
  readonly topicName: string
  recipients: readonly Recipient[] = []
  readonly #message: Message
  readonly #publisher: Session | null
  readonly #resolve: (isMatched: boolean) => void
  #start: ((long: LongFanOut) => void) | null
  #next = 0

  /** @param start - called first: sets the recipients. @param resolve - called last. */
  constructor(
    topicName: string,
    message: Message,
    publisher: Session | null,
    start: (long: LongFanOut) => void,
    resolve: (isMatched: boolean) => void,
  ) {
    this.topicName = topicName
    this.#message = message
    this.#publisher = publisher
    this.#start = start
    this.#resolve = resolve
  }

  /** One slice. @returns true when all have it. */
  advance(): boolean {
    this.#start?.(this)
    this.#start = null
    const { recipients } = this
    // All who had it from the slices before may have acknowledged it.
    this.#message.number = 0
    const end = Math.min(recipients.length, this.#next + SLICE)
    deliverSome(recipients, this.#next, end, this.#message, this.#publisher)
    this.#next = end
    if (end < recipients.length) return false
    this.#resolve(recipients.length > 0)
    return true
  }
}

function workOf(qos: number, receiverCount: number): number {
  return qos === 0 ? receiverCount : receiverCount * ACKNOWLEDGED
}

function deliverSome(
  recipients: readonly Recipient[],
  start: number,
  end: number,
  message: Message,
  publisher: Session | null,
): void {
  for (let i = start; i < end; i++) {
    const each = recipients[i]!
    const recipient = each.session === publisher ? each.toSelf : each
    if (recipient !== null && !each.session.isEnded) deliver(recipient, message)
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
