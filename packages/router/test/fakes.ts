import {
  Budget,
  type DropReason,
  type Message,
  type Outbox,
  type Outlet,
  type QueueLimits,
  Session,
  type SessionHost,
  type SessionJournal,
  type Waiting,
} from '../src/index.ts'
import { payloadOf } from './messages.ts'

/** A connection that notes what it is told to send, as lines: `PUBLISH 1 q2 dup first`, `PUBREL 1`. */
export class FakeOutlet implements Outlet {
  writable = true
  readonly wireFormat = 5
  /** Messages of more bytes do not fit. */
  maximumSize = Number.POSITIVE_INFINITY
  maximumPacketSize = Number.POSITIVE_INFINITY
  sent: string[] = []

  fits(message: Message): boolean {
    return message.size <= this.maximumSize
  }

  publish(
    message: Message,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetIdentifier: number,
    identifiers: readonly number[],
  ): void {
    const flags = `q${qos}${dup ? ' dup' : ''}${retain ? ' retain' : ''}`
    const suffix = identifiers.length > 0 ? ` [${identifiers}]` : ''
    this.sent.push(`PUBLISH ${packetIdentifier} ${flags} ${payloadOf(message)}${suffix}`)
  }

  forward(): void {
    this.sent.push('forwarded')
  }

  forwardAs(packetIdentifier: number): void {
    this.sent.push(`forwarded as ${packetIdentifier}`)
  }

  pubrel(packetIdentifier: number): void {
    this.sent.push(`PUBREL ${packetIdentifier}`)
  }

  /** What was sent since the last call. */
  take(): string[] {
    return this.sent.splice(0)
  }
}

/** One entry of a queue, as a Store has it. */
export interface Stored extends Waiting {
  packetIdentifier: number
  state: 'waiting' | 'sent' | 'released'
}

/**
 * A journal with its Store. What it is told is pending until {@link FakeJournal.commit}; only then it
 * is in `stored`, which is what a crash leaves.
 */
export class FakeJournal implements SessionJournal {
  readonly stored = new Map<number, Stored>()
  readonly received = new Set<number>()
  /** Every call, as a line. */
  steps: string[] = []
  #open: (() => void)[] = []
  #openBatch = 1
  #committing: (() => void)[] | null = null
  #sessions = new Set<Session>()
  #nextPosition = 1

  get pendingBatch(): number {
    if (this.#open.length > 0) return this.#openBatch
    return this.#committing === null ? 0 : this.#openBatch - 1
  }

  notify(session: Session): void {
    this.#sessions.add(session)
  }

  queueAdd(
    _session: Session,
    message: Message,
    qos: 1 | 2,
    retain: boolean,
    identifiers: readonly number[],
  ): number {
    const position = this.#nextPosition++
    this.#step(`add ${position}`, () => {
      this.stored.set(position, {
        message,
        qos,
        retain,
        identifiers,
        position,
        packetIdentifier: 0,
        state: 'waiting',
      })
    })
    return position
  }

  queueSent(_session: Session, position: number, packetIdentifier: number): void {
    this.#step(`sent ${position} as ${packetIdentifier}`, () => {
      Object.assign(this.stored.get(position)!, { state: 'sent', packetIdentifier })
    })
  }

  queueReleased(_session: Session, position: number): void {
    this.#step(`released ${position}`, () => {
      Object.assign(this.stored.get(position)!, { state: 'released' })
    })
  }

  queueDelete(_session: Session, position: number): void {
    this.#step(`delete ${position}`, () => this.stored.delete(position))
  }

  receivedAdd(_session: Session, packetIdentifier: number): void {
    this.#step(`hold ${packetIdentifier}`, () => this.received.add(packetIdentifier))
  }

  receivedDelete(_session: Session, packetIdentifier: number): void {
    this.#step(`let go ${packetIdentifier}`, () => this.received.delete(packetIdentifier))
  }

  /** Begins to keep what is pending; {@link FakeJournal.finish} ends it. */
  begin(): void {
    this.#committing = this.#open
    this.#open = []
    this.#openBatch++
  }

  finish(): void {
    for (const apply of this.#committing!) apply()
    this.#committing = null
    const sessions = this.#sessions
    this.#sessions = new Set()
    for (const session of sessions) session.committed(this.#openBatch - 1)
    if (this.pendingBatch !== 0) for (const session of sessions) this.#sessions.add(session)
  }

  commit(): void {
    this.begin()
    this.finish()
  }

  /** What was not committed is lost. */
  crash(): void {
    this.#open = []
    this.#sessions.clear()
  }

  /** As a Store reads a queue: the oldest that were never sent. Positions only grow. */
  page(after: number, limit: number): Stored[] {
    const page: Stored[] = []
    for (const one of this.stored.values()) {
      if (one.state === 'waiting' && one.position > after) page.push(one)
      if (page.length === limit) break
    }
    return page
  }

  /** The calls since the last one of these. */
  takeSteps(): string[] {
    return this.steps.splice(0)
  }

  #step(line: string, apply: () => void): void {
    this.steps.push(line)
    this.#open.push(apply)
  }
}

/** Of one session's queue, and of the bytes that all hold in memory. */
export type FakeLimits = Partial<QueueLimits> & { readonly heldTotal?: number }

export class FakeHost implements SessionHost {
  readonly queueLimits: QueueLimits
  readonly heldBudget: Budget
  time = 0
  /** As `reason payload`. */
  drops: string[] = []
  /** The `after` of each page that was asked for and not yet answered. */
  reads: number[] = []

  constructor({ heldTotal = 1_000_000, ...limits }: FakeLimits = {}) {
    this.heldBudget = new Budget({ total: heldTotal })
    this.queueLimits = {
      maximumInflight: 1000,
      maximumMessages: 1000,
      maximumBytes: 1_000_000,
      maximumHeldMessages: 1000,
      whenFull: 'drop newest',
      ...limits,
    }
  }

  now(): number {
    return this.time
  }

  dropped(_session: Session, message: Message, reason: DropReason): void {
    this.drops.push(`${reason}: ${payloadOf(message)}`)
  }

  readQueue(_session: Session, after: number): void {
    this.reads.push(after)
  }
}

/** A session of its own with all that it needs; `journal` is `null` unless it is durable. */
export function sessionWith(limits: FakeLimits = {}): {
  session: Session
  host: FakeHost
  outlet: FakeOutlet
} {
  const host = new FakeHost(limits)
  return { session: new Session(0, 'client', host), host, outlet: new FakeOutlet() }
}

export function durableSessionWith(limits: FakeLimits = {}): {
  session: Session
  host: FakeHost
  outlet: FakeOutlet
  journal: FakeJournal
} {
  const host = new FakeHost(limits)
  const journal = new FakeJournal()
  return {
    session: new Session(1, 'client', host, journal),
    host,
    outlet: new FakeOutlet(),
    journal,
  }
}

/** What an outbox says of itself, as plain data. */
export function sizesOf({ count, heldCount, spilledCount, byteSize }: Outbox): {
  count: number
  heldCount: number
  spilledCount: number
  byteSize: number
} {
  return { count, heldCount, spilledCount, byteSize }
}
