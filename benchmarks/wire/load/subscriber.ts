import type { Flow } from './flow.ts'
import { connectPacket, microseconds, type QoS, subscribePacket, type Version } from './packets.ts'
import { type PacketReceiver, Peer } from './peer.ts'
import type { Tally } from './tally.ts'

const ANSWERS_SIZE = 65_536

/**
 * Receives, checks and acknowledges. Every message is looked at: whose it is, which one, how long it
 * took; acknowledgements of all that was read at once leave in one write.
 */
export class Subscriber implements PacketReceiver {
  readonly #peer: Peer
  readonly #version: Version
  readonly #tally: Tally
  readonly #flow: Flow
  readonly #index: number
  readonly #ready: () => void
  #answers = Buffer.allocUnsafe(ANSWERS_SIZE)
  #answersSize = 0
  #now = 0

  constructor(
    port: number,
    index: number,
    topicFilter: string,
    qos: QoS,
    options: {
      readonly version: Version
      readonly readSize: number
      /** See {@link Peer}. */
      readonly little: number
      readonly tally: Tally
      readonly flow: Flow
      readonly ready: () => void
    },
  ) {
    this.#index = index
    this.#version = options.version
    this.#tally = options.tally
    this.#flow = options.flow
    this.#ready = options.ready
    this.#peer = new Peer(port, this, options.readSize, options.little)
    this.#peer.socket.write(
      Buffer.concat([
        connectPacket(options.version, `s${index}`, 65_535),
        subscribePacket(options.version, 1, topicFilter, qos),
      ]),
    )
  }

  packet(firstByte: number, bytes: Buffer, start: number, end: number): void {
    const type = firstByte >> 4
    if (type === 3) {
      const qos = (firstByte >> 1) & 3
      let at = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!)
      if (qos > 0) {
        this.#answer(qos === 1 ? 0x40 : 0x50, bytes[at]!, bytes[at + 1]!)
        at += 2
      }
      // Of 5.0: properties, fewer than 128 bytes of them.
      if (this.#version === 5) at += 1 + bytes[at]!
      if (this.#now === 0) this.#now = microseconds()
      this.#tally.received(this.#index, bytes, at, this.#now)
    } else if (type === 6) {
      this.#answer(0x70, bytes[start]!, bytes[start + 1]!)
    } else if (type === 9) {
      if (bytes[end - 1]! >= 0x80) throw new Error('SUBSCRIBE was refused')
      this.#ready()
    } else if (type === 2 && bytes[start + 1] !== 0) {
      throw new Error(`CONNECT was refused with ${bytes[start + 1]}`)
    }
  }

  batch(): void {
    this.#now = 0
    this.#flush()
    this.#flow.progressed()
  }

  close(): void {
    this.#peer.socket.destroy()
  }

  #answer(firstByte: number, high: number, low: number): void {
    if (this.#answersSize + 4 > ANSWERS_SIZE) this.#flush()
    const answers = this.#answers
    const at = this.#answersSize
    answers[at] = firstByte
    answers[at + 1] = 2
    answers[at + 2] = high
    answers[at + 3] = low
    this.#answersSize = at + 4
  }

  #flush(): void {
    if (this.#answersSize === 0) return
    this.#peer.socket.write(this.#answers.subarray(0, this.#answersSize))
    // What the socket has not taken yet must stay as it is.
    if (this.#peer.socket.writableLength > 0) this.#answers = Buffer.allocUnsafe(ANSWERS_SIZE)
    this.#answersSize = 0
  }
}
