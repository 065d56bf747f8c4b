import type { Transport } from './transport/transport.ts'

/** Enough for a turn of most connections; a packet larger than this gets memory of its own. */
const SLAB_SIZE = 64 * 1024

/** Slabs that wait for somebody who has something to write. One pool a broker, bounded. */
export class SlabPool {
  readonly #free: Buffer[] = []
  readonly #maximumFree: number

  constructor(maximumFree = 64) {
    this.#maximumFree = maximumFree
  }

  get freeCount(): number {
    return this.#free.length
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_SIZE)
  }

  give(slab: Buffer): void {
    if (slab.length === SLAB_SIZE && this.#free.length < this.#maximumFree) this.#free.push(slab)
  }
}

const NOTHING = Buffer.alloc(0)

/**
 * What one connection has to send and has not yet handed to its transport.
 *
 *   bytes   | packet | packet | packet |  free  ...  |
 *           0                        length        SLAB_SIZE
 *
 * A slab is borrowed with the first packet of a turn and written at its end, in one write however
 * many packets it holds. It goes back to the pool if the transport is done with it at once, else it
 * is the transport's. Between turns a connection has none.
 */
export class WriteBuffer {
  /** Where {@link WriteBuffer.reserve} made room: read it again after every call. */
  bytes: Buffer = NOTHING
  #length = 0
  readonly #pool: SlabPool
  readonly #transport: Transport

  constructor(pool: SlabPool, transport: Transport) {
    this.#pool = pool
    this.#transport = transport
  }

  get length(): number {
    return this.#length
  }

  /** Makes room for `size` bytes behind what is there. @returns the offset of the first. */
  reserve(size: number): number {
    if (this.#length + size > this.bytes.length) {
      this.flush()
      this.bytes = size > SLAB_SIZE ? Buffer.allocUnsafeSlow(size) : this.#pool.take()
    }
    const offset = this.#length
    this.#length += size
    return offset
  }

  /** Hands everything to the transport, in one write. */
  flush(): void {
    if (this.#length === 0) return
    const { bytes } = this
    const isDone = this.#transport.write(
      this.#length === bytes.length ? bytes : bytes.subarray(0, this.#length),
    )
    this.#length = 0
    this.bytes = NOTHING
    if (isDone) this.#pool.give(bytes)
  }
}
