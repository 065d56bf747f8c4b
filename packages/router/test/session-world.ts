import { expect } from 'vitest'
import { DeliveryState, type Message, type Outlet, Session } from '../src/index.ts'
import { FakeHost, FakeJournal } from './fakes.ts'
import { messageOf, payloadOf } from './messages.ts'

/**
 * One session, its Store, and a client behind a network that loses what it holds when a connection
 * ends. Each step of {@link SessionWorld.run} is something that can happen; what must hold after each
 * of them, and in the end, is asserted here.
 *
 *   deliver --> Session --> wire --> read --> acks --> acknowledge --> Session
 *                  |          lost with the connection
 *               journal, committed later, lost with a crash
 */
export const STEPS = [
  'deliver',
  'read',
  'acknowledge',
  'connect',
  'disconnect',
  'begin commit',
  'finish commit',
  'stop reading',
  'go on reading',
  'take page',
  'refill',
  'fail to read',
  'crash',
] as const
export type Step = (typeof STEPS)[number]

const MAXIMUM_INFLIGHT = 5
const WINDOW = 3

type Packet =
  | { readonly kind: 'publish'; readonly id: number; readonly qos: number; readonly number: number }
  | { readonly kind: 'pubrel'; readonly id: number }

interface Acknowledgement {
  readonly kind: 'puback' | 'pubrec' | 'refuse' | 'pubcomp'
  readonly id: number
}

/** What one connection has seen. */
class Link implements Outlet {
  readonly wireFormat = 5
  readonly receiveMaximum: number
  readonly maximumPacketSize = Number.POSITIVE_INFINITY
  writable = true
  wire: Packet[] = []
  acknowledgements: Acknowledgement[] = []
  readonly #journal: FakeJournal | null
  /** In flight when the connection began: what alone may carry DUP. */
  readonly #resent: ReadonlySet<number>
  readonly #unacknowledged = new Set<number>()
  readonly #youngest = [0, 0, 0]

  constructor(session: Session, journal: FakeJournal | null, receiveMaximum: number) {
    this.receiveMaximum = receiveMaximum
    this.#journal = journal
    this.#resent = new Set(session.inflight.inOrder().map((one) => one.packetIdentifier))
  }

  fits(): boolean {
    return true
  }

  forward(): void {
    throw new Error('no packet is forwarded')
  }

  forwardAs(): void {
    throw new Error('no packet is forwarded')
  }

  publish(message: Message, qos: number, _retain: boolean, dup: boolean, id: number): void {
    const number = Number(payloadOf(message))
    // Once a connection, and in order.
    expect(number).toBeGreaterThan(this.#youngest[qos]!)
    this.#youngest[qos] = number
    expect(dup).toBe(this.#resent.has(id))
    this.#unacknowledged.add(id)
    expect(this.#unacknowledged.size).toBeLessThanOrEqual(this.receiveMaximum)
    if (qos === 2 && this.#journal !== null) {
      expect(this.#storedAs(id, 'sent')).toBe(true)
    }
    this.wire.push({ kind: 'publish', id, qos, number })
  }

  pubrel(id: number): void {
    if (this.#journal !== null) expect(this.#storedAs(id, 'released')).toBe(true)
    this.wire.push({ kind: 'pubrel', id })
  }

  acknowledged(id: number): void {
    this.#unacknowledged.delete(id)
  }

  #storedAs(id: number, state: string): boolean {
    const entries = [...this.#journal!.stored.values()]
    return entries.some((one) => one.packetIdentifier === id && one.state === state)
  }
}

export class SessionWorld {
  readonly #host = new FakeHost({
    maximumInflight: MAXIMUM_INFLIGHT,
    maximumHeldMessages: WINDOW,
    maximumMessages: 10_000,
  })
  readonly #journal: FakeJournal | null
  #session: Session
  #link: Link | null = null
  #isCommitting = false
  #page: ReturnType<FakeJournal['page']> | null = null
  #count = 0
  /** The QoS of each that was accepted. */
  readonly #qosOf = new Map<number, 1 | 2>()
  /** Those that have to arrive: a crash takes back what was not committed. */
  readonly #promised = new Set<number>()
  /** How often the application behind the client got each. */
  readonly #received = new Map<number, number>()
  readonly #refused = new Set<number>()
  /** The client's half of QoS 2: survives its connections. */
  readonly #held = new Set<number>()

  constructor(isDurable: boolean) {
    this.#journal = isDurable ? new FakeJournal() : null
    this.#session = new Session(1, 'client', this.#host, this.#journal)
  }

  run(step: Step, choice: number): void {
    switch (step) {
      case 'deliver':
        this.#deliver(choice % 2 === 0 ? 1 : 2)
        break
      case 'read':
        this.#read(choice)
        break
      case 'acknowledge':
        this.#acknowledge(choice)
        break
      case 'connect':
        this.#connect(1 + (choice % 8))
        break
      case 'disconnect':
        this.#disconnect()
        break
      case 'stop reading':
        if (this.#link !== null) this.#link.writable = false
        break
      case 'go on reading':
        this.#goOnReading()
        break
      default:
        this.#runStore(step, choice)
    }
    expect(this.#session.inflight.count).toBeLessThanOrEqual(MAXIMUM_INFLIGHT)
  }

  /** The client stays and does what it owes: all that was promised has arrived, nothing is left. */
  settle(): void {
    this.#connect(2)
    for (let calm = 0; calm < 3; ) {
      const before = this.#progress()
      while (this.#link!.wire.length > 0) this.#read(1)
      while (this.#link!.acknowledgements.length > 0) this.#acknowledge(0)
      this.#session.advance()
      if (this.#host.reads.length > 0 && this.#page === null) this.#takePage(2)
      if (this.#page !== null) this.#refill()
      this.#commit()
      calm = this.#progress() === before ? calm + 1 : 0
    }
    for (const number of this.#promised) {
      if (!this.#refused.has(number)) expect(this.#received.get(number)).toBeGreaterThan(0)
    }
    expect(this.#session.inflight.count).toBe(0)
    expect(this.#session.outbox.count).toBe(0)
    expect(this.#session.outbox.byteSize).toBe(0)
    expect(this.#session.ready).toBe(true)
    expect(this.#host.drops).toEqual([])
    expect(this.#journal?.stored.size ?? 0).toBe(0)
  }

  #progress(): string {
    const { inflight, outbox } = this.#session
    return `${inflight.count} ${outbox.count} ${this.#link!.wire.length} ${this.#received.size}`
  }

  #deliver(qos: 1 | 2): void {
    const number = ++this.#count
    const isAccepted = this.#session.deliver(messageOf(String(number)), qos, false, [])
    expect(isAccepted).toBe(true)
    this.#promised.add(number)
    this.#qosOf.set(number, qos)
  }

  #connect(receiveMaximum: number): void {
    this.#disconnect()
    this.#link = new Link(this.#session, this.#journal, receiveMaximum)
    this.#session.attach(this.#link, receiveMaximum)
    this.#session.advance()
  }

  #disconnect(): void {
    if (this.#link === null) return
    this.#link = null
    this.#session.detach()
  }

  #goOnReading(): void {
    if (this.#link === null) return
    this.#link.writable = true
    this.#session.advance()
  }

  /** The client takes the next packet and owes its answer. */
  #read(choice: number): void {
    const packet = this.#link?.wire.shift()
    if (packet === undefined) return
    const { acknowledgements } = this.#link!
    const { id } = packet
    if (packet.kind === 'pubrel') {
      this.#held.delete(id)
      acknowledgements.push({ kind: 'pubcomp', id })
    } else if (packet.qos === 1) {
      this.#receive(packet.number)
      acknowledgements.push({ kind: 'puback', id })
    } else if (choice % 10 === 0 && !this.#held.has(id)) {
      this.#refused.add(packet.number)
      acknowledgements.push({ kind: 'refuse', id })
    } else {
      if (!this.#held.has(id)) this.#receive(packet.number)
      this.#held.add(id)
      acknowledgements.push({ kind: 'pubrec', id })
    }
  }

  #receive(number: number): void {
    const times = (this.#received.get(number) ?? 0) + 1
    this.#received.set(number, times)
    if (this.#qosOf.get(number) === 2) expect(times).toBe(1)
  }

  /** One of the answers that the client owes arrives, in any order. */
  #acknowledge(choice: number): void {
    const link = this.#link
    if (link === null || link.acknowledgements.length === 0) return
    const index = choice % link.acknowledgements.length
    const [{ kind, id }] = link.acknowledgements.splice(index, 1) as [Acknowledgement]
    if (kind !== 'pubrec') link.acknowledged(id)
    const session = this.#session
    if (kind === 'puback') expect(session.puback(id)).toBe('ok')
    else if (kind === 'pubcomp') expect(session.pubcomp(id)).toBe('ok')
    else expect(session.pubrec(id, kind === 'refuse')).toBe('ok')
    session.advance()
  }

  #runStore(step: Step, choice: number): void {
    if (this.#journal === null) return
    if (step === 'begin commit' && !this.#isCommitting) {
      this.#isCommitting = true
      this.#journal.begin()
    } else if (step === 'finish commit' && this.#isCommitting) {
      this.#isCommitting = false
      this.#journal.finish()
    } else if (step === 'take page' && this.#host.reads.length > 0 && this.#page === null) {
      this.#takePage(1 + (choice % 4))
    } else if (step === 'refill' && this.#page !== null) {
      this.#refill()
    } else if (step === 'fail to read' && this.#host.reads.length > 0 && this.#page === null) {
      this.#host.reads.pop()
      this.#session.refillFailed()
    } else if (step === 'crash') {
      this.#crash()
    }
  }

  #commit(): void {
    if (this.#journal === null) return
    if (this.#isCommitting) this.#journal.finish()
    this.#isCommitting = false
    this.#journal.commit()
  }

  /** A page is read behind all that was told before, and arrives later. */
  #takePage(limit: number): void {
    this.#commit()
    expect(this.#host.reads).toHaveLength(1)
    this.#page = this.#journal!.page(this.#host.reads.pop()!, limit)
  }

  #refill(): void {
    const page = this.#page!
    this.#page = null
    this.#session.refill(page)
  }

  /** What was committed is all that is left; the client only sees its connection end. */
  #crash(): void {
    const journal = this.#journal!
    this.#link = null
    this.#page = null
    this.#isCommitting = false
    this.#host.reads = []
    journal.crash()
    const stored = [...journal.stored.values()]
    const kept = new Set(stored.map(({ message }) => Number(payloadOf(message))))
    for (const number of this.#promised) {
      if (!kept.has(number)) this.#promised.delete(number)
    }
    this.#session = new Session(1, 'client', this.#host, journal)
    for (const { message, qos, retain, identifiers, position, packetIdentifier, state } of stored) {
      if (state === 'waiting') this.#session.outbox.spill(1, message.size)
      else {
        const isReleased = state === 'released'
        const sent = qos === 1 ? DeliveryState.AwaitPuback : DeliveryState.AwaitPubrec
        this.#session.inflight.restore(
          packetIdentifier,
          isReleased ? DeliveryState.AwaitPubcomp : sent,
          isReleased ? null : message,
          retain,
          identifiers,
          position,
        )
      }
    }
  }
}
