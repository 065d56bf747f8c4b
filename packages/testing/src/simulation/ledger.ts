import type { Expectations, Presence, Published } from './expectations.ts'
import { GROUP_TOPICS, GroupModel } from './group-model.ts'
import { RetainedModel } from './retained-model.ts'

/** Whose messages the ledger keeps account of. */
export interface Member {
  readonly session: Expectations
  readonly presence: Presence
}

/** What the broker has taken, and what follows from it for everybody. */
export class Ledger {
  readonly retained = new RetainedModel()
  readonly groups: GroupModel
  readonly #members: readonly Member[]
  readonly #acknowledged = new Set<number>()
  #count = 0

  constructor(members: readonly Member[], isStored: boolean) {
    this.groups = new GroupModel(isStored)
    this.#members = members
  }

  /** Messages so far. */
  get count(): number {
    return this.#count
  }

  /** The number of the next message. */
  next(): number {
    return this.#count++
  }

  /** The broker has taken a message. @param isAgain - it is a repetition. */
  published(published: Published, isAgain: boolean): void {
    this.#publish(published, false, (session, presence) =>
      session.published(published, presence, isAgain),
    )
  }

  /** A QoS 2 message came again after a crash, and nobody knows whether it is taken. */
  publishedAfterCrash(published: Published): void {
    this.#publish(published, true, (session, presence) =>
      session.publishedAfterCrash(published, presence),
    )
  }

  #publish(
    published: Published,
    isUncertain: boolean,
    expect: (session: Expectations, presence: Presence) => void,
  ): void {
    const { topicName, number, retain, isRemoval } = published
    if (retain) this.retained.set(topicName, number, isRemoval, isUncertain)
    if (isRemoval) return
    if (isGroupTopic(topicName)) this.groups.published(published, isUncertain)
    else for (const { session, presence } of this.#members) expect(session, presence)
  }

  /** A publisher was told that the broker has it. */
  acknowledged({ topicName, number, retain }: Published): void {
    this.#acknowledged.add(number)
    if (retain) this.retained.acknowledged(topicName, number)
  }

  /** The broker is gone, but for what it kept. */
  crashed(): void {
    this.retained.crashed()
    this.groups.crashed()
    for (const { session } of this.#members) {
      session.crashed((number) => this.#acknowledged.has(number))
    }
  }
}

/** Whether only groups subscribe to it. */
export function isGroupTopic(topicName: string): boolean {
  return (GROUP_TOPICS as readonly string[]).includes(topicName)
}
