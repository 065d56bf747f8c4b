import { AcknowledgementHeader, PublishHeader, ReasonCode } from '@promptmq/codec'
import {
  Budget,
  composeMessage,
  type DropReason,
  expiryOf,
  type Message,
  type QueueLimits,
  type Session,
  type TopicEntry,
  TopicTable,
  TopicTree,
} from '@promptmq/router'
import { NetworkCounts, networkOf } from './address.ts'
import { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { FanOut, type FanOutHost } from './fan-out.ts'
import { Flusher } from './flusher.ts'
import { HookChain } from './hook-chain.ts'
import type { ClientInfo } from './hooks.ts'
import { Journal, type JournalHost } from './journal.ts'
import { passOn } from './left-behind.ts'
import type { Settings } from './options.ts'
import type { PacketWriter, WriterHost } from './packet-writer.ts'
import { PeerLog } from './peer-log.ts'
import { readPage } from './restore.ts'
import { Retained } from './retained.ts'
import { type SessionEntry, Sessions, type SessionsHost } from './sessions.ts'
import type { BrokerStats } from './statistics.ts'
import type { Transport } from './transport/transport.ts'
import { type StoredWill, Wills } from './wills.ts'
import { writePools } from './write-buffer.ts'

/** After a page of a queue could not be read. */
const RETRY_MS = 1_000

/** Whom the engine tells what happens. */
export interface EngineListener {
  clientConnected(client: ClientInfo): void
  clientDisconnected(client: ClientInfo, reason: string): void
  messageDropped(clientId: string, topicName: string, reason: DropReason): void
  storeFailed(error: Error): void
}

/**
 * One broker without its sockets: given bytes by transports, the time by a clock and chance by a
 * function, it does the same every time. Holds what all connections share.
 *
 * A turn is one synchronous run: a chunk is worked off, a deadline fires, a commit is kept. Within a
 * turn nothing is written and nothing committed; {@link Engine.endTurn} then flushes each connection
 * that has something to send, with one write, and hands the journal's batch to the Store.
 */
export class Engine implements SessionsHost, JournalHost, WriterHost, FanOutHost {
  readonly settings: Settings
  /** For all that peers do. */
  readonly log: PeerLog
  readonly deadlines: Deadlines
  readonly hooks: HookChain
  readonly topics: TopicTable
  readonly tree: TopicTree
  readonly journal: Journal | null
  readonly retained: Retained
  readonly sessions: Sessions
  readonly wills: Wills
  readonly fanOut: FanOut
  readonly buffers = writePools()
  /** What the turn reads; see WriterHost. */
  chunk: Uint8Array | null = null
  isChunkGiven = false
  readonly queueLimits: QueueLimits
  readonly heldBudget: Budget
  readonly pendingBudget: Budget
  /** Of what gathers for the Store. */
  readonly uncommittedBudget: Budget
  readonly whenSlow: Settings['whenSlow']
  /** One for all connections: filled in and read within one packet. */
  readonly publishHeader = new PublishHeader()
  readonly acknowledgementHeader = new AcknowledgementHeader()
  /** Every one whose transport is not closed yet. */
  readonly connections = new Set<Connection>()
  readonly #networks = new NetworkCounts()
  publishedCount = 0
  writtenBytes = 0
  protocolErrorCount = 0
  readonly #dropped: Record<DropReason, number> = {
    'queue full': 0,
    expired: 0,
    'too large': 0,
    slow: 0,
  }
  readonly #listener: EngineListener
  readonly #flusher: Flusher
  /** Connections to be ended when nobody iterates over what they are part of. */
  #tooSlow: Connection[] = []
  #joinedCount = 0
  #now = 0
  #isTimeRead = false
  #emptied: PromiseWithResolvers<void> | null = null
  /** Cancel what is to be tried again. */
  readonly #retries = new Set<() => void>()
  #isStopped = false

  constructor(settings: Settings, listener: EngineListener) {
    this.settings = settings
    this.#listener = listener
    this.queueLimits = {
      maximumInflight: settings.maximumInflight,
      maximumMessages: settings.maximumQueuedMessages,
      maximumBytes: settings.maximumQueuedBytes,
      maximumHeldMessages: settings.maximumHeldMessages,
      whenFull: settings.whenQueueFull,
    }
    this.heldBudget = new Budget({ total: settings.maximumQueuedBytesTotal })
    this.uncommittedBudget = new Budget({ total: settings.maximumUncommittedBytes })
    this.pendingBudget = new Budget({
      each: settings.maximumPendingBytes,
      total: settings.maximumPendingBytesTotal,
    })
    this.whenSlow = settings.whenSlow
    const { clock, hookTimeoutMs, logger, store } = settings
    this.log = new PeerLog(logger, () => clock.now())
    this.tree = new TopicTree({ strategy: settings.shareStrategy, random: settings.random })
    this.#flusher = new Flusher(clock)
    this.deadlines = new Deadlines(clock, () => this.endTurn())
    this.hooks = new HookChain(clock, hookTimeoutMs, this.log)
    this.topics = new TopicTable({ seed: settings.random() })
    this.journal =
      store === undefined ? null : new Journal(store, clock, this.uncommittedBudget, this)
    this.retained = new Retained(this.journal, settings)
    this.sessions = new Sessions(this.deadlines, this.tree, this.journal, this)
    const now = () => this.now()
    this.wills = new Wills(this.deadlines, this.journal, now, (will) => this.publishWill(will))
    this.fanOut = new FanOut(this)
  }

  /** The time at which this turn first asked for it: within a turn it stands still. */
  now(): number {
    if (!this.#isTimeRead) {
      this.#now = this.settings.clock.now()
      this.#isTimeRead = true
    }
    return this.#now
  }

  /** Serves one peer until either side closes. Those that are far too many are closed at once. */
  connect(transport: Transport): void {
    const network = networkOf(transport.remoteAddress)
    if (this.#exceeds(2, this.connections.size + 1, this.#networks.of(network) + 1)) {
      this.log.warn({ remote: transport.remoteAddress }, 'too many connections: one is closed')
      transport.destroy()
      return
    }
    this.#networks.add(network)
    this.connections.add(new Connection(this, transport))
    this.endTurn()
  }

  /** Whether a connection that wants to be accepted is one too many. */
  hasTooMany({ transport }: Connection): boolean {
    const network = networkOf(transport.remoteAddress)
    return this.#exceeds(1, this.connections.size, this.#networks.of(network))
  }

  /** @param times - as often as what the options say. */
  #exceeds(times: number, count: number, countOfNetwork: number): boolean {
    const { maximumConnections, maximumConnectionsPerAddress } = this.settings
    return (
      count > times * maximumConnections || countOfNetwork > times * maximumConnectionsPerAddress
    )
  }

  /** What the journal has taken so far; see {@link Engine.batchSince}. */
  get appended(): number {
    return this.journal?.appended ?? 0
  }

  /** The batch that what was appended since `before` is in; 0: nothing was. */
  batchSince(before: number): number {
    return this.journal === null || this.journal.appended === before ? 0 : this.journal.pendingBatch
  }

  /** A turn works off a chunk. @param isGiven - it may be kept. */
  beginTurn(chunk: Uint8Array, isGiven: boolean): void {
    this.chunk = chunk
    this.isChunkGiven = isGiven
  }

  /** Its client reads too slowly: it is disconnected at the end of the turn. */
  tooSlow(connection: Connection): void {
    this.#tooSlow.push(connection)
  }

  /** What this turn has to send is written, now or soon; what it has to keep is committed. */
  endTurn(): void {
    if (this.#tooSlow.length > 0) {
      for (const connection of this.#tooSlow.splice(0)) {
        connection.disconnect(ReasonCode.QuotaExceeded, 'reads too slowly')
      }
    }
    this.#flusher.endTurn(!this.isChunkGiven)
    this.journal?.flush()
    this.#isTimeRead = false
  }

  /** Changes as the event loop goes round. */
  get roundCount(): number {
    return this.#flusher.roundCount
  }

  touched(writer: PacketWriter): void {
    this.#flusher.touch(writer)
  }

  joined(connection: Connection): void {
    this.#joinedCount++
    this.#listener.clientConnected(connection.client)
  }

  /** A connection that had joined has given its session back. */
  left(connection: Connection, reason: string): void {
    this.#joinedCount--
    this.#listener.clientDisconnected(connection.client, reason)
  }

  /** Nothing is left of a connection, its transport included. */
  gone(connection: Connection): void {
    this.connections.delete(connection)
    this.#networks.remove(networkOf(connection.transport.remoteAddress))
    if (this.connections.size === 0) this.#emptied?.resolve()
  }

  /** Resolves when the last transport is closed. */
  emptied(): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve()
    this.#emptied ??= Promise.withResolvers()
    return this.#emptied.promise
  }

  /** Publishes a Will Message, if its client still may (§3.1.2.5). */
  publishWill(will: StoredWill): void {
    const { client, topicName, qos, retain } = will
    if (!this.hooks.has('authorizePublish')) {
      this.#publishWillNow(will)
      return
    }
    const publication = { topicName, qos, retain, isWill: true }
    const verdict = this.hooks.authorizePublish(client, publication)
    if (typeof verdict === 'number') {
      if (verdict < 0x80) this.#publishWillNow(will)
      return
    }
    verdict.then((code) => {
      if (code < 0x80) this.#publishWillNow(will)
      this.endTurn()
    })
  }

  #publishWillNow(will: StoredWill): void {
    const topic = this.topics.ofName(will.topicName)
    const { clientId } = will.client
    const size = topic.bytes.length + will.properties.length + will.payload.length
    const isRemoval = will.payload.length === 0
    const message = composeMessage(topic.bytes, {
      ...will,
      // Nobody is there to be told that it cannot be kept.
      retain: will.retain && (isRemoval || this.retained.hasRoom(topic.name, size)),
      expiresAt: expiryOf(will.messageExpiryInterval, this.now()),
      publisher: clientId,
    })
    this.publish(topic, message, this.sessions.get(clientId)?.session ?? null)
  }

  defer(callback: () => void): void {
    this.settings.clock.defer(callback)
  }

  /** A message that is kept already; see {@link FanOut.publishMessage}. */
  publish(
    topic: TopicEntry,
    message: Message,
    publisher: Session | null,
  ): boolean | Promise<boolean> {
    this.publishedCount++
    return this.fanOut.publishMessage(topic, message, publisher)
  }

  dropped(session: Session, message: Message, reason: DropReason): void {
    this.#dropped[reason]++
    const tell = () => this.#listener.messageDropped(session.clientId, message.topicName, reason)
    // Who is told may publish: that is not to commit half of what belongs together.
    if (this.journal === null) tell()
    else this.journal.gather(tell)
  }

  droppedQos0(reason: 'slow' | 'too large' | 'expired', count: number): void {
    this.#dropped[reason] += count
  }

  sessionEnded(entry: SessionEntry): void {
    this.wills.sessionEnded(entry)
  }

  leaveBehind(session: Session, then: () => void): void {
    passOn(this.fanOut, session, session.undelivered())
    if (session.outbox.spilledCount === 0) then()
    else this.#leaveSpilled(session, session.readUpTo, then)
  }

  /** What only the Store has, page by page; what cannot be read now is asked for again. */
  #leaveSpilled(session: Session, after: number, then: () => void): void {
    readPage(this, session, after)
      .then(
        (page) => {
          if (this.#isStopped) return // The next broker passes it on.
          passOn(this.fanOut, session, page)
          const last = page.at(-1)
          if (last === undefined) then()
          else this.#leaveSpilled(session, last.position, then)
        },
        (error: Error) => {
          if (this.#isStopped) return
          this.#listener.storeFailed(error)
          this.#tryAgain(() => this.#leaveSpilled(session, after, then))
        },
      )
      .then(() => this.endTurn())
  }

  readQueue(session: Session, after: number): void {
    readPage(this, session, after)
      .then(
        (page) => {
          session.refill(page)
          // Where none of it is sent, nothing comes back that would let retained messages go on.
          this.sessions.get(session.clientId)?.connection?.proceed()
        },
        (error: Error) => {
          this.#listener.storeFailed(error)
          // Asked for again, also where the client is idle and nothing else would ask.
          this.#tryAgain(() => {
            session.refillFailed()
            session.advance()
            this.endTurn()
          })
        },
      )
      .then(() => this.endTurn())
  }

  /** In a while, unless the broker has stopped by then. */
  #tryAgain(callback: () => void): void {
    if (this.#isStopped) return
    const cancel = this.settings.clock.schedule(RETRY_MS, () => {
      this.#retries.delete(cancel)
      callback()
    })
    this.#retries.add(cancel)
  }

  /** The broker closes: what failed is not tried again. */
  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#retries) cancel()
    this.journal?.stop()
  }

  committed(): void {
    this.endTurn()
  }

  commitFailed(error: Error): void {
    this.#listener.storeFailed(error)
    this.endTurn()
  }

  stats(): BrokerStats {
    return {
      connections: this.#joinedCount,
      openTransports: this.connections.size,
      sessions: this.sessions.count,
      subscriptions: this.tree.size,
      retainedMessages: this.retained.count,
      retainedBytes: this.retained.byteSize,
      queuedBytes: this.heldBudget.used,
      pendingBytes: this.pendingBudget.used,
      published: this.publishedCount,
      protocolErrors: this.protocolErrorCount,
      hookFailures: this.hooks.failureCount,
      dropped: { ...this.#dropped },
    }
  }
}
