/** What the broker said that it dropped, since a queue was full: it need not come. */
export class Drops {
  /** By Topic Name, by client. */
  readonly #counts = new Map<string, Map<string, number>>()

  add(clientId: string, topicName: string): void {
    const counts = this.#counts.get(topicName) ?? new Map<string, number>()
    this.#counts.set(topicName, counts)
    counts.set(clientId, (counts.get(clientId) ?? 0) + 1)
  }

  /** A message is missing. @param clientId - `null`: of a group, anybody. @returns whether it was dropped. */
  take(clientId: string | null, topicName: string): boolean {
    const counts = this.#counts.get(topicName) ?? new Map<string, number>()
    for (const [receiver, count] of counts) {
      if (count === 0 || (clientId !== null && receiver !== clientId)) continue
      counts.set(receiver, count - 1)
      return true
    }
    return false
  }

  /** Whether anything was dropped on a topic, ever. */
  has(topicName: string): boolean {
    return this.#counts.has(topicName)
  }
}
