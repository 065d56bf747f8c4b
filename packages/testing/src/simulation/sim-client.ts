import type { Broker } from '@promptmq/broker'
import {
  DecodeContext,
  decode,
  encode,
  type Packet,
  PacketDecoder,
  type PacketInput,
  type ProtocolVersion,
  type Publish,
  Sender,
} from '@promptmq/codec'
import { VirtualTransport } from '../virtual-transport.ts'
import { Expectations, type Published } from './expectations.ts'
import type { Random } from './random.ts'

/** A message that the client has sent and that is not answered for good. */
interface Outgoing {
  readonly published: Published
  /** The broker has all of its bytes, so that a repetition at QoS 2 is none to it. */
  isAccepted: boolean
  state: 'publish' | 'pubrel'
}

/** What dies with a connection. */
interface Link {
  readonly transport: VirtualTransport
  readonly decoder: PacketDecoder
  readonly version: ProtocolVersion
  readonly isKept: boolean
  readonly receiveMaximum: number
  /** Packet Identifiers of messages to this client that hold a place of its Receive Maximum. */
  readonly open: Set<number>
  /** Answers that it owes, oldest first. */
  answers: PacketInput[]
  isStalled: boolean
}

const PAYLOAD_SIZES = [0, 1, 60, 60, 60, 400, 3_000, 20_000]

/** A client that does what the simulation tells it, and looks at everything that it gets. */
export class SimClient {
  readonly clientId: string
  session: Expectations
  readonly #broker: Broker
  readonly #random: Random
  /** The broker took a message of this client's. */
  readonly #published: (published: Published, isAgain: boolean) => void
  #link: Link | null = null
  /** A session of it is in the broker. */
  #isKept = false
  #outgoing = new Map<number, Outgoing>()
  #lastIdentifier = 0
  /** QoS 2 messages between PUBLISH and PUBREL. */
  #incoming = new Set<number>()

  constructor(
    broker: Broker,
    clientId: string,
    random: Random,
    published: (published: Published, isAgain: boolean) => void,
  ) {
    this.#broker = broker
    this.clientId = clientId
    this.#random = random
    this.#published = published
    this.session = new Expectations(clientId)
  }

  get presence(): 'reads' | 'stalls' | 'away' {
    if (this.#link === null) return 'away'
    return this.#link.isStalled ? 'stalls' : 'reads'
  }

  get isKept(): boolean {
    return this.#isKept
  }

  /** Connects anew, or takes its own connection over. */
  connect(mustKeep = false): void {
    const random = this.#random
    this.#lost()
    const version = random.pick([3, 4, 5] as const)
    const cleanStart = !mustKeep && random.chance(30)
    const isKept = mustKeep || (version === 5 ? random.chance(70) : !cleanStart)
    const receiveMaximum = version === 5 ? 1 + random.below(6) : 65_535
    const options = { givesChunks: random.chance(50), readsLate: random.chance(50) }
    this.#link = {
      transport: new VirtualTransport(this.clientId, options),
      decoder: new PacketDecoder(
        new DecodeContext({ protocolVersion: version, sender: Sender.Server }),
      ),
      version,
      isKept,
      receiveMaximum,
      open: new Set(),
      answers: [],
      isStalled: false,
    }
    this.#broker.connect(this.#link.transport)
    const properties =
      version === 5
        ? { sessionExpiryInterval: isKept ? 0xffff_ffff : 0, receiveMaximum, topicAliasMaximum: 0 }
        : {}
    const keepAlive = 0
    const { clientId } = this
    const hadSession = this.#isKept && !cleanStart
    if (!hadSession) this.#forget()
    this.#isKept = isKept
    this.#send([
      { type: 'connect', protocolVersion: version, clientId, cleanStart, keepAlive, properties },
    ])
  }

  /** What is not answered is sent again, after CONNACK. */
  resend(): void {
    const packets: PacketInput[] = []
    for (const [packetIdentifier, outgoing] of this.#outgoing) {
      if (outgoing.state === 'pubrel') packets.push({ type: 'pubrel', packetIdentifier })
      else packets.push(this.#publishPacket(outgoing.published, packetIdentifier, true))
    }
    if (packets.length === 0) return
    this.#send(packets)
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.state === 'publish') this.#accepted(outgoing)
    }
  }

  /** The network fails. */
  drop(): void {
    this.#link?.transport.close(new Error('cut'))
    this.#lost()
  }

  disconnect(): void {
    if (this.#link === null) return
    this.#send([{ type: 'disconnect' }])
    this.#lost()
  }

  stall(): void {
    if (this.#link === null) return
    this.#link.isStalled = true
    this.#link.transport.stall()
  }

  unstall(): void {
    if (this.#link === null) return
    this.#link.isStalled = false
    this.#link.transport.unstall()
  }

  subscribe(topicFilter: string, qos: 0 | 1 | 2): void {
    const link = this.#link
    if (link === null) return
    const noLocal = link.version === 5 && this.#random.chance(20)
    const subscription =
      link.version === 5
        ? { topicFilter, qos, noLocal, retainHandling: 2 as const }
        : { topicFilter, qos }
    this.session.subscriptions.set(topicFilter, { qos, noLocal })
    this.#send([
      {
        type: 'subscribe',
        packetIdentifier: this.#freeIdentifier(),
        subscriptions: [subscription],
      },
    ])
  }

  unsubscribe(topicFilter: string): void {
    if (this.#link === null) return
    this.session.subscriptions.delete(topicFilter)
    const packetIdentifier = this.#freeIdentifier()
    this.#send([{ type: 'unsubscribe', packetIdentifier, topicFilters: [topicFilter] }])
  }

  /** In one chunk. @param cut - the network fails in the midst of the last one. */
  publish(messages: readonly Published[], cut: boolean): void {
    if (this.#link === null) return
    const packets: PacketInput[] = []
    const sent: Outgoing[] = []
    for (const published of messages) {
      const packetIdentifier = published.qos === 0 ? undefined : this.#freeIdentifier()
      const outgoing: Outgoing = { published, isAccepted: false, state: 'publish' }
      if (packetIdentifier !== undefined) this.#outgoing.set(packetIdentifier, outgoing)
      packets.push(this.#publishPacket(published, packetIdentifier, false))
      sent.push(outgoing)
    }
    this.#send(packets, cut)
    for (const outgoing of cut ? sent.slice(0, -1) : sent) this.#accepted(outgoing)
    if (cut) this.drop()
  }

  /** Takes what has come. @throws Error where it is against the rules. */
  read(): void {
    const link = this.#link
    if (link === null) return
    const { decoder } = link
    decoder.push(link.transport.taken())
    while (decoder.next() !== 0) {
      const bytes = Uint8Array.from(decoder.bytes.subarray(decoder.packetStart, decoder.end))
      this.#take(link, decode(bytes, { protocolVersion: link.version, sender: Sender.Server }))
    }
    if (decoder.fault !== 0) throw new Error(`${this.clientId} was sent a fault: ${decoder.fault}`)
  }

  /** Answers the oldest of what waits for it. @returns how many. */
  answer(count: number): number {
    const link = this.#link
    if (link === null) return 0
    const answers = link.answers.splice(0, count)
    for (const answer of answers) {
      if (answer.type === 'puback' || answer.type === 'pubcomp') {
        link.open.delete(answer.packetIdentifier)
      }
    }
    if (answers.length > 0) this.#send(answers)
    return answers.length
  }

  #take(link: Link, packet: Packet): void {
    switch (packet.type) {
      case 'connack':
        if (packet.reasonCode !== 0) throw new Error(`refused with ${packet.reasonCode}`)
        break
      case 'publish':
        this.#takePublish(link, packet)
        break
      case 'pubrel':
        this.#incoming.delete(packet.packetIdentifier)
        link.answers.push({ type: 'pubcomp', packetIdentifier: packet.packetIdentifier })
        break
      case 'puback':
      case 'pubcomp':
        this.#outgoing.delete(packet.packetIdentifier)
        break
      case 'pubrec': {
        const outgoing = this.#outgoing.get(packet.packetIdentifier)
        if (outgoing !== undefined) outgoing.state = 'pubrel'
        link.answers.push({ type: 'pubrel', packetIdentifier: packet.packetIdentifier })
        break
      }
      case 'disconnect':
        throw new Error(`disconnected with ${packet.reasonCode}`)
      default:
    }
  }

  #takePublish(link: Link, { topicName, payload, qos, dup, packetIdentifier }: Publish): void {
    const number = Buffer.from(payload).readUInt32LE(0)
    if (packetIdentifier === undefined) {
      this.session.got(number, topicName, qos, dup)
      return
    }
    if (link.open.has(packetIdentifier)) throw new Error(`${packetIdentifier} is in flight already`)
    link.open.add(packetIdentifier)
    if (link.open.size > link.receiveMaximum) throw new Error('Receive Maximum exceeded')
    if (qos === 1) {
      this.session.got(number, topicName, qos, dup)
      link.answers.push({ type: 'puback', packetIdentifier })
      return
    }
    if (!this.#incoming.has(packetIdentifier)) this.session.got(number, topicName, qos, dup)
    this.#incoming.add(packetIdentifier)
    link.answers.push({ type: 'pubrec', packetIdentifier })
  }

  #accepted(outgoing: Outgoing): void {
    // At QoS 2 the broker has it once, however often it is sent.
    if (outgoing.isAccepted && outgoing.published.qos === 2) return
    this.#published(outgoing.published, outgoing.isAccepted)
    outgoing.isAccepted = true
  }

  #publishPacket(
    { number, topicName, qos }: Published,
    packetIdentifier: number | undefined,
    dup: boolean,
  ): PacketInput {
    const payload = Buffer.alloc(4 + PAYLOAD_SIZES[number % PAYLOAD_SIZES.length]!, number)
    payload.writeUInt32LE(number, 0)
    const base = { type: 'publish', topicName, payload, qos, dup } as const
    return packetIdentifier === undefined ? { ...base, dup: false } : { ...base, packetIdentifier }
  }

  #freeIdentifier(): number {
    do this.#lastIdentifier = (this.#lastIdentifier % 100) + 1
    while (this.#outgoing.has(this.#lastIdentifier))
    return this.#lastIdentifier
  }

  /** In chunks of any size. */
  #send(packets: readonly PacketInput[], cut = false): void {
    const { transport, version } = this.#link!
    const all = Buffer.concat(packets.map((one) => encode(one, { protocolVersion: version })))
    const end = cut ? all.length - 1 : all.length
    for (let at = 0; at < end; ) {
      const size = this.#random.chance(70) ? end - at : 1 + this.#random.below(end - at)
      transport.send(all.subarray(at, at + size))
      at += size
    }
  }

  #lost(): void {
    if (this.#link === null) return
    if (this.#link.isKept) this.session.disconnected()
    else this.#forget()
    this.#isKept = this.#link.isKept
    this.#link = null
  }

  /** The session is gone on both sides. */
  #forget(): void {
    this.session = new Expectations(this.clientId)
    this.#outgoing = new Map()
    this.#incoming = new Set()
  }
}
