import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import {
  checkTopicNameString,
  encodePublishProperties,
  FAULTS,
  Fault,
  isReasonCodeOf,
  PacketType,
  type PublishProperties,
  parseTopicFilter,
  type QoS,
  ReasonCode,
  Sender,
} from '@promptmq/codec'
import { composeMessage, type DropReason, expiryOf } from '@promptmq/router'
import { Engine } from './engine.ts'
import type { ClientInfo, Hooks } from './hooks.ts'
import { LocalSubscription, type ReceivedMessage } from './local-subscription.ts'
import { rangeMisuse, typeMisuse } from './misuse.ts'
import { type BrokerOptions, resolveOptions, type Settings } from './options.ts'
import { printable } from './peer-log.ts'
import { restoreEngine } from './restore.ts'
import type { BrokerStats } from './statistics.ts'
import { DuplexTransport } from './transport/duplex-transport.ts'
import { type Listener, type ListenOptions, listenTcp } from './transport/listener.ts'
import type { Transport } from './transport/transport.ts'

/** What {@link Broker.publish} takes beside the topic and the payload. */
export interface PublishOptions {
  /** Default 0. */
  readonly qos?: QoS
  /** Default false. */
  readonly retain?: boolean
  /** Properties of PUBLISH; Topic Alias and Subscription Identifiers are the connections' own. */
  readonly properties?: Partial<Omit<PublishProperties, 'topicAlias' | 'subscriptionIdentifiers'>>
}

/** What {@link Broker.subscribe} takes beside the filter. */
export interface SubscribeOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** Messages that may wait to be read; more are dropped and counted. Default 10,000. */
  readonly maximumPending?: number
}

/** What {@link Broker.disconnect} takes beside the Client Identifier. */
export interface DisconnectOptions {
  /** Of a server's DISCONNECT, 0x80 or above. Default 0x98, Administrative action. */
  readonly reasonCode?: number
  /** With 0x9C or 0x9D: where the client is to go, `host:port`. */
  readonly serverReference?: string
}

/** What lets connections in, of whatever kind. */
export type Door = Pick<Listener, 'close'>

/** What a Broker tells; none of it per message but drops. */
export interface BrokerEvents {
  /** A client was accepted. */
  clientConnect: [client: ClientInfo]
  /** An accepted client is gone. */
  clientDisconnect: [client: ClientInfo, reason: string]
  /** A QoS 1 or 2 message, or one for a subscription of this process, was not delivered. */
  drop: [drop: { clientId: string; topicName: string; reason: DropReason }]
  /** The Store could not keep or read something. Nothing in it was acknowledged. */
  storeError: [error: Error]
}

const HOOK_FUNCTIONS = [
  'authenticate',
  'authorizePublish',
  'authorizeSubscribe',
  'responseInformation',
] as const

/**
 * An MQTT 5.0, 3.1.1 and 3.1 broker.
 *
 * @example
 * ```ts
 * import { Broker } from '@promptmq/broker'
 *
 * await using broker = await Broker.start()
 * await broker.listen({ port: 1883 })
 * for await (const { topicName, payload } of broker.subscribe('plant/+/temp')) {
 *   console.log(topicName, Buffer.from(payload).toString())
 * }
 * ```
 */
export class Broker extends EventEmitter<BrokerEvents> {
  readonly #engine: Engine
  readonly #doors = new Set<Door>()
  readonly #localSubscriptions = new Set<LocalSubscription>()
  #closing: Promise<void> | null = null

  private constructor(options: BrokerOptions) {
    super()
    const settings = resolveOptions(options)
    this.#engine = new Engine(settings, {
      clientConnected: (client) => {
        this.#engine.log.debug({ ...client }, 'client connected')
        this.emit('clientConnect', client)
      },
      clientDisconnected: (client, reason) => {
        this.#engine.log.debug({ ...client, reason }, 'client disconnected')
        this.emit('clientDisconnect', client, reason)
      },
      messageDropped: (clientId, topicName, reason) => {
        if (this.listenerCount('drop') > 0) this.emit('drop', { clientId, topicName, reason })
      },
      storeFailed: (error) => {
        settings.logger.error({ error }, `store: ${error.message}`)
        this.emit('storeError', error)
      },
    })
  }

  /**
   * Opens the Store, restores what it kept, and is then ready to be given connections.
   *
   * @throws TypeError or RangeError with code `ERR_PROMPTMQ_OPTION`, before anything is opened; what
   *   the Store throws where it cannot be used.
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options)
    await options.store?.open()
    try {
      await restoreEngine(broker.#engine)
    } catch (error) {
      await options.store?.close()
      throw error
    }
    broker.#engine.endTurn()
    return broker
  }

  /**
   * Accepts TCP connections.
   * @throws the system's error with a message that says where; its `code` is kept.
   */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    this.#checkOpen()
    const listener = await listenTcp(options, (socket) => this.handle(socket))
    if (this.#closing !== null) await listener.close()
    this.adopt(listener)
    return listener
  }

  /**
   * Has a door of another kind close with the broker: {@link Broker.close} calls its `close` before it
   * tells the clients, and waits for it.
   *
   * @returns lets go of the door again, for one that was closed alone.
   * @throws TypeError with code `ERR_PROMPTMQ_CLOSED` when the broker closes already.
   */
  adopt(door: Door): () => void {
    this.#checkOpen()
    this.#doors.add(door)
    return () => this.#doors.delete(door)
  }

  /** Serves MQTT on any Node stream. The stream is the broker's from here on. */
  handle(stream: Duplex): void {
    this.connect(new DuplexTransport(stream))
  }

  /** Serves MQTT on a transport of your own. */
  connect(transport: Transport): void {
    this.#checkOpen()
    this.#engine.connect(transport)
  }

  /** Adds hooks that decide; see {@link Hooks}. They hold for what comes after the call. */
  use(hooks: Hooks): this {
    if (typeof hooks?.name !== 'string' || hooks.name === '') {
      throw typeMisuse('ERR_PROMPTMQ_ARGUMENT', 'use(hooks): hooks.name must be a non-empty string')
    }
    for (const kind of HOOK_FUNCTIONS) {
      if (hooks[kind] !== undefined && typeof hooks[kind] !== 'function') {
        throw typeMisuse('ERR_PROMPTMQ_ARGUMENT', `use(hooks): hooks.${kind} must be a function`)
      }
    }
    for (const [index, method] of (hooks.authenticationMethods ?? []).entries()) {
      if (typeof method?.name !== 'string' || typeof method.begin !== 'function') {
        const path = `hooks.authenticationMethods[${index}]`
        throw typeMisuse(
          'ERR_PROMPTMQ_ARGUMENT',
          `use(hooks): ${path} must have a name and begin()`,
        )
      }
    }
    this.#engine.hooks.use(hooks)
    return this
  }

  /**
   * Publishes from this process. Resolves once what has to be kept is kept; at QoS 0, and where
   * nothing has to be, at once.
   *
   * @param payload - text goes out as UTF-8.
   * @throws TypeError or RangeError with a code `ERR_PROMPTMQ_*` for a bad argument; rejects with
   *   what the Store failed with.
   */
  async publish(
    topicName: string,
    payload: string | Uint8Array,
    { qos = 0, retain = false, properties = {} }: PublishOptions = {},
  ): Promise<void> {
    this.#checkOpen()
    const engine = this.#engine
    checkTopicName(topicName, engine.settings.maximumTopicLevels)
    if (qos !== 0 && qos !== 1 && qos !== 2) {
      throw rangeMisuse('ERR_PROMPTMQ_ARGUMENT', `publish: qos must be 0, 1 or 2, not ${qos}`)
    }
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
      throw typeMisuse('ERR_PROMPTMQ_ARGUMENT', 'publish: payload must be a string or a Uint8Array')
    }
    const { journal } = engine
    if ((qos > 0 || retain) && journal?.failure) throw journal.failure
    const { messageExpiryInterval, ...forwarded } = properties
    const topic = engine.topics.ofName(topicName)
    const message = composeMessage(topic.bytes, {
      topicName,
      qos,
      retain,
      properties: encodePublishProperties(forwarded),
      payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
      expiresAt: expiryOf(messageExpiryInterval, engine.now()),
      publisher: '',
    })
    const before = engine.appended
    const published = engine.publish(topic, message, null)
    const mustWait = engine.batchSince(before) !== 0
    engine.endTurn()
    if (typeof published !== 'boolean') await published
    if (mustWait || engine.batchSince(before) !== 0) await engine.journal!.settled()
  }

  /**
   * Subscribes from this process: retained messages first, then what is published from this call
   * on, until the iteration is left, `signal` is aborted or the broker closes.
   *
   * @param topicFilter - may be `$share/NAME/...`.
   * @throws RangeError with code `ERR_PROMPTMQ_TOPIC` for a filter that is none.
   */
  subscribe(
    topicFilter: string,
    { signal, maximumPending = 10_000 }: SubscribeOptions = {},
  ): AsyncIterableIterator<ReceivedMessage> {
    this.#checkOpen()
    const engine = this.#engine
    const parsed = parseTopicFilter(topicFilter, engine.settings.maximumTopicLevels)
    if (typeof parsed === 'number') {
      throw rangeMisuse(
        'ERR_PROMPTMQ_TOPIC',
        `subscribe: ${FAULTS[parsed]!.text}: ${printable(topicFilter)}`,
      )
    }
    if (!Number.isSafeInteger(maximumPending) || maximumPending < 1) {
      const text = `subscribe: maximumPending must be an integer from 1, not ${maximumPending}`
      throw rangeMisuse('ERR_PROMPTMQ_ARGUMENT', text)
    }
    const local = new LocalSubscription(engine, parsed, maximumPending, () => {
      engine.tree.remove(local.subscription)
      this.#localSubscriptions.delete(local)
      signal?.removeEventListener('abort', abort)
    })
    const abort = () => local.end()
    engine.tree.add(local.subscription)
    this.#localSubscriptions.add(local)
    if (parsed.shareName === null)
      engine.retained.replay(local.subscription).deliverRest(engine.now())
    engine.endTurn()
    if (signal?.aborted) local.end()
    else signal?.addEventListener('abort', abort, { once: true })
    return local
  }

  /**
   * Ends a client's connection, with a DISCONNECT that its version may not have. Its session stays, its
   * will is published.
   *
   * @throws RangeError with code `ERR_PROMPTMQ_ARGUMENT` for a Reason Code that no DISCONNECT of a server
   *   has.
   * @returns false where nobody of that name is connected.
   */
  disconnect(
    clientId: string,
    { reasonCode = ReasonCode.AdministrativeAction, serverReference }: DisconnectOptions = {},
  ): boolean {
    this.#checkOpen()
    if (reasonCode < 0x80 || !isReasonCodeOf(PacketType.Disconnect, reasonCode, Sender.Server)) {
      const text = `disconnect: reasonCode must be one of a server's DISCONNECT, not ${reasonCode}`
      throw rangeMisuse('ERR_PROMPTMQ_ARGUMENT', text)
    }
    const connection = this.#engine.sessions.get(clientId)?.connection
    if (connection === null || connection === undefined) return false
    connection.disconnect(reasonCode as ReasonCode, 'disconnected by the server', serverReference)
    this.#engine.endTurn()
    return true
  }

  /** What the broker goes by: its options, with every default filled in. */
  get settings(): Settings {
    return this.#engine.settings
  }

  /** What there is now and what was counted since the start. */
  stats(): BrokerStats {
    return this.#engine.stats()
  }

  /**
   * Accepts nothing more, tells the clients (DISCONNECT 0x8B), keeps what was acknowledged, and
   * closes the Store. Wills are published by the rules for a lost connection. Safe to call twice.
   *
   * @param options - `serverReference`: where clients are to go instead, `host:port`; they are told so
   *   with DISCONNECT 0x9C.
   */
  close({ serverReference }: { readonly serverReference?: string } = {}): Promise<void> {
    this.#closing ??= this.#close(serverReference)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(serverReference?: string): Promise<void> {
    const engine = this.#engine
    const closed = Array.from(this.#doors, (door) => door.close())
    // Who waits for an acknowledgement gets it before the connection ends.
    await this.#settle()
    for (const connection of [...engine.connections]) {
      connection.disconnect(...farewell(serverReference))
    }
    for (const local of [...this.#localSubscriptions]) local.end()
    engine.endTurn()
    await this.#settle()
    engine.stop()
    await Promise.all([...closed, engine.emptied()])
    engine.deadlines.clear()
    await engine.settings.store?.close()
  }

  /** A Store that fails has said so already, and does not keep the broker from closing. */
  async #settle(): Promise<void> {
    await this.#engine.journal?.settled().catch(() => {})
  }

  #checkOpen(): void {
    if (this.#closing !== null) {
      throw typeMisuse('ERR_PROMPTMQ_CLOSED', 'the broker is closed')
    }
  }
}

function farewell(serverReference?: string): [ReasonCode, string, string?] {
  if (serverReference === undefined) {
    return [ReasonCode.ServerShuttingDown, 'server shutting down']
  }
  return [ReasonCode.UseAnotherServer, 'use another server', serverReference]
}

function checkTopicName(topicName: string, maximumLevels: number): void {
  if (typeof topicName !== 'string') {
    throw typeMisuse('ERR_PROMPTMQ_TOPIC', 'publish: topicName must be a string')
  }
  const fault = checkTopicNameString(topicName, maximumLevels)
  if (fault !== Fault.None) {
    const text = `publish: ${FAULTS[fault]!.text}: ${printable(topicName)}`
    throw rangeMisuse('ERR_PROMPTMQ_TOPIC', text)
  }
}
