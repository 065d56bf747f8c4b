import { BufferPool, type PooledBuffer } from '@promptmq/codec'
import type { Transport } from './transport/transport.ts'

/** A pool of what WriteBuffers borrow. One a broker. */
export function writeBufferPool(): BufferPool<Buffer> {
  return new BufferPool({ allocate: (size) => Buffer.allocUnsafeSlow(size) })
}

const NOTHING = Buffer.alloc(0)

/**
 * What one connection has to send and has not yet handed to its transport.
 *
 *   bytes   | packet | packet | packet |  free  ...  |
 *           0                        length        the pool's bufferSize
 *
 * A buffer is borrowed with the first packet of a turn and written at its end, in one write however
 * many packets it holds. It goes back to the pool if the transport is done with it at once, else it
 * is the transport's. Between turns a connection has none. A packet larger than the pool's buffers
 * gets memory of its own.
 */
export class WriteBuffer {
  /** Where {@link WriteBuffer.reserve} made room: read it again after every call. */
  bytes: Buffer = NOTHING
  #length = 0
  #borrowed: PooledBuffer<Buffer> | null = null
  readonly #pool: BufferPool<Buffer>
  readonly #transport: Transport

  constructor(pool: BufferPool<Buffer>, transport: Transport) {
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
      this.#borrowed = size > this.#pool.bufferSize ? null : this.#pool.take()
      this.bytes = this.#borrowed?.bytes ?? Buffer.allocUnsafeSlow(size)
    }
    const offset = this.#length
    this.#length += size
    return offset
  }

  /** Hands everything to the transport, in one write. */
  flush(): void {
    if (this.#length === 0) return
    const bytes =
      this.#length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.#length)
    const borrowed = this.#borrowed
    this.#length = 0
    this.#borrowed = null
    this.bytes = NOTHING
    const isDone = this.#transport.write(bytes)
    if (borrowed === null) return
    if (isDone) this.#pool.release(borrowed)
    else this.#pool.abandon(borrowed)
  }
}
