import type { Broker } from '@promptmq/broker'
import {
  decode,
  encode,
  type Packet,
  type PacketInput,
  type Publish,
  Sender,
} from '@promptmq/codec'
import { Expectations, type Presence, type Published } from './expectations.ts'
import { GROUP_TOPICS, GROUPS } from './group-model.ts'
import { isGroupTopic, type Ledger } from './ledger.ts'
import { Link, type SimWill } from './link.ts'
import type { Random } from './random.ts'

/** A message that the client has sent and that is not answered for good. */
interface Outgoing {
  readonly published: Published
  /** 'unsure': the broker has had it, before a crash. */
  taken: 'no' | 'yes' | 'unsure'
  state: 'publish' | 'pubrel'
}

/** A will whose delay runs. */
interface PendingWill {
  readonly published: Published
  /** Milliseconds on the clock. */
  readonly at: number
}

/** What a client needs of its world. */
export interface SimWorld {
  readonly broker: Broker
  readonly ledger: Ledger
  readonly random: Random
  /** Whether there is a Store: then sessions do not expire and nobody has a will. */
  readonly isStored: boolean
  now(): number
  /** What is done, for who reads a failing run. */
  tell(what: string): void
  /** @throws Error where a kept session is to get it and the Store does not have it. */
  checkKept(published: Published): void
}

const PAYLOAD_SIZES = [0, 1, 60, 60, 60, 400, 3_000, 20_000]
const TOPICS = ['a', 'b', 'c/1', 'c/2', 'c/d/e']
const FILTERS = [...TOPICS, '+', 'c/+', 'c/#', '+/1', 'c/+/e']
const NEVER = 0xffff_ffff
/** Seconds; the longest is beyond what a timer of Node takes. */
const EXPIRIES = [NEVER, NEVER, 5, 60, 3_000_000]
/** No packet of any version: QoS 3, type 0, PINGREQ with flags. */
const MALFORMED = ['3606000174000100', '0000', 'c100'].map((hex) => Buffer.from(hex, 'hex'))

/** A client that does what the simulation tells it, and looks at everything that it gets. */
export class SimClient {
  readonly clientId: string
  session: Expectations
  readonly #world: SimWorld
  #link: Link | null = null
  /** When its session ends, milliseconds on the clock; `null`: there is none without a connection. */
  #expiresAt: number | null = null
  #pendingWill: PendingWill | null = null
  #outgoing = new Map<number, Outgoing>()
  #lastIdentifier = 0
  /** QoS 2 messages between PUBLISH and PUBREL. */
  #incoming = new Set<number>()
  #expectsSession = false
  /** Its session is in the Store, where there is one. */
  #isStored = false

  constructor(world: SimWorld, clientId: string) {
    this.#world = world
    this.clientId = clientId
    this.session = new Expectations(clientId)
  }

  get presence(): Presence {
    if (this.#link === null) return 'away'
    return this.#link.isStalled ? 'stalls' : 'reads'
  }

  /** Whether its session is in the Store, where there is one. */
  get isStored(): boolean {
    return this.#isStored
  }

  /** Whether the broker has a session of it though it is away. */
  get isKept(): boolean {
    return this.#expiresAt !== null
  }

  /** Connects anew, or takes its own connection over. */
  connect(mustKeep = false): void {
    const { random } = this.#world
    const version = random.pick([3, 4, 5] as const)
    const cleanStart = !mustKeep && random.chance(30)
    const isKept = mustKeep || (version === 5 ? random.chance(70) : !cleanStart)
    const mayExpire = version === 5 && !mustKeep && !this.#world.isStored
    const expiry = mayExpire ? random.pick(EXPIRIES) : NEVER
    const will = mustKeep || this.#world.isStored || random.chance(60) ? null : this.#will(version)
    this.#world.tell(
      `connects: version ${version}, clean start ${cleanStart}, expiry ${isKept ? expiry : 0}`,
    )
    this.#lost(true)
    this.#expectsSession = this.#expiresAt !== null && !cleanStart
    if (!this.#expectsSession) this.#forget()
    this.#pendingWill = null // [MQTT-3.1.3-9]
    this.#expiresAt = null
    this.#isStored = isKept || (this.#expectsSession && this.#isStored)
    const link = new Link(this.#world.broker, this.clientId, random, {
      version,
      receiveMaximum: version === 5 ? 1 + random.below(6) : 65_535,
      sessionExpiryInterval: isKept ? expiry : 0,
      will,
    })
    this.#link = link
    this.#send([this.#connectPacket(link, cleanStart)])
  }

  /** What is not answered is sent again, after CONNACK. */
  resend(): void {
    for (const [packetIdentifier, outgoing] of this.#outgoing) {
      if (outgoing.state === 'pubrel') this.#send([{ type: 'pubrel', packetIdentifier }])
      else {
        const packet = this.#publishPacket(outgoing.published, packetIdentifier, true)
        this.#send([packet], () => this.#taken(outgoing))
      }
    }
  }

  /** The network fails. */
  drop(): void {
    this.#link?.transport.close(new Error('cut'))
    this.#lost(true)
  }

  /** With a will or without one, and with another Session Expiry Interval. */
  disconnect(): void {
    const link = this.#link
    if (link === null) return
    link.arrive()
    const { random, isStored } = this.#world
    const publishesWill = link.version === 5 && random.chance(30)
    const changes = link.version === 5 && link.isKept && !isStored && random.chance(30)
    const sessionExpiryInterval = changes ? random.pick([0, ...EXPIRIES]) : undefined
    if (sessionExpiryInterval !== undefined) link.sessionExpiryInterval = sessionExpiryInterval
    this.#world.tell(`disconnects: will ${publishesWill}, expiry ${sessionExpiryInterval}`)
    if (link.version !== 5) this.#send([{ type: 'disconnect' }])
    else {
      const reasonCode = publishesWill ? 0x04 : 0
      this.#send([{ type: 'disconnect', reasonCode, properties: { sessionExpiryInterval } }])
    }
    this.#lost(publishesWill)
  }

  /** Sends what is no packet: the broker must end the connection, and do nothing else. */
  corrupt(): void {
    const link = this.#link
    if (link === null) return
    link.arrive()
    link.mayEnd = true
    link.send(this.#world.random.pick(MALFORMED), () => {})
    if (!link.transport.isEnded) throw new Error('a malformed packet was accepted')
    if (!link.isStalled) this.read()
    this.#lost(true)
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

  lag(): void {
    this.#link?.lag()
  }

  arrive(): void {
    this.#link?.arrive()
  }

  subscribe(): void {
    const link = this.#link
    if (link === null) return
    const { random, ledger } = this.#world
    const isGroup = random.chance(25)
    const topicFilter = isGroup ? random.pick(Object.keys(GROUPS)) : random.pick(FILTERS)
    const qos = isGroup ? GROUPS[topicFilter]! : (random.below(3) as 0 | 1 | 2)
    const noLocal = link.version === 5 && !isGroup && random.chance(20)
    const options =
      link.version === 5 ? { noLocal, retainHandling: random.below(3) as 0 | 1 | 2 } : {}
    this.#world.tell(`subscribes to ${topicFilter} at QoS ${qos}${noLocal ? ', no local' : ''}`)
    const packetIdentifier = this.#freeIdentifier()
    const subscriptions = [{ topicFilter, qos, ...options }]
    this.#send([{ type: 'subscribe', packetIdentifier, subscriptions }], () => {
      if (isGroup) ledger.groups.joined(topicFilter, this.clientId)
      else this.session.subscriptions.set(topicFilter, { qos, noLocal })
    })
  }

  unsubscribe(): void {
    if (this.#link === null) return
    const { random, ledger } = this.#world
    const topicFilter = random.pick([...FILTERS, ...Object.keys(GROUPS)])
    this.#world.tell(`unsubscribes from ${topicFilter}`)
    const packetIdentifier = this.#freeIdentifier()
    this.#send([{ type: 'unsubscribe', packetIdentifier, topicFilters: [topicFilter] }], () => {
      ledger.groups.left(topicFilter, this.clientId)
      this.session.subscriptions.delete(topicFilter)
    })
  }

  /** One or many. @param retain - one, with RETAIN. */
  publish(retain: boolean): void {
    if (this.#link === null) return
    const { random } = this.#world
    const count = retain || random.chance(70) ? 1 : 1 + random.below(20)
    const isCut = !retain && random.chance(5)
    for (let i = 0; i < count; i++)
      this.#publishOne(this.#message(retain), isCut && i === count - 1)
    if (isCut) this.drop()
  }

  /** Takes what has come. @throws Error where it is against the rules. */
  read(): void {
    const link = this.#link
    if (link === null) return
    const { decoder } = link
    const bytes = link.transport.taken()
    if (bytes.length === 0) return
    decoder.push(bytes)
    while (decoder.next() !== 0) {
      const packet = Uint8Array.from(decoder.bytes.subarray(decoder.packetStart, decoder.end))
      this.#take(link, decode(packet, { protocolVersion: link.version, sender: Sender.Server }))
    }
    if (decoder.fault !== 0) throw new Error(`${this.clientId} was sent a fault: ${decoder.fault}`)
  }

  /** Answers the oldest of what waits for it. @returns how many. */
  answer(count: number): number {
    const link = this.#link
    if (link === null) return 0
    const answers = link.answers.splice(0, count)
    if (answers.length > 0) this.#world.tell(`answers ${answers.map(tellAnswer).join(', ')}`)
    for (const answer of answers) {
      if (answer.type === 'puback' || answer.type === 'pubcomp') {
        link.open.delete(answer.packetIdentifier)
      }
    }
    if (answers.length > 0) this.#send(answers)
    return answers.length
  }

  /** Time has passed: what was due is over. */
  passed(): void {
    const now = this.#world.now()
    const will = this.#pendingWill
    if (will !== null && will.at <= now) {
      this.#pendingWill = null
      this.#world.ledger.published(will.published, false)
    }
    if (this.#expiresAt !== null && this.#expiresAt <= now) {
      this.#expiresAt = null
      this.#forget()
    }
  }

  /** The broker is dead; what is not kept is gone with it. */
  crashed(): void {
    const link = this.#link
    this.#link = null
    if (link?.isKept) this.#expiresAt = Number.POSITIVE_INFINITY
    // A stored session that is to end with its connection lasts a second from the restart.
    else if (link !== null && this.#isStored) this.#expiresAt = this.#world.now() + 1_000
    if (this.#expiresAt === null) this.#forget()
    for (const outgoing of this.#outgoing.values()) {
      if (outgoing.taken === 'yes' && outgoing.state === 'publish') outgoing.taken = 'unsure'
    }
  }

  #take(link: Link, packet: Packet): void {
    switch (packet.type) {
      case 'connack':
        if (packet.reasonCode !== 0) throw new Error(`refused with ${packet.reasonCode}`)
        if (link.version !== 3 && packet.sessionPresent !== this.#expectsSession) {
          throw new Error(`${this.clientId}: Session Present ${packet.sessionPresent}`)
        }
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
        this.#acknowledged(packet.packetIdentifier)
        this.#outgoing.delete(packet.packetIdentifier)
        break
      case 'pubrec': {
        this.#acknowledged(packet.packetIdentifier)
        const outgoing = this.#outgoing.get(packet.packetIdentifier)
        if (outgoing !== undefined) outgoing.state = 'pubrel'
        link.answers.push({ type: 'pubrel', packetIdentifier: packet.packetIdentifier })
        break
      }
      case 'disconnect':
        if (!link.mayEnd || packet.reasonCode !== 0x81) {
          throw new Error(`disconnected with ${packet.reasonCode}`)
        }
        break
      default:
    }
  }

  #takePublish(link: Link, publish: Publish): void {
    const { payload, qos, packetIdentifier } = publish
    const number = payload.length === 0 ? null : Buffer.from(payload).readUInt32LE(0)
    if (packetIdentifier === undefined) {
      this.#got(publish, number)
      return
    }
    if (link.open.has(packetIdentifier)) throw new Error(`${packetIdentifier} is in flight already`)
    link.open.add(packetIdentifier)
    if (link.open.size > link.receiveMaximum) throw new Error('Receive Maximum exceeded')
    if (qos === 1) {
      this.#got(publish, number)
      link.answers.push({ type: 'puback', packetIdentifier })
      return
    }
    if (!this.#incoming.has(packetIdentifier)) this.#got(publish, number)
    this.#incoming.add(packetIdentifier)
    link.answers.push({ type: 'pubrec', packetIdentifier })
  }

  #got({ topicName, qos, dup, retain }: Publish, number: number | null): void {
    const { ledger } = this.#world
    this.#world.tell(`${this.clientId} gets ${number} at QoS ${qos}${dup ? ', DUP' : ''}`)
    if (number === null) return
    if (retain) {
      if (ledger.retained.was(topicName, number)) return
      throw new Error(`${number} was never retained on ${topicName}`)
    }
    if (isGroupTopic(topicName)) ledger.groups.got(number, qos, dup)
    else this.session.got(number, topicName, qos, dup)
  }

  /** PUBACK, PUBREC or PUBCOMP: what a kept session is to get of it is in the Store. */
  #acknowledged(packetIdentifier: number): void {
    const outgoing = this.#outgoing.get(packetIdentifier)
    if (outgoing === undefined) return
    const { published } = outgoing
    this.#world.checkKept(published)
    this.#world.ledger.acknowledged(published)
  }

  #message(retain: boolean): Published {
    const { random, ledger } = this.#world
    const isGroup = !retain && random.chance(20)
    return {
      number: ledger.next(),
      topicName: isGroup ? random.pick(GROUP_TOPICS) : random.pick(TOPICS),
      publisher: this.clientId,
      series: this.clientId,
      qos: random.below(3) as 0 | 1 | 2,
      retain,
      isRemoval: retain && random.chance(25),
    }
  }

  #will(version: number): SimWill {
    const { random, ledger } = this.#world
    const published: Published = {
      number: ledger.next(),
      topicName: random.pick(TOPICS),
      publisher: this.clientId,
      series: `will of ${this.clientId}`,
      qos: random.below(3) as 0 | 1 | 2,
      retain: false,
      isRemoval: false,
    }
    return { published, delay: version === 5 ? random.pick([0, 0, 3, 100]) : 0 }
  }

  #publishOne(published: Published, isCut: boolean): void {
    const { number, topicName, qos, retain } = published
    const how = `${retain ? ', retained' : ''}${isCut ? ', cut' : ''}`
    this.#world.tell(`publishes ${number} on ${topicName} at QoS ${qos}${how}`)
    const packetIdentifier = published.qos === 0 ? undefined : this.#freeIdentifier()
    const outgoing: Outgoing = { published, taken: 'no', state: 'publish' }
    if (packetIdentifier !== undefined) this.#outgoing.set(packetIdentifier, outgoing)
    const packet = this.#publishPacket(published, packetIdentifier, false)
    this.#send([packet], () => this.#taken(outgoing), isCut)
  }

  /** The broker has all of its bytes. */
  #taken(outgoing: Outgoing): void {
    const { ledger } = this.#world
    const { published, taken } = outgoing
    // At QoS 2 the broker has it once, however often it is sent.
    if (taken === 'yes' && published.qos === 2) return
    if (taken === 'unsure' && published.qos === 2) ledger.publishedAfterCrash(published)
    else ledger.published(published, taken !== 'no')
    outgoing.taken = 'yes'
  }

  #connectPacket(link: Link, cleanStart: boolean): PacketInput {
    const { version, sessionExpiryInterval, receiveMaximum, will } = link
    const willPacket = will !== null && {
      will: {
        topicName: will.published.topicName,
        payload: payloadOf(will.published),
        qos: will.published.qos,
        properties: version === 5 ? { willDelayInterval: will.delay } : {},
      },
    }
    return {
      type: 'connect',
      protocolVersion: version,
      clientId: this.clientId,
      cleanStart,
      keepAlive: 0,
      properties: version === 5 ? { sessionExpiryInterval, receiveMaximum } : {},
      ...willPacket,
    }
  }

  #publishPacket(
    published: Published,
    packetIdentifier: number | undefined,
    dup: boolean,
  ): PacketInput {
    const { topicName, qos, retain } = published
    const base = { type: 'publish', topicName, payload: payloadOf(published), qos, retain } as const
    return packetIdentifier === undefined ? base : { ...base, dup, packetIdentifier }
  }

  #freeIdentifier(): number {
    do this.#lastIdentifier = (this.#lastIdentifier % 100) + 1
    while (this.#outgoing.has(this.#lastIdentifier))
    return this.#lastIdentifier
  }

  /** @param arrived - the broker has all of it. @param isCut - the last byte never arrives. */
  #send(packets: readonly PacketInput[], arrived = () => {}, isCut = false): void {
    const link = this.#link!
    const { version } = link
    const bytes = Buffer.concat(packets.map((one) => encode(one, { protocolVersion: version })))
    if (isCut) link.send(bytes.subarray(0, -1), () => {})
    else link.send(bytes, arrived)
  }

  /** The connection is gone. @param hasWill - it was not ended with DISCONNECT 0x00. */
  #lost(hasWill: boolean): void {
    const link = this.#link
    if (link === null) return
    const now = this.#world.now()
    const { sessionExpiryInterval, will } = link
    if (link.isKept) {
      this.session.disconnected()
      const never = sessionExpiryInterval === NEVER
      this.#expiresAt = never ? Number.POSITIVE_INFINITY : now + sessionExpiryInterval * 1000
    }
    this.#link = null
    if (hasWill && will !== null) this.#willIsDue(will, Math.min(will.delay, sessionExpiryInterval))
    if (!link.isKept) {
      this.#expiresAt = null
      this.#forget()
    }
  }

  #willIsDue({ published }: SimWill, delay: number): void {
    if (delay === 0) this.#world.ledger.published(published, false)
    else this.#pendingWill = { published, at: this.#world.now() + delay * 1000 }
  }

  /** The session is gone on both sides: a will that waited is published. */
  #forget(): void {
    this.session = new Expectations(this.clientId)
    this.#outgoing = new Map()
    this.#incoming = new Set()
    const will = this.#pendingWill
    this.#pendingWill = null
    if (will !== null) this.#world.ledger.published(will.published, false)
    this.#world.ledger.groups.sessionEnded(this.clientId)
  }
}

function tellAnswer(answer: PacketInput): string {
  return `${answer.type} ${'packetIdentifier' in answer ? answer.packetIdentifier : ''}`
}

function payloadOf({ number, isRemoval }: Published): Uint8Array {
  if (isRemoval) return new Uint8Array(0)
  const payload = Buffer.alloc(4 + PAYLOAD_SIZES[number % PAYLOAD_SIZES.length]!, number)
  payload.writeUInt32LE(number, 0)
  return payload
}
