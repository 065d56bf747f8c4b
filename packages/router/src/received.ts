/**
 * The Packet Identifiers of inbound QoS 2 messages between PUBLISH and PUBREL (§4.3.3): while one is
 * held, a PUBLISH that carries it is a repetition and is not delivered again. Part of Session State.
 *
 * One bit an identifier, 8 KiB, made when the first is held: most sessions never do.
 */
export class Received {
  #bits: Uint32Array | null = null
  #count = 0

  /** How many are held. */
  get count(): number {
    return this.#count
  }

  has(packetIdentifier: number): boolean {
    const bits = this.#bits
    return bits !== null && (bits[packetIdentifier >> 5]! & (1 << (packetIdentifier & 31))) !== 0
  }

  /** @returns false where it is held already. */
  add(packetIdentifier: number): boolean {
    if (this.has(packetIdentifier)) return false
    this.#bits ??= new Uint32Array(2048)
    this.#bits[packetIdentifier >> 5]! |= 1 << (packetIdentifier & 31)
    this.#count++
    return true
  }

  /** @returns false where it is not held. */
  delete(packetIdentifier: number): boolean {
    if (!this.has(packetIdentifier)) return false
    this.#bits![packetIdentifier >> 5]! &= ~(1 << (packetIdentifier & 31))
    this.#count--
    return true
  }
}
