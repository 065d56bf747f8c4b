/**
 * The Topic Aliases that a connection sends (§3.3.2.3.4). A topic gets one when it is sent for the second
 * time, until all are given away: what is sent once costs none, what is sent first is likely to be sent
 * on. They are the connection's, and end with it.
 */
export class OutboundAliases {
  readonly #maximum: number
  readonly #aliases = new Map<string, number>()
  /** Topics that were sent once, of late. */
  readonly #candidates = new Set<string>()

  /** @param maximum - what the client takes and the broker keeps; from 1. */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /**
   * @returns the alias that stands for the topic; negative, where it is set with this packet, which has
   *   to carry the name as well; 0, where there is none.
   */
  use(topicName: string): number {
    const alias = this.#aliases.get(topicName)
    if (alias !== undefined) return alias
    if (this.#aliases.size === this.#maximum) return 0
    if (!this.#candidates.delete(topicName)) {
      if (this.#candidates.size >= 4 * this.#maximum) this.#candidates.clear()
      this.#candidates.add(topicName)
      return 0
    }
    const next = this.#aliases.size + 1
    this.#aliases.set(topicName, next)
    return -next
  }

  /** The packet that was to set the topic's alias cannot carry it. */
  undo(topicName: string): void {
    this.#aliases.delete(topicName)
  }
}
