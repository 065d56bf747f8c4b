import type { Message } from './message.ts'

/**
 * Deliveries under way: QoS 1 and 2 messages that were sent and not completed (§4.3, §4.4).
 *
 *   slot = Packet Identifier & mask       capacity a power of two, grown on demand
 *
 *   state         None | AwaitPuback | AwaitPubrec | AwaitPubcomp
 *   identifier    which of the identifiers that share the slot
 *   message       what is resent; null from PUBREC on
 *   ...           one array a field: nothing is allocated for a delivery
 *
 * The allocator hands out the next identifier after the last whose slot is free, so an identifier
 * that is held for days is passed over, wrap after wrap [MQTT-2.2.1-4].
 *
 * Invariant: an identifier is free or in flight, never both; `count` slots have a state.
 */
export const DeliveryState = { None: 0, AwaitPuback: 1, AwaitPubrec: 2, AwaitPubcomp: 3 } as const
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState]

const FIRST_CAPACITY = 8
const LARGEST_CAPACITY = 65_536

/** What a session begins with that never has anything in flight: most do not. */
const NO_BYTES = new Uint8Array(0)
const NO_IDENTIFIERS = new Uint16Array(0)
const NO_NUMBERS = new Float64Array(0)

/** One delivery as {@link Inflight.inOrder} shows it. */
export interface InflightDelivery {
  readonly packetIdentifier: number
  readonly state: DeliveryState
  readonly message: Message | null
  readonly retain: boolean
  readonly identifiers: readonly number[]
}

/** The deliveries of one session; see the head of this file. */
export class Inflight {
  #capacity = 0
  #count = 0
  #byteSize = 0
  #last = 0
  #sequence = 0
  #states = NO_BYTES
  #packetIdentifiers = NO_IDENTIFIERS
  /** Does it hold a place of this connection's Receive Maximum? */
  #counted = NO_BYTES
  #retains = NO_BYTES
  #sequences = NO_NUMBERS
  #positions = NO_NUMBERS
  #messages: (Message | null)[] = []
  #identifiers: (readonly number[] | null)[] = []

  /** Deliveries under way. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the messages that are kept for it. */
  get byteSize(): number {
    return this.#byteSize
  }

  /** Takes a free Packet Identifier for a message that is sent now. There must be fewer than 65,535. */
  add(
    message: Message,
    qos: number,
    retain: boolean,
    identifiers: readonly number[],
    position: number,
  ): number {
    const packetIdentifier = this.#nextFree()
    const state = qos === 1 ? DeliveryState.AwaitPuback : DeliveryState.AwaitPubrec
    this.#put(packetIdentifier, state, message, retain, identifiers, position)
    return packetIdentifier
  }

  /** The same for one that is never sent again: nothing of it is kept. It is counted. */
  addUnkept(qos: number): number {
    const packetIdentifier = this.#nextFree()
    const slot = packetIdentifier & (this.#capacity - 1)
    this.#states[slot] = qos === 1 ? DeliveryState.AwaitPuback : DeliveryState.AwaitPubrec
    this.#packetIdentifiers[slot] = packetIdentifier
    this.#counted[slot] = 1
    this.#sequences[slot] = ++this.#sequence
    this.#positions[slot] = 0
    this.#count++
    return packetIdentifier
  }

  /**
   * Puts back what a Store remembers. The order of calls is the order in which it is resent; an
   * identifier that is in flight already stays as it is.
   */
  restore(
    packetIdentifier: number,
    state: DeliveryState,
    message: Message | null,
    retain: boolean,
    identifiers: readonly number[],
    position: number,
  ): void {
    if (this.state(packetIdentifier) !== DeliveryState.None) return
    while (this.#capacity === 0 || this.#isTaken(packetIdentifier)) this.#grow()
    this.#put(packetIdentifier, state, message, retain, identifiers, position)
    this.#last = packetIdentifier
  }

  state(packetIdentifier: number): DeliveryState {
    if (this.#count === 0) return DeliveryState.None
    const slot = packetIdentifier & (this.#capacity - 1)
    return this.#packetIdentifiers[slot] === packetIdentifier
      ? (this.#states[slot] as DeliveryState)
      : DeliveryState.None
  }

  /** Its place in the Store's queue, 0: not stored. */
  position(packetIdentifier: number): number {
    return this.#positions[packetIdentifier & (this.#capacity - 1)]!
  }

  /** PUBREC came: the message is let go, the identifier is held until PUBCOMP. */
  release(packetIdentifier: number): void {
    const slot = packetIdentifier & (this.#capacity - 1)
    this.#states[slot] = DeliveryState.AwaitPubcomp
    this.#letGo(slot)
  }

  /** The delivery is complete and its identifier free. @returns whether it held a place. */
  remove(packetIdentifier: number): boolean {
    const slot = packetIdentifier & (this.#capacity - 1)
    const counted = this.#counted[slot] === 1
    this.#states[slot] = DeliveryState.None
    this.#letGo(slot)
    this.#count--
    return counted
  }

  /** Marks a delivery that takes a place of the Receive Maximum on this connection. */
  markCounted(packetIdentifier: number): void {
    this.#counted[packetIdentifier & (this.#capacity - 1)] = 1
  }

  /** A new connection begins: none of the deliveries takes a place yet (§4.9). */
  clearCounted(): void {
    this.#counted.fill(0)
  }

  /** They stay for longer than expected: see {@link Message.settle}. */
  settle(): void {
    if (this.#count === 0) return
    for (const message of this.#messages) message?.settle()
  }

  /** All of them in the order in which they were first sent [MQTT-4.4.0-1]. */
  inOrder(): InflightDelivery[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (this.#states[slot] !== DeliveryState.None) slots.push(slot)
    }
    slots.sort((a, b) => this.#sequences[a]! - this.#sequences[b]!)
    return slots.map((slot) => this.delivery(this.#packetIdentifiers[slot]!))
  }

  /** One that is in flight. */
  delivery(packetIdentifier: number): InflightDelivery {
    const slot = packetIdentifier & (this.#capacity - 1)
    return {
      packetIdentifier,
      state: this.#states[slot] as DeliveryState,
      message: this.#messages[slot]!,
      retain: this.#retains[slot] === 1,
      identifiers: this.#identifiers[slot] ?? [],
    }
  }

  #nextFree(): number {
    if (this.#count * 2 >= this.#capacity) this.#grow()
    const mask = this.#capacity - 1
    let packetIdentifier = this.#last
    do packetIdentifier = packetIdentifier === 65_535 ? 1 : packetIdentifier + 1
    while (this.#states[packetIdentifier & mask] !== DeliveryState.None)
    this.#last = packetIdentifier
    return packetIdentifier
  }

  #letGo(slot: number): void {
    const message = this.#messages[slot]
    if (!message) return
    this.#byteSize -= message.size
    this.#messages[slot] = null
    this.#identifiers[slot] = null
  }

  #isTaken(packetIdentifier: number): boolean {
    return this.#states[packetIdentifier & (this.#capacity - 1)] !== DeliveryState.None
  }

  #put(
    packetIdentifier: number,
    state: DeliveryState,
    message: Message | null,
    retain: boolean,
    identifiers: readonly number[],
    position: number,
  ): void {
    const slot = packetIdentifier & (this.#capacity - 1)
    this.#states[slot] = state
    this.#packetIdentifiers[slot] = packetIdentifier
    this.#counted[slot] = 0
    this.#retains[slot] = retain ? 1 : 0
    this.#sequences[slot] = ++this.#sequence
    this.#positions[slot] = position
    this.#messages[slot] = message
    this.#byteSize += message?.size ?? 0
    this.#identifiers[slot] = message === null ? null : identifiers
    this.#count++
  }

  /** At most half of the slots are taken, so that the allocator soon finds a free one. */
  #grow(): void {
    const capacity = Math.min(LARGEST_CAPACITY, Math.max(FIRST_CAPACITY, this.#capacity * 2))
    if (capacity === this.#capacity) return
    const old = {
      states: this.#states,
      packetIdentifiers: this.#packetIdentifiers,
      counted: this.#counted,
      retains: this.#retains,
      sequences: this.#sequences,
      positions: this.#positions,
      messages: this.#messages,
      identifiers: this.#identifiers,
    }
    this.#capacity = capacity
    this.#states = new Uint8Array(capacity)
    this.#packetIdentifiers = new Uint16Array(capacity)
    this.#counted = new Uint8Array(capacity)
    this.#retains = new Uint8Array(capacity)
    this.#sequences = new Float64Array(capacity)
    this.#positions = new Float64Array(capacity)
    this.#messages = new Array<Message | null>(capacity).fill(null)
    this.#identifiers = new Array<readonly number[] | null>(capacity).fill(null)
    for (let from = 0; from < old.states.length; from++) {
      if (old.states[from] === DeliveryState.None) continue
      const to = old.packetIdentifiers[from]! & (capacity - 1)
      this.#states[to] = old.states[from]!
      this.#packetIdentifiers[to] = old.packetIdentifiers[from]!
      this.#counted[to] = old.counted[from]!
      this.#retains[to] = old.retains[from]!
      this.#sequences[to] = old.sequences[from]!
      this.#positions[to] = old.positions[from]!
      this.#messages[to] = old.messages[from]!
      this.#identifiers[to] = old.identifiers[from]!
    }
  }
}
