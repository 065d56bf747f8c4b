import type { Publish } from '@promptmq/codec'

/**
 * What a receiver has to remember of one connection: the Topic Aliases that the server has set, and
 * the QoS 2 messages between PUBREC and PUBREL.
 */
export class Inbox {
  readonly #topicAliasMaximum: number
  readonly #aliases = new Map<number, string>()
  readonly #open = new Set<number>()

  /** @param topicAliasMaximum - as CONNECT said; 0: none. */
  constructor(topicAliasMaximum: number) {
    this.#topicAliasMaximum = topicAliasMaximum
  }

  /** QoS 2 handshakes that are not over. */
  get openCount(): number {
    return this.#open.size
  }

  /** The Topic Name; undefined when its alias is above the maximum or stands for nothing. */
  resolveTopic({ topicName, properties: { topicAlias } }: Publish): string | undefined {
    if (topicAlias === undefined) return topicName
    const known = topicName === '' ? this.#aliases.get(topicAlias) : topicName
    if (topicAlias > this.#topicAliasMaximum || known === undefined) return undefined
    this.#aliases.set(topicAlias, known) // [MQTT-3.3.2-10]
    return known
  }

  /** Whether it was not taken before; from now on, at QoS 2, it was [MQTT-4.3.3-10]. */
  isNew({ qos, packetIdentifier = 0 }: Publish): boolean {
    if (qos < 2) return true
    const isNew = !this.#open.has(packetIdentifier)
    this.#open.add(packetIdentifier)
    return isNew
  }

  /** PUBREL has come. @returns whether there was such a message. */
  release(packetIdentifier: number): boolean {
    return this.#open.delete(packetIdentifier) // [MQTT-4.3.3-12]
  }

  clear(): void {
    this.#open.clear()
  }
}
