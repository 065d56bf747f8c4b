import { setTimeout as sleep } from 'node:timers/promises'
import { connectPacket, subscribePacket, type Version } from './packets.ts'
import { Peer } from './peer.ts'

const TICK_MS = 10

/** A client that subscribes to one wildcard filter after another, none of which matches what is sent. */
export class Churn {
  readonly #peer: Peer
  readonly #version: Version
  #count = 0

  constructor(port: number, version: Version) {
    this.#version = version
    this.#peer = new Peer(port, { packet: () => {}, batch: () => {} })
    this.#peer.socket.write(connectPacket(version, 'churn', 65_535))
  }

  /** Adds filters, evenly over a time. */
  async add(count: number, ms: number): Promise<void> {
    const begin = performance.now()
    for (let added = 0; added < count; ) {
      await sleep(TICK_MS)
      const due = Math.min(count, Math.floor(((performance.now() - begin) / ms) * count))
      const packets: Buffer[] = []
      for (; added < due; added++) {
        this.#count++
        const filter = `site/${this.#count}/+/load/#`
        packets.push(subscribePacket(this.#version, (this.#count % 65_535) + 1, filter, 0))
      }
      if (packets.length > 0) this.#peer.socket.write(Buffer.concat(packets))
    }
    await sleep(Math.max(0, ms - (performance.now() - begin)))
    this.#peer.socket.destroy()
  }
}
