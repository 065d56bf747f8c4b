import type { Flow, Waiting } from './flow.ts'
import { connectPacket, microseconds, publishTemplate, type QoS, type Version } from './packets.ts'
import { type PacketReceiver, Peer } from './peer.ts'
import { stamp, type Tally } from './tally.ts'

/** Batches that are written before others get a turn. */
const BATCHES_A_TURN = 8
const ANSWERS_SIZE = 65_536

export interface PublisherOptions {
  readonly version: Version
  readonly payloadSize: number
  /** Messages unacknowledged at once, above QoS 0. */
  readonly window: number
  /** Bytes of a write, at most; at least one message. */
  readonly batchSize: number
  /** See {@link Peer}. */
  readonly little: number
  readonly tally: Tally
  readonly flow: Flow
  readonly ready: () => void
}

/**
 * Sends messages as fast as they are taken, or as it is told. A batch is made once, of the same packet
 * many times over; before each write it gets new stamps and identifiers, no more.
 */
export class Publisher implements PacketReceiver, Waiting {
  readonly #peer: Peer
  readonly #index: number
  readonly #qos: QoS
  readonly #options: PublisherOptions
  readonly #batch: Buffer
  readonly #packetSize: number
  readonly #payloadStart: number
  readonly #identifierStart: number
  readonly #perBatch: number
  #answers = Buffer.allocUnsafe(ANSWERS_SIZE)
  #answersSize = 0
  #identifier = 0
  #sequence = 0
  #inflight = 0
  /** Messages that may still be sent; `Infinity` in a flood. */
  #allowance = 0
  #isScheduled = false
  /** The socket has not taken all of the last batch. */
  #isBlocked = false

  constructor(port: number, index: number, topicName: string, qos: QoS, options: PublisherOptions) {
    this.#index = index
    this.#qos = qos
    this.#options = options
    const { version, payloadSize, batchSize, window } = options
    const template = publishTemplate(version, topicName, qos, payloadSize)
    this.#packetSize = template.packet.length
    this.#payloadStart = template.payloadStart
    this.#identifierStart = template.identifierStart
    const fitting = Math.max(1, Math.floor(batchSize / this.#packetSize))
    this.#perBatch = qos === 0 ? fitting : Math.min(fitting, window)
    this.#batch = Buffer.concat(new Array<Buffer>(this.#perBatch).fill(template.packet))
    this.#peer = new Peer(port, this, 65_536, options.little)
    this.#peer.socket.on('drain', () => {
      if (this.#isBlocked) this.#pump()
    })
    this.#peer.socket.write(connectPacket(version, `p${index}`, 65_535))
  }

  /** Lets it send this many more, `Infinity`: as fast as it can. */
  allow(count: number): void {
    this.#allowance += count
    this.#pump()
  }

  stop(): void {
    this.#allowance = 0
  }

  /** Whether all that was sent is acknowledged, and nothing waits for the socket. */
  get isIdle(): boolean {
    return this.#inflight === 0 && this.#peer.socket.writableLength === 0
  }

  packet(firstByte: number, bytes: Buffer, start: number): void {
    const type = firstByte >> 4
    if (type === 4 || type === 7) this.#inflight--
    else if (type === 5) this.#release(bytes[start]!, bytes[start + 1]!)
    else if (type === 2) {
      if (bytes[start + 1] !== 0) throw new Error(`CONNECT was refused with ${bytes[start + 1]}`)
      this.#options.ready()
    } else if (type === 14) throw new Error(`the broker disconnects with ${bytes[start]}`)
  }

  batch(): void {
    if (this.#answersSize > 0) {
      this.#peer.socket.write(this.#answers.subarray(0, this.#answersSize))
      if (this.#peer.socket.writableLength > 0) this.#answers = Buffer.allocUnsafe(ANSWERS_SIZE)
      this.#answersSize = 0
    }
    this.#pump()
  }

  close(): void {
    this.#peer.socket.destroy()
  }

  proceed(): void {
    this.#pump()
  }

  #pump(): void {
    const { socket } = this.#peer
    for (let i = 0; i < BATCHES_A_TURN; i++) {
      // The batch is the socket's until all of it is taken.
      this.#isBlocked = socket.writableLength > 0
      if (this.#isBlocked) return
      const window =
        this.#qos === 0 ? Number.POSITIVE_INFINITY : this.#options.window - this.#inflight
      const wanted = Math.min(this.#perBatch, this.#allowance, window)
      if (wanted < 1) return
      const count = Math.min(wanted, this.#options.flow.room(this))
      if (count < 1) return
      this.#send(count)
    }
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #send(count: number): void {
    const batch = this.#batch
    const now = microseconds()
    for (let i = 0, at = 0; i < count; i++, at += this.#packetSize) {
      stamp(batch, at + this.#payloadStart, this.#index, ++this.#sequence, now)
      if (this.#qos > 0) {
        this.#identifier = this.#identifier === 65_535 ? 1 : this.#identifier + 1
        batch[at + this.#identifierStart] = this.#identifier >> 8
        batch[at + this.#identifierStart + 1] = this.#identifier
      }
    }
    this.#allowance -= count
    if (this.#qos > 0) this.#inflight += count
    this.#options.tally.sentCount += count
    this.#peer.socket.write(batch.subarray(0, count * this.#packetSize))
  }

  #release(high: number, low: number): void {
    if (this.#answersSize + 4 > ANSWERS_SIZE) {
      this.#peer.socket.write(Buffer.from(this.#answers.subarray(0, this.#answersSize)))
      this.#answersSize = 0
    }
    const at = this.#answersSize
    this.#answers[at] = 0x62
    this.#answers[at + 1] = 2
    this.#answers[at + 2] = high
    this.#answers[at + 3] = low
    this.#answersSize = at + 4
  }
}
