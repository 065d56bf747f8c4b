/**
 * One input on trial: a stream and its setting, and what the reference pass saw in it.
 *
 *   stream    | packet 0 | packet 1 | ... | cut or refused
 *   packets     seen 0     seen 1
 *
 * The reference pass decodes the stream in one chunk, with nothing behind it. It goes on until a packet
 * is refused, as a connection does. All other checks compare with it. One Trial serves a run: valid
 * until the next {@link Trial.begin}.
 */
import {
  AcknowledgementHeader,
  type AcknowledgementType,
  DecodeContext,
  type PacketDecoder,
  PacketType,
  type ProtocolVersion,
  PublishHeader,
} from '../../src/index.ts'
import type { Input, Setting } from '../inputs/input.ts'
import { acknowledgementHash, publishHash, valueHash } from './hash.ts'
import { insist } from './law.ts'

/** What is on trial: the codec, or in a test one with a planted bug. */
export type Codec = typeof import('../../src/index.ts')

/** A packet as the reference pass saw it. */
export interface Seen {
  readonly type: PacketType
  readonly flags: number
  /** Of the first byte in the stream. */
  readonly start: number
  /** Of the first byte after the Fixed Header. */
  readonly bodyStart: number
  readonly end: number
  /** In force. */
  readonly version: ProtocolVersion
  readonly fault: number
  /** As {@link Trial.decode} makes it. */
  readonly hash: number
}

const ORDINARY = new DecodeContext()
const SMALL_LIMITS = { maximumUserProperties: 2, maximumTopicLevels: 3, maximumFilters: 2 }

/** What the offsets of a packet are written to. */
export class Headers {
  publish = new PublishHeader()
  acknowledgement = new AcknowledgementHeader()
}

export class Trial {
  readonly codec: Codec
  /** Made for the setting; the version is as the last pass left it. */
  readonly context: DecodeContext
  setting!: Readonly<Setting>
  bytes!: Uint8Array
  packets: Seen[] = []
  /** Whether the last packet is one that was refused. */
  isRefused = false
  /** What ended the framing, with the first byte of the header at fault, 0 for nothing. */
  framingFault = 0
  framingByte = 0
  /** Bytes behind the last whole packet. */
  unreadSize = 0
  /** Of the last {@link Trial.decode}: the fault, and a hash of all that came out. */
  fault = 0
  hash = 0
  #headers = new Headers()
  /** Of the CONNECT that was the last packet and was accepted, else 0. */
  #connectVersion: ProtocolVersion | 0 = 0

  constructor(codec: Codec) {
    this.codec = codec
    this.context = new codec.DecodeContext()
  }

  /** A decoder for the stream, and the context as it is at its start. */
  newDecoder(): PacketDecoder {
    const { setting, context } = this
    Object.assign(context, setting.limits === 1 ? SMALL_LIMITS : ORDINARY)
    context.protocolVersion = setting.version as ProtocolVersion
    context.sender = setting.sender as DecodeContext['sender']
    context.refuseDisallowedCodePoints = setting.text === 1
    context.topicHashSeed = setting.salt >>> 1
    const decoder = new this.codec.PacketDecoder(context, { maximumPacketSize: setting.maximum })
    decoder.acceptedTypes = setting.accepted
    return decoder
  }

  /** Decodes the packet in `bytes[start..end)` as a broker does it, to offsets where there are some. */
  decode(
    headers: Headers,
    type: PacketType,
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { codec, context } = this
    this.#connectVersion = 0
    if (type === PacketType.Publish) {
      const { publish } = headers
      this.fault = codec.decodePublishHeader(publish, context, bytes, flags, start, end)
      this.hash = this.fault === 0 ? publishHash(publish, start) : 0
    } else if (isAcknowledgement(type)) {
      const { acknowledgement } = headers
      this.fault = codec.decodeAcknowledgement(type, acknowledgement, context, bytes, start, end)
      this.hash = this.fault === 0 ? acknowledgementHash(acknowledgement, start) : 0
    } else {
      const packet = codec.decodePacket(context, type, flags, bytes, start, end)
      insist(packet !== 0, 'object', 'decodePacket gave fault 0 for a packet')
      this.fault = typeof packet === 'number' ? packet : 0
      this.hash = valueHash(packet)
      if (typeof packet === 'object' && packet.type === 'connect') {
        this.#connectVersion = packet.protocolVersion
      }
    }
  }

  /** The same of the packet that the decoder shows; what CONNECT sets, where it decides, is set. */
  decodeShown(decoder: PacketDecoder): void {
    const { context, setting } = this
    const { type, flags, bytes, start, end } = decoder
    this.decode(this.#headers, type as PacketType, flags, bytes, start, end)
    if (this.#connectVersion === 0 || setting.connect === 0) return
    context.protocolVersion = this.#connectVersion
    decoder.acceptedTypes = setting.accepted & ~0b10
  }

  /**
   * Decodes the whole stream in one chunk.
   *
   * @param input - whose bytes do not change until the trial is over.
   * @throws what `failureOf` reads.
   */
  begin({ setting, bytes }: Input): void {
    this.setting = setting
    this.bytes = bytes
    this.packets = []
    this.isRefused = false
    // So that an input does not depend on those before it.
    this.#headers = new Headers()
    const decoder = this.newDecoder()
    decoder.push(bytes)
    let at = 0
    while (!this.isRefused && decoder.next() !== 0) {
      this.#checkFraming(decoder, at)
      const { flags, packetStart: start, start: bodyStart, end } = decoder
      const type = decoder.type as PacketType
      const version = this.context.protocolVersion
      this.decodeShown(decoder)
      const { fault, hash } = this
      this.packets.push({ type, flags, start, bodyStart, end, version, fault, hash })
      this.isRefused = fault !== 0
      at = end
    }
    this.framingFault = decoder.fault
    this.framingByte = decoder.firstByte
    this.unreadSize = bytes.length - at
    const isTold = decoder.unreadSize === (this.framingFault === 0 ? this.unreadSize : 0)
    insist(isTold, 'framing', 'unreadSize is not what has not been shown')
  }

  #checkFraming(decoder: PacketDecoder, at: number): void {
    const { packetStart, start, end, bytes, type, flags } = decoder
    const { maximum, accepted } = this.setting
    insist(bytes === this.bytes, 'framing', 'what lies whole in the chunk is shown elsewhere')
    insist(packetStart === at, 'framing', 'a packet does not begin where the one before it ended')
    insist(end <= bytes.length, 'framing', 'a packet ends behind the chunk')
    insist(start > at + 1 && end >= start, 'framing', 'a packet has no header')
    const size = readSize(bytes, at + 1, start)
    insist(size === end - start, 'framing', 'a packet is not as long as its header says')
    insist(((type << 4) | flags) === bytes[at], 'framing', 'type and flags are not the first byte')
    insist(end - at <= maximum, 'limits', 'above the maximum packet size')
    insist(((accepted >> type) & 1) !== 0, 'limits', 'a type that is not accepted is shown')
  }
}

export function isAcknowledgement(type: number): type is AcknowledgementType {
  return type >= PacketType.Puback && type <= PacketType.Pubcomp
}

/**
 * The Variable Byte Integer that fills `bytes[start..end)`, or -1 where none does in its shortest form:
 * read once more, in another way than the codec does.
 */
export function readSize(bytes: Uint8Array, start: number, end: number): number {
  const last = bytes[end - 1]!
  if (end - start > 4 || last >= 0x80 || (last === 0 && end - start > 1)) return -1
  let value = last
  for (let i = end - 2; i >= start; i--) {
    if (bytes[i]! < 0x80) return -1
    value = value * 128 + (bytes[i]! & 0x7f)
  }
  return value
}
