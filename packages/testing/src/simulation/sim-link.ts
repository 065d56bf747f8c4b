import {
  type Connack,
  DecodeContext,
  decode,
  encode,
  type Packet,
  PacketDecoder,
  type PacketInput,
  type Publish,
  type PublishInput,
  Sender,
} from '@promptmq/codec'
import { VirtualTransport } from '../virtual-transport.ts'
import type { Random } from './random.ts'
import type { StepOf } from './steps.ts'

/** A packet, or bytes that are none, and what is true once the broker has them all. */
export interface Sending {
  readonly packet: PacketInput | Uint8Array
  readonly arrived?: () => void
}

/** A SUBSCRIBE or UNSUBSCRIBE. */
export interface Request {
  readonly topicFilter: string
  readonly isSubscribe: boolean
  /** The broker cannot do it. */
  isRefused: boolean
}

/** An answer that a client owes. */
export interface Answer {
  readonly packet: Extract<PacketInput, { packetIdentifier: number }>
  readonly arrived?: () => void
}

/**
 * One network connection, as its client has it, and what dies with it. Bytes get through in order, in
 * chunks of any size, at once or some steps later.
 */
export class SimLink {
  readonly transport: VirtualTransport
  readonly step: StepOf<'connect'>
  /** Packet Identifiers of messages to this client that hold a place of its Receive Maximum. */
  readonly open = new Set<number>()
  /** Answers that it owes, oldest first. */
  readonly answers: Answer[] = []
  /** SUBSCRIBE and UNSUBSCRIBE that are not answered, by Packet Identifier. */
  readonly requests = new Map<number, Request>()
  /** The broker's, from CONNACK. */
  receiveMaximum = 65_535
  /** The broker's, from CONNACK. */
  #topicAliasMaximum = 0
  /** Topic Names by the Topic Aliases that stand for them, each way. */
  readonly #sentAliases = new Map<number, string>()
  readonly #takenAliases = new Map<number, string>()
  /** CONNACK has come. */
  isReady = false
  /** DISCONNECT was sent. */
  isClosing = false
  /** The broker reads nothing more: what it had to refuse could not be told. */
  isAbandoned = false
  /** What CONNACK has to say. */
  sessionPresent = false
  isStalled = false
  /** Told when the broker has ended it, where it has to. */
  ended: () => void = () => {}
  /** Steps in which nothing gets through. */
  lag = { up: 0, down: 0 }
  /** At this time nothing was left to read. */
  emptyAt = -1
  readonly #decoder: PacketDecoder
  #pipe: { readonly bytes: Uint8Array; readonly arrived: readonly (() => void)[] }[] = []

  /** @param address - of its own. */
  constructor(address: string, step: StepOf<'connect'>) {
    this.step = step
    this.transport = new VirtualTransport(address, step)
    this.#decoder = new PacketDecoder(
      new DecodeContext({ protocolVersion: step.version, sender: Sender.Server }),
    )
    this.lag.up = step.lag
  }

  get version(): 3 | 4 | 5 {
    return this.step.version
  }

  /** What CONNACK says. */
  agreed({ receiveMaximum, topicAliasMaximum }: Connack['properties']): void {
    this.receiveMaximum = receiveMaximum ?? 65_535
    this.#topicAliasMaximum = topicAliasMaximum ?? 0
  }

  /** A PUBLISH that is sent next, by chance with a Topic Alias, or only with that. */
  shortened(packet: PublishInput, random: Random): PublishInput {
    const maximum = this.#topicAliasMaximum
    if (maximum === 0 || random.chance(50)) return packet
    const { topicName, properties } = packet
    const topicAlias = 1 + random.below(maximum)
    const isKnown = this.#sentAliases.get(topicAlias) === topicName
    this.#sentAliases.set(topicAlias, topicName)
    const aliased = { ...packet, properties: { ...properties, topicAlias } }
    return isKnown ? { ...aliased, topicName: '' } : aliased
  }

  /** The Topic Name of a PUBLISH that came. @throws Error where its Topic Alias stands for nothing. */
  topicOf({ topicName, properties }: Publish): string {
    const { topicAlias } = properties
    if (topicAlias === undefined) return topicName
    if (topicAlias < 1 || topicAlias > this.step.topicAliasMaximum) {
      throw new Error(`Topic Alias ${topicAlias} of ${this.step.topicAliasMaximum}`)
    }
    if (topicName !== '') this.#takenAliases.set(topicAlias, topicName)
    const known = this.#takenAliases.get(topicAlias)
    if (known === undefined) throw new Error(`Topic Alias ${topicAlias} stands for nothing`)
    return known
  }

  /** @param isCut - all but the last byte. */
  send(sendings: readonly Sending[], random: Random, isCut = false): void {
    const parts = sendings.map(({ packet }) =>
      packet instanceof Uint8Array ? packet : encode(packet, { protocolVersion: this.version }),
    )
    const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const end = isCut ? all.length - 1 : all.length
    let packetEnd = 0
    const ends = parts.map(({ length }) => {
      packetEnd += length
      return packetEnd
    })
    let next = 0
    for (let at = 0; at < end; ) {
      const size = random.chance(70) ? end - at : 1 + random.below(end - at)
      const arrived: (() => void)[] = []
      for (; next < ends.length && ends[next]! <= at + size; next++) {
        const one = sendings[next]!.arrived
        if (one !== undefined) arrived.push(one)
      }
      this.#pipe.push({ bytes: all.subarray(at, at + size), arrived })
      at += size
    }
    this.flow()
  }

  /** What is on its way reaches the broker, where nothing holds it up. */
  flow(): void {
    while (this.#pipe.length > 0 && this.lag.up === 0) {
      if (this.transport.isEnded) {
        this.#pipe = []
        return
      }
      if (this.transport.isPaused) return
      const { bytes, arrived } = this.#pipe.shift()!
      this.transport.send(bytes)
      for (const one of arrived) if (!this.isAbandoned) one()
      if (this.transport.isEnded) this.ended()
    }
  }

  tick(): void {
    if (this.lag.up > 0) this.lag.up--
    if (this.lag.down > 0) this.lag.down--
  }

  /** The packets that have come. */
  take(now: number): Packet[] {
    if (this.isStalled || this.lag.down > 0) return []
    if (!this.transport.hasOutput) {
      this.emptyAt = now
      return []
    }
    const decoder = this.#decoder
    decoder.push(this.transport.taken())
    const packets: Packet[] = []
    while (decoder.next() !== 0) {
      const bytes = Uint8Array.from(decoder.bytes.subarray(decoder.packetStart, decoder.end))
      packets.push(decode(bytes, { protocolVersion: this.version, sender: Sender.Server }))
    }
    if (decoder.fault !== 0) throw new Error(`the broker sent a fault: ${decoder.fault}`)
    return packets
  }

  /** The network fails: what is on its way is lost. */
  cut(): void {
    this.#pipe = []
    this.transport.close(new Error('cut'))
  }
}
