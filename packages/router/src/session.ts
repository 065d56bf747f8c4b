import type { Budget } from './budget.ts'
import { DeliveryState, Inflight, type InflightDelivery } from './inflight.ts'
import type { Message } from './message.ts'
import { Outbox, type Undelivered, type Waiting } from './outbox.ts'
import { Received } from './received.ts'
import type { Subscription } from './subscription.ts'

/**
 * Session State (§4.1): what a client subscribed to and what it still has coming, for as long as its
 * Session Expiry Interval says. A session does not know its socket, only an {@link Outlet} while
 * somebody is connected.
 *
 *   deliver() --> Outbox --> Inflight --> Outlet          acknowledged: gone from all of them
 *              waits for     holds a Packet
 *              its turn      Identifier
 *
 * A durable session tells its {@link SessionJournal} of each step. Two packets wait for the journal
 * before they leave, since a crash in between would deliver twice: a QoS 2 PUBLISH, until its Packet
 * Identifier is kept, and a PUBREL, until it is kept that PUBLISH must not be sent again.
 */
export class Session {
  /** Its number in the Store; 0 for one that is never stored. */
  readonly number: number
  readonly clientId: string
  /** The identity that may resume it, '' where nobody authenticates. */
  owner = ''
  /** Seconds; 0xFFFFFFFF: never. */
  sessionExpiryInterval = 0
  /** Nothing may be delivered any more. */
  isEnded = false
  readonly subscriptions = new Map<string, Subscription>()
  readonly inflight = new Inflight()
  readonly received = new Received()
  readonly outbox: Outbox
  /** `null` while nobody is connected. */
  outlet: Outlet | null = null
  /** `null`: nothing of it outlives the process. */
  readonly journal: SessionJournal | null
  readonly #host: SessionHost
  #quota = 0
  /** What is still to be sent again after a reconnect, in order; `#resendIndex` is next. */
  #resend: readonly InflightDelivery[] = NOTHING
  #resendIndex = 0
  /** Packets that wait for a commit, in order. */
  #gated: Gated[] = []
  #isReading = false
  /** Position of the youngest waiting message that is or was in memory. */
  #readUpTo = 0

  constructor(
    number: number,
    clientId: string,
    host: SessionHost,
    journal: SessionJournal | null = null,
  ) {
    this.number = number
    this.clientId = clientId
    this.#host = host
    this.outbox = new Outbox(host.heldBudget)
    this.journal = journal
  }

  /** Whether a QoS 1 or 2 message would be sent at once. */
  get ready(): boolean {
    return (
      this.outlet !== null &&
      this.#hasPlace &&
      this.outbox.count === 0 &&
      this.#resend === NOTHING &&
      this.outlet.writable
    )
  }

  /**
   * Takes a message at QoS 1 or 2: sent now if there is room, else queued, else dropped by the
   * policy of {@link QueueLimits}.
   *
   * @param identifiers - Subscription Identifiers to send with it.
   * @returns false where it was dropped.
   */
  deliver(message: Message, qos: 1 | 2, retain: boolean, identifiers: readonly number[]): boolean {
    if (this.ready) {
      if (!this.#fits(message, qos, identifiers)) return false
      const position = this.journal?.queueAdd(this, message, qos, retain, identifiers) ?? 0
      this.#readUpTo = position
      this.#send({ message, qos, retain, identifiers, position })
      return true
    }
    // It may end while a message is on its way to many.
    if (this.isEnded || !this.#makeRoom(message)) return false
    const position = this.journal?.queueAdd(this, message, qos, retain, identifiers) ?? 0
    const { outbox } = this
    const isWindowFull =
      outbox.heldCount >= this.#host.queueLimits.maximumHeldMessages || this.#exceedsShare(message)
    if (this.journal !== null && (outbox.spilledCount > 0 || isWindowFull)) {
      outbox.spill(1, message.size)
    } else {
      // What waits for long should not keep others' memory.
      if (this.outlet === null || outbox.heldCount >= SHORT_QUEUE) message.settle()
      outbox.push({ message, qos, retain, identifiers, position })
      this.#readUpTo = position
    }
    return true
  }

  /**
   * Passes a PUBLISH above QoS 0 on as its bytes lie in the chunk, where that is all there is to do: it
   * is sent now, and never again, since this session ends with its connection. Nothing of it is kept.
   *
   * @param identifierAt - where its Packet Identifier lies.
   * @returns false where it has to be kept: see {@link Session.deliver}.
   */
  forward(
    bytes: Uint8Array,
    start: number,
    end: number,
    identifierAt: number,
    qos: 1 | 2,
  ): boolean {
    if (this.sessionExpiryInterval > 0 || this.journal !== null || !this.ready) return false
    const outlet = this.outlet!
    if (end - start > outlet.maximumPacketSize) return false
    const packetIdentifier = this.inflight.addUnkept(qos)
    this.#quota--
    outlet.forwardAs(packetIdentifier, bytes, start, end, identifierAt)
    return true
  }

  /**
   * A connection takes the session over, from nobody: see {@link Session.detach}. The next
   * {@link Session.advance} resends what was in flight and goes on with what waits.
   *
   * @param receiveMaximum - the client's, 1 to 65,535.
   */
  attach(outlet: Outlet, receiveMaximum: number): void {
    this.outlet = outlet
    this.#quota = Math.min(receiveMaximum, this.#host.queueLimits.maximumInflight)
    this.inflight.clearCounted()
    this.#resend =
      this.inflight.count > 0 ? resendOrder(this.inflight.inOrder(), this.#quota) : NOTHING
    this.#resendIndex = 0
  }

  /** The connection is gone. What was in flight stays in flight. */
  detach(): void {
    this.outlet = null
    this.inflight.settle()
    this.#gated = []
    this.#resend = NOTHING
    this.#resendIndex = 0
  }

  /** Sends what may be sent now. To be called whenever room, quota or messages have come. */
  advance(): void {
    if (this.#resend !== NOTHING && !this.#resendSome()) return
    const now = this.#host.now()
    while (this.outlet?.writable && this.#hasPlace) {
      const waiting = this.outbox.shift()
      if (waiting === undefined) {
        this.#readMore()
        return
      }
      if (waiting.message.expiresAt <= now) {
        // [MQTT-3.3.2-5]
        this.#drop(waiting.message, 'expired', waiting.position)
      } else if (this.#fits(waiting.message, waiting.qos, waiting.identifiers, waiting.position)) {
        this.#send(waiting)
      }
    }
  }

  /** A page of the queue that {@link SessionHost.readQueue} was asked for. */
  refill(page: readonly Waiting[]): void {
    this.#isReading = false
    this.outbox.unspill(page)
    const last = page.at(-1)
    if (last !== undefined) this.#readUpTo = last.position
    this.advance()
  }

  /** The page could not be read: the next {@link Session.advance} asks again. */
  refillFailed(): void {
    this.#isReading = false
  }

  /** PUBACK came, whatever its Reason Code (§4.4). */
  puback(packetIdentifier: number): AcknowledgementResult {
    const state = this.inflight.state(packetIdentifier)
    if (state === DeliveryState.None) return 'unknown'
    if (state !== DeliveryState.AwaitPuback) return 'wrong'
    this.#complete(packetIdentifier)
    return 'ok'
  }

  /** @param isRefused - its Reason Code is 0x80 or above: the delivery ends here (§4.3.3). */
  pubrec(packetIdentifier: number, isRefused: boolean): AcknowledgementResult {
    const state = this.inflight.state(packetIdentifier)
    if (state === DeliveryState.None) return 'unknown'
    if (state === DeliveryState.AwaitPuback) return 'wrong'
    if (state === DeliveryState.AwaitPubrec) {
      if (isRefused) {
        this.#complete(packetIdentifier)
        return 'ok'
      }
      this.inflight.release(packetIdentifier)
      this.journal?.queueReleased(this, this.inflight.position(packetIdentifier))
    }
    this.#pubrelWhenKept(packetIdentifier)
    return 'ok'
  }

  pubcomp(packetIdentifier: number): AcknowledgementResult {
    const state = this.inflight.state(packetIdentifier)
    if (state === DeliveryState.None) return 'unknown'
    if (state !== DeliveryState.AwaitPubcomp) return 'wrong'
    this.#complete(packetIdentifier)
    return 'ok'
  }

  /** Holds an inbound QoS 2 identifier. @returns false where it is held: a repetition. */
  hold(packetIdentifier: number): boolean {
    if (!this.received.add(packetIdentifier)) return false
    this.journal?.receivedAdd(this, packetIdentifier)
    return true
  }

  /** PUBREL came. @returns false where the identifier is not held. */
  letGo(packetIdentifier: number): boolean {
    if (!this.received.delete(packetIdentifier)) return false
    this.journal?.receivedDelete(this, packetIdentifier)
    return true
  }

  /** The journal has kept all batches up to `batch`. */
  committed(batch: number): void {
    const gated = this.#gated
    let count = 0
    while (count < gated.length && gated[count]!.batch <= batch) count++
    if (count === 0) return
    this.#gated = gated.slice(count)
    for (let i = 0; i < count; i++) this.#sendGated(gated[i]!)
  }

  /** What another could be sent instead, in order: at QoS 1 in flight, and what waits in memory. */
  undelivered(): Undelivered[] {
    const isOpen = ({ state, message }: InflightDelivery) =>
      state === DeliveryState.AwaitPuback && message !== null
    const inflight = this.inflight.inOrder().filter(isOpen)
    return [
      ...inflight.map(({ packetIdentifier, message, identifiers }) => ({
        message: message!,
        qos: 1 as const,
        identifiers,
        position: this.inflight.position(packetIdentifier),
      })),
      ...this.outbox.held(),
    ]
  }

  /** Position of the youngest waiting message that is or was in memory. */
  get readUpTo(): number {
    return this.#readUpTo
  }

  /** What earlier connections left unfinished takes no quota, but it is in flight. */
  get #hasPlace(): boolean {
    const { maximumInflight, maximumBytes } = this.#host.queueLimits
    const { inflight } = this
    return this.#quota > 0 && inflight.count < maximumInflight && inflight.byteSize < maximumBytes
  }

  #send({ message, qos, retain, identifiers, position }: Waiting): void {
    const packetIdentifier = this.inflight.add(message, qos, retain, identifiers, position)
    this.inflight.markCounted(packetIdentifier)
    this.#quota--
    if (this.journal !== null) {
      this.journal.queueSent(this, position, packetIdentifier)
      if (qos === 2) {
        this.#gate(packetIdentifier, false)
        return
      }
    }
    this.outlet!.publish(message, qos, retain, false, packetIdentifier, identifiers)
  }

  /** Sends again what quota and socket take. @returns true when nothing is left [MQTT-4.4.0-1]. */
  #resendSome(): boolean {
    while (this.#resendIndex < this.#resend.length && this.outlet !== null) {
      const { packetIdentifier, state: formerState } = this.#resend[this.#resendIndex]!
      const state = this.inflight.state(packetIdentifier)
      if (state === DeliveryState.AwaitPubcomp) {
        // Where PUBREC came on this connection, PUBREL was its answer.
        if (formerState === state) this.#pubrelWhenKept(packetIdentifier)
      } else if (state !== DeliveryState.None) {
        if (this.#quota === 0 || !this.outlet.writable) return false
        this.#resendPublish(packetIdentifier, state)
      }
      this.#resendIndex++
    }
    this.#resend = NOTHING
    return true
  }

  #resendPublish(packetIdentifier: number, state: DeliveryState): void {
    const { message, retain, identifiers } = this.inflight.delivery(packetIdentifier)
    const qos = state === DeliveryState.AwaitPuback ? 1 : 2
    if (!this.outlet!.fits(message!, qos, identifiers)) {
      this.#host.dropped(this, message!, 'too large')
      this.#complete(packetIdentifier)
      return
    }
    this.inflight.markCounted(packetIdentifier)
    this.#quota--
    if (qos === 2 && this.journal !== null) this.#gate(packetIdentifier, true)
    else this.outlet!.publish(message!, qos, retain, true, packetIdentifier, identifiers)
  }

  #pubrelWhenKept(packetIdentifier: number): void {
    if (this.journal === null) this.outlet?.pubrel(packetIdentifier)
    else this.#gate(packetIdentifier, false)
  }

  /** Lets a packet out once all that the journal was told so far is kept. */
  #gate(packetIdentifier: number, isRepetition: boolean): void {
    const gated = { batch: this.journal!.pendingBatch, packetIdentifier, isRepetition }
    if (gated.batch === 0 && this.#gated.length === 0) {
      this.#sendGated(gated)
      return
    }
    this.#gated.push(gated)
    this.journal!.notify(this)
  }

  #sendGated({ packetIdentifier, isRepetition }: Gated): void {
    const state = this.inflight.state(packetIdentifier)
    if (state === DeliveryState.AwaitPubcomp) {
      this.outlet?.pubrel(packetIdentifier)
    } else if (state === DeliveryState.AwaitPubrec) {
      const { message, retain, identifiers } = this.inflight.delivery(packetIdentifier)
      this.outlet?.publish(message!, 2, retain, isRepetition, packetIdentifier, identifiers)
    }
  }

  #complete(packetIdentifier: number): void {
    this.journal?.queueDelete(this, this.inflight.position(packetIdentifier))
    // What took no place gives none back: the quota never exceeds its first value (§4.9).
    if (this.inflight.remove(packetIdentifier)) this.#quota++
  }

  /** [MQTT-3.1.2-25] what is too large for the client counts as delivered. */
  #fits(message: Message, qos: 1 | 2, identifiers: readonly number[], position = 0): boolean {
    if (this.outlet!.fits(message, qos, identifiers)) return true
    this.#drop(message, 'too large', position)
    return false
  }

  #makeRoom(message: Message): boolean {
    const { outbox } = this
    const { maximumMessages, maximumBytes, whenFull } = this.#host.queueLimits
    while (
      outbox.count >= maximumMessages ||
      (outbox.count > 0 && outbox.byteSize + message.size > maximumBytes) ||
      (this.journal === null && this.#exceedsShare(message))
    ) {
      const oldest = whenFull === 'drop oldest' ? outbox.shift() : undefined
      if (oldest === undefined) {
        // The oldest are in the Store: from the next page on they are dropped again.
        if (whenFull === 'drop oldest') this.#readMore()
        this.#host.dropped(this, message, 'queue full')
        return false
      }
      this.#drop(oldest.message, 'queue full', oldest.position)
    }
    return true
  }

  /**
   * Whether it would hold more in memory than is still free for all: then a stored session leaves it in
   * the Store. Those who do not read share evenly, and leave as much for one that does.
   */
  #exceedsShare(message: Message): boolean {
    const { outbox } = this
    if (outbox.heldCount === 0) return false
    return outbox.heldBytes + message.size > this.#host.heldBudget.limit
  }

  #drop(message: Message, reason: DropReason, position: number): void {
    if (position > 0) this.journal?.queueDelete(this, position)
    this.#host.dropped(this, message, reason)
  }

  #readMore(): void {
    if (this.outbox.spilledCount === 0 || this.#isReading) return
    this.#isReading = true
    this.#host.readQueue(this, this.#readUpTo)
  }
}

/** So many waiting messages may share memory with messages of others. */
const SHORT_QUEUE = 64

const NOTHING: readonly InflightDelivery[] = []

/**
 * What is sent again, in the order of its first sending, but for what exceeds the quota: there a
 * PUBLISH that has to wait does not hold up the PUBRELs behind it [MQTT-3.3.4-10].
 */
function resendOrder(
  deliveries: readonly InflightDelivery[],
  quota: number,
): readonly InflightDelivery[] {
  const isPubrel = ({ state }: InflightDelivery) => state === DeliveryState.AwaitPubcomp
  let left = quota
  const index = deliveries.findIndex((one) => !isPubrel(one) && left-- === 0)
  if (index === -1) return deliveries
  const waiting = deliveries.slice(index)
  return [
    ...deliveries.slice(0, index),
    ...waiting.filter(isPubrel),
    ...waiting.filter((one) => !isPubrel(one)),
  ]
}

interface Gated {
  readonly batch: number
  readonly packetIdentifier: number
  readonly isRepetition: boolean
}

/** `unknown`: nothing in flight has it; `wrong`: it answers another kind of packet. */
export type AcknowledgementResult = 'ok' | 'unknown' | 'wrong'

/** Why a message is not delivered to one of its receivers. */
export type DropReason = 'queue full' | 'expired' | 'too large' | 'slow'

/** The way out to whoever is connected: a network client, or code in this process. */
export interface Outlet {
  /** False while what was written waits for the peer to read it. */
  readonly writable: boolean
  /** Which packets are the same bytes for it: 5 for MQTT 5.0, 4 for 3.1.1 and 3.1; of others none. */
  readonly wireFormat: number
  /** Whether a message is within its Maximum Packet Size [MQTT-3.1.2-24]. */
  fits(message: Message, qos: number, identifiers: readonly number[]): boolean
  /** @param packetIdentifier - 0 at QoS 0. */
  publish(
    message: Message,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetIdentifier: number,
    identifiers: readonly number[],
  ): void
  /** The client's, in bytes. */
  readonly maximumPacketSize: number
  /** A QoS 0 PUBLISH that it gets as it came: `bytes[start..end)`, lent for the call. */
  forward(bytes: Uint8Array, start: number, end: number): void
  /**
   * A PUBLISH above QoS 0 that it gets as it came but for DUP and RETAIN, which are 0, and the Packet
   * Identifier, which lies at `identifierAt`.
   */
  forwardAs(
    packetIdentifier: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    identifierAt: number,
  ): void
  pubrel(packetIdentifier: number): void
}

/** Bounds of one session's queue, and what happens at them. */
export interface QueueLimits {
  /**
   * Messages in flight at once, at most, 1 to 32,767: those that earlier connections left unfinished
   * included. The client's Receive Maximum may be less.
   */
  readonly maximumInflight: number
  /** Messages that wait. */
  readonly maximumMessages: number
  /**
   * Bytes that wait, and as many in flight: payloads, properties, Topic Names. A message that is alone
   * may be larger.
   */
  readonly maximumBytes: number
  /** Waiting messages of a stored session that are kept in memory. */
  readonly maximumHeldMessages: number
  /** `drop oldest` drops the newest too where all that waits is in the Store, until it is read. */
  readonly whenFull: 'drop newest' | 'drop oldest'
}

/** What a session needs of who keeps it. */
export interface SessionHost {
  readonly queueLimits: QueueLimits
  /** Of the bytes that wait in memory, of all sessions together. */
  readonly heldBudget: Budget
  /** Milliseconds on the broker's clock. */
  now(): number
  dropped(session: Session, message: Message, reason: DropReason): void
  /** Answers later with {@link Session.refill} or {@link Session.refillFailed}. */
  readQueue(session: Session, after: number): void
}

/** Where a durable session's steps are written down; committed in the order of these calls. */
export interface SessionJournal {
  /** The youngest batch that is not yet kept; 0: all is. */
  readonly pendingBatch: number
  /** Calls {@link Session.committed} when the pending batch is kept. */
  notify(session: Session): void
  /** @returns the message's position in the queue. */
  queueAdd(
    session: Session,
    message: Message,
    qos: 1 | 2,
    retain: boolean,
    identifiers: readonly number[],
  ): number
  queueSent(session: Session, position: number, packetIdentifier: number): void
  queueReleased(session: Session, position: number): void
  queueDelete(session: Session, position: number): void
  receivedAdd(session: Session, packetIdentifier: number): void
  receivedDelete(session: Session, packetIdentifier: number): void
}
