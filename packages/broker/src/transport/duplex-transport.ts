import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Transport, TransportReceiver } from './transport.ts'

/** A Transport over any Node stream: a TCP, TLS or unix socket, a WebSocket's stream, a pair in a test. */
export class DuplexTransport implements Transport {
  readonly remoteAddress: string
  readonly #stream: Duplex
  /** A plain socket has copied the bytes once nothing is pending; other streams may keep them. */
  readonly #copiesOnWrite: boolean
  #error: Error | undefined

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#copiesOnWrite = stream instanceof Socket && !('encrypted' in stream)
    this.remoteAddress = describePeer(stream)
  }

  get pendingBytes(): number {
    return this.#stream.writableLength
  }

  get writable(): boolean {
    return !this.#stream.writableNeedDrain
  }

  start(receiver: TransportReceiver): void {
    const stream = this.#stream
    stream.on('error', (error) => {
      this.#error ??= error
    })
    stream.on('close', () => receiver.closed(this.#error))
    stream.on('drain', () => receiver.drained())
    stream.on('data', (chunk: Uint8Array) => receiver.received(chunk))
    // With half-open sockets allowed, nobody else answers the peer's end.
    stream.on('end', () => stream.end())
    if (stream.destroyed) queueMicrotask(() => receiver.closed(this.#error))
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream
    if (!stream.writable) return true
    stream.write(bytes)
    return this.#copiesOnWrite && stream.writableLength === 0
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

function describePeer(stream: Duplex): string {
  const { remoteAddress, remotePort } = stream as Partial<Socket>
  if (remoteAddress === undefined) return 'local'
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
  return `${host}:${remotePort}`
}
