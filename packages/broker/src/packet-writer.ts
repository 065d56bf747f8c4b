import {
  type AuthInput,
  authSize,
  type ConnackInput,
  connackSize,
  copyRange,
  type DisconnectInput,
  disconnectSize,
  encodeAuth,
  encodeConnack,
  encodeDisconnect,
  encodePingresp,
  encodeShortAcknowledgement,
  encodeSuback,
  encodeUnsuback,
  PacketType,
  type ProtocolVersion,
  pingrespSize,
  type SubackInput,
  subackSize,
  type UnsubackInput,
  unsubackSize,
} from '@promptmq/codec'
import { type Message, NO_IDENTIFIERS, type Outlet } from '@promptmq/router'
import { Backlog, type BacklogHost } from './backlog.ts'
import { deliverySize, encodeDelivery, encodeDeliveryHead, keptStart } from './delivery.ts'
import type { Flushable } from './flusher.ts'
import type { HeldPacket } from './held-packets.ts'
import { OutboundAliases } from './outbound-aliases.ts'
import type { Transport } from './transport/transport.ts'
import { WriteBuffer, type WritePools } from './write-buffer.ts'

const PUBREL_FIRST_BYTE = (PacketType.Pubrel << 4) | 0b0010
const PUBLISH_FIRST_BYTE = PacketType.Publish << 4
const QOS = 0b0110

/** Of MQTT 5.0 with Topic Aliases: no packet that comes is what is sent. */
const ALIASED_FORMAT = 6

/** From so many bytes a kept message is written from where it lies: many may get the same. */
export const WRITTEN_AS_KEPT = 64 * 1024

/** What a PacketWriter needs of the broker. */
export interface WriterHost extends BacklogHost {
  readonly buffers: WritePools
  /** What is being read: its bytes stay until the turn ends. `null` while nothing is. */
  readonly chunk: Uint8Array | null
  /** It stays for good: the transport that it came on gives its chunks. */
  readonly isChunkGiven: boolean
  /** Bytes that were handed to transports, ever. */
  writtenBytes: number
  now(): number
  /** There is something to flush. */
  touched(writer: PacketWriter): void
}

/**
 * Everything that leaves on one connection: encodes each packet behind the last one in the
 * connection's WriteBuffer, within the client's Maximum Packet Size [MQTT-3.1.2-24]. To the router
 * it is the session's Outlet.
 */
export class PacketWriter implements Outlet, Flushable {
  protocolVersion: ProtocolVersion = 5
  /** The client's Maximum Packet Size, in bytes. */
  maximumPacketSize = Number.POSITIVE_INFINITY
  isTouched = false
  waitsIn = 0
  #aliases: OutboundAliases | null = null
  readonly #backlog: Backlog
  readonly #buffer: WriteBuffer
  readonly #transport: Transport
  readonly #host: WriterHost

  /** @param tooSlow - called where a client that reads too slowly is to be disconnected. */
  constructor(host: WriterHost, transport: Transport, tooSlow: () => void) {
    this.#host = host
    this.#transport = transport
    this.#backlog = new Backlog(host, transport, tooSlow)
    this.#buffer = new WriteBuffer(host.buffers, transport)
  }

  /** Which packets come on this connection: 5 for MQTT 5.0, 4 for 3.1.1 and 3.1. */
  get inboundFormat(): number {
    return this.protocolVersion === 5 ? 5 : 4
  }

  get wireFormat(): number {
    if (this.protocolVersion !== 5) return 4
    return this.#aliases === null ? 5 : ALIASED_FORMAT
  }

  /** Topics are sent as aliases from now on. @param maximum - of them, 0: none. */
  useAliases(maximum: number): void {
    if (maximum > 0) this.#aliases = new OutboundAliases(maximum)
  }

  get writable(): boolean {
    return this.#transport.writable
  }

  get length(): number {
    return this.#buffer.length
  }

  fits(message: Message, qos: number, identifiers: readonly number[]): boolean {
    return (
      this.maximumPacketSize === Number.POSITIVE_INFINITY ||
      deliverySize(this.protocolVersion, message, qos, identifiers, 0) <= this.maximumPacketSize
    )
  }

  publish(
    message: Message,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetIdentifier: number,
    identifiers: readonly number[],
  ): void {
    const isPacket = identifiers.length === 0 && message.isPacketFor(this.wireFormat, qos)
    const alias = this.#aliasFor(message, qos, identifiers)
    const size = isPacket
      ? message.end - message.packetStart
      : deliverySize(this.protocolVersion, message, qos, identifiers, alias)
    if (qos === 0 && !this.#accepts(size)) {
      if (!this.#waits(size)) return
      message.settle()
      this.#backlog.hold({ size, content: message, retain, identifiers })
      return
    }
    const flags = (dup ? 0b1000 : 0) | (qos << 1) | (retain ? 1 : 0)
    this.#put(message, flags, packetIdentifier, identifiers, alias, size, isPacket)
  }

  /** Writes a PUBLISH that goes out now. */
  #put(
    message: Message,
    flags: number,
    packetIdentifier: number,
    identifiers: readonly number[],
    alias: number,
    size: number,
    isPacket: boolean,
  ): void {
    if (size >= WRITTEN_AS_KEPT) {
      this.#writeKept(message, flags, packetIdentifier, identifiers, alias, size)
    } else if (isPacket) {
      const { bytes, packetStart, end, identifierAt } = message
      this.#copyPacket(bytes, packetStart, end, flags, identifierAt, packetIdentifier)
    } else {
      const offset = this.#reserve(size)
      const { bytes, view } = this.#buffer
      const now = this.#timeFor(message)
      encodeDelivery(
        bytes,
        view,
        offset,
        this.protocolVersion,
        message,
        flags,
        packetIdentifier,
        identifiers,
        alias,
        now,
      )
    }
  }

  forward(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#accepts(end - start)) {
      if (this.#waits(end - start)) {
        const content = new Uint8Array(bytes.subarray(start, end))
        const { length: size } = content
        this.#backlog.hold({ size, content, retain: false, identifiers: NO_IDENTIFIERS })
      }
    } else if (bytes === this.#host.chunk) {
      this.#buffer.refer(bytes, start, end, this.#host.isChunkGiven)
    } else {
      this.#copy(bytes, start, end)
    }
  }

  forwardAs(
    packetIdentifier: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    identifierAt: number,
  ): void {
    const flags = bytes[start]! & QOS
    this.#copyPacket(bytes, start, end, flags, identifierAt, packetIdentifier)
  }

  pubrel(packetIdentifier: number): void {
    this.acknowledge(PUBREL_FIRST_BYTE, packetIdentifier, 0)
  }

  /**
   * PUBACK, PUBREC, PUBREL or PUBCOMP.
   * @param reasonCode - left out where it is 0 or the version has none.
   */
  acknowledge(firstByte: number, packetIdentifier: number, reasonCode: number): void {
    if (reasonCode === 0 || this.protocolVersion !== 5) {
      const offset = this.#reserve(4)
      encodeShortAcknowledgement(this.#buffer.bytes, offset, firstByte, packetIdentifier)
      return
    }
    const offset = this.#reserve(5)
    const { bytes } = this.#buffer
    encodeShortAcknowledgement(bytes, offset, firstByte, packetIdentifier)
    // Remaining Length 3: a Reason Code and no Property Length (§3.4.2.2.1).
    bytes[offset + 1] = 3
    bytes[offset + 4] = reasonCode
  }

  /** Whether it is as large as the client takes: else nothing can be said to it. */
  canSayConnack(packet: ConnackInput): boolean {
    return this.#fitting(packet, connackSize) !== null
  }

  /** @returns false where it is larger than the client takes. */
  connack(packet: ConnackInput): boolean {
    const fitting = this.#fitting(packet, connackSize)
    if (fitting === null) return false
    const offset = this.#reserve(connackSize(this.protocolVersion, fitting))
    encodeConnack(this.#buffer.bytes, offset, this.protocolVersion, fitting)
    return true
  }

  /** @returns false as above. */
  auth(packet: AuthInput): boolean {
    const size = authSize(this.protocolVersion, packet)
    if (size > this.maximumPacketSize) return false
    const offset = this.#reserve(size)
    encodeAuth(this.#buffer.bytes, offset, this.protocolVersion, packet)
    return true
  }

  /** Whether a SUBACK or UNSUBACK with so many Reason Codes is as large as the client takes. */
  canAnswer(reasonCodeCount: number): boolean {
    const reasonCodes = new Array<number>(reasonCodeCount).fill(0)
    const size = subackSize(this.protocolVersion, {
      type: 'suback',
      packetIdentifier: 1,
      reasonCodes,
    })
    return size <= this.maximumPacketSize // [MQTT-3.1.2-24]
  }

  suback(packet: SubackInput): void {
    const offset = this.#reserve(subackSize(this.protocolVersion, packet))
    encodeSuback(this.#buffer.bytes, offset, this.protocolVersion, packet)
  }

  unsuback(packet: UnsubackInput): void {
    const offset = this.#reserve(unsubackSize(this.protocolVersion, packet))
    encodeUnsuback(this.#buffer.bytes, offset, this.protocolVersion, packet)
  }

  pingresp(): void {
    const offset = this.#reserve(pingrespSize())
    encodePingresp(this.#buffer.bytes, offset)
  }

  /** Left out where the version has none for a server, or the client could not take it. */
  disconnect(packet: DisconnectInput): void {
    if (this.protocolVersion !== 5) return
    const fitting = this.#fitting(packet, disconnectSize)
    if (fitting === null) return
    const offset = this.#reserve(disconnectSize(5, fitting))
    encodeDisconnect(this.#buffer.bytes, offset, 5, fitting)
  }

  flush(): void {
    this.#write()
    // A transport that has taken all of it does not say that it has drained.
    if (this.#transport.writable && this.#release()) this.#write()
  }

  settle(): void {
    this.#buffer.settle()
  }

  /** The transport is done with a write. */
  written(): void {
    this.#buffer.written()
    this.#backlog.account()
  }

  /** The client has read all: what was held back follows. */
  drained(): void {
    this.#backlog.account()
    this.#release()
  }

  /** The transport is closed: nothing waits any more. */
  closed(): void {
    this.#buffer.closed()
    this.#backlog.closed()
  }

  #write(): void {
    this.#host.writtenBytes += this.#buffer.length
    this.#buffer.flush()
    this.#backlog.account()
  }

  /** Takes up what was held back. @returns whether there was anything. */
  #release(): boolean {
    const backlog = this.#backlog
    let packet = backlog.shift()
    if (packet === undefined) return false
    for (; packet !== undefined; packet = backlog.shift()) this.#putHeld(packet)
    return true
  }

  #putHeld({ content, retain, identifiers }: HeldPacket): void {
    if (content instanceof Uint8Array) {
      this.#copy(content, 0, content.length)
    } else if (content.expiresAt <= this.#timeFor(content)) {
      this.#host.droppedQos0('expired', 1) // [MQTT-3.3.2-5]
    } else {
      const alias = this.#aliasFor(content, 0, identifiers)
      const size = deliverySize(this.protocolVersion, content, 0, identifiers, alias)
      this.#put(content, retain ? 1 : 0, 0, identifiers, alias, size, false)
    }
  }

  /** A PUBLISH that is there, with other flags and another Packet Identifier. */
  #copyPacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    flags: number,
    identifierAt: number,
    packetIdentifier: number,
  ): void {
    const offset = this.#copy(bytes, start, end)
    const target = this.#buffer.bytes
    target[offset] = PUBLISH_FIRST_BYTE | flags
    if (packetIdentifier === 0) return
    const at = offset + identifierAt - start
    target[at] = packetIdentifier >>> 8
    target[at + 1] = packetIdentifier
  }

  /** A large message: what is this client's own, then the rest from the memory that all share. */
  #writeKept(
    message: Message,
    flags: number,
    packetIdentifier: number,
    identifiers: readonly number[],
    alias: number,
    size: number,
  ): void {
    const { protocolVersion } = this
    const start = keptStart(protocolVersion, message)
    const offset = this.#reserve(size - (message.end - start))
    const now = this.#timeFor(message)
    encodeDeliveryHead(
      this.#buffer.bytes,
      offset,
      protocolVersion,
      message,
      flags,
      packetIdentifier,
      identifiers,
      alias,
      now,
    )
    this.#host.writtenBytes += this.#buffer.length + message.end - start
    this.#buffer.writeKept(message.bytes, start, message.end)
    this.#backlog.account()
  }

  #copy(bytes: Uint8Array, start: number, end: number): number {
    const offset = this.#reserve(end - start)
    copyRange(this.#buffer.bytes, this.#buffer.view, offset, bytes, start, end)
    return offset
  }

  /** Whether a QoS 0 PUBLISH goes out now; else see {@link PacketWriter.#waits}. */
  #accepts(size: number): boolean {
    if (size > this.maximumPacketSize) return false
    this.#touch()
    return this.#backlog.hasRoomFor(size, this.#buffer.length)
  }

  /** Whether one that does not go out now is held back; else it is dropped. */
  #waits(size: number): boolean {
    if (size > this.maximumPacketSize) this.#host.droppedQos0('too large', 1)
    else if (this.#backlog.holdsBack) return true
    else this.#backlog.drop()
    return false
  }

  /**
   * See {@link OutboundAliases.use}. What may yet be dropped, since the client reads too slowly, sets
   * none: what follows would stand for nothing.
   */
  #aliasFor(message: Message, qos: number, identifiers: readonly number[]): number {
    const aliases = this.#aliases
    if (aliases === null) return 0
    const alias = aliases.use(message.topicName)
    if (alias >= 0) return alias
    const size = deliverySize(5, message, qos, identifiers, alias)
    const isSent = qos > 0 || (!this.#backlog.holdsBack && this.#accepts(size))
    if (size <= this.maximumPacketSize && isSent) return alias
    aliases.undo(message.topicName)
    return 0
  }

  /** Milliseconds on the clock, where the message's expiry asks for them. */
  #timeFor(message: Message): number {
    return message.expiresAt === Number.POSITIVE_INFINITY ? 0 : this.#host.now()
  }

  /**
   * The packet as the client can take it: without its Reason String, if need be [MQTT-3.2.2-19]
   * [MQTT-3.14.2-3]; `null`: not at all.
   */
  #fitting<Packet extends ConnackInput | DisconnectInput>(
    packet: Packet,
    sizeOf: (version: ProtocolVersion, packet: Packet) => number,
  ): Packet | null {
    const { protocolVersion, maximumPacketSize } = this
    if (sizeOf(protocolVersion, packet) <= maximumPacketSize) return packet
    const silent = { ...packet, properties: { ...packet.properties, reasonString: undefined } }
    return sizeOf(protocolVersion, silent) <= maximumPacketSize ? silent : null
  }

  #reserve(size: number): number {
    this.#touch()
    return this.#buffer.reserve(size)
  }

  #touch(): void {
    if (this.isTouched) return
    this.#host.touched(this)
    this.#backlog.beginTurn()
  }
}
