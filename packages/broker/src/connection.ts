import {
  DecodeContext,
  FAULTS,
  type Fault,
  isReasonCodeOf,
  PACKET_NAMES,
  PacketDecoder,
  PacketType,
  ReasonCode,
  Sender,
} from '@promptmq/codec'
import type { TopicEntry } from '@promptmq/router'
import { Acknowledgements, type Owed } from './acknowledgements.ts'
import type { Authentication } from './authentication.ts'
import type { Deadline } from './deadlines.ts'
import type { Engine } from './engine.ts'
import { handlePacket } from './handle-packet.ts'
import { refuseConnect } from './handshake.ts'
import type { ClientInfo } from './hooks.ts'
import { JournalShare } from './journal-share.ts'
import { PacketWriter } from './packet-writer.ts'
import type { RetainedReplay } from './retained.ts'
import type { SessionConnection, SessionEntry } from './sessions.ts'
import type { Transport, TransportReceiver } from './transport/transport.ts'
import type { StoredWill } from './wills.ts'

/**
 * Where a connection stands: bytes of CONNECT, a decision about it, steps of authentication, everything
 * else, the end.
 */
export type Phase = 'connect' | 'deciding' | 'authenticating' | 'connected' | 'closed'

const CLIENT_PACKETS =
  (1 << PacketType.Connect) |
  (1 << PacketType.Publish) |
  (1 << PacketType.Puback) |
  (1 << PacketType.Pubrec) |
  (1 << PacketType.Pubrel) |
  (1 << PacketType.Pubcomp) |
  (1 << PacketType.Subscribe) |
  (1 << PacketType.Unsubscribe) |
  (1 << PacketType.Pingreq) |
  (1 << PacketType.Disconnect) |
  (1 << PacketType.Auth)

const AUTHENTICATION_PACKETS = (1 << PacketType.Auth) | (1 << PacketType.Disconnect)

/** Why a connection is not read from; several may hold at once. */
const Pause = {
  /** Something has to be decided first. */
  Deciding: 1,
  /** It does not read what it is owed. */
  Owed: 2,
  /** Others are to have a turn. */
  Greedy: 4,
  /** It has more in the journal than its share. */
  Uncommitted: 8,
} as const

/** Of FanOut.work, what one connection has done in one run: some ten milliseconds. */
const MOST_WORK = 524_288

/** Bytes read and written for one connection before the event loop goes round. */
const GREEDY = 256 * 1024

/** After a DISCONNECT the peer has this long to read it before the socket is destroyed. */
const LINGER_MS = 2_000

/**
 * One network connection (§1.2): its bytes become packets, in order, one at a time.
 *
 *   received(chunk) --> PacketDecoder --> handlePacket --> ... --> Engine.endTurn: flush, commit
 *
 * A chunk is worked off in one synchronous run. Where a decision takes time (an asynchronous hook)
 * the connection stops reading, keeps what is left of the chunk, and goes on when it is made: the
 * order of packets is never disturbed.
 *
 * Owns what dies with the socket: phase, Topic Aliases, agreed limits, Keep Alive. What outlives it
 * is the Session's.
 */
export class Connection implements TransportReceiver, SessionConnection {
  readonly engine: Engine
  readonly transport: Transport
  readonly writer: PacketWriter
  readonly decoder: PacketDecoder
  readonly context: DecodeContext
  readonly acknowledgements: Acknowledgements
  phase: Phase = 'connect'
  /** Set from CONNECT on. */
  client: ClientInfo
  /** Set while connected. */
  entry: SessionEntry | null = null
  /** Set where CONNECT named an Authentication Method. */
  authentication: Authentication | null = null
  /** Published when the connection is lost. */
  will: StoredWill | null = null
  /** Request Problem Information (§3.1.2.11.7) is 1. */
  wantsReasons = true
  /** Milliseconds, 0: none. One and a half times the Keep Alive in force. */
  keepAliveMs = 0
  /** Inbound Topic Aliases, by number; made when the first is set. */
  aliases: (TopicEntry | undefined)[] | null = null
  /** Of the Topic Names that they stand for. */
  aliasBytes = 0
  /** QoS 1 and 2 messages of this connection that are not answered for good (§4.9). */
  unacknowledgedCount = 0
  /** Retained messages that subscriptions still have coming. */
  readonly replays: RetainedReplay[] = []
  readonly #deadline: Deadline
  readonly #share: JournalShare | null
  #lastPacketAt = 0
  /** Bits of Pause. */
  #pauses = 0
  #isTransportClosed = false
  #replayIsScheduled = false
  #mustProceed = false
  #isTooSlow = false
  /** Bytes read and written since the event loop went round last. */
  #work = 0
  #round = 0

  constructor(engine: Engine, transport: Transport) {
    this.engine = engine
    this.transport = transport
    const { settings } = engine
    this.context = new DecodeContext({
      sender: Sender.Client,
      maximumUserProperties: settings.maximumUserProperties,
      maximumTopicLevels: settings.maximumTopicLevels,
      refuseDisallowedCodePoints: settings.disallowedCodePoints === 'refuse',
      topicHashSeed: engine.topics.seed,
    })
    this.decoder = new PacketDecoder(this.context, {
      maximumPacketSize: settings.maximumConnectSize,
    })
    this.decoder.acceptedTypes = 1 << PacketType.Connect
    this.writer = new PacketWriter(engine, transport, () => this.#tooSlow())
    this.#share =
      engine.journal === null ? null : new JournalShare(engine.journal, engine.uncommittedBudget)
    this.acknowledgements = new Acknowledgements((owed) => this.#send(owed))
    this.client = {
      clientId: '',
      userName: undefined,
      protocolVersion: 5,
      remoteAddress: transport.remoteAddress,
    }
    this.#deadline = engine.deadlines.create(() => this.#overdue())
    this.#deadline.set(engine.now() + settings.connectTimeoutMs)
    transport.start(this)
  }

  received(chunk: Uint8Array): void {
    if (this.phase === 'closed') return
    const { engine } = this
    const { writtenBytes } = engine
    engine.beginTurn(chunk, this.transport.givesChunks)
    this.#share?.begin()
    this.decoder.push(chunk)
    this.#run()
    this.#share?.end()
    engine.endTurn()
    engine.chunk = null
    this.#pauseIfOwed()
    this.#pauseIfUncommitted()
    this.#yieldIfGreedy(chunk.length + engine.writtenBytes - writtenBytes)
  }

  written(): void {
    this.writer.written()
  }

  drained(): void {
    if (this.phase === 'closed') return
    this.#resume(Pause.Owed)
    this.writer.drained()
    this.proceed()
    this.engine.endTurn()
  }

  closed(error?: Error): void {
    this.#isTransportClosed = true
    this.writer.closed()
    if (this.phase !== 'closed') {
      this.engine.log.debug({ client: this.client.clientId, error }, 'connection closed by peer')
      this.#leave(error === undefined ? 'closed by peer' : error.message)
    }
    this.#deadline.cancel()
    this.engine.gone(this)
    this.engine.endTurn()
  }

  /**
   * Reads nothing more until `decision` is there, then does `then` with it, unless the connection is
   * gone by that time. The promise must not reject.
   */
  wait<T>(decision: Promise<T>, then: (value: T) => void): void {
    this.#pause(Pause.Deciding)
    decision.then((value) => {
      if (this.phase === 'closed') return
      this.#share?.begin()
      this.#pauses &= ~Pause.Deciding
      then(value)
      this.#run()
      this.#share?.end()
      if (!this.#isDeciding) this.#resume(Pause.Deciding)
      this.engine.endTurn()
      this.#pauseIfOwed()
      this.#pauseIfUncommitted()
    })
  }

  /** The client has to go on with AUTH; before CONNACK, it may do nothing else [MQTT-3.1.2-30]. */
  awaitAuth(): void {
    if (this.phase !== 'deciding') return
    this.phase = 'authenticating'
    this.decoder.acceptedTypes = AUTHENTICATION_PACKETS
  }

  /** The session is its, and its will: nothing is sent yet. */
  takes(entry: SessionEntry, will: StoredWill | null): void {
    entry.connection = this
    this.entry = entry
    this.will = will
  }

  /** CONNECT is accepted: from here on every packet of a client may come. */
  accepted(keepAliveSeconds: number): void {
    this.phase = 'connected'
    this.decoder.acceptedTypes = CLIENT_PACKETS
    this.decoder.maximumPacketSize = this.engine.settings.maximumPacketSize
    this.keepAliveMs = keepAliveSeconds * 1500
    this.#deadline.cancel()
    if (this.keepAliveMs > 0) this.#deadline.set(this.engine.now() + this.keepAliveMs)
  }

  /** The peer broke a rule of the standard: it is told which, and the connection ends. */
  fail(fault: Fault): void {
    const row = FAULTS[fault]!
    const packetName = PACKET_NAMES[this.decoder.type] ?? 'packet'
    this.engine.log.info(
      { client: this.client.clientId, remote: this.client.remoteAddress, code: row.code },
      `${packetName}: ${row.text}`,
    )
    this.violate(row.reasonCode, row.text)
  }

  /** As {@link Connection.fail}, for a rule that no single packet breaks. */
  violate(reasonCode: ReasonCode, why: string): void {
    this.engine.protocolErrorCount++
    this.disconnect(reasonCode, why)
  }

  /**
   * Ends the connection with a DISCONNECT, or a CONNACK, where the version has one for it.
   * @param serverReference - where the client is to go instead.
   */
  disconnect(reasonCode: ReasonCode, why: string, serverReference?: string): void {
    if (this.phase === 'closed') return
    const properties = { reasonString: this.reasonString(why), serverReference }
    if (this.phase === 'connected') {
      this.writer.disconnect({ type: 'disconnect', reasonCode, properties })
    } else if (
      this.phase === 'authenticating' &&
      isReasonCodeOf(PacketType.Connack, reasonCode, Sender.Server)
    ) {
      this.writer.connack({ type: 'connack', reasonCode, properties }) // [MQTT-4.12.0-4]
    }
    this.#shut(why)
  }

  /** The Reason String that says so, where that is wanted. */
  reasonString(why: string): string | undefined {
    return this.wantsReasons && this.engine.settings.reasonStrings ? why : undefined
  }

  /** Ends the connection without a word more than is already written. */
  abandon(why: string): void {
    if (this.phase !== 'closed') this.#shut(why)
  }

  /** Its will is not to be published. */
  discardWill(): void {
    if (this.will !== null) this.engine.wills.discard(this.entry!)
    this.will = null
  }

  takeOver(): void {
    this.disconnect(ReasonCode.SessionTakenOver, 'session taken over')
  }

  /** Owes an acknowledgement that may leave once `batch` of the journal is kept, 0: at once. */
  owe(owed: Owed, batch: number): void {
    if (this.acknowledgements.owe(owed, batch)) {
      this.engine.journal!.whenKept(batch, (error) => this.#kept(batch, error))
    }
  }

  /** Sends what there is room for: messages that wait, then retained ones. */
  proceed(): void {
    if (this.entry === null) return
    this.entry.session.advance()
    while (this.replays.length > 0) {
      const state = this.replays[0]!.advance(this.engine.now())
      if (state === 'done') this.replays.shift()
      else {
        if (state === 'slice') this.#replaySoon()
        return
      }
    }
  }

  /** {@link Connection.proceed} when the packets that are here are worked off. */
  proceedSoon(): void {
    this.#mustProceed = true
  }

  #run(): void {
    const { decoder } = this
    const { fanOut, settings } = this.engine
    const mostWork = fanOut.work + MOST_WORK
    let packetCount = 0
    while (!this.#isDeciding && this.phase !== 'closed') {
      if (decoder.next() === 0) break
      packetCount++
      handlePacket(this)
      if (fanOut.work > mostWork && !this.#isDeciding) {
        // What is left of the chunk is worked off when others have had a turn.
        this.wait(new Promise<void>((resolve) => settings.clock.defer(resolve)), () => {})
      }
    }
    if (packetCount > 0) this.#lastPacketAt = this.engine.now()
    if (this.phase === 'closed') return
    if (this.#mustProceed) {
      this.#mustProceed = false
      this.proceed()
    }
    if (decoder.fault !== 0) this.#refuse(decoder.fault)
    else if (this.#isDeciding) decoder.keep()
  }

  /** A peer that does not read what it is owed is not read from either, until it has. */
  #pauseIfOwed(): void {
    if (this.transport.pendingBytes <= this.engine.settings.maximumPendingBytes) return
    this.#pause(Pause.Owed)
  }

  /** Who publishes more than the Store keeps up with is not read from, until it has taken that. */
  #pauseIfUncommitted(): void {
    if (!this.#share?.isExceeded || this.#pauses & Pause.Uncommitted) return
    this.#pause(Pause.Uncommitted)
    this.engine.journal!.whenTaken(() => this.#resume(Pause.Uncommitted))
  }

  /** Who has had much done reads on when everybody else has had a turn. */
  #yieldIfGreedy(work: number): void {
    const { engine } = this
    if (this.#round !== engine.roundCount) {
      this.#round = engine.roundCount
      this.#work = 0
    }
    this.#work += work
    if (this.#work < GREEDY || this.#pauses & Pause.Greedy) return
    this.#work = 0
    this.#pause(Pause.Greedy)
    engine.settings.clock.defer(() => this.#resume(Pause.Greedy))
  }

  get #isDeciding(): boolean {
    return (this.#pauses & Pause.Deciding) !== 0
  }

  /** @param why - one of Pause. */
  #pause(why: number): void {
    this.#pauses |= why
    this.transport.pause()
  }

  /** @param why - holds no longer. */
  #resume(why: number): void {
    this.#pauses &= ~why
    if (this.#pauses === 0 && this.phase !== 'closed') this.transport.resume()
  }

  #refuse(fault: Fault): void {
    if (this.phase === 'connect') refuseConnect(this, fault)
    else this.fail(fault)
  }

  #replaySoon(): void {
    if (this.#replayIsScheduled) return
    this.#replayIsScheduled = true
    this.engine.settings.clock.schedule(0, () => {
      this.#replayIsScheduled = false
      if (this.phase !== 'connected') return
      this.proceed()
      this.engine.endTurn()
    })
  }

  #kept(batch: number, error: Error | null): void {
    if (this.phase !== 'connected') return
    if (error === null) this.acknowledgements.kept(batch)
    else this.disconnect(ReasonCode.ImplementationSpecificError, 'store failed')
  }

  #send(owed: Owed): void {
    if (typeof owed !== 'number') {
      if (owed.type === 'suback') this.writer.suback(owed)
      else this.writer.unsuback(owed)
      return
    }
    const firstByte = owed >>> 24
    const reasonCode = owed & 0xff
    const type = firstByte >> 4
    if (endsHandshake(type, reasonCode) && this.unacknowledgedCount > 0) this.unacknowledgedCount--
    this.writer.acknowledge(firstByte, (owed >>> 8) & 0xffff, reasonCode)
  }

  #shut(why: string): void {
    this.#leave(why)
    this.writer.flush()
    this.transport.end()
    if (!this.#isTransportClosed) this.#deadline.set(this.engine.now() + LINGER_MS)
  }

  /** Asked for each message that it cannot take, it is disconnected once. */
  #tooSlow(): void {
    if (this.#isTooSlow) return
    this.#isTooSlow = true
    this.engine.tooSlow(this)
  }

  /** Gives the session back. */
  #leave(why: string): void {
    const { entry, will } = this
    const hadJoined = this.phase === 'connected'
    this.phase = 'closed'
    this.acknowledgements.clear()
    this.authentication?.running?.deadline?.cancel()
    if (entry === null) return
    this.entry = null
    this.will = null
    entry.connection = null
    entry.session.detach()
    if (entry.session.sessionExpiryInterval > 0) {
      for (const replay of this.replays) replay.queueRest(this.engine.now())
    }
    if (will !== null) this.engine.wills.connectionLost(entry, will)
    this.engine.sessions.disconnected(entry)
    if (hadJoined) this.engine.left(this, why)
  }

  #overdue(): void {
    if (this.phase === 'closed') {
      this.transport.destroy()
    } else if (this.phase === 'connect' || this.phase === 'authenticating') {
      this.abandon('no CONNECT in time')
    } else if (this.phase === 'deciding') {
      // Hooks have a limit of their own.
      this.#deadline.set(this.engine.now() + this.engine.settings.connectTimeoutMs)
    } else if (this.phase === 'connected') {
      const due = this.#lastPacketAt + this.keepAliveMs
      // While a hook decides, it is not the client that is silent.
      if (this.#isDeciding) this.#deadline.set(this.engine.now() + this.keepAliveMs)
      else if (due > this.engine.now()) this.#deadline.set(due)
      else this.disconnect(ReasonCode.KeepAliveTimeout, 'keep alive timeout') // [MQTT-3.1.2-22]
    }
  }
}

/**
 * Whether an acknowledgement gives its place of the Receive Maximum back (§4.9). A PUBCOMP for what
 * was not held answers no PUBLISH.
 */
function endsHandshake(type: number, reasonCode: number): boolean {
  if (type === PacketType.Pubrec) return reasonCode >= 0x80
  return reasonCode !== ReasonCode.PacketIdentifierNotFound
}
