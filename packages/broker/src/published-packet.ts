import type { PublishHeader } from '@promptmq/codec'
import { keepMessage, type Message, type Session, type TopicEntry } from '@promptmq/router'
import type { Target } from './fan-out.ts'

/**
 * The PUBLISH that is being fanned out, as it lies in the chunk; one serves for all. Whoever would get the
 * same bytes is passed them; for the others a Message is made, once.
 */
export class PublishedPacket {
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
