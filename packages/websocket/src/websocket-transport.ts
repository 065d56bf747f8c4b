/**
 * A Transport over one WebSocket (§6): each flush is one binary frame, and what comes in binary frames
 * is handed on as a stream of bytes, since packets do not keep to frames [MQTT-6.0.0-2].
 *
 *   peer --> socket --> ws: frames, unmasked in place --> receiver.received, fragment by fragment
 *   peer <-- socket <-- ws: a header before the bytes  <-- write
 *
 * ws shows a message when it is whole, and holds what is there of it until then. Until the broker has
 * answered, nobody knows the peer, and it may have no more held than it could over TCP: as much as a
 * CONNECT may be large. A first message beyond that is refused; after it, the peer is not read from
 * until the answer is out.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Transport, TransportReceiver } from '@promptmq/broker'
import { describePeer } from '@promptmq/broker/internal'
import { WebSocket } from 'ws'

/** What a WebSocketTransport goes by. */
export interface WebSocketTransportOptions {
  /** Bytes that a peer may have sent and not finished before the broker has answered it. */
  readonly maximumUnknownBytes: number
  readonly clock: Clock
}

/** Status codes of a close frame (RFC 6455, §7.4.1). */
const NORMAL = 1000
const UNSUPPORTED_DATA = 1003
const TOO_BIG = 1009

/** Messages of one round of the event loop: the smallest ones cost more than their bytes tell. */
const MOST_MESSAGES = 512

/** Bytes of the frames themselves, which a first message may have beside its CONNECT. */
const FRAMES_SIZE = 1024

/** Carries MQTT over one WebSocket that is open; see the head of this file. */
export class WebSocketTransport implements Transport {
  readonly remoteAddress: string
  /** A message is a view of what the socket read, or memory of its own: ws keeps neither. */
  readonly givesChunks = true
  readonly #webSocket: WebSocket
  readonly #stream: Duplex
  readonly #clock: Clock
  readonly #maximumUnknownBytes: number
  /** A plain socket has copied the bytes once nothing is pending; TLS may keep them. */
  readonly #copiesOnWrite: boolean
  #receiver: TransportReceiver | null = null
  #error: Error | undefined
  /** Writes that were done at once, whose callbacks are still to come: they come first. */
  #doneCount = 0
  /** Chunks of the socket since the one that ended a message. Counted until the broker answers. */
  #unfinishedBytes = 0
  #isMessageEnded = false
  #messageCount = 0
  #hasReceived = false
  #isAnswered = false
  /** Nothing that still comes counts. */
  #isOver = false
  /** Three reasons not to read; see {@link WebSocketTransport.#flow}. */
  #isPaused = false
  #isHeld = false
  #isYielding = false

  /**
   * @param webSocket - open, and nothing was read from it yet.
   * @param stream - what it goes over.
   */
  constructor(
    webSocket: WebSocket,
    stream: Duplex,
    { maximumUnknownBytes, clock }: WebSocketTransportOptions,
  ) {
    this.#webSocket = webSocket
    this.#stream = stream
    this.#clock = clock
    this.#maximumUnknownBytes = maximumUnknownBytes + FRAMES_SIZE
    this.#copiesOnWrite = stream instanceof Socket && !('encrypted' in stream)
    this.remoteAddress = describePeer(stream)
    webSocket.binaryType = 'fragments'
    // From now on: a connection too many is destroyed without being started.
    webSocket.on('error', this.#failed)
    stream.on('error', this.#failed)
  }

  get pendingBytes(): number {
    return this.#webSocket.bufferedAmount
  }

  get writable(): boolean {
    return !this.#stream.writableNeedDrain
  }

  start(receiver: TransportReceiver): void {
    const webSocket = this.#webSocket
    const stream = this.#stream
    this.#receiver = receiver
    webSocket.on('message', (data, isBinary) => {
      if (!isBinary)
        this.#refuse(UNSUPPORTED_DATA, 'a text frame') // [MQTT-6.0.0-1]
      else this.#received(data as Buffer[])
    })
    webSocket.on('pong', () => this.#countMessage())
    webSocket.on('close', () => receiver.closed(this.#error))
    stream.on('drain', () => receiver.drained())
    // After ws, which shows the messages that a chunk ends.
    stream.on('data', this.#count)
  }

  write(bytes: Uint8Array): boolean {
    const webSocket = this.#webSocket
    if (webSocket.readyState !== WebSocket.OPEN) return true
    if (!this.#isAnswered) this.#answered()
    webSocket.send(bytes, this.#written)
    const isDone = this.#copiesOnWrite && webSocket.bufferedAmount === 0
    if (isDone) this.#doneCount++
    return isDone
  }

  pause(): void {
    this.#isPaused = true
    this.#flow()
  }

  resume(): void {
    this.#isPaused = false
    this.#flow()
  }

  end(): void {
    this.#close(NORMAL)
  }

  destroy(): void {
    this.#webSocket.terminate()
  }

  /** One for all writes: a callback for each would be one more object. */
  readonly #written = (): void => {
    if (this.#doneCount > 0) this.#doneCount--
    else this.#receiver?.written()
  }

  readonly #failed = (error: Error): void => {
    this.#error ??= error
  }

  readonly #count = (chunk: Uint8Array): void => {
    this.#unfinishedBytes = this.#isMessageEnded ? 0 : this.#unfinishedBytes + chunk.length
    this.#isMessageEnded = false
    if (this.#unfinishedBytes <= this.#maximumUnknownBytes) return
    if (!this.#hasReceived) this.#refuse(TOO_BIG, 'a first message larger than a CONNECT may be')
    this.#isHeld = true
    this.#webSocket.pause()
  }

  #received(fragments: readonly Buffer[]): void {
    this.#isMessageEnded = true
    this.#hasReceived = true
    this.#countMessage()
    for (const fragment of fragments) {
      if (!this.#isOver) this.#receiver?.received(fragment)
    }
  }

  #answered(): void {
    this.#isAnswered = true
    this.#isHeld = false
    this.#stream.off('data', this.#count)
    this.#flow()
  }

  /** The broker counts bytes; what comes in crumbs, or has none, is counted here. */
  #countMessage(): void {
    if (++this.#messageCount < MOST_MESSAGES || this.#isYielding) return
    this.#isYielding = true
    this.#flow()
    this.#clock.defer(() => {
      this.#messageCount = 0
      this.#isYielding = false
      this.#flow()
    })
  }

  #flow(): void {
    const isUnread = !this.#isOver && (this.#isPaused || this.#isYielding)
    if (isUnread || this.#isHeld) this.#webSocket.pause()
    else this.#webSocket.resume()
  }

  #refuse(code: number, why: string): void {
    this.#error ??= new Error(why)
    this.#close(code)
  }

  /** The peer's own close frame, which may be behind much else, is read to the end. */
  #close(code: number): void {
    this.#isOver = true
    this.#webSocket.close(code)
    this.#flow()
  }
}
