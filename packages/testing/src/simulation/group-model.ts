import { matches, type Published } from './expectations.ts'

/** Groups that clients join, by the Topic Filter of SUBSCRIBE, and the QoS at which they do. */
export const GROUPS: Readonly<Record<string, 1 | 2>> = {
  '$share/g/s/x/+': 1,
  '$share/h/s/x/1': 2,
  '$share/h/s/x/+': 2,
}

/** Topics that only groups subscribe to, so that what comes on them came by a group. */
export const GROUP_TOPICS = ['s/x/1', 's/x/2'] as const

interface Shared {
  readonly qos: 0 | 1 | 2
  /** Groups that have yet to get it, for certain. */
  readonly mustGroups: Set<string>
  /** Copies that were made of it, one for each group and repetition. */
  copyCount: number
  /** How often it may come anew. */
  mayCount: number
  gotCount: number
  /** Of those, the ones without DUP. */
  firstCount: number
}

/**
 * What shared subscriptions are to get: each message goes to one member of each group. Which one is the
 * broker's choice, so that it is counted over all of them.
 */
export class GroupModel {
  /** By number and QoS of delivery: those of different groups look the same. */
  readonly #shared = new Map<string, Shared>()
  /** Groups that get what came by one of them: what the Store gave back does not tell which. */
  readonly #guesses: number
  #isCertain = true
  readonly #members = new Map<string, Set<string>>()
  /** Who was a member, until its session ends. */
  readonly #former = new Map<string, Set<string>>()

  constructor(isStored: boolean) {
    this.#guesses = isStored ? Object.keys(GROUPS).length : 1
  }

  joined(topicFilter: string, clientId: string): void {
    setOf(this.#members, topicFilter).add(clientId)
    setOf(this.#former, topicFilter).add(clientId)
  }

  /** By UNSUBSCRIBE: what it still has coming may be lost with its session. */
  left(topicFilter: string, clientId: string): void {
    if (!this.#members.get(topicFilter)?.delete(clientId)) return
    for (const shared of this.#shared.values()) shared.mustGroups.delete(topicFilter)
  }

  /**
   * The broker has taken a message.
   * @param isUncertain - it may have had it before a crash.
   */
  published({ number, topicName, qos }: Published, isUncertain = false): void {
    for (const [topicFilter, granted] of Object.entries(GROUPS)) {
      const isMatched = matches(topicFilter.split('/').slice(2).join('/'), topicName)
      if (!isMatched || !this.#members.get(topicFilter)?.size) continue
      const deliveryQos = Math.min(qos, granted) as 0 | 1 | 2
      const key = `${number} q${deliveryQos}`
      const shared = this.#shared.get(key) ?? {
        qos: deliveryQos,
        mustGroups: new Set<string>(),
        copyCount: 0,
        mayCount: 0,
        gotCount: 0,
        firstCount: 0,
      }
      if (!isUncertain || deliveryQos < 2 || !this.#shared.has(key)) {
        shared.copyCount++
        shared.mayCount++
      }
      if (deliveryQos > 0 && !isUncertain) shared.mustGroups.add(topicFilter)
      this.#shared.set(key, shared)
    }
  }

  /** @throws Error where it may not come. */
  got(number: number, qos: number, dup: boolean): void {
    const shared = this.#shared.get(`${number} q${qos}`)
    if (shared === undefined) {
      if (!this.#isCertain) return
      throw new Error(`${number} was for no group at QoS ${qos}`)
    }
    shared.gotCount++
    if (!dup) shared.firstCount++
    const count = qos === 1 ? shared.firstCount : shared.gotCount
    if (this.#isCertain && count > shared.mayCount)
      throw new Error(`${number} came to too many of a group`)
  }

  /** A session is over: what it was sent at QoS 2 is lost, the rest goes to other members. */
  sessionEnded(clientId: string): void {
    for (const [topicFilter, former] of this.#former) {
      if (!former.delete(clientId)) continue
      const wasMember = this.#members.get(topicFilter)!.delete(clientId)
      const isEmpty = this.#members.get(topicFilter)!.size === 0
      for (const shared of this.#shared.values()) {
        if (shared.qos === 1) shared.mayCount += shared.copyCount * this.#guesses
        if (shared.qos === 2 || isEmpty || !wasMember) shared.mustGroups.delete(topicFilter)
      }
    }
  }

  /**
   * Sessions that were not kept are gone, and with them what they were chosen for. From now on it is not
   * told for certain by which group a kept one got what it leaves behind.
   */
  crashed(): void {
    this.#isCertain = false
    for (const shared of this.#shared.values()) {
      shared.mustGroups.clear()
      if (shared.qos === 1) shared.mayCount += Object.keys(GROUPS).length
    }
  }

  /** Numbers that have to come and have not, where all members that are left have read all. */
  missing(): number[] {
    return [...this.#shared]
      .filter(([, { mustGroups, gotCount }]) => gotCount < mustGroups.size)
      .map(([key]) => Number.parseInt(key, 10))
  }
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  const set = map.get(key) ?? new Set<string>()
  map.set(key, set)
  return set
}
