/**
 * Finds the packets in a stream of bytes that arrives in chunks of any size.
 *
 *   own memory                                   the lent chunk
 *   | consumed | unread ........ |    then       | consumed | unread .............. |
 *              keptStart         keptEnd                    chunkStart              chunkEnd
 *
 * The stream is what is unread in own memory, then what is unread in the chunk. A packet that lies
 * whole in the chunk is shown where it lies; only one that a chunk's edge cuts is copied, and the
 * copy grows as its bytes arrive, never by the length it announces. A header is judged as soon as
 * it is there: type, flags and size are refused before a body is waited for.
 *
 * Invariant: after `next()` has returned 0 the decoder holds no reference to the chunk, and owns
 * either nothing or one unfinished packet.
 */
import { copyBytes, NO_BYTES, writeBytes } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { checkFirstByte, headerRow, isImpossibleLength } from './fixed-header.ts'
import { checkInteger, stateError } from './misuse.ts'
import {
  decodeVariableByteInteger,
  INCOMPLETE,
  MALFORMED,
  sizeBehindInteger,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
} from './variable-byte-integer.ts'

/** All that the format allows: type, four bytes of Remaining Length, and what it announces. */
const FORMAT_MAXIMUM = 5 + VARIABLE_BYTE_INTEGER_MAX

/** Every type but the reserved one. */
const ALL_TYPES = 0xfffe

/** Own memory above this is let go as soon as no packet is under way that needs it. */
const RETAINED_SIZE = 4096
const SMALLEST_SIZE = 64

/**
 * Packet by packet through a stream: `push` a chunk, then call `next` until it returns 0.
 *
 * One decoder serves a connection for its lifetime, and a fault ends it.
 *
 * @example
 * ```ts
 * import { DecodeContext, PACKET_NAMES, PacketDecoder } from '@promptmq/codec'
 *
 * const decoder = new PacketDecoder(new DecodeContext())
 * for (const chunk of [Uint8Array.of(0xc0, 0x00, 0xd0), Uint8Array.of(0x00)]) {
 *   decoder.push(chunk)
 *   while (decoder.next() !== 0) console.log(PACKET_NAMES[decoder.type]) // PINGREQ, PINGRESP
 * }
 * ```
 */
export class PacketDecoder {
  readonly context: DecodeContext
  /** Bytes of a whole packet; may be changed at any time, and applies to the next header. */
  maximumPacketSize: number
  /** Bits of `1 << PacketType`: a type outside is a fault on its header. */
  acceptedTypes = ALL_TYPES

  /** The current packet, valid until the next call of {@link next} or {@link push}. */
  firstByte = 0
  /** Where it lies: `bytes[packetStart..end)`, the Fixed Header being `bytes[packetStart..start)`. */
  bytes: Uint8Array = NO_BYTES
  packetStart = 0
  start = 0
  end = 0

  /** The PacketType of the current packet, 0 where there is none. */
  get type(): number {
    return this.firstByte >> 4
  }

  /** The low four bits of its first byte. */
  get flags(): number {
    return this.firstByte & 0x0f
  }

  #fault: Fault = Fault.None
  #chunk: Uint8Array = NO_BYTES
  #chunkStart = 0
  #chunkEnd = 0
  #kept: Uint8Array = NO_BYTES
  #keptStart = 0
  #keptEnd = 0
  /** Size of the packet that begins at `keptStart`, once its header has been judged; else 0. */
  #announced = 0

  /**
   * @param context - the rules in force; may be changed between packets.
   * @param options.maximumPacketSize - bytes, 2 to 268,435,460, which is the default.
   * @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`.
   */
  constructor(
    context: DecodeContext,
    options: { readonly maximumPacketSize?: number | undefined } = {},
  ) {
    const { maximumPacketSize = FORMAT_MAXIMUM } = options
    const name = 'maximumPacketSize'
    checkInteger('ERR_PROMPTMQ_OPTION', name, maximumPacketSize, 2, 0xffff_ffff)
    this.context = context
    this.maximumPacketSize = maximumPacketSize
  }

  /**
   * What broke the stream. It stays: where one packet ends and the next begins is then not known
   * any more, so that {@link next} returns 0 forever and {@link push} drops what it gets. `type`
   * and `flags` are those of the header at fault.
   */
  get fault(): Fault {
    return this.#fault
  }

  /** Bytes of memory that the decoder owns. */
  get keptSize(): number {
    return this.#kept.length
  }

  /** Bytes that have been pushed and not been shown as part of a packet yet. */
  get unreadSize(): number {
    return this.#keptEnd - this.#keptStart + (this.#chunkEnd - this.#chunkStart)
  }

  /**
   * Lends a chunk. It must not change until {@link next} has returned 0 or {@link keep} was called.
   *
   * @throws Error with code `ERR_PROMPTMQ_STATE` while the chunk before it is neither read nor kept.
   */
  push(chunk: Uint8Array): void {
    if (this.#fault !== Fault.None) return
    if (this.#chunkStart < this.#chunkEnd) {
      throw stateError('chunk', 'the one before is neither read nor kept')
    }
    this.#chunk = chunk
    this.#chunkStart = 0
    this.#chunkEnd = chunk.length
  }

  /**
   * Goes to the next packet.
   *
   * @returns its PacketType, or 0: there is nothing whole left, or {@link fault} says why there
   *   never will be.
   */
  next(): number {
    if (this.#keptStart < this.#keptEnd) return this.#nextKept()
    const chunk = this.#chunk
    const start = this.#chunkStart
    if (start + 1 < this.#chunkEnd) {
      // Nearly every packet: short, whole, and nothing is wrong with its header.
      const firstByte = chunk[start]!
      const remainingLength = chunk[start + 1]!
      const end = start + 2 + remainingLength
      const row = headerRow(this.context.protocolVersion, firstByte)
      if (
        remainingLength < 0x80 &&
        end <= this.#chunkEnd &&
        end - start <= this.maximumPacketSize &&
        checkFirstByte(row, this.acceptedTypes) === Fault.None &&
        !isImpossibleLength(row, remainingLength)
      ) {
        this.#chunkStart = end
        return this.#show(chunk, start, start + 2, end)
      }
    }
    return this.#nextOfChunk()
  }

  #nextOfChunk(): number {
    const start = this.#chunkStart
    const size = this.#judge(this.#chunk, start, this.#chunkEnd)
    if (size < 0) return 0
    const end = start + size
    if (size === 0 || end > this.#chunkEnd) {
      // A packet shown from own memory is not valid any more: what is cut may lie over it.
      this.#keptStart = 0
      this.#keptEnd = 0
      this.#announced = size
      return this.#rest()
    }
    this.#chunkStart = end
    return this.#show(this.#chunk, start, end - sizeBehindInteger(size - 1), end)
  }

  /**
   * Copies what is unread of the lent chunk into own memory, for who stops in mid-chunk. The chunk
   * may change afterwards; the current packet, if it lies in the chunk, with it.
   */
  keep(): void {
    this.#append(this.#chunkEnd - this.#chunkStart)
    this.#chunk = NO_BYTES
    this.#chunkStart = 0
    this.#chunkEnd = 0
  }

  /** The next packet when the stream goes on in own memory. */
  #nextKept(): number {
    for (;;) {
      const held = this.#keptEnd - this.#keptStart
      if (this.#announced === 0) {
        const size = this.#judge(this.#kept, this.#keptStart, this.#keptEnd)
        if (size < 0) return 0
        this.#announced = size
      }
      // A header that is cut is completed byte by byte: it has five at most.
      const wanted = this.#announced === 0 ? 1 : this.#announced - held
      if (wanted <= 0) return this.#showKept()
      const available = this.#chunkEnd - this.#chunkStart
      if (available === 0) return this.#rest()
      this.#append(Math.min(wanted, available))
    }
  }

  #showKept(): number {
    const bytes = this.#kept
    const start = this.#keptStart
    const size = this.#announced
    this.#announced = 0
    this.#keptStart = start + size
    const end = start + size
    return this.#show(bytes, start, end - sizeBehindInteger(size - 1), end)
  }

  #show(bytes: Uint8Array, packetStart: number, start: number, end: number): number {
    const firstByte = bytes[packetStart]!
    // A store of what is there already is not free: the collector is told of it.
    if (this.bytes !== bytes) this.bytes = bytes
    this.packetStart = packetStart
    this.start = start
    this.end = end
    this.firstByte = firstByte
    return firstByte >> 4
  }

  /** Nothing whole is left: keeps what there is and lets go of the rest. */
  #rest(): 0 {
    if (this.#fault !== Fault.None) return 0
    this.keep()
    this.#shrink()
    this.bytes = NO_BYTES
    this.packetStart = 0
    this.start = 0
    this.end = 0
    this.firstByte = 0
    return 0
  }

  /**
   * Lets go of memory that the packet under way does not need. Where large packets follow each other
   * it is used again for each of them: new memory of their size costs more than copying them.
   */
  #shrink(): void {
    const held = this.#keptEnd - this.#keptStart
    const needed = Math.max(held, this.#announced)
    if (this.#kept.length <= RETAINED_SIZE || this.#kept.length <= 4 * needed) return
    this.#kept = held === 0 ? NO_BYTES : copyBytes(this.#kept, this.#keptStart, this.#keptEnd)
    this.#keptStart = 0
    this.#keptEnd = held
  }

  /**
   * Judges the header at `bytes[start]` as far as it is there.
   *
   * @returns the size of the whole packet, 0 while the header is incomplete, -1 for a fault.
   */
  #judge(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return 0
    const firstByte = bytes[start]!
    const row = headerRow(this.context.protocolVersion, firstByte)
    const fault = checkFirstByte(row, this.acceptedTypes)
    if (fault !== Fault.None) return this.#fail(fault, firstByte)

    const remainingLength = decodeVariableByteInteger(bytes, start + 1, end)
    if (remainingLength === INCOMPLETE) return 0
    if (remainingLength === MALFORMED) {
      return this.#fail(Fault.VariableByteIntegerMalformed, firstByte) // [MQTT-1.5.5-1]
    }
    const size = 1 + variableByteIntegerSize(remainingLength) + remainingLength
    if (size > this.maximumPacketSize) return this.#fail(Fault.PacketTooLarge, firstByte)
    if (isImpossibleLength(row, remainingLength)) {
      return this.#fail(Fault.RemainingLengthImpossible, firstByte)
    }
    return size
  }

  #fail(fault: Fault, firstByte: number): -1 {
    this.#keptStart = 0
    this.#keptEnd = 0
    this.#chunkStart = this.#chunkEnd
    this.#rest()
    this.#kept = NO_BYTES
    this.#fault = fault
    this.firstByte = firstByte
    return -1
  }

  /** Moves `size` bytes from the chunk into own memory. */
  #append(size: number): void {
    if (size === 0) return
    if (this.#keptEnd + size > this.#kept.length) this.#grow(size)
    const end = this.#chunkStart + size
    this.#keptEnd = writeBytes(this.#kept, this.#keptEnd, this.#chunk, this.#chunkStart, end)
    this.#chunkStart = end
  }

  /**
   * Takes memory for `size` bytes more: at least twice what is held, so that any number of small
   * chunks costs linear work, and at most that, or what the packet needs, or what has just arrived.
   * The old memory is left as it is, since the current packet may lie in it.
   */
  #grow(size: number): void {
    const held = this.#keptEnd - this.#keptStart
    const wanted = Math.max(2 * held, SMALLEST_SIZE)
    const needed = this.#announced === 0 ? wanted : Math.min(wanted, this.#announced)
    const grown = new Uint8Array(Math.max(needed, held + size))
    grown.set(this.#kept.subarray(this.#keptStart, this.#keptEnd))
    this.#kept = grown
    this.#keptStart = 0
    this.#keptEnd = held
  }
}
