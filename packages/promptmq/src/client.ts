import {
  type Connack,
  type Disconnect,
  type Packet,
  type PacketInput,
  type Puback,
  type Pubcomp,
  type Publish,
  type PublishProperties,
  type Pubrec,
  type QoS,
  ReasonCode,
  type Suback,
  type SubscribeInput,
  type Unsuback,
  type UnsubscribeInput,
} from '@promptmq/codec'
import { ClientError, describeReason } from './client/client-error.ts'
import type { ConnectOptions } from './client/connect-options.ts'
import { Connection } from './client/connection.ts'
import { shakeHands } from './client/handshake.ts'
import { Inbox } from './client/inbox.ts'
import { PacketIdentifiers } from './client/packet-identifiers.ts'

const { Success, PacketIdentifierNotFound } = ReasonCode

/** A message to be published. */
export interface OutgoingMessage {
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Partial<PublishProperties>
}

/** Takes a message within the call: the payload is a view of what was read. */
export type MessageHandler = (message: Publish, client: Client) => void

/** A message published at QoS 1 or 2 whose handshake is not over. */
interface Delivery {
  readonly kind: 'publish'
  readonly qos: QoS
  readonly resolve: (reasonCode: number) => void
  readonly reject: (error: ClientError) => void
}

/** A SUBSCRIBE or UNSUBSCRIBE without its answer. */
interface Request {
  readonly kind: 'suback' | 'unsuback'
  readonly resolve: (packet: never) => void
  readonly reject: (error: ClientError) => void
}

/**
 * A small MQTT 5 client, for one connection: what `promptmq pub` and `promptmq sub` share.
 *
 *   publish ---> #pending[id] ---> PUBACK / PUBREC, PUBREL, PUBCOMP ---> its promise
 *   PUBLISH ---> onMessage ------> PUBACK / PUBREC; #inbox until PUBREL
 *
 * Packet Identifiers of PUBLISH, SUBSCRIBE and UNSUBSCRIBE are of one space; those of what the
 * server publishes are of another. When the connection ends, everything that waits is rejected.
 *
 * Invariant: an identifier is in `#pending` or free, and at most the server's Receive Maximum of
 * them are deliveries.
 */
export class Client {
  /**
   * Takes each message, once; its payload is lent for the call. While there is no such function,
   * messages are left to the server: not acknowledged, so not lost from a kept session.
   */
  onMessage: MessageHandler | undefined
  /** The server's answer: what it grants. */
  readonly connack: Connack

  readonly #connection: Connection
  readonly #log: (line: string) => void
  readonly #identifiers = new PacketIdentifiers()
  readonly #pending = new Map<number, Delivery | Request>()
  readonly #inbox: Inbox
  readonly #aliases = new Map<number, string>()
  #deliveryCount = 0
  #wakers: (() => void)[] = []

  private constructor(connection: Connection, connack: Connack, options: ConnectOptions) {
    this.connack = connack
    this.#connection = connection
    this.#log = options.log
    this.#inbox = new Inbox(options.properties.topicAliasMaximum ?? 0)
    connection.onPacket = (packet) => this.#take(packet)
    connection.keepAlive(connack.properties.serverKeepAlive ?? options.keepAlive) // [MQTT-3.1.2-21]
    connection.closed.then((error) => {
      this.#rejectAll(error ?? new ClientError('the connection was ended'))
    })
  }

  /**
   * Connects, sends CONNECT and waits for CONNACK.
   *
   * @param onMessage - see {@link Client.onMessage}; a kept session may have messages at once.
   * @param signal - aborted: do not go on waiting.
   * @throws ClientError when there is no connection, no answer in time, or the server refuses.
   */
  static async connect(
    options: ConnectOptions,
    onMessage?: MessageHandler,
    signal?: AbortSignal,
  ): Promise<Client> {
    const timeout = AbortSignal.timeout(options.connectTimeoutMs)
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    const connection = await Connection.open(options.address, either, options.log)
    const connack = await shakeHands(connection, options, either)
    const client = new Client(connection, connack, options)
    client.onMessage = onMessage
    connection.resume()
    return client
  }

  /** Fulfilled with the reason once the connection has ended, undefined after {@link disconnect}. */
  get closed(): Promise<ClientError | undefined> {
    return this.#connection.closed
  }

  /**
   * Publishes a message. Wait for {@link room} first: this sends at once.
   *
   * @returns the Reason Code that ends its handshake; 0 at QoS 0, once it is handed to the socket.
   * @throws ClientError when the server does not take such a message, or the connection ends
   *   before it is acknowledged.
   */
  async publish(message: OutgoingMessage): Promise<number> {
    this.#checkPublish(message)
    const { qos, retain, payload, properties } = message
    const topicName = this.#aliasedTopic(message)
    const packet = {
      type: 'publish',
      topicName,
      payload,
      qos,
      retain,
      dup: false,
      properties,
    } as const
    const { maximumPacketSize } = this.connack.properties
    if (qos === 0) {
      this.#connection.send(packet, maximumPacketSize)
      return Success
    }
    const packetIdentifier = this.#identifiers.take(this.#pending) // [MQTT-2.2.1-3]
    this.#connection.send({ ...packet, packetIdentifier }, maximumPacketSize)
    this.#deliveryCount++
    return new Promise((resolve, reject) => {
      const delivery: Delivery = { kind: 'publish', qos, resolve, reject }
      this.#pending.set(packetIdentifier, delivery)
    })
  }

  /** Fulfilled when one more message may be published, or the connection has ended. */
  async room(): Promise<void> {
    await this.#connection.drained()
    const { receiveMaximum = 65_535 } = this.connack.properties
    // [MQTT-4.9.0-2] One less than the identifiers there are, so that SUBSCRIBE finds one as well.
    while (this.#deliveryCount >= Math.min(receiveMaximum, 65_534)) await this.#change()
  }

  /** Fulfilled when every handshake is over, both of what was published and of what was received. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0 || this.#inbox.openCount > 0) await this.#change()
  }

  /** @throws ClientError when the connection ends before SUBACK. */
  subscribe(packet: Omit<SubscribeInput, 'type' | 'packetIdentifier'>): Promise<Suback> {
    return this.#request('suback', (packetIdentifier) => ({
      ...packet,
      type: 'subscribe',
      packetIdentifier,
    }))
  }

  /** @throws ClientError when the connection ends before UNSUBACK. */
  unsubscribe(packet: Omit<UnsubscribeInput, 'type' | 'packetIdentifier'>): Promise<Unsuback> {
    return this.#request('unsuback', (packetIdentifier) => ({
      ...packet,
      type: 'unsubscribe',
      packetIdentifier,
    }))
  }

  /** Stops reading from the server until {@link resume}. */
  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /** Ends the connection with DISCONNECT: the server forgets the will. */
  async disconnect(properties: Partial<Disconnect['properties']> = {}): Promise<void> {
    await this.#connection.end({ type: 'disconnect', reasonCode: Success, properties })
  }

  #request<Answer extends Suback | Unsuback>(
    kind: Answer['type'],
    packet: (packetIdentifier: number) => PacketInput,
  ): Promise<Answer> {
    const packetIdentifier = this.#identifiers.take(this.#pending)
    this.#connection.send(packet(packetIdentifier), this.connack.properties.maximumPacketSize)
    return new Promise<Answer>((resolve, reject) => {
      this.#pending.set(packetIdentifier, { kind, resolve, reject })
    })
  }

  /** What CONNACK says that the server does not do. */
  #checkPublish({ qos, retain, properties }: OutgoingMessage): void {
    const { maximumQoS = 2, retainAvailable = 1, topicAliasMaximum = 0 } = this.connack.properties
    const refuse = (what: string): never => {
      throw new ClientError(`${this.#connection.place} ${what}`)
    }
    if (qos > maximumQoS) refuse(`takes QoS up to ${maximumQoS}, not ${qos}`) // [MQTT-3.2.2-11]
    if (retain && retainAvailable === 0) refuse('retains no messages') // [MQTT-3.2.2-14]
    const { topicAlias = 0 } = properties
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
    if (topicAlias > topicAliasMaximum) refuse(`takes Topic Aliases up to ${topicAliasMaximum}`)
  }

  /** Empty where the server knows the topic by its alias already. */
  #aliasedTopic({ topicName, properties }: OutgoingMessage): string {
    const { topicAlias } = properties
    if (topicAlias === undefined) return topicName
    if (this.#aliases.get(topicAlias) === topicName) return ''
    this.#aliases.set(topicAlias, topicName)
    return topicName
  }

  #take(packet: Packet): void {
    switch (packet.type) {
      case 'publish':
        this.#takePublish(packet)
        break
      case 'puback':
        this.#finish(1, packet)
        break
      case 'pubrec':
        this.#takePubrec(packet)
        break
      case 'pubcomp':
        this.#finish(2, packet)
        break
      case 'pubrel':
        this.#takePubrel(packet.packetIdentifier)
        break
      case 'suback':
      case 'unsuback':
        this.#takeAnswer(packet)
        break
      case 'disconnect':
        this.#takeDisconnect(packet)
        break
      case 'pingresp':
        break
      default:
        this.#violation(`a server does not send ${packet.type.toUpperCase()} here`)
    }
  }

  #takePublish(packet: Publish): void {
    const topicName = this.#inbox.resolveTopic(packet)
    if (topicName === undefined) {
      const what = `Topic Alias ${packet.properties.topicAlias} means nothing here`
      this.#violation(what, ReasonCode.TopicAliasInvalid)
      return
    }
    if (this.onMessage === undefined) return
    const { qos, packetIdentifier = 0 } = packet
    if (this.#inbox.isNew(packet)) this.onMessage({ ...packet, topicName }, this)
    if (qos === 1) this.#acknowledge('puback', packetIdentifier) // [MQTT-4.3.2-4]
    if (qos === 2) this.#acknowledge('pubrec', packetIdentifier) // [MQTT-4.3.3-8]
  }

  #takeDisconnect({ reasonCode, properties }: Disconnect): void {
    const { place } = this.#connection
    const reason = describeReason(reasonCode, properties.reasonString)
    this.#connection.fail(new ClientError(`${place} ended the connection: ${reason}`))
  }

  #takePubrec(packet: Pubrec): void {
    const { packetIdentifier, reasonCode } = packet
    if (reasonCode >= 0x80) {
      this.#finish(2, packet) // [MQTT-4.4.0-2]
      return
    }
    const isKnown = this.#pending.has(packetIdentifier)
    if (isKnown && this.#delivery(packetIdentifier, 2) === undefined) return
    // [MQTT-4.3.3-4]
    this.#acknowledge('pubrel', packetIdentifier, isKnown ? Success : PacketIdentifierNotFound)
  }

  /** A handshake is over: its Packet Identifier is free and its place in the window as well. */
  #finish(qos: QoS, { packetIdentifier, reasonCode }: Puback | Pubrec | Pubcomp): void {
    const delivery = this.#delivery(packetIdentifier, qos)
    if (delivery === undefined) return
    this.#pending.delete(packetIdentifier)
    this.#deliveryCount--
    delivery.resolve(reasonCode)
    this.#wake()
  }

  /** The delivery that an acknowledgement is for; undefined where there is none, or not of its QoS. */
  #delivery(packetIdentifier: number, qos: QoS): Delivery | undefined {
    const found = this.#pending.get(packetIdentifier)
    if (found?.kind === 'publish' && found.qos === qos) return found
    if (found === undefined) this.#log(`there is no message with identifier ${packetIdentifier}`)
    else this.#violation(`what has identifier ${packetIdentifier} is not acknowledged like this`)
    return undefined
  }

  #takePubrel(packetIdentifier: number): void {
    const isKnown = this.#inbox.release(packetIdentifier)
    // [MQTT-4.3.3-11]
    this.#acknowledge('pubcomp', packetIdentifier, isKnown ? Success : PacketIdentifierNotFound)
    this.#wake()
  }

  #takeAnswer(packet: Suback | Unsuback): void {
    const request = this.#pending.get(packet.packetIdentifier)
    if (request === undefined || request.kind !== packet.type) {
      this.#violation(`${packet.type.toUpperCase()} answers nothing that was asked`)
      return
    }
    this.#pending.delete(packet.packetIdentifier)
    request.resolve(packet as never)
    this.#wake()
  }

  #acknowledge(
    type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp',
    packetIdentifier: number, // [MQTT-2.2.1-5]
    reasonCode: number = Success,
  ): void {
    this.#connection.send({ type, packetIdentifier, reasonCode, properties: {} })
  }

  #violation(what: string, reasonCode: number = ReasonCode.ProtocolError): void {
    const error = new ClientError(`${this.#connection.place} does not keep to MQTT 5: ${what}`)
    this.#connection.fail(error, reasonCode)
  }

  /** Fulfilled when a handshake goes on or the connection ends. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  #rejectAll(error: ClientError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#inbox.clear()
    this.#deliveryCount = 0
    for (const { reject } of pending) reject(error)
    this.#wake()
  }
}
