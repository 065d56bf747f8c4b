import type { Budget } from '@promptmq/router'
import { type HeldPacket, HeldPackets } from './held-packets.ts'
import type { Transport } from './transport/transport.ts'

/** What a Backlog needs of the broker. */
export interface BacklogHost {
  readonly pendingBudget: Budget
  readonly whenSlow: 'drop newest' | 'drop oldest' | 'disconnect'
  /** QoS 0 messages were not sent. */
  droppedQos0(reason: 'slow' | 'too large' | 'expired', count: number): void
}

/**
 * What one client has not read yet, and what becomes of its QoS 0 messages meanwhile (`whenSlow`). Its share
 * of the broker's budget is looked up once a turn.
 *
 *   room = share - pending bytes of the transport; half a share where the oldest are held back
 */
export class Backlog {
  readonly #host: BacklogHost
  readonly #transport: Transport
  readonly #tooSlow: () => void
  /** Where the oldest are to be dropped: what waits to be written. */
  readonly #held: HeldPackets | null
  /** Bytes that may wait to be written, as of this turn. */
  #room = 0
  /** Bytes that the budget knows of. */
  #pendingBytes = 0
  #isClosed = false

  /** @param tooSlow - called where the client is to be disconnected. */
  constructor(host: BacklogHost, transport: Transport, tooSlow: () => void) {
    this.#host = host
    this.#transport = transport
    this.#tooSlow = tooSlow
    this.#held = host.whenSlow === 'drop oldest' ? new HeldPackets() : null
  }

  /** Whether what cannot be written now waits here, and may be dropped later. */
  get holdsBack(): boolean {
    return this.#held !== null
  }

  /** There is something to write for the first time in a turn. */
  beginTurn(): void {
    const { limit } = this.#host.pendingBudget
    this.#room = (this.#held === null ? limit : limit >> 1) - this.#transport.pendingBytes
  }

  /**
   * Whether a QoS 0 packet may be written behind what waits to be.
   * @param length - bytes of that.
   */
  hasRoomFor(size: number, length: number): boolean {
    if (this.#held !== null && !this.#held.isEmpty) return false
    if (length + size <= this.#room) return true
    // One that is larger than all that may wait for a client still goes out, alone.
    const isAlone = length === 0 && this.#transport.pendingBytes === 0
    return isAlone && this.#host.pendingBudget.allows(size)
  }

  /** A QoS 0 packet for which there is no room is dropped, or the client goes. */
  drop(): void {
    this.#host.droppedQos0('slow', 1)
    if (this.#host.whenSlow === 'disconnect') this.#tooSlow()
  }

  /** It waits instead; older ones are dropped for it. */
  hold(packet: HeldPacket): void {
    const droppedCount = this.#held!.push(packet, this.#host.pendingBudget.limit >> 1)
    if (droppedCount > 0) this.#host.droppedQos0('slow', droppedCount)
    this.account()
  }

  /** The oldest that was held back. */
  shift(): HeldPacket | undefined {
    return this.#held?.shift()
  }

  /** Tells the budget what the client has pending now. */
  account(): void {
    const pendingBytes = this.#transport.pendingBytes + (this.#held?.byteSize ?? 0)
    if (pendingBytes === this.#pendingBytes || this.#isClosed) return
    this.#host.pendingBudget.changed(pendingBytes - this.#pendingBytes)
    this.#pendingBytes = pendingBytes
  }

  /** The transport is closed: nothing waits any more. */
  closed(): void {
    this.#isClosed = true
    this.#host.pendingBudget.changed(-this.#pendingBytes)
  }
}
