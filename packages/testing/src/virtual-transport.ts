import type { Transport, TransportReceiver } from '@promptmq/broker'

/**
 * A connection without a socket, seen from the client's side: what {@link VirtualTransport.send} is
 * given reaches the broker at once, what the broker writes is kept in {@link VirtualTransport.taken}.
 *
 * Each chunk is lent as the Transport contract says: it is overwritten when the call returns, so a
 * broker that kept a view of it is found out. Told so, it gives its chunks, and reads what is written
 * only when it is taken: a broker that writes over bytes too soon is found out as well.
 */
export class VirtualTransport implements Transport {
  readonly remoteAddress: string
  readonly givesChunks: boolean
  readonly #readsLate: boolean
  #receiver: TransportReceiver | null = null
  #output: Uint8Array[] = []
  #stalled: Uint8Array[] = []
  #isStalled = false
  #input: Uint8Array[] = []
  #isPaused = false
  #isEnded = false
  #isClosed = false
  /** Calls of {@link VirtualTransport.write}. */
  writeCount = 0

  constructor(
    remoteAddress = 'virtual',
    { givesChunks = false, readsLate = false }: { givesChunks?: boolean; readsLate?: boolean } = {},
  ) {
    this.remoteAddress = remoteAddress
    this.givesChunks = givesChunks
    this.#readsLate = readsLate
  }

  /** The broker ended the connection; what it wrote before may still be read. */
  get isEnded(): boolean {
    return this.#isEnded || this.#isClosed
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get pendingBytes(): number {
    return this.#stalled.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  /** Something was written that {@link VirtualTransport.taken} has not given out yet. */
  get hasOutput(): boolean {
    return this.#output.length > 0
  }

  get writable(): boolean {
    return this.#stalled.length === 0
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver
  }

  write(bytes: Uint8Array): boolean {
    if (this.isEnded) return true
    this.writeCount++
    const list = this.#isStalled ? this.#stalled : this.#output
    if (this.#readsLate) {
      list.push(bytes)
      return false
    }
    list.push(Uint8Array.from(bytes))
    return true
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    while (!this.#isPaused && !this.isEnded && this.#input.length > 0) {
      this.#give(this.#input.shift()!)
    }
  }

  end(): void {
    if (this.isEnded) return
    this.#isEnded = true
    queueMicrotask(() => this.close())
  }

  destroy(): void {
    this.close()
  }

  /** The client sends. While the broker reads nothing, the bytes wait, as in a socket. */
  send(bytes: Uint8Array): void {
    if (this.isEnded) return
    if (this.#isPaused) this.#input.push(Uint8Array.from(bytes))
    else this.#give(bytes)
  }

  /** The client reads nothing until {@link VirtualTransport.unstall}. */
  stall(): void {
    this.#isStalled = true
  }

  unstall(): void {
    this.#isStalled = false
    this.#output.push(...this.#stalled)
    this.#stalled = []
    if (!this.isEnded) this.#receiver?.drained()
  }

  /** The connection is gone, as both sides see it. @param error - how it broke. */
  close(error?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#receiver?.closed(error)
  }

  /** What the broker wrote since the last call. */
  taken(): Uint8Array {
    const output = this.#output
    this.#output = []
    const bytes = new Uint8Array(Buffer.concat(output))
    if (this.#readsLate) for (const _ of output) this.#receiver?.written()
    return bytes
  }

  #give(bytes: Uint8Array): void {
    const chunk = Uint8Array.from(bytes)
    this.#receiver?.received(chunk)
    if (!this.givesChunks) chunk.fill(0xa5)
  }
}
