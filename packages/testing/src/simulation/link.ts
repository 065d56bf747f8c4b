import type { Broker } from '@promptmq/broker'
import {
  DecodeContext,
  PacketDecoder,
  type PacketInput,
  type ProtocolVersion,
  Sender,
} from '@promptmq/codec'
import { VirtualTransport } from '../virtual-transport.ts'
import type { Published } from './expectations.ts'
import type { Random } from './random.ts'

/** What a connection was made with. */
export interface LinkOptions {
  readonly version: ProtocolVersion
  readonly receiveMaximum: number
  /** Seconds; 0: the session ends with the connection. */
  readonly sessionExpiryInterval: number
  readonly will: SimWill | null
}

/** A Will Message: what is published, and how many seconds after. */
export interface SimWill {
  readonly published: Published
  readonly delay: number
}

/** Longest that a network keeps what was sent, in packets: some may be lost with the connection. */
interface Late {
  readonly bytes: Uint8Array
  readonly arrived: () => void
}

/** One connection of a client: its network, and what dies with it. */
export class Link {
  readonly transport: VirtualTransport
  readonly decoder: PacketDecoder
  readonly version: ProtocolVersion
  readonly receiveMaximum: number
  readonly will: SimWill | null
  sessionExpiryInterval: number
  /** Packet Identifiers of messages to this client that hold a place of its Receive Maximum. */
  readonly open = new Set<number>()
  /** Answers that the client owes, oldest first. */
  answers: PacketInput[] = []
  isStalled = false
  /** The broker was given cause to end it. */
  mayEnd = false
  readonly #random: Random
  #isLagging = false
  #late: Late[] = []

  constructor(broker: Broker, name: string, random: Random, options: LinkOptions) {
    this.version = options.version
    this.receiveMaximum = options.receiveMaximum
    this.will = options.will
    this.sessionExpiryInterval = options.sessionExpiryInterval
    this.#random = random
    this.transport = new VirtualTransport(name, {
      givesChunks: random.chance(50),
      readsLate: random.chance(50),
    })
    this.decoder = new PacketDecoder(
      new DecodeContext({ protocolVersion: this.version, sender: Sender.Server }),
    )
    broker.connect(this.transport)
  }

  /** Whether its session outlives it. */
  get isKept(): boolean {
    return this.sessionExpiryInterval > 0
  }

  /** Sends, in chunks of any size. @param arrived - called when the broker has all of it. */
  send(bytes: Uint8Array, arrived: () => void): void {
    if (this.#isLagging) this.#late.push({ bytes: Uint8Array.from(bytes), arrived })
    else this.#deliver(bytes, arrived)
  }

  /** From now on the network keeps what is sent. */
  lag(): void {
    this.#isLagging = true
  }

  /** It hands over what it kept, in order. */
  arrive(): void {
    this.#isLagging = false
    for (const { bytes, arrived } of this.#late.splice(0)) this.#deliver(bytes, arrived)
  }

  #deliver(bytes: Uint8Array, arrived: () => void): void {
    const { length } = bytes
    for (let at = 0; at < length; ) {
      const size = this.#random.chance(70) ? length - at : 1 + this.#random.below(length - at)
      this.transport.send(bytes.subarray(at, at + size))
      at += size
    }
    arrived()
  }
}
