import { connect, type Socket } from 'node:net'

const READ_SIZE = 262_144

/** Who gets the packets of a {@link Peer}: where each lies, in bytes that are lent. */
export interface PacketReceiver {
  packet(firstByte: number, bytes: Buffer, start: number, end: number): void
  /** All packets of what was read have been handed over: now is the time to answer them. */
  batch(): void
}

/**
 * A connection that reads into one buffer over and over, finds packets, and writes what it is given.
 *
 *   | rest of the last read | what is read now ........ |
 *
 * After a read of no more than `little` bytes it waits a millisecond for more: a broker that writes each
 * message by itself would otherwise have the load do nothing but read.
 */
export class Peer {
  readonly socket: Socket
  #receiver: PacketReceiver
  #rest: Buffer = Buffer.alloc(0)
  readBytes = 0

  constructor(port: number, receiver: PacketReceiver, readSize = READ_SIZE, little = 0) {
    this.#receiver = receiver
    const options = {
      port,
      host: '127.0.0.1',
      noDelay: true,
      // 'drain' is to come whenever anything had to wait.
      writableHighWaterMark: 1,
      onread: {
        buffer: Buffer.allocUnsafe(readSize),
        callback: (size: number, buffer: Uint8Array) => {
          this.#read(buffer as Buffer, size)
          if (size > little) return true
          setTimeout(() => this.socket.resume(), 1)
          return false
        },
      },
    }
    this.socket = connect(options)
    this.socket.on('error', (error) => {
      throw error
    })
  }

  #read(buffer: Buffer, size: number): void {
    this.readBytes += size
    let bytes = buffer
    let end = size
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, buffer.subarray(0, size)])
      end = bytes.length
    }
    const start = this.#packets(bytes, end)
    this.#rest = start === end ? EMPTY : Buffer.from(bytes.subarray(start, end))
    this.#receiver.batch()
  }

  /** @returns where the first packet begins that is not whole. */
  #packets(bytes: Buffer, end: number): number {
    let at = 0
    while (at + 2 <= end) {
      let start = at + 1
      let length = 0
      let shift = 0
      let byte = 0x80
      while (start < end && (byte & 0x80) !== 0) {
        byte = bytes[start++]!
        length |= (byte & 0x7f) << shift
        shift += 7
      }
      if ((byte & 0x80) !== 0 || start + length > end) break
      this.#receiver.packet(bytes[at]!, bytes, start, start + length)
      at = start + length
    }
    return at
  }
}

const EMPTY = Buffer.alloc(0)
