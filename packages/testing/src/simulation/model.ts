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
  will: SimWill | null
  pendingWill: { readonly published: Published; readonly at: number } | null
}

/** What a CONNECT asks for. */
export interface SimConnect {
  readonly cleanStart: boolean
  readonly expiry: number
  readonly will: SimWill | null
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
  readonly #hasStore: boolean

  constructor(now: number, hasStore: boolean) {
    this.now = now
    this.#hasStore = hasStore
    this.shared = new SharedCopies(hasStore)
  }

  /** @returns whether the session is there already. */
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
        presence: 'reads',
        expiry,
        expiresAt: null,
        will,
        pendingWill: null,
      })
      return false
    }
    Object.assign(session, { presence: 'reads', expiry, expiresAt: null, will, pendingWill: null })
    return true
  }

  /** @param isClean - DISCONNECT 0x00 came: there is no will. */
  connectionLost(clientId: string, isClean: boolean): void {
    const session = this.sessions.get(clientId)
    if (session === undefined || session.presence === 'away') return
    session.presence = 'away'
    session.expectations.disconnected()
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

  /** @throws Error where it is not for this client. */
  got(clientId: string, arrived: Arrived): void {
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
    const isAcknowledged = (number: number) => this.acknowledged.has(number)
    for (const session of this.sessions.values()) {
      const kept = isSame(session.clientId) ? stored.sessions.get(session.clientId) : undefined
      if (session.isDurable) this.#checkKept(session, kept)
      if (session.isDurable && isSettled) checkWill(session, kept)
    }
    this.mustBeKept.clear()
    this.retained.restore(stored.retained, isAcknowledged, this.now)
    const deliveries = [...stored.sessions].map(([id, { queue }]) => [id, queue] as const)
    this.shared.restore(new Map(deliveries), stored.left, isAcknowledged, this.now)
    const former = new Map(this.sessions)
    this.sessions.clear()
    for (const [clientId, kept] of stored.sessions) {
      const same = isSame(clientId) ? (former.get(clientId)?.expectations ?? null) : null
      this.sessions.set(clientId, this.#restored(clientId, kept, same))
    }
  }

  #restored(clientId: string, kept: StoredSession, former: Expectations | null): SimSession {
    const { retained, messages, now } = this
    const { queue, expiry, will } = kept
    const expectations = Expectations.restored(clientId, retained, queue, messages, former)
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
      pendingWill:
        published === undefined || will === null
          ? null
          : { published, at: will.publishAt ?? now + will.delay * 1_000 },
    }
  }

  #checkKept({ clientId, expectations }: SimSession, kept: StoredSession | undefined): void {
    for (const [filter, isSubscribed] of expectations.acknowledged) {
      if ((kept?.subscriptions.has(filter) ?? false) !== isSubscribed) {
        throw new Error(`${clientId}: ${filter} is not as acknowledged after a crash`)
      }
    }
    const isAcknowledged = (number: number) => this.acknowledged.has(number)
    const lost = expectations.lost(kept?.queue ?? [], isAcknowledged, this.now)
    if (lost.length > 0) throw new Error(`${clientId}: ${lost.join(', ')} lost in a crash`)
  }

  #endSession(clientId: string): void {
    const session = this.sessions.get(clientId)
    if (session === undefined) return
    this.sessions.delete(clientId)
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
