import { BufferPool, copyRange, type PooledBuffer } from '@promptmq/codec'
import type { Transport } from './transport/transport.ts'

const MEBIBYTE = 1024 * 1024

/**
 * Bytes of the buffers: for acknowledgements or a few messages, so that a fan-out to a hundred thousand
 * takes little; for more; for a chunk's worth of packets and what came before them.
 */
const SIZES = [512, 8 * 1024, 128 * 1024]
const LARGEST = 128 * 1024

/** Bytes of each size that wait to be borrowed, at most. */
const KEPT = 8 * MEBIBYTE

/** A range of a chunk that is at least so large may be written from where it lies. */
const WORTH_A_WRITE = 4 * 1024

/** What the WriteBuffers of a broker borrow from, smallest first. */
export type WritePools = readonly BufferPool<Buffer>[]

/** One a broker. */
export function writePools(): WritePools {
  return SIZES.map(
    (bufferSize) =>
      new BufferPool({
        bufferSize,
        maximumFree: KEPT / bufferSize,
        allocate: cutter(),
      }),
  )
}

/** Cuts small buffers out of large ones: the memory of a buffer of its own costs microseconds. */
function cutter(): (size: number) => Buffer {
  let whole = NOTHING
  let start = 0
  return (size) => {
    if (start + size > whole.length) {
      whole = Buffer.allocUnsafeSlow(LARGEST)
      start = 0
    }
    start += size
    return whole.subarray(start - size, start)
  }
}

const NOTHING = Buffer.alloc(0)
const NO_VIEW = new DataView(NOTHING.buffer, 0, 0)

/**
 * What one connection has to send and has not yet handed to its transport.
 *
 *   bytes   | packet | packet |  free ...  |   then   source  ...| packet | packet |...
 *           0               filled                               start           end
 *
 * Packets that are encoded lie in a borrowed buffer; packets that go on as they came are noted where
 * they lie, in the chunk that is being read, and neighbours are one range: they are copied together,
 * when something else follows them, or written from where they are. Everything leaves in one write.
 *
 * The buffer is borrowed with the first packet and goes back to its pool when the transport is done
 * with it. While there is nothing to send there is none. What is larger than the pool's buffers gets
 * memory of its own.
 */
export class WriteBuffer {
  /** Where {@link WriteBuffer.reserve} made room: read it again after every call. */
  bytes: Buffer = NOTHING
  /** Of all of `bytes`. */
  view: DataView = NO_VIEW
  #filled = 0
  #borrowed: PooledBuffer<Buffer> | null = null
  #source: Uint8Array = NOTHING
  #start = 0
  #end = 0
  #isGiven = false
  /** Buffers that the transport still reads, in order; `null`: memory of somebody else. */
  #written: (PooledBuffer<Buffer> | null)[] = []
  readonly #pools: WritePools
  readonly #transport: Transport

  constructor(pools: WritePools, transport: Transport) {
    this.#pools = pools
    this.#transport = transport
  }

  /** Bytes that wait for a flush. */
  get length(): number {
    return this.#filled + this.#end - this.#start
  }

  /** Makes room for `size` bytes behind what is there. @returns the offset of the first. */
  reserve(size: number): number {
    if (this.#end > this.#start) this.settle()
    if (this.#filled + size > this.bytes.length) this.#makeRoom(size)
    const offset = this.#filled
    this.#filled += size
    return offset
  }

  /**
   * Notes packets that lie in a chunk: it must not change until they are flushed or settled.
   * @param isGiven - it never changes, so that it may be written from.
   */
  refer(source: Uint8Array, start: number, end: number, isGiven: boolean): void {
    if (source === this.#source && start === this.#end) {
      this.#end = end
      return
    }
    if (this.#end > this.#start) this.settle()
    this.#source = source
    this.#start = start
    this.#end = end
    this.#isGiven = isGiven
  }

  /** Writes, behind all that is there, bytes that never change: they are not copied. */
  writeKept(source: Uint8Array, start: number, end: number): void {
    this.settle()
    this.#flushFilled()
    this.#write(source.subarray(start, end), null)
  }

  /** Copies what was noted: the chunk may change. */
  settle(): void {
    const source = this.#source
    const start = this.#start
    const end = this.#end
    this.#forget()
    if (start === end) return
    const offset = this.reserve(end - start)
    copyRange(this.bytes, this.view, offset, source, start, end)
  }

  /** Hands everything to the transport, in one write. */
  flush(): void {
    if (this.#filled === 0 && this.#isWorthAWrite) {
      const bytes = this.#source.subarray(this.#start, this.#end)
      this.#forget()
      this.#write(bytes, null)
      return
    }
    this.settle()
    this.#flushFilled()
  }

  /** The transport is done with the oldest write that it was not done with at once. */
  written(): void {
    const borrowed = this.#written.shift()
    if (borrowed) this.#release(borrowed)
  }

  /** The transport is closed. It may still read what it was given: that is nobody's any more. */
  closed(): void {
    for (const borrowed of this.#written.splice(0)) {
      if (borrowed !== null) this.#poolOf(borrowed).abandon(borrowed)
    }
    const borrowed = this.#forgetFilled()
    if (borrowed !== null) this.#release(borrowed)
    this.#forget()
  }

  /** What is written from where it lies keeps all of its chunk in memory meanwhile. */
  get #isWorthAWrite(): boolean {
    const size = this.#end - this.#start
    return this.#isGiven && size >= WORTH_A_WRITE && 2 * size >= this.#source.buffer.byteLength
  }

  #forget(): void {
    this.#source = NOTHING
    this.#start = 0
    this.#end = 0
  }

  #makeRoom(size: number): void {
    const former = this.#borrowed
    const filled = this.#filled
    if (former !== null && filled + size <= LARGEST) {
      this.#borrow(filled + size)
      copyRange(this.bytes, this.view, 0, former.bytes, 0, filled)
      this.#release(former)
      return
    }
    this.#flushFilled()
    if (size <= LARGEST) this.#borrow(size)
    else {
      this.bytes = Buffer.allocUnsafeSlow(size)
      this.view = new DataView(this.bytes.buffer)
    }
  }

  /** The smallest that has so much room. */
  #borrow(size: number): void {
    this.#borrowed = this.#pools.find(({ bufferSize }) => bufferSize >= size)!.take()
    this.bytes = this.#borrowed.bytes
    this.view = this.#borrowed.view
  }

  #flushFilled(): void {
    const { bytes } = this
    const filled = this.#filled
    if (filled === 0) return
    const borrowed = this.#forgetFilled()
    this.#write(filled === bytes.length ? bytes : bytes.subarray(0, filled), borrowed)
  }

  #forgetFilled(): PooledBuffer<Buffer> | null {
    const borrowed = this.#borrowed
    this.#filled = 0
    this.#borrowed = null
    this.bytes = NOTHING
    this.view = NO_VIEW
    return borrowed
  }

  #write(bytes: Uint8Array, borrowed: PooledBuffer<Buffer> | null): void {
    if (!this.#transport.write(bytes)) this.#written.push(borrowed)
    else if (borrowed !== null) this.#release(borrowed)
  }

  #release(borrowed: PooledBuffer<Buffer>): void {
    this.#poolOf(borrowed).release(borrowed)
  }

  #poolOf({ bytes }: PooledBuffer<Buffer>): BufferPool<Buffer> {
    return this.#pools.find(({ bufferSize }) => bufferSize === bytes.length)!
  }
}
