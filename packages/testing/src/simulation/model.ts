import { Drops } from './drops.ts'
import { Expectations, sharedTopic } from './expectations.ts'
import { matches, sharedFilter } from './matches.ts'
import type { Arrived, Presence, Published, SimSubscription } from './message.ts'
import { RetainedMessages } from './retained-messages.ts'
import { type Member, SharedCopies } from './shared-copies.ts'
import type { StoredSession, StoredState } from './stored-state.ts'

/** Of a Session Expiry Interval. */
export const NEVER = 0xffff_ffff

/** A Will Message and its delay in seconds. */
export interface SimWill {
  readonly published: Published
  readonly delay: number
}

/** A session as the standard says that it is by now. */
export interface SimSession {
  readonly clientId: string
  readonly expectations: Expectations
  /** The Store knows of it. */
  readonly isDurable: boolean
  presence: Presence
  /** Seconds. */
  expiry: number
  /** Milliseconds on the clock; `null`: not while it is connected, or never. */
  expiresAt: number | null
  /** When it ends if nothing is kept of the CONNECT that resumed it; `null`: CONNACK has come, or never. */
  expiresUnless: number | null
  will: SimWill | null
  pendingWill: { readonly published: Published; readonly at: number } | null
  /** Messages that were dropped, since its queue was full. */
  dropCount: number
}

/** What a CONNECT asks for. */
export interface SimConnect {
  readonly cleanStart: boolean
  readonly expiry: number
  readonly will: SimWill | null
}

/** What the broker's options say of a session's queue. */
export interface QueueBounds {
  readonly maximumQueuedMessages: number
  readonly maximumInflight: number
}

/** What the broker has to know and to do, told of each packet when its bytes have reached the broker. */
export class Model {
  readonly sessions = new Map<string, SimSession>()
  readonly retained = new RetainedMessages()
  readonly shared: SharedCopies
  /** Every message that was taken, by number. */
  readonly messages = new Map<number, Published>()
  /** Numbers of messages that were repeated with another Message Expiry Interval, or without. */
  readonly mixed = new Set<number>()
  /** Who may get an empty message with RETAIN, and on which topic: it asked for messages as published. */
  readonly removals = new Set<string>()
  /** Numbers whose publishers were answered. */
  readonly acknowledged = new Set<number>()
  /** Numbers that the Store must have before their publishers are answered. */
  readonly mustBeKept = new Set<number>()
  now: number
  readonly drops = new Drops()
  readonly #hasStore: boolean
  readonly #bounds: QueueBounds
  /** Clients of whom something was dropped, before the model knew of what it had been told since. */
  #dropped = new Set<string>()

  constructor(now: number, hasStore: boolean, bounds: QueueBounds) {
    this.now = now
    this.#hasStore = hasStore
    this.#bounds = bounds
    this.shared = new SharedCopies(hasStore)
  }

  /** Until CONNACK has come the client is as one that does not read. @returns whether the session is there. */
  connect(clientId: string, { cleanStart, expiry, will }: SimConnect): boolean {
    if (will !== null) this.messages.set(will.published.number, will.published)
    const former = this.sessions.get(clientId)
    if (former !== undefined && former.presence !== 'away') this.connectionLost(clientId, false)
    if (cleanStart) this.#endSession(clientId)
    const session = this.sessions.get(clientId)
    if (session === undefined) {
      this.sessions.set(clientId, {
        clientId,
        expectations: new Expectations(clientId, this.retained),
        isDurable: this.#hasStore && expiry > 0,
        presence: 'stalls',
        expiry,
        expiresAt: null,
        expiresUnless: null,
        will,
        pendingWill: null,
        dropCount: 0,
      })
      return false
    }
    const expiresUnless = session.expiresAt ?? session.expiresUnless
    const begun = { presence: 'stalls', expiresAt: null, pendingWill: null } as const
    Object.assign(session, { ...begun, expiry, expiresUnless, will })
    return true
  }

  /** @param isClean - DISCONNECT 0x00 came: there is no will. */
  connectionLost(clientId: string, isClean: boolean): void {
    const session = this.sessions.get(clientId)
    if (session === undefined || session.presence === 'away') return
    session.presence = 'away'
    session.expectations.disconnected(this.#dropped.has(clientId))
    const { will, expiry } = session
    session.will = null
    if (will !== null && !isClean) {
      const delay = Math.min(will.delay, expiry)
      if (delay === 0) this.publish(will.published, true)
      else session.pendingWill = { published: will.published, at: this.now + delay * 1_000 }
    }
    if (expiry === 0) this.#endSession(clientId)
    else if (expiry !== NEVER) session.expiresAt = this.now + expiry * 1_000
  }

  /** The broker has taken a message. @param isLate - see {@link Expectations.published}. */
  publish(published: Published, isLate: boolean): void {
    const { number, topicName, retain, size } = published
    const former = this.messages.get(number)
    if (former !== undefined && former.expiry !== published.expiry) this.mixed.add(number)
    this.messages.set(number, published)
    this.mustBeKept.delete(number)
    for (const { clientId, expectations, presence, isDurable } of this.sessions.values()) {
      // An empty payload has no number: whether it comes is not looked at.
      if (size === 0) {
        if (expectations.retainAsPublished(published)) this.removals.add(`${clientId} ${topicName}`)
        expectations.unnumberedCount++
        continue
      }
      const qos = expectations.published(published, presence, isLate, this.now)
      if (isDurable && qos !== null && qos > 0) this.mustBeKept.add(number)
    }
    if (size > 0 && sharedTopic(topicName)) this.#share(published)
    if (!retain) return
    this.retained.take(published, this.now)
    if (size > 0 && this.#hasStore) this.mustBeKept.add(number)
    for (const { expectations } of this.sessions.values()) expectations.replays.changed(topicName)
  }

  subscribe(
    clientId: string,
    topicFilter: string,
    subscription: SimSubscription,
    retainHandling: number,
  ): void {
    const { subscriptions, replays } = this.sessions.get(clientId)!.expectations
    const isNew = !subscriptions.has(topicFilter)
    subscriptions.set(topicFilter, subscription)
    if (sharedFilter(topicFilter) !== null) {
      this.shared.joined({ ...subscription, clientId }, topicFilter)
    }
    const wantsRetained = retainHandling === 0 || (retainHandling === 1 && isNew)
    if (wantsRetained && sharedFilter(topicFilter) === null) {
      replays.begin(topicFilter, subscription, this.now)
    }
  }

  unsubscribe(clientId: string, topicFilter: string): void {
    const { subscriptions, replays } = this.sessions.get(clientId)!.expectations
    if (subscriptions.delete(topicFilter)) replays.unsubscribed(topicFilter)
  }

  /** The broker has dropped a message, since the queue of its session was full. */
  dropped(clientId: string, topicName: string): void {
    this.drops.add(clientId, topicName)
    this.#dropped.add(clientId)
    const session = this.sessions.get(clientId)
    if (session !== undefined) session.dropCount++
  }

  /** @throws Error where a message was dropped though there was room. */
  checkDrops(): void {
    for (const clientId of this.#dropped) {
      const session = this.sessions.get(clientId)
      if (session === undefined) continue
      const all = session.expectations.openAtMost() + this.shared.openAtMost(clientId)
      const most = all - session.dropCount
      if (most >= this.#bounds.maximumQueuedMessages) continue
      throw new Error(`${clientId}: dropped where at most ${most} waited`)
    }
    this.#dropped.clear()
  }

  /** What did not come, and had to. */
  missing(): string[] {
    const isMissing = (clientId: string | null) => (number: number) =>
      !this.drops.take(clientId, this.messages.get(number)!.topicName)
    const missing = [...this.sessions.values()].map(({ clientId, expectations }) => {
      const numbers = expectations.missing(this.now).filter(isMissing(clientId))
      return numbers.length === 0 ? '' : `${clientId} never got ${numbers.join(', ')}`
    })
    const shared = this.shared.missing(this.now).filter(isMissing(null))
    if (shared.length > 0) missing.push(`nobody got the shared ${shared.join(', ')}`)
    return missing.filter((one) => one !== '')
  }

  /** @throws Error where it is not for this client. */
  got(clientId: string, arrived: Arrived): void {
    this.checkDrops()
    if (!sharedTopic(arrived.topicName)) {
      this.sessions.get(clientId)!.expectations.got(arrived)
      return
    }
    const isMember = (filter: string) =>
      this.#membersOf(filter).some((one) => one.clientId === clientId)
    this.shared.got(clientId, arrived, isMember)
  }

  /** The next time at which something is due, up to `until`; `null`: nothing is. */
  nextDue(until: number): number | null {
    let next: number | null = null
    for (const { expiresAt, pendingWill } of this.sessions.values()) {
      for (const at of [expiresAt, pendingWill?.at ?? null]) {
        if (at !== null && at <= until && (next === null || at < next)) next = at
      }
    }
    return next
  }

  /** Does what is due. */
  advance(now: number): void {
    this.now = now
    for (const session of [...this.sessions.values()]) {
      const { clientId, pendingWill, expiresAt } = session
      if (pendingWill !== null && pendingWill.at <= now) {
        session.pendingWill = null
        this.publish(pendingWill.published, true)
      }
      if (expiresAt !== null && expiresAt <= now) this.#endSession(clientId)
    }
  }

  /**
   * The process is gone and another one has begun with what the Store had.
   * @param isSame - whether the Store's session of a client is the one that the client knows.
   * @param isSettled - the Store had nothing under way.
   * @throws Error where something is missing that was acknowledged.
   */
  restore(stored: StoredState, isSame: (clientId: string) => boolean, isSettled: boolean): void {
    const isAcknowledged = (number: number) =>
      this.acknowledged.has(number) && !this.drops.has(this.messages.get(number)!.topicName)
    for (const session of this.sessions.values()) {
      const kept = isSame(session.clientId) ? stored.sessions.get(session.clientId) : undefined
      const mayHaveEnded = kept === undefined && (session.expiresUnless ?? this.now + 1) <= this.now
      if (mayHaveEnded) continue
      if (session.isDurable) this.#checkKept(session, kept, isAcknowledged)
      if (session.isDurable && isSettled) checkWill(session, kept)
    }
    this.mustBeKept.clear()
    this.#dropped.clear()
    this.retained.restore(stored.retained, (number) => this.acknowledged.has(number), this.now)
    const deliveries = [...stored.sessions].map(([id, { queue }]) => [id, queue] as const)
    this.shared.restore(new Map(deliveries), stored.left, isAcknowledged, this.now)
    const former = new Map(this.sessions)
    this.sessions.clear()
    for (const [clientId, kept] of stored.sessions) {
      const same = isSame(clientId) ? (former.get(clientId)?.expectations ?? null) : null
      this.sessions.set(clientId, this.#restored(clientId, kept, same))
    }
    for (const [clientId, { subscriptions }] of stored.sessions) {
      for (const [filter, subscription] of subscriptions) {
        if (sharedFilter(filter) !== null) this.shared.joined({ ...subscription, clientId }, filter)
      }
    }
  }

  #restored(clientId: string, kept: StoredSession, former: Expectations | null): SimSession {
    const { retained, messages, now } = this
    const { queue, expiry, will } = kept
    const expectations = Expectations.restored(
      clientId,
      retained,
      queue,
      messages,
      former,
      (topicName) => this.drops.has(topicName),
    )
    expectations.unnumberedCount = kept.unnumberedCount
    for (const [filter, subscription] of kept.subscriptions) {
      expectations.subscriptions.set(filter, subscription)
      expectations.acknowledged.set(filter, true)
    }
    const published = will === null ? undefined : this.messages.get(will.number)
    return {
      clientId,
      expectations,
      isDurable: true,
      presence: 'away',
      expiry,
      expiresAt: kept.expiresAt ?? (expiry === NEVER ? null : now + expiry * 1_000),
      will: null,
      expiresUnless: null,
      pendingWill:
        published === undefined || will === null
          ? null
          : { published, at: will.publishAt ?? now + will.delay * 1_000 },
      dropCount: 0,
    }
  }

  #checkKept(
    { clientId, expectations }: SimSession,
    kept: StoredSession | undefined,
    isAcknowledged: (number: number) => boolean,
  ): void {
    const { maximumQueuedMessages, maximumInflight } = this.#bounds
    // What is in flight may not be known to be.
    const waiting = kept?.queue.filter(({ isSent }) => !isSent) ?? []
    if (waiting.length > maximumQueuedMessages + maximumInflight) {
      throw new Error(`${clientId}: ${waiting.length} wait`)
    }
    for (const [filter, isSubscribed] of expectations.acknowledged) {
      if ((kept?.subscriptions.has(filter) ?? false) !== isSubscribed) {
        throw new Error(`${clientId}: ${filter} is not as acknowledged after a crash`)
      }
    }
    const lost = expectations.lost(kept?.queue ?? [], isAcknowledged, this.now)
    if (lost.length > 0) throw new Error(`${clientId}: ${lost.join(', ')} lost in a crash`)
  }

  #endSession(clientId: string): void {
    const session = this.sessions.get(clientId)
    if (session === undefined) return
    this.sessions.delete(clientId)
    this.#dropped.delete(clientId)
    const { pendingWill, expectations } = session
    if (pendingWill !== null) this.publish(pendingWill.published, true)
    this.shared.sessionEnded(clientId, (filter) =>
      expectations.subscriptions.has(filter) ? this.#membersOf(filter) : null,
    )
  }

  #share(published: Published): void {
    const filters = new Set<string>()
    for (const { expectations } of this.sessions.values()) {
      for (const filter of expectations.subscriptions.keys()) filters.add(filter)
    }
    for (const filter of filters) {
      const shared = sharedFilter(filter)
      if (shared === null || !matches(shared, published.topicName)) continue
      this.shared.published(published, filter, this.#membersOf(filter), this.now)
    }
  }

  #membersOf(topicFilter: string): Member[] {
    return [...this.sessions.values()].flatMap(
      ({ clientId, expectations, presence, isDurable }) => {
        const subscription = expectations.subscriptions.get(topicFilter)
        if (subscription === undefined) return []
        return [{ ...subscription, clientId, presence, isDurable }]
      },
    )
  }
}

/** A will is in the Store as long as it may be published. */
function checkWill(session: SimSession, kept: StoredSession | undefined): void {
  const hasWill = session.will !== null || session.pendingWill !== null
  if (kept !== undefined && (kept.will !== null) !== hasWill) {
    throw new Error(`${session.clientId}: its will is ${hasWill ? 'not ' : ''}in the Store`)
  }
}
