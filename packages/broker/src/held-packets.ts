import type { Message } from '@promptmq/router'

/** A QoS 0 PUBLISH that waits. */
export interface HeldPacket {
  /** In bytes. */
  readonly size: number
  /** The packet itself, where it goes on as it came; else what it is to be made from. */
  readonly content: Uint8Array | Message
  readonly retain: boolean
  readonly identifiers: readonly number[]
}

/**
 * QoS 0 packets of a connection that reads too slowly, where the oldest are to go first: what has been
 * handed to a socket cannot be taken back, so they wait here. Bounded in bytes.
 */
export class HeldPackets {
  #packets: HeldPacket[] = []
  #head = 0
  #byteSize = 0

  get byteSize(): number {
    return this.#byteSize
  }

  get isEmpty(): boolean {
    return this.#head === this.#packets.length
  }

  /** @returns how many were dropped for it; where it is larger than all that may wait, itself. */
  push(packet: HeldPacket, maximumBytes: number): number {
    if (packet.size > maximumBytes) return 1
    let droppedCount = 0
    while (this.#byteSize + packet.size > maximumBytes) {
      this.shift()
      droppedCount++
    }
    this.#packets.push(packet)
    this.#byteSize += packet.size
    return droppedCount
  }

  /** The oldest. */
  shift(): HeldPacket | undefined {
    const packet = this.#packets[this.#head]
    if (packet === undefined) return undefined
    this.#head++
    this.#byteSize -= packet.size
    if (this.#head === this.#packets.length || this.#head >= 1024) {
      this.#packets = this.#packets.slice(this.#head)
      this.#head = 0
    }
    return packet
  }
}
