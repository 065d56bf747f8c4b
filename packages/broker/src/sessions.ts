import type { ReasonCode } from '@promptmq/codec'
import { Session, type SessionHost, type Subscription, type TopicTree } from '@promptmq/router'
import { SESSION_NEVER_EXPIRES } from '@promptmq/store'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { Journal } from './journal.ts'
import { sharesSubscriptions } from './left-behind.ts'
import type { PendingWill } from './wills.ts'

/** A session and what the broker knows around it. */
export interface SessionEntry {
  readonly session: Session
  /** Ends it. Set while nobody is connected. */
  readonly expiry: Deadline
  /** Whoever is connected, `null`: nobody. */
  connection: SessionConnection | null
  /** A will whose delay runs. */
  pendingWill: PendingWill | null
}

/** What a session's registry asks of the connection that has it. */
export interface SessionConnection {
  /** Another connection takes the session over: DISCONNECT 0x8E, then close. */
  takeOver(): void
  /** DISCONNECT, then close. */
  disconnect(reasonCode: ReasonCode, why: string, serverReference?: string): void
  /** Sends what there is room for. */
  proceed(): void
}

/** What the registry needs of the broker. */
export interface SessionsHost extends SessionHost {
  /** A session has ended, its subscriptions are in no tree any more: its will is due. */
  sessionEnded(entry: SessionEntry): void
  /** Passes on what others of its shared subscriptions may get; `then` forget it. */
  leaveBehind(session: Session, then: () => void): void
}

/**
 * Every session by Client Identifier (§4.1): begins, resumes, expires and ends them, and keeps the
 * topic tree and the journal in step.
 */
export class Sessions {
  readonly #entries = new Map<string, SessionEntry>()
  /** By client: the batch that has it that its session ended, until that is kept. */
  readonly #endings = new Map<string, number>()
  readonly #deadlines: Deadlines
  readonly #tree: TopicTree
  readonly #journal: Journal | null
  readonly #host: SessionsHost

  constructor(deadlines: Deadlines, tree: TopicTree, journal: Journal | null, host: SessionsHost) {
    this.#deadlines = deadlines
    this.#tree = tree
    this.#journal = journal
    this.#host = host
  }

  get count(): number {
    return this.#entries.size
  }

  get(clientId: string): SessionEntry | undefined {
    return this.#entries.get(clientId)
  }

  /**
   * The session of a client that is about to connect. One whose time is over ends here: after a restart
   * a client may be faster than the timer.
   */
  claim(clientId: string): SessionEntry | undefined {
    const entry = this.#entries.get(clientId)
    if (entry === undefined || !entry.expiry.isDue(this.#host.now())) return entry
    this.end(entry)
    return undefined
  }

  /**
   * The session of an accepted CONNECT: resumed, or new. Nobody is connected to it any more.
   * @param sessionExpiryInterval - seconds, as it is in force.
   */
  open(
    clientId: string,
    owner: string,
    cleanStart: boolean,
    sessionExpiryInterval: number,
  ): { entry: SessionEntry; isPresent: boolean } {
    const former = this.#entries.get(clientId)
    if (former !== undefined && cleanStart) this.end(former) // [MQTT-3.1.2-4]
    const isPresent = former !== undefined && !cleanStart
    const entry = isPresent ? former : this.#create(clientId, sessionExpiryInterval > 0)
    entry.expiry.cancel()
    entry.session.owner = owner
    entry.session.sessionExpiryInterval = sessionExpiryInterval
    this.#keep(entry.session, null)
    return { entry, isPresent }
  }

  /** The batch that has to be kept before a client is told that it has no session; 0: none. */
  endingOf(clientId: string): number {
    return this.#endings.get(clientId) ?? 0
  }

  /** Puts back a session that the Store had. */
  restore(stored: {
    session: number
    clientId: string
    owner: string
    sessionExpiryInterval: number
  }): SessionEntry {
    const session = new Session(stored.session, stored.clientId, this.#host, this.#journal)
    session.owner = stored.owner
    session.sessionExpiryInterval = stored.sessionExpiryInterval
    const other = this.#entries.get(session.clientId)
    const entry = this.#register(session)
    // Two of one client: the process died while the older one, which had ended, was passed on.
    if (other !== undefined && other.session.number > session.number) {
      this.#entries.set(session.clientId, other)
    }
    return entry
  }

  /** Its connection is gone: it ends now, later, or never, as its Session Expiry Interval says. */
  disconnected(entry: SessionEntry): void {
    const { session } = entry
    if (session.sessionExpiryInterval === 0) this.end(entry)
    else if (session.sessionExpiryInterval === SESSION_NEVER_EXPIRES) this.#keep(session, null)
    else {
      const expiresAt = this.#host.now() + session.sessionExpiryInterval * 1000
      this.expireAt(entry, expiresAt)
      this.#keep(session, expiresAt)
    }
  }

  /** @param at - milliseconds on the broker's clock. */
  expireAt(entry: SessionEntry, at: number): void {
    entry.expiry.set(at)
  }

  /** The session and all that belongs to it is gone; nobody may be connected to it. */
  end(entry: SessionEntry): void {
    const { session } = entry
    entry.expiry.cancel()
    if (this.#entries.get(session.clientId) === entry) this.#entries.delete(session.clientId)
    for (const subscription of session.subscriptions.values()) this.#tree.remove(subscription)
    session.isEnded = true
    this.#host.sessionEnded(entry)
    if (sharesSubscriptions(session)) {
      // What only the Store has is read first: after a crash meanwhile, it has ended.
      if (session.outbox.spilledCount > 0) this.#keep(session, this.#host.now())
      this.#host.leaveBehind(session, () => this.#forget(session))
    } else {
      this.#forget(session)
    }
    if (session.journal !== null) this.#watchEnding(session.clientId)
  }

  #watchEnding(clientId: string): void {
    const batch = this.#journal!.pendingBatch
    this.#endings.set(clientId, batch)
    this.#journal!.whenKept(batch, (error) => {
      if (this.#endings.get(clientId) !== batch) return
      if (error === null) this.#endings.delete(clientId)
      else this.#watchEnding(clientId)
    })
  }

  /** @returns false where it replaced one of the same filter: the subscription existed. */
  subscribe(subscription: Subscription): boolean {
    const { session, topicFilter } = subscription
    const former = session.subscriptions.get(topicFilter)
    if (former === undefined) this.#tree.add(subscription)
    else this.#tree.replace(former, subscription)
    session.subscriptions.set(topicFilter, subscription)
    if (session.journal !== null) {
      this.#journal!.append({
        kind: 'subscriptionPut',
        session: session.number,
        topicFilter,
        options: subscription.options,
        subscriptionIdentifier: subscription.identifier,
      })
    }
    return former === undefined
  }

  /** @returns false where there was none. */
  unsubscribe(session: Session, topicFilter: string): boolean {
    const subscription = session.subscriptions.get(topicFilter)
    if (subscription === undefined) return false
    session.subscriptions.delete(topicFilter)
    this.#tree.remove(subscription)
    if (session.journal !== null) {
      this.#journal!.append({ kind: 'subscriptionDelete', session: session.number, topicFilter })
    }
    return true
  }

  [Symbol.iterator](): IterableIterator<SessionEntry> {
    return this.#entries.values()
  }

  #create(clientId: string, isDurable: boolean): SessionEntry {
    const journal = isDurable ? this.#journal : null
    return this.#register(
      new Session(journal?.newSessionNumber() ?? 0, clientId, this.#host, journal),
    )
  }

  #register(session: Session): SessionEntry {
    const entry: SessionEntry = {
      session,
      expiry: this.#deadlines.create(() => this.end(entry)),
      connection: null,
      pendingWill: null,
    }
    this.#entries.set(session.clientId, entry)
    return entry
  }

  #forget(session: Session): void {
    session.subscriptions.clear()
    session.outbox.clear()
    if (session.journal !== null) {
      this.#journal!.append({ kind: 'sessionDelete', session: session.number })
    }
  }

  #keep(session: Session, expiresAt: number | null): void {
    if (session.journal === null) return
    this.#journal!.append({
      kind: 'sessionPut',
      session: session.number,
      clientId: session.clientId,
      owner: session.owner,
      // One that ends with its connection ends soon after a restart too.
      sessionExpiryInterval: Math.max(1, session.sessionExpiryInterval),
      expiresAt,
    })
  }
}
