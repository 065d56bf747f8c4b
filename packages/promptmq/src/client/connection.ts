import { connect, type Socket } from 'node:net'
import {
  DecodeContext,
  decode,
  encode,
  FAULTS,
  Fault,
  PACKET_NAMES,
  type Packet,
  PacketDecoder,
  type PacketInput,
  ProtocolError,
  ReasonCode,
  Sender,
} from '@promptmq/codec'
import { reasonOf, systemErrorOf } from '../system-error.ts'
import { ClientError } from './client-error.ts'
import { type Address, formatAddress } from './connect-options.ts'

/** A message may have more User Properties and levels than a server would take from strangers. */
const LIMITS = { maximumUserProperties: 65_535, maximumTopicLevels: 65_535 }
const CODEC = { protocolVersion: 5, sender: Sender.Server, ...LIMITS } as const

/** Bytes that may wait to be written before {@link Connection.drained} waits. */
const WRITE_LIMIT = 1024 * 1024

/** How long the server has to close its end after DISCONNECT. */
const CLOSE_TIMEOUT_MS = 2000

/**
 * MQTT 5 packets over a socket: what arrives is decoded and handed on, what is sent is encoded and
 * written, once per turn of the event loop.
 *
 *   open() --> [ onPacket ... send ... ] --> end() by us | fail() | the server closes --> closed
 *
 * Invariant: `closed` settles exactly once, and no packet is handed on afterwards.
 */
export class Connection {
  /** `host:port`, for messages. */
  readonly place: string
  /** Takes each packet, within the call that decodes it: its payload is a view, valid until then. */
  onPacket: (packet: Packet) => void = () => {}
  /** Fulfilled with the reason when the connection has ended, undefined after {@link end}. */
  readonly closed: Promise<ClientError | undefined>

  readonly #socket: Socket
  readonly #decoder = new PacketDecoder(new DecodeContext(CODEC))
  readonly #log: (line: string) => void
  readonly #settle: (error: ClientError | undefined) => void
  #isOver = false
  #isPaused = false
  #keepAliveTimer: NodeJS.Timeout | undefined
  #sentAt = 0
  #isPingPending = false

  private constructor(socket: Socket, place: string, log: (line: string) => void) {
    const { promise, resolve } = Promise.withResolvers<ClientError | undefined>()
    this.place = place
    this.closed = promise
    this.#settle = resolve
    this.#socket = socket
    this.#log = log
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#over(lost(place, error)))
    socket.on('close', () => this.#over(new ClientError(`${place} closed the connection`)))
  }

  /**
   * @param log - told of every packet.
   * @throws ClientError when there is no connection, or `signal` is aborted before there is.
   */
  static open(
    address: Address,
    signal: AbortSignal,
    log: (line: string) => void,
  ): Promise<Connection> {
    const place = formatAddress(address)
    return new Promise((resolve, reject) => {
      const socket = connect({ ...address, noDelay: true })
      const abort = (): void => {
        socket.destroy()
        reject(new ClientError(`cannot connect to ${place}: no answer in time`))
      }
      const fail = (error: Error): void => {
        signal.removeEventListener('abort', abort)
        const systemError = systemErrorOf(error)
        const reason = systemError === undefined ? error.message : reasonOf(systemError)
        reject(new ClientError(`cannot connect to ${place}: ${reason}`))
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      socket.once('error', fail)
      socket.once('connect', () => {
        signal.removeEventListener('abort', abort)
        socket.off('error', fail)
        resolve(new Connection(socket, place, log))
      })
    })
  }

  /**
   * Sends one packet. What is sent after the connection has ended goes nowhere.
   *
   * @param maximumSize - what the server takes, in bytes.
   * @throws ClientError when the packet is larger [MQTT-3.2.2-15], TypeError or RangeError of the
   *   codec when it cannot be encoded.
   */
  send(packet: PacketInput, maximumSize = Number.POSITIVE_INFINITY): void {
    const bytes = encode(packet, { protocolVersion: 5 })
    if (bytes.length > maximumSize) {
      throw new ClientError(
        `${this.place} takes packets of at most ${maximumSize} bytes, this ${packet.type} has ${bytes.length}`,
      )
    }
    if (this.#isOver) return
    this.#log(`sending ${describePacket(packet)}`)
    this.#sentAt = Date.now()
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#socket.uncork())
    }
    this.#socket.write(bytes)
  }

  /** Fulfilled when there is room for more to send, or the connection has ended. */
  async drained(): Promise<void> {
    if (this.#isOver || this.#socket.writableLength < WRITE_LIMIT) return
    const drain = new Promise<void>((resolve) => this.#socket.once('drain', resolve))
    await Promise.race([drain, this.closed])
  }

  /** Hands on no packet, and reads nothing more, until {@link resume}. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  /** Goes on where {@link pause} stopped; what has arrived already is handed on within the call. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#takePackets()
    if (!this.#isPaused) this.#socket.resume()
  }

  /** Pings whenever nothing else was sent for half of `seconds`, and expects an answer. */
  keepAlive(seconds: number): void {
    if (seconds === 0 || this.#isOver) return
    const halfMs = seconds * 500
    this.#keepAliveTimer = setInterval(() => {
      if (this.#isPingPending) {
        this.fail(new ClientError(`${this.place} has not answered for ${seconds} s`))
      } else if (Date.now() - this.#sentAt >= halfMs - 1) {
        this.#isPingPending = true
        this.send({ type: 'pingreq' }) // [MQTT-3.1.2-20]
      }
    }, halfMs)
  }

  /**
   * Ends the connection in good order: all that was sent is written, then `lastPacket`.
   *
   * @returns when the connection is closed; the server has two seconds for its part.
   */
  async end(lastPacket: PacketInput): Promise<void> {
    if (this.#isOver) return
    this.send(lastPacket)
    this.#over(undefined) // [MQTT-3.14.4-1]
    this.#socket.resume()
    const isClosed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS)
    this.#socket.end() // [MQTT-3.14.4-2]
    await isClosed
    clearTimeout(timer)
  }

  /** Ends it because of `error`. With a Reason Code the server is told. */
  fail(error: ClientError, reasonCode?: number): void {
    if (this.#isOver) return
    if (reasonCode !== undefined) this.send({ type: 'disconnect', reasonCode, properties: {} })
    this.#over(error)
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref()
    this.#socket.end(() => this.#socket.destroy())
  }

  #over(error: ClientError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#keepAliveTimer)
    this.#settle(error)
  }

  #receive(chunk: Uint8Array): void {
    if (this.#isOver) return
    this.#decoder.push(chunk)
    this.#takePackets()
  }

  #takePackets(): void {
    const decoder = this.#decoder
    // A packet that was handed on may have been the last one wanted, or the last one for now.
    while (!this.#isOver && !this.#isPaused && decoder.next() !== 0) {
      const packet = this.#decodeCurrent()
      if (packet === undefined) return
      this.#log(`received ${describePacket(packet)}`)
      if (packet.type === 'pingresp') this.#isPingPending = false
      this.onPacket(packet)
    }
    if (this.#isPaused) decoder.keep()
    if (decoder.fault !== Fault.None) {
      const packetName = PACKET_NAMES[decoder.type] ?? 'packet'
      const { text, reasonCode } = FAULTS[decoder.fault]!
      this.#broken(`${packetName}: ${text}`, reasonCode)
    }
  }

  #decodeCurrent(): Packet | undefined {
    const { bytes, packetStart, end } = this.#decoder
    try {
      return decode(bytes.subarray(packetStart, end), CODEC)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#broken(error.message, error.reasonCode)
      return undefined
    }
  }

  #broken(what: string, reasonCode: number): void {
    const tellable =
      reasonCode === ReasonCode.PacketTooLarge ? reasonCode : ReasonCode.MalformedPacket
    this.fail(new ClientError(`${this.place} does not keep to MQTT 5: ${what}`), tellable)
  }
}

function lost(place: string, error: Error): ClientError {
  const systemError = systemErrorOf(error)
  const reason = systemError === undefined ? error.message : reasonOf(systemError)
  return new ClientError(`the connection to ${place} is lost: ${reason}`)
}

/** `PUBLISH (q1, m7, 'plant/3/temp', 4 bytes)`, for who debugs. */
function describePacket(packet: Packet | PacketInput): string {
  const name = packet.type.toUpperCase()
  const parts: string[] = []
  if (packet.type === 'publish') parts.push(`q${packet.qos ?? 0}`)
  if ('packetIdentifier' in packet && packet.packetIdentifier !== undefined) {
    parts.push(`m${packet.packetIdentifier}`)
  }
  if (packet.type === 'publish') {
    parts.push(`'${packet.topicName}'`, `${packet.payload?.length ?? 0} bytes`)
  }
  return parts.length === 0 ? name : `${name} (${parts.join(', ')})`
}
