import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'

/**
 * Where the search for a member that can take a message begins:
 *
 *   round-robin      behind who got the last one
 *   random           anywhere
 *   sticky           at who got the last one, so that it gets them all while it can
 *   least-inflight   of those that can, who has the fewest unacknowledged
 *   hash-publisher   by the publisher's Client Identifier: one publisher's messages stay together
 *   hash-topic       by the Topic Name: one topic's messages stay together, and in order
 */
export const SHARE_STRATEGIES = [
  'round-robin',
  'random',
  'sticky',
  'least-inflight',
  'hash-publisher',
  'hash-topic',
] as const
/** One of {@link SHARE_STRATEGIES}. */
export type ShareStrategy = (typeof SHARE_STRATEGIES)[number]

/** What a {@link ShareStrategy} needs beside the members. */
export interface ShareOptions {
  /** Default 'round-robin'. */
  readonly strategy?: ShareStrategy
  /** 32 random bits at each call; for 'random'. */
  readonly random?: () => number
}

/**
 * The sessions that share one subscription (§4.8.2): each message goes to one of them. A group is
 * identified by its ShareName and filter, lives in the tree node of that filter, and ends with its
 * last member.
 */
export class SharedGroup {
  readonly shareName: string
  readonly filter: string
  readonly members: Subscription[] = []
  readonly #strategy: ShareStrategy
  readonly #random: () => number
  #next = 0

  constructor(
    shareName: string,
    filter: string,
    { strategy = 'round-robin', random = () => 0 }: ShareOptions = {},
  ) {
    this.shareName = shareName
    this.filter = filter
    this.#strategy = strategy
    this.#random = random
  }

  /**
   * Who gets a message: of connected members that can take it at once, else of connected ones, else of
   * those that keep a queue while away, the one that the strategy comes to first.
   *
   * @param publisher - Client Identifier, '' for the broker itself.
   * @param topicHash - 32 bits that are the same for the same Topic Name.
   * @returns `null` when nobody can: every member is away, and at QoS 0 nothing waits for them.
   */
  choose(qos: number, publisher: string, topicHash: number): Subscription | null {
    const { members } = this
    const { length } = members
    const start = this.#start(publisher, topicHash)
    const wantsLeast = this.#strategy === 'least-inflight'
    let ready: Subscription | null = null
    let connected: Subscription | null = null
    let away: Subscription | null = null
    for (let i = 0; i < length; i++) {
      const member = members[(start + i) % length]!
      const { session } = member
      if (session.ready) {
        if (ready === null || isLess(session, ready.session)) ready = member
        if (!wantsLeast) break
      } else if (session.outlet !== null) connected ??= member
      else if (Math.min(qos, member.qos) > 0) away ??= member
    }
    const chosen = ready ?? connected ?? away
    if (chosen !== null) this.#next = chosen.index + (this.#strategy === 'sticky' ? 0 : 1)
    return chosen
  }

  #start(publisher: string, topicHash: number): number {
    switch (this.#strategy) {
      case 'random':
        return this.#random() >>> 0
      case 'hash-publisher':
        return hashOf(publisher)
      case 'hash-topic':
        return topicHash >>> 0
      default:
        return this.#next
    }
  }
}

function isLess(one: Session, other: Session): boolean {
  return one.inflight.count < other.inflight.count
}

/** FNV-1a of UTF-16 units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
