/**
 * The Packet Identifiers of inbound QoS 2 messages between PUBLISH and PUBREL (§4.3.3): while one is
 * held, a PUBLISH that carries it is a repetition and is not delivered again. Part of Session State.
 *
 *   up to 32     a list, as long as it was ever needed: 16 to 64 bytes
 *   more         one bit an identifier, 8 KiB, until none is held
 *
 * Most sessions never hold any, and most others a few at a time.
 */
export class Received {
  /** Unordered. */
  #list = NO_IDENTIFIERS
  #bits: Uint32Array | null = null
  #count = 0

  /** How many are held. */
  get count(): number {
    return this.#count
  }

  has(packetIdentifier: number): boolean {
    const bits = this.#bits
    if (bits === null) return this.#indexOf(packetIdentifier) >= 0
    return (bits[packetIdentifier >> 5]! & (1 << (packetIdentifier & 31))) !== 0
  }

  /** @returns false where it is held already. */
  add(packetIdentifier: number): boolean {
    if (this.has(packetIdentifier)) return false
    if (this.#bits === null && this.#count === this.#list.length) this.#grow()
    if (this.#bits === null) this.#list[this.#count] = packetIdentifier
    else this.#bits[packetIdentifier >> 5]! |= 1 << (packetIdentifier & 31)
    this.#count++
    return true
  }

  /** @returns false where it is not held. */
  delete(packetIdentifier: number): boolean {
    const bits = this.#bits
    if (bits === null) {
      const index = this.#indexOf(packetIdentifier)
      if (index < 0) return false
      this.#list[index] = this.#list[--this.#count]!
      return true
    }
    if (!this.has(packetIdentifier)) return false
    bits[packetIdentifier >> 5]! &= ~(1 << (packetIdentifier & 31))
    if (--this.#count === 0) this.#bits = null
    return true
  }

  #indexOf(packetIdentifier: number): number {
    const list = this.#list
    for (let i = 0; i < this.#count; i++) if (list[i] === packetIdentifier) return i
    return -1
  }

  #grow(): void {
    const list = this.#list
    if (list.length < LONGEST_LIST) {
      this.#list = new Uint16Array(Math.max(8, list.length * 2))
      this.#list.set(list)
      return
    }
    this.#bits = new Uint32Array(2048)
    for (const held of list) this.#bits[held >> 5]! |= 1 << (held & 31)
  }
}

const LONGEST_LIST = 32

/** What a session begins with. */
const NO_IDENTIFIERS = new Uint16Array(0)
