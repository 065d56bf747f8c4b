/**
 * Hands out Packet Identifiers in a circle, 1 to 65,535, so that one which has just become free is
 * the last to be used again.
 */
export class PacketIdentifiers {
  #last = 0

  /**
   * @param used - the identifiers in use; not all of them.
   * @returns one that is not.
   */
  take(used: { has(packetIdentifier: number): boolean }): number {
    do this.#last = (this.#last % 65_535) + 1
    while (used.has(this.#last))
    return this.#last
  }
}
