import { checkInteger, stateError } from './misuse.ts'

/** What {@link BufferPool} takes; every field may be left out. */
export interface BufferPoolOptions<Bytes extends Uint8Array> {
  /** Of each buffer, in bytes, 64 to 2^30; default 65,536. */
  readonly bufferSize?: number | undefined
  /** Buffers that are kept for the next who wants one, 0 to 65,536; default 64. */
  readonly maximumFree?: number | undefined
  /** Makes a buffer; Node's `Buffer.allocUnsafeSlow` where its bytes need not be 0. */
  readonly allocate?: ((size: number) => Bytes) | undefined
}

/** A buffer of a pool, for as long as it is lent. */
export class PooledBuffer<Bytes extends Uint8Array = Uint8Array> {
  readonly bytes: Bytes
  /** Of all of `bytes`, for who writes more than one byte at a time. */
  readonly view: DataView
  /** Whether somebody has it; the pool's to set. */
  isLent = false

  constructor(bytes: Bytes) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

/**
 * Buffers of one size that are used over and over, so that encoding makes none.
 *
 *   take()  free -> lent        release()  lent -> free, up to `maximumFree`, else gone
 *                               abandon()  lent -> gone: somebody else still reads its bytes
 *
 * Bounded in what it keeps; how many are lent at once is the borrowers' matter, and `lentCount` tells.
 * The buffer that came back last is lent first: it is the one in the processor's cache.
 *
 * @example
 * ```ts
 * import { BufferPool, encodePingresp } from '@promptmq/codec'
 *
 * const pool = new BufferPool({ bufferSize: 4096 })
 * const buffer = pool.take()
 * const end = encodePingresp(buffer.bytes, 0)
 * console.log(buffer.bytes.subarray(0, end)) // d0 00
 * pool.release(buffer)
 * ```
 */
export class BufferPool<Bytes extends Uint8Array = Uint8Array> {
  readonly bufferSize: number
  readonly #maximumFree: number
  readonly #allocate: (size: number) => Bytes
  readonly #free: PooledBuffer<Bytes>[] = []
  #lentCount = 0

  /** @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`. */
  constructor(options: BufferPoolOptions<Bytes> = {}) {
    const { bufferSize = 65_536, maximumFree = 64, allocate } = options
    checkInteger('ERR_PROMPTMQ_OPTION', 'bufferSize', bufferSize, 64, 2 ** 30)
    checkInteger('ERR_PROMPTMQ_OPTION', 'maximumFree', maximumFree, 0, 65_536)
    this.bufferSize = bufferSize
    this.#maximumFree = maximumFree
    this.#allocate = allocate ?? ((size) => new Uint8Array(size) as Uint8Array as Bytes)
  }

  /** Buffers that were taken and neither released nor abandoned. */
  get lentCount(): number {
    return this.#lentCount
  }

  /** Buffers that wait to be taken. */
  get freeCount(): number {
    return this.#free.length
  }

  /** Lends a buffer. Its bytes are whatever was left in them. */
  take(): PooledBuffer<Bytes> {
    const buffer = this.#free.pop() ?? new PooledBuffer(this.#allocate(this.bufferSize))
    buffer.isLent = true
    this.#lentCount++
    return buffer
  }

  /**
   * Takes a buffer back: nobody may read or write its bytes any more.
   *
   * @throws Error with code `ERR_PROMPTMQ_STATE` for one that is not lent.
   */
  release(buffer: PooledBuffer<Bytes>): void {
    this.abandon(buffer)
    if (this.#free.length < this.#maximumFree) this.#free.push(buffer)
  }

  /**
   * Gives a buffer up whose bytes somebody still reads: they are garbage when that is over.
   *
   * @throws Error with code `ERR_PROMPTMQ_STATE` for one that is not lent.
   */
  abandon(buffer: PooledBuffer<Bytes>): void {
    if (!buffer.isLent)
      throw stateError('buffer', 'is not lent: it was released or abandoned before')
    buffer.isLent = false
    this.#lentCount--
  }
}
