import type { Subscription } from './subscription.ts'

/**
 * The sessions that share one subscription (§4.8.2): each message goes to one of them. A group is
 * identified by its ShareName and filter, lives in the tree node of that filter, and ends with its
 * last member.
 */
export class SharedGroup {
  readonly shareName: string
  readonly filter: string
  readonly members: Subscription[] = []
  #next = 0

  constructor(shareName: string, filter: string) {
    this.shareName = shareName
    this.filter = filter
  }

  /**
   * Who gets the next message: round-robin over connected members that can take it at once, else
   * over connected ones, else over those that keep a queue while away.
   *
   * @returns `null` when nobody can: every member is away, and at QoS 0 nothing waits for them.
   */
  choose(qos: number): Subscription | null {
    const { members } = this
    let connected: Subscription | null = null
    let away: Subscription | null = null
    for (let i = 0; i < members.length; i++) {
      const index = (this.#next + i) % members.length
      const member = members[index]!
      const { session } = member
      if (session.ready) {
        this.#next = index + 1
        return member
      }
      if (session.outlet !== null) connected ??= member
      else if (Math.min(qos, member.qos) > 0) away ??= member
    }
    const chosen = connected ?? away
    if (chosen !== null) this.#next = chosen.index + 1
    return chosen
  }
}
