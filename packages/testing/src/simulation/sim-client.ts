import type { Broker } from '@promptmq/broker'
import type { Packet, PacketInput, Publish } from '@promptmq/codec'
import { malformed } from './malformed.ts'
import type { Presence, Published } from './message.ts'
import type { Model, SimSession } from './model.ts'
import { asOf, connectPacket, publishPacket, subscribePacket } from './packets.ts'
import { Random } from './random.ts'
import { type Answer, SimLink } from './sim-link.ts'
import type { Committed } from './sim-store.ts'
import type { StepOf } from './steps.ts'
import type { StoredSession } from './stored-state.ts'

/** A message that the client has sent and that is not answered for good. */
interface Outgoing {
  readonly published: Published
  /** The broker has had all of its bytes, so that a repetition at QoS 2 is none to it. */
  isAccepted: boolean
  state: 'publish' | 'pubrel'
  /** The broker has the PUBREL. */
  isReleased: boolean
  /** The broker had to refuse it, as it was sent last. */
  isRefused: boolean
  /** On which connection it was sent last; `null`: on none yet. */
  link: SimLink | null
}

/** What a client needs of the world that it lives in. */
export interface SimWorld {
  readonly broker: Broker
  readonly model: Model
  /** `null` without a Store. */
  readonly committed: Committed | null
  /** The Store has failed: nothing is taken that it would have to keep. */
  readonly isRefusing: boolean
  /** Whether a connection's CONNECT was accepted. */
  hasJoined(link: SimLink): boolean
}

/** Messages without an answer, beyond which a client publishes nothing more. */
const MOST_OUTGOING = 60

type PacketOf<Type extends Packet['type']> = Extract<Packet, { type: Type }>

/** A client that does what the simulation tells it, and looks at everything that it gets. */
export class SimClient {
  readonly clientId: string
  /** Of the step: for sizes of chunks. */
  random = new Random(0)
  readonly #world: SimWorld
  #link: SimLink | null = null
  /** Another one, whose CONNECT is on its way. */
  #next: SimLink | null = null
  /** The broker may have another session than the one that this client knows. */
  #mustBeClean = false
  /** The number of its session is above this, if it is stored. */
  #sessionAbove = 0
  #linkCount = 0
  /** What was offered to the Store before its CONNECT got through. */
  #offered = 0
  #outgoing = new Map<number, Outgoing>()
  #lastIdentifier = 0
  /** QoS 2 messages between PUBLISH and PUBREL. */
  #incoming = new Set<number>()

  constructor(world: SimWorld, clientId: string) {
    this.#world = world
    this.clientId = clientId
  }

  /** What the broker has of it, if anything. */
  get session(): SimSession | undefined {
    return this.#world.model.sessions.get(this.clientId)
  }

  get isConnected(): boolean {
    return this.#link !== null
  }

  /** Connects, while the former connection is used until the CONNECT has reached the broker. */
  connect(step: StepOf<'connect'>): boolean {
    if (this.#next !== null || (this.#link !== null && !step.takesOver)) return false
    const cleanStart = step.cleanStart || this.#mustBeClean
    // Before 5.0 a clean session ends with its connection.
    const expiry = cleanStart && step.version < 5 ? 0 : step.expiry
    const address = `${this.clientId}, connection ${++this.#linkCount}`
    const link = new SimLink(address, { ...step, cleanStart, expiry })
    this.#next = link
    this.#lookAtStore()
    this.#world.broker.connect(link.transport)
    const packet = connectPacket(this.clientId, link.step)
    link.send([{ packet, arrived: () => this.#connected(link) }], this.random)
    return true
  }

  /** The network fails. */
  drop(): boolean {
    const { model } = this.#world
    if (this.#link === null) {
      this.#next?.cut()
      this.#next = null
      return true
    }
    this.#link.cut()
    this.#link = null
    model.connectionLost(this.clientId, false)
    return true
  }

  disconnect({ withWill, expiry }: StepOf<'disconnect'>): boolean {
    const link = this.#ready
    if (link === null) return false
    const mayChange = link.version === 5 && link.step.expiry > 0
    const sessionExpiryInterval = mayChange && expiry !== null ? expiry : undefined
    const reasonCode = withWill && link.version === 5 ? 0x04 : 0
    const arrived = () => {
      const { session } = this
      if (session !== undefined && sessionExpiryInterval !== undefined) {
        session.expiry = sessionExpiryInterval
      }
      this.#ended(link, reasonCode === 0)
    }
    link.isClosing = true
    const properties = link.version === 5 ? { sessionExpiryInterval } : {}
    link.send([{ packet: { type: 'disconnect', reasonCode, properties }, arrived }], this.random)
    return true
  }

  /** Sends what is against the rules: it does nothing and ends the connection. */
  malformed({ which, message }: StepOf<'malformed'>): boolean {
    const link = this.#ready
    if (link === null) return false
    link.isClosing = true
    const packet = malformed(which, link.version, this.#freeIdentifier(), message)
    link.ended = () => this.#ended(link, false)
    link.send([{ packet }], this.random)
    return true
  }

  stall(): boolean {
    const link = this.#ready
    if (link === null || link.isStalled) return false
    link.isStalled = true
    link.transport.stall()
    this.#isPresent('stalls')
    return true
  }

  unstall(): boolean {
    const link = this.#link
    if (link === null || !link.isStalled) return false
    link.isStalled = false
    link.transport.unstall()
    this.#isPresent('reads')
    return true
  }

  lag({ up, down }: { readonly up: number; readonly down: number }): boolean {
    if (this.#next !== null) this.#next.lag = { up, down }
    if (this.#link !== null) this.#link.lag = { up, down }
    return true
  }

  subscribe(step: StepOf<'subscribe'>): boolean {
    const link = this.#ready
    if (link === null) return false
    const { topicFilter } = step
    const is5 = link.version === 5
    const subscription = {
      qos: step.qos,
      noLocal: is5 && step.noLocal && !topicFilter.startsWith('$'),
      retainAsPublished: is5 && step.retainAsPublished,
      identifier: is5 ? step.identifier : 0,
    }
    const retainHandling = is5 ? step.retainHandling : 0
    const packetIdentifier = this.#request(link, topicFilter, true)
    const packet = subscribePacket(
      link.version,
      packetIdentifier,
      topicFilter,
      subscription,
      retainHandling,
    )
    const { model } = this.#world
    const arrived = () => {
      const request = link.requests.get(packetIdentifier)!
      request.isRefused = this.#world.isRefusing && this.session!.isDurable
      if (request.isRefused) return
      model.subscribe(this.clientId, topicFilter, subscription, retainHandling)
    }
    link.send([{ packet, arrived }], this.random)
    return true
  }

  unsubscribe({ topicFilter }: StepOf<'unsubscribe'>): boolean {
    const link = this.#ready
    if (link === null) return false
    const packetIdentifier = this.#request(link, topicFilter, false)
    const packet = { type: 'unsubscribe', packetIdentifier, topicFilters: [topicFilter] } as const
    const arrived = () => this.#world.model.unsubscribe(this.clientId, topicFilter)
    link.send([{ packet, arrived }], this.random)
    return true
  }

  /** In one chunk. With `isCut` the network fails in the midst of the last one. */
  publish({ messages, isCut }: StepOf<'publish'>): boolean {
    const link = this.#ready
    if (link === null || this.#outgoing.size > MOST_OUTGOING) return false
    const sendings: { packet: PacketInput; arrived: () => void }[] = []
    for (const message of messages) {
      const { model } = this.#world
      if (message.qos === 0) {
        const published = asOf(message, link.version)
        const packet = link.shortened(
          publishPacket(published, link.version, undefined, false),
          this.random,
        )
        const arrived = () => {
          if (!published.retain || !this.#world.isRefusing) model.publish(published, false)
        }
        sendings.push({ packet, arrived })
      } else {
        this.#outgoing.set(this.#freeIdentifier(), {
          published: message,
          state: 'publish',
          isAccepted: false,
          isReleased: false,
          isRefused: false,
          link: null,
        })
        sendings.push(...this.#unsent(link))
      }
    }
    if (sendings.length > 0) link.send(sendings, this.random, isCut)
    if (isCut && this.#link === link) this.drop()
    return true
  }

  /** A step is over. @param isReading - whether it looks at what has come. */
  tick(isReading: boolean): void {
    this.#lookAtStore()
    for (const link of [this.#link, this.#next]) {
      if (link === null) continue
      link.tick()
      link.flow()
    }
    this.checkAlive()
    if (isReading) this.read()
  }

  /** Takes what has come. @throws Error where it is against the rules. @returns whether anything had. */
  read(): boolean {
    const link = this.#link
    if (link === null || link.isClosing) return false
    const packets = link.take(this.#world.model.now)
    for (const packet of packets) this.#take(link, packet)
    return packets.length > 0
  }

  /** Answers the oldest of what waits for it. @returns whether there was anything. */
  answer({ count }: { readonly count: number }): boolean {
    const link = this.#ready
    if (link === null || link.answers.length === 0) return false
    const answers = link.answers.splice(0, count)
    for (const { packet } of answers) {
      if (packet.type === 'puback' || packet.type === 'pubcomp') {
        link.open.delete(packet.packetIdentifier)
      }
    }
    link.send(answers, this.random)
    return true
  }

  /** Whether the Store has the session that it knows, after a crash. */
  knows(stored: StoredSession | undefined): boolean {
    return stored !== undefined && stored.number > this.#sessionAbove && this.session !== undefined
  }

  /** It has not been back since a crash left the broker another session of it. */
  get isStranger(): boolean {
    return this.#mustBeClean
  }

  /** The broker is gone, and with it all connections. @param stored - what it left of the session. */
  crashed(stored: StoredSession | undefined, isKnown: boolean): void {
    const isAnswered = this.#link?.isReady ?? false
    if (isAnswered && stored !== undefined && !isKnown) {
      throw new Error(`${this.clientId}: CONNACK left before its commit`)
    }
    this.#link = null
    this.#next = null
    if (stored === undefined) return
    if (!isKnown) {
      this.#mustBeClean = true
      return
    }
    for (const [identifier, outgoing] of this.#outgoing) {
      const { published, state, isReleased } = outgoing
      if (published.qos < 2 || isReleased) continue
      const isHeld = stored.received.has(identifier)
      if (state === 'pubrel' && !isHeld) {
        throw new Error(`${this.clientId}: the identifier of ${published.number} lost in a crash`)
      }
      outgoing.isAccepted = isHeld
    }
  }

  /** Messages whose next sending the broker takes as new. */
  unheld(): number[] {
    const all = [...this.#outgoing.values()]
    const unheld = all.filter(({ published, isAccepted }) => published.qos === 2 && !isAccepted)
    return unheld.map(({ published }) => published.number)
  }

  get #ready(): SimLink | null {
    const link = this.#link
    return link?.isReady && !link.isClosing ? link : null
  }

  #lookAtStore(): void {
    this.#offered = this.#world.committed?.offeredSessions.get(this.clientId) ?? 0
  }

  #isPresent(presence: Presence): void {
    const { session } = this
    if (session !== undefined) session.presence = presence
  }

  /** The broker has the CONNECT. */
  #connected(link: SimLink): void {
    const { model } = this.#world
    const { cleanStart, expiry, will } = link.step
    if (link.transport.isEnded && this.#world.isRefusing && expiry > 0) {
      this.#next = null
      return
    }
    if (link.transport.isEnded) throw new Error(`${this.clientId}: CONNECT was refused`)
    if (this.#link !== null && !this.#link.transport.isEnded) {
      throw new Error(`${this.clientId}: two connections at once`)
    }
    this.#next = null
    this.#link = link
    link.sessionPresent = model.connect(this.clientId, { cleanStart, expiry, will })
    this.#mustBeClean = false
    if (link.sessionPresent) return
    this.#sessionAbove = this.#offered
    this.#outgoing = new Map()
    this.#incoming = new Set()
  }

  /** The broker has what ends the connection. */
  #ended(link: SimLink, isClean: boolean): void {
    if (!link.transport.isEnded) throw new Error(`${this.clientId}: the connection has not ended`)
    this.#link = null
    this.#world.model.connectionLost(this.clientId, isClean)
  }

  /** The broker ends no connection without a reason: that the Store fails is one. */
  checkAlive(): void {
    // While its CONNECT is on its way it may be too late.
    if (this.#next?.transport.isEnded) this.#next = null
    const link = this.#link
    if (!link?.transport.isEnded) return
    if (!this.#world.isRefusing) {
      throw new Error(`${this.clientId}: the broker has ended the connection`)
    }
    // A CONNECT that is refused has no will.
    this.#ended(link, !this.#world.hasJoined(link))
  }

  #take(link: SimLink, packet: Packet): void {
    switch (packet.type) {
      case 'connack':
        this.#takeConnack(link, packet)
        break
      case 'publish':
        this.#takePublish(link, packet)
        break
      case 'pubrel':
        this.#incoming.delete(packet.packetIdentifier)
        this.#owe(link, 'pubcomp', packet.packetIdentifier)
        break
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        this.#takeAcknowledgement(link, packet)
        break
      case 'suback':
      case 'unsuback':
        this.#takeAnswer(link, packet)
        break
      case 'disconnect':
        throw new Error(`${this.clientId}: disconnected with ${packet.reasonCode}`)
      default:
    }
  }

  #takeConnack(link: SimLink, packet: Extract<Packet, { type: 'connack' }>): void {
    if (packet.reasonCode !== 0) throw new Error(`refused with ${packet.reasonCode}`)
    // MQTT 3.1 has no Session Present.
    if (link.version > 3 && packet.sessionPresent !== link.sessionPresent) {
      throw new Error(`${this.clientId}: Session Present is ${packet.sessionPresent}`)
    }
    link.isReady = true
    if (!link.isStalled) this.#isPresent('reads')
    const { session } = this
    if (session !== undefined) session.expiresUnless = null
    if (link.version === 5) link.agreed(packet.properties)
    this.#sendUnsent(link)
  }

  #takePublish(link: SimLink, publish: Publish): void {
    const { payload, qos, dup, retain, packetIdentifier, properties } = publish
    const topicName = link.topicOf(publish)
    const identifiers = link.version === 5 ? (properties.subscriptionIdentifiers ?? []) : null
    const number = payload.length === 0 ? -1 : Buffer.from(payload).readUInt32LE(0)
    const { model, committed } = this.#world
    const got = () => {
      if (number === -1) {
        if (retain && !model.removals.has(`${this.clientId} ${topicName}`)) {
          throw new Error(`${topicName}: an empty message was retained`)
        }
        return
      }
      const { expiry = 0 } = model.messages.get(number) ?? {}
      const left = properties.messageExpiryInterval ?? 0
      const isRight =
        model.mixed.has(number) || (expiry === 0 ? left === 0 : left >= 1 && left <= expiry)
      if (link.version === 5 && !isRight)
        throw new Error(`${number} has ${left} of ${expiry} s left`)
      const writtenAfter = link.emptyAt
      model.got(this.clientId, { number, topicName, qos, dup, retain, identifiers, writtenAfter })
    }
    if (packetIdentifier === undefined) {
      got()
      return
    }
    if (link.open.has(packetIdentifier)) throw new Error(`${packetIdentifier} is in flight already`)
    link.open.add(packetIdentifier)
    if (link.open.size > link.step.receiveMaximum) throw new Error('Receive Maximum exceeded')
    if (qos === 1) {
      got()
      const arrived = () => model.shared.acknowledged(this.clientId, number)
      link.answers.push({ packet: { type: 'puback', packetIdentifier }, arrived })
      return
    }
    if (this.session?.isDurable && committed?.hasSent(this.clientId, packetIdentifier) === false) {
      throw new Error(`${number} left at QoS 2 before its commit`)
    }
    if (!this.#incoming.has(packetIdentifier)) got()
    this.#incoming.add(packetIdentifier)
    this.#owe(link, 'pubrec', packetIdentifier)
  }

  #takeAcknowledgement(
    link: SimLink,
    { type, packetIdentifier, reasonCode }: PacketOf<'puback' | 'pubrec' | 'pubcomp'>,
  ): void {
    const outgoing = this.#outgoing.get(packetIdentifier)
    const isRefused = type !== 'pubcomp' && reasonCode >= 0x80
    if (isRefused !== (outgoing?.isRefused ?? false)) {
      throw new Error(`${type} of identifier ${packetIdentifier} says ${reasonCode}`)
    }
    if (isRefused) {
      this.#outgoing.delete(packetIdentifier)
      this.#sendUnsent(link)
      return
    }
    if (outgoing !== undefined) {
      const { model } = this.#world
      const { number } = outgoing.published
      this.#checkKept(type, packetIdentifier, outgoing.published)
      if (type !== 'pubcomp') model.acknowledged.add(number)
      if (type === 'pubrec') outgoing.state = 'pubrel'
      else this.#outgoing.delete(packetIdentifier)
    }
    if (type !== 'pubrec') {
      this.#sendUnsent(link)
      return
    }
    const arrived = () => {
      if (outgoing !== undefined) outgoing.isReleased = true
    }
    link.answers.push({ packet: { type: 'pubrel', packetIdentifier }, arrived })
  }

  /** What an acknowledgement promises is in the Store before it leaves. */
  #checkKept(
    type: 'puback' | 'pubrec' | 'pubcomp',
    identifier: number,
    { number, topicName }: Published,
  ): void {
    const { committed, model } = this.#world
    if (committed === null) return
    const isOwed = model.mustBeKept.has(number) && !model.drops.has(topicName)
    if (type !== 'pubcomp' && isOwed && !committed.messages.has(number)) {
      throw new Error(`${type} of ${number} left before its commit`)
    }
    const isHeld = committed.hasReceived(this.clientId, identifier)
    if (this.session?.isDurable && type !== 'puback' && isHeld !== (type === 'pubrec')) {
      throw new Error(`${type} of identifier ${identifier} left before its commit`)
    }
  }

  #takeAnswer(
    link: SimLink,
    { packetIdentifier, reasonCodes }: PacketOf<'suback' | 'unsuback'>,
  ): void {
    const request = link.requests.get(packetIdentifier)
    if (request === undefined) throw new Error(`${packetIdentifier} answers nothing`)
    link.requests.delete(packetIdentifier)
    const { topicFilter, isSubscribe, isRefused } = request
    if (isRefused !== reasonCodes[0]! >= 0x80) {
      throw new Error(`the answer for ${topicFilter} says ${reasonCodes[0]}`)
    }
    if (isRefused) return
    // What was asked since may be in the Store as well.
    for (const later of link.requests.values()) if (later.topicFilter === topicFilter) return
    const { committed } = this.#world
    const { session } = this
    session?.expectations.acknowledged.set(topicFilter, isSubscribe)
    if (committed === null || !session?.isDurable) return
    if (committed.subscribes(this.clientId, topicFilter) !== isSubscribe) {
      throw new Error(`${this.clientId}: the answer for ${topicFilter} left before its commit`)
    }
  }

  #owe(link: SimLink, type: 'pubrec' | 'pubcomp', packetIdentifier: number): void {
    const answer: Answer = { packet: { type, packetIdentifier } }
    link.answers.push(answer)
  }

  #request(link: SimLink, topicFilter: string, isSubscribe: boolean): number {
    const packetIdentifier = this.#freeIdentifier()
    link.requests.set(packetIdentifier, { topicFilter, isSubscribe, isRefused: false })
    this.session?.expectations.acknowledged.delete(topicFilter)
    return packetIdentifier
  }

  /** What this connection has not carried yet, as far as the broker's Receive Maximum goes. */
  #unsent(link: SimLink): { packet: PacketInput; arrived: () => void }[] {
    const all = [...this.#outgoing]
    let room = link.receiveMaximum - all.filter(([, one]) => one.link === link).length
    const sendings: { packet: PacketInput; arrived: () => void }[] = []
    for (const [packetIdentifier, outgoing] of all) {
      if (outgoing.link === link) continue
      if (outgoing.state === 'publish' && room-- <= 0) break
      const isRepeated = outgoing.link !== null
      outgoing.link = link
      outgoing.isRefused = false
      if (outgoing.state === 'pubrel') {
        const arrived = () => {
          outgoing.isReleased = true
        }
        sendings.push({ packet: { type: 'pubrel', packetIdentifier }, arrived })
        continue
      }
      const published = asOf(outgoing.published, link.version)
      const packet = link.shortened(
        publishPacket(published, link.version, packetIdentifier, isRepeated),
        this.random,
      )
      const arrived = () => this.#arrived(link, outgoing, published, isRepeated)
      sendings.push({ packet, arrived })
    }
    return sendings
  }

  #sendUnsent(link: SimLink): void {
    const unsent = this.#unsent(link)
    if (unsent.length > 0) link.send(unsent, this.random)
  }

  #arrived(link: SimLink, outgoing: Outgoing, published: Published, isRepeated: boolean): void {
    // At QoS 2 the broker has it once, however often it is sent.
    if (outgoing.isAccepted && published.qos === 2) return
    outgoing.isRefused = this.#world.isRefusing
    if (outgoing.isRefused) {
      // Before 5.0 there is no way to say so.
      link.isAbandoned = link.version < 5
      if (link.isAbandoned) link.ended = () => this.#ended(link, false)
      return
    }
    this.#world.model.publish(published, isRepeated)
    outgoing.isAccepted = true
  }

  #freeIdentifier(): number {
    const requests = this.#link?.requests
    do this.#lastIdentifier = (this.#lastIdentifier % 200) + 1
    while (this.#outgoing.has(this.#lastIdentifier) || requests?.has(this.#lastIdentifier))
    return this.#lastIdentifier
  }
}
