import {
  type Arrived,
  expiresAt,
  IdentifierLists,
  identifiersOf,
  type Presence,
  type Published,
  type SimSubscription,
  type StoredDelivery,
} from './message.ts'

interface SimMember extends SimSubscription {
  readonly clientId: string
}

/** A member of a group, as it is when a message is shared out. */
export interface Member extends SimMember {
  readonly presence: Presence
  /** Its session outlives the process. */
  readonly isDurable: boolean
}

/** A message that one member of a group gets: which one is the broker's choice. */
interface Copy {
  readonly published: Published
  readonly topicFilter: string
  readonly expiresAt: number
  /** Who may have it. */
  holders: Set<string>
  /** `waits`: nobody has got it; `sent`: `receiver` has and the broker does not know yet. */
  state: 'waits' | 'sent' | 'done'
  receiver: string
  qos: number
  mustCome: boolean
  /** All holders' sessions outlive the process. */
  isDurable: boolean
  /** A member left it behind: whoever is a member by then may get it. */
  isPassed: boolean
}

/**
 * Shared subscriptions (§4.8.2): each message of a group comes to exactly one member. What a session
 * that ends was not sent, or has not acknowledged at QoS 1, goes to another member.
 */
export class SharedCopies {
  readonly #copies = new Map<number, Copy[]>()
  /** By number and client: the Subscription Identifiers that may come with any of its copies. */
  readonly #identifiers = new Map<string, IdentifierLists>()
  /** What a session leaves behind may be in the Store only, and takes a while. */
  readonly #mayLag: boolean

  constructor(mayLag: boolean) {
    this.#mayLag = mayLag
  }

  published(
    published: Published,
    topicFilter: string,
    members: readonly Member[],
    now: number,
  ): void {
    const isSure = ({ qos }: Member) => Math.min(qos, published.qos) > 0
    for (const one of members) this.#mayCarry(published.number, one)
    this.#add({
      published,
      topicFilter,
      expiresAt: expiresAt(published, now),
      holders: new Set(members.map(({ clientId }) => clientId)),
      state: 'waits',
      receiver: '',
      qos: 0,
      mustCome: members.every(isSure),
      isDurable: members.every(({ isDurable }) => isDurable),
      isPassed: false,
    })
  }

  /** @throws Error where another member has it. */
  got(clientId: string, arrived: Arrived, isMember: (filter: string) => boolean): void {
    const { number, qos, dup } = arrived
    const copies = this.#copies.get(number) ?? []
    const wasSent = copies.some(({ state, receiver }) => state === 'sent' && receiver === clientId)
    if (wasSent && dup && qos === 1) return
    if (this.#identifiers.get(keyOf(number, clientId))?.has(arrived) === false) {
      throw new Error(`shared ${number} came with the identifiers ${arrived.identifiers}`)
    }
    const isOpenTo = ({ holders, isPassed, topicFilter }: Copy) =>
      holders.has(clientId) || (isPassed && isMember(topicFilter))
    const open = copies.filter((copy) => copy.state === 'waits' && isOpenTo(copy))
    // Of several the one that fewest could have got: the others are left for others.
    const width = ({ holders, isPassed }: Copy) => holders.size + (isPassed ? 1_000 : 0)
    const [fewest] = open.sort((a, b) => width(a) - width(b))
    const next = fewest ?? makeRoom(copies, isOpenTo)
    if (next === undefined) throw new Error(`shared ${number} was another member's`)
    next.state = qos === 0 ? 'done' : 'sent'
    next.receiver = clientId
    next.qos = qos
  }

  /** What is being passed on may be its from now on, also where it unsubscribes before it reads it. */
  joined(member: SimMember, filter: string): void {
    for (const copies of this.#copies.values()) {
      for (const { published, isPassed, topicFilter, state, holders } of copies) {
        if (!isPassed || state !== 'waits' || topicFilter !== filter) continue
        holders.add(member.clientId)
        this.#mayCarry(published.number, member)
      }
    }
  }

  /** The broker has the PUBACK. */
  acknowledged(clientId: string, number: number): void {
    const copy = this.#copies
      .get(number)
      ?.find(({ state, receiver }) => state === 'sent' && receiver === clientId)
    if (copy !== undefined) copy.state = 'done'
  }

  /** @param othersOf - the members of the group that are left; `null` where it was no member itself. */
  sessionEnded(clientId: string, othersOf: (filter: string) => readonly Member[] | null): void {
    for (const copies of this.#copies.values()) {
      for (const copy of copies) {
        const isHolder = copy.state === 'waits' && copy.holders.has(clientId)
        const isReceiver = copy.state === 'sent' && copy.receiver === clientId
        if (isHolder || isReceiver) this.#leave(copy, clientId, othersOf(copy.topicFilter))
      }
    }
  }

  /** How many may wait for a client, at most. */
  openAtMost(clientId: string): number {
    const all = [...this.#copies.values()].flat()
    const mayWait = ({ state, holders, isPassed }: Copy) =>
      state === 'waits' && (isPassed || holders.has(clientId))
    return all.filter(mayWait).length
  }

  /** What nobody got, and had to. */
  missing(now: number): number[] {
    const all = [...this.#copies.values()].flat()
    const isMissing = ({ state, mustCome, expiresAt }: Copy) =>
      state === 'waits' && mustCome && expiresAt > now
    return all.filter(isMissing).map(({ published }) => published.number)
  }

  /**
   * After a crash: the copies are those that the Store has.
   * @param left - of sessions that had ended: whoever is a member gets it.
   * @throws Error where one is missing that was acknowledged.
   */
  restore(
    stored: ReadonlyMap<string, readonly StoredDelivery[]>,
    left: readonly StoredDelivery[],
    isAcknowledged: (number: number) => boolean,
    now: number,
  ): void {
    const inStore = new Set([...left, ...[...stored.values()].flat()].map(({ number }) => number))
    for (const copies of this.#copies.values()) {
      for (const { published, mustCome, isDurable, state, expiresAt } of copies) {
        const { number } = published
        const isOwed = mustCome && isDurable && state === 'waits' && expiresAt > now
        if (isOwed && isAcknowledged(number) && !inStore.has(number)) {
          throw new Error(`shared ${number} was lost in a crash`)
        }
      }
    }
    const former = new Map(this.#copies)
    this.#checkOnce([...stored.values()].flat(), left, former)
    this.#copies.clear()
    for (const [clientId, deliveries] of stored) {
      for (const delivery of deliveries) this.#restore(clientId, delivery, former)
    }
    for (const delivery of left) this.#restore(null, delivery, former)
  }

  /** @throws Error where the Store has a message more often than there were copies of it. */
  #checkOnce(
    stored: readonly StoredDelivery[],
    left: readonly StoredDelivery[],
    former: ReadonlyMap<number, readonly Copy[]>,
  ): void {
    // What was sent at QoS 2 is lost with the session that has ended.
    const all = [...stored, ...left.filter(({ qos, isSent }) => qos === 1 || !isSent)]
    for (const [number, copies] of former) {
      const count = all.filter((one) => one.number === number).length
      if (count > copies.length) throw new Error(`shared ${number} is in the Store ${count} times`)
    }
  }

  #restore(
    clientId: string | null,
    { number, qos, isSent, identifiers }: StoredDelivery,
    former: ReadonlyMap<number, readonly Copy[]>,
  ): void {
    const old = former.get(number)?.[0]
    if (old === undefined) return
    if (clientId === null) {
      const passed = { isPassed: true, mustCome: false, isDurable: false } as const
      this.#add({ ...old, ...passed, holders: new Set(), state: 'waits', receiver: '', qos })
      return
    }
    const had = former.get(number)!.some(({ receiver }) => receiver === clientId)
    const hasCome = qos === 2 && isSent && had
    this.#addIdentifiers(number, clientId, identifiers)
    const holders = new Set([clientId])
    const state = hasCome ? 'sent' : 'waits'
    const receiver = hasCome ? clientId : ''
    this.#add({ ...old, holders, state, receiver, qos, isPassed: false, isDurable: true })
  }

  #leave(copy: Copy, clientId: string, others: readonly Member[] | null): void {
    copy.holders.delete(clientId)
    const wasSentAtQos2 = copy.state === 'sent' && copy.qos === 2
    // Who becomes a member before it is read from the Store may yet get it.
    const isLost = others === null || (others.length === 0 && !this.#mayLag)
    if (isLost || wasSentAtQos2) {
      if (copy.state === 'sent') copy.state = 'done'
      copy.mustCome = false
      return
    }
    if (copy.state === 'sent') copy.holders.clear()
    copy.state = 'waits'
    copy.receiver = ''
    copy.isPassed = true
    for (const other of others) {
      copy.holders.add(other.clientId)
      this.#mayCarry(copy.published.number, other)
    }
    const isSure = ({ qos }: Member) => Math.min(qos, copy.published.qos) > 0
    // At QoS 2 it may have been on its way to the one that is gone.
    if (copy.published.qos === 2 || this.#mayLag || !others.every(isSure)) copy.mustCome = false
    copy.isDurable &&= others.every(({ isDurable }) => isDurable)
  }

  #mayCarry(number: number, member: SimMember): void {
    this.#addIdentifiers(number, member.clientId, identifiersOf([member]))
  }

  #addIdentifiers(number: number, clientId: string, identifiers: readonly number[]): void {
    const lists = this.#identifiers.get(keyOf(number, clientId))
    if (lists !== undefined) lists.add(identifiers)
    else this.#identifiers.set(keyOf(number, clientId), new IdentifierLists(identifiers))
  }

  #add(copy: Copy): void {
    const copies = this.#copies.get(copy.published.number)
    if (copies === undefined) {
      this.#copies.set(copy.published.number, [copy])
      return
    }
    copies.push(copy)
    // Which of them comes with DUP cannot be told.
    for (const one of copies) one.mustCome = false
  }
}

/** Somebody may have got another copy of the same group than was taken for it: then one is free. */
function makeRoom(copies: readonly Copy[], isOpenTo: (copy: Copy) => boolean): Copy | undefined {
  for (const copy of copies) {
    const { state, receiver, qos, topicFilter } = copy
    if (state === 'waits' || !isOpenTo(copy)) continue
    const other = copies.find((one) => one.state === 'waits' && one.topicFilter === topicFilter)
    if (other === undefined) continue
    Object.assign(other, { state, receiver, qos })
    return copy
  }
  return undefined
}

function keyOf(number: number, clientId: string): string {
  return `${number} ${clientId}`
}
