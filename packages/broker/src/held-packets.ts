/**
 * QoS 0 packets of a connection that reads too slowly, where the oldest are to go first: what has been
 * handed to a socket cannot be taken back, so they wait here. Bounded in bytes.
 */
export class HeldPackets {
  #packets: Uint8Array[] = []
  #head = 0
  #byteSize = 0

  get byteSize(): number {
    return this.#byteSize
  }

  get isEmpty(): boolean {
    return this.#head === this.#packets.length
  }

  /** @returns how many were dropped for it; where it is larger than all that may wait, itself. */
  push(packet: Uint8Array, maximumBytes: number): number {
    if (packet.length > maximumBytes) return 1
    let droppedCount = 0
    while (this.#byteSize + packet.length > maximumBytes) {
      this.shift()
      droppedCount++
    }
    this.#packets.push(packet)
    this.#byteSize += packet.length
    return droppedCount
  }

  /** The oldest. */
  shift(): Uint8Array | undefined {
    const packet = this.#packets[this.#head]
    if (packet === undefined) return undefined
    this.#head++
    this.#byteSize -= packet.length
    if (this.#head === this.#packets.length || this.#head >= 1024) {
      this.#packets = this.#packets.slice(this.#head)
      this.#head = 0
    }
    return packet
  }
}
