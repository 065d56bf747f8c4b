import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Transport, TransportReceiver } from './transport.ts'

/** A Transport over any Node stream: a TCP, TLS or unix socket, a WebSocket's stream, a pair in a test. */
export class DuplexTransport implements Transport {
  readonly remoteAddress: string
  readonly #stream: Duplex
  /** What a socket read is new memory; another stream may pass on its writer's. */
  readonly givesChunks: boolean
  /** A plain socket has copied the bytes once nothing is pending; other streams may keep them. */
  readonly #copiesOnWrite: boolean
  #receiver: TransportReceiver | null = null
  #isWritable = true
  /** Writes that were done at once, whose callbacks are still to come: they come first. */
  #doneCount = 0
  #error: Error | undefined

  constructor(stream: Duplex) {
    this.#stream = stream
    this.givesChunks = stream instanceof Socket
    this.#copiesOnWrite = stream instanceof Socket && !('encrypted' in stream)
    this.remoteAddress = describePeer(stream)
  }

  get pendingBytes(): number {
    return this.#stream.writableLength
  }

  get writable(): boolean {
    return this.#isWritable
  }

  start(receiver: TransportReceiver): void {
    const stream = this.#stream
    this.#receiver = receiver
    stream.on('error', (error) => {
      this.#error ??= error
    })
    stream.on('close', () => receiver.closed(this.#error))
    stream.on('drain', () => {
      this.#isWritable = true
      receiver.drained()
    })
    stream.on('data', (chunk: Uint8Array) => receiver.received(chunk))
    // With half-open sockets allowed, nobody else answers the peer's end.
    stream.on('end', () => stream.end())
    if (stream.destroyed) queueMicrotask(() => receiver.closed(this.#error))
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream
    if (!stream.writable) return true
    this.#isWritable = stream.write(bytes, this.#written)
    const isDone = this.#copiesOnWrite && stream.writableLength === 0
    if (isDone) this.#doneCount++
    return isDone
  }

  /** One for all writes: a callback for each would be one more object. */
  readonly #written = (): void => {
    if (this.#doneCount > 0) this.#doneCount--
    else this.#receiver?.written()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  end(): void {
    this.#stream.end()
  }

  destroy(): void {
    this.#stream.destroy()
  }
}

/** What a peer is called: address and port where the stream has them. */
export function describePeer(stream: Duplex): string {
  const { remoteAddress, remotePort } = stream as Partial<Socket>
  if (remoteAddress === undefined) return 'local'
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
  return `${host}:${remotePort}`
}
