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
import type { Budget, Message, Outlet } from '@promptmq/router'
import { deliverySize, encodeDelivery } from './delivery.ts'
import type { Flushable } from './flusher.ts'
import { HeldPackets } from './held-packets.ts'
import { OutboundAliases } from './outbound-aliases.ts'
import type { Transport } from './transport/transport.ts'
import { WriteBuffer, type WritePools } from './write-buffer.ts'

const PUBREL_FIRST_BYTE = (PacketType.Pubrel << 4) | 0b0010
const PUBLISH_FIRST_BYTE = PacketType.Publish << 4
const QOS = 0b0110

/** Of MQTT 5.0 with Topic Aliases: no packet that comes is what is sent. */
const ALIASED_FORMAT = 6

/** What a PacketWriter needs of the broker. */
export interface WriterHost {
  readonly buffers: WritePools
  /** What is being read: its bytes stay until the turn ends. `null` while nothing is. */
  readonly chunk: Uint8Array | null
  /** It stays for good: the transport that it came on gives its chunks. */
  readonly isChunkGiven: boolean
  readonly pendingBudget: Budget
  readonly whenSlow: 'drop newest' | 'drop oldest' | 'disconnect'
  /** Bytes that were handed to transports, ever. */
  writtenBytes: number
  now(): number
  /** There is something to flush. */
  touched(writer: PacketWriter): void
  /** A QoS 0 message was not sent. */
  droppedQos0(reason: 'slow' | 'too large', count: number): void
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
  /** Bytes that may wait in the buffer, as of this turn, before a client is too slow for QoS 0. */
  #room = 0
  /** Bytes that the budget knows of. */
  #pendingBytes = 0
  #isClosed = false
  /** Where the oldest are to be dropped: what waits to be written. */
  readonly #held: HeldPackets | null
  #aliases: OutboundAliases | null = null
  readonly #tooSlow: () => void
  readonly #buffer: WriteBuffer
  readonly #transport: Transport
  readonly #host: WriterHost

  /** @param tooSlow - called where a client that reads too slowly is to be disconnected. */
  constructor(host: WriterHost, transport: Transport, tooSlow: () => void) {
    this.#host = host
    this.#transport = transport
    this.#tooSlow = tooSlow
    this.#held = host.whenSlow === 'drop oldest' ? new HeldPackets() : null
    this.#buffer = new WriteBuffer(host.buffers, transport)
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
    const { protocolVersion } = this
    const flags = (dup ? 0b1000 : 0) | (qos << 1) | (retain ? 1 : 0)
    const isPacket = identifiers.length === 0 && message.isPacketFor(this.wireFormat, qos)
    const alias = this.#aliasFor(message, qos, identifiers)
    const size = isPacket
      ? message.end - message.packetStart
      : deliverySize(protocolVersion, message, qos, identifiers, alias)
    if (qos === 0 && !this.#accepts(size)) {
      if (this.#held !== null) this.#hold(this.#encoded(message, flags, identifiers, alias, size))
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
        protocolVersion,
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
      if (this.#held !== null) this.#hold(new Uint8Array(bytes.subarray(start, end)))
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

  /** @returns false where it is larger than the client takes: then nothing can be said to it. */
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
    this.#host.writtenBytes += this.#buffer.length
    this.#buffer.flush()
    this.#account()
  }

  settle(): void {
    this.#buffer.settle()
  }

  /** The transport is done with a write. */
  written(): void {
    this.#buffer.written()
    this.#account()
  }

  /** The client has read all: what was held back follows. */
  drained(): void {
    this.#account()
    const held = this.#held
    if (held === null) return
    for (let packet = held.shift(); packet !== undefined; packet = held.shift()) {
      this.#copy(packet, 0, packet.length)
    }
  }

  /** The transport is closed: nothing waits any more. */
  closed(): void {
    this.#isClosed = true
    this.#buffer.closed()
    this.#host.pendingBudget.changed(-this.#pendingBytes)
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

  #copy(bytes: Uint8Array, start: number, end: number): number {
    const offset = this.#reserve(end - start)
    copyRange(this.#buffer.bytes, this.#buffer.view, offset, bytes, start, end)
    return offset
  }

  /** A QoS 0 PUBLISH goes out unless the client cannot take its size or reads too slowly. */
  #accepts(size: number): boolean {
    if (size > this.maximumPacketSize) {
      this.#host.droppedQos0('too large', 1)
      return false
    }
    if ((this.#held === null || this.#held.isEmpty) && this.#hasRoomFor(size)) return true
    this.#overflow()
    return false
  }

  #hasRoomFor(size: number): boolean {
    this.#touch()
    const { length } = this.#buffer
    // One that is larger than all that may wait still goes out, alone.
    return length + size <= this.#room || (length === 0 && this.#transport.pendingBytes === 0)
  }

  #overflow(): void {
    if (this.#held !== null) return
    this.#host.droppedQos0('slow', 1)
    if (this.#host.whenSlow === 'disconnect') this.#tooSlow()
  }

  #hold(packet: Uint8Array): void {
    const droppedCount = this.#held!.push(packet, this.#host.pendingBudget.limit >> 1)
    if (droppedCount > 0) this.#host.droppedQos0('slow', droppedCount)
    this.#account()
  }

  #encoded(
    message: Message,
    flags: number,
    identifiers: readonly number[],
    alias: number,
    size: number,
  ): Uint8Array {
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    const now = this.#timeFor(message)
    encodeDelivery(bytes, view, 0, this.protocolVersion, message, flags, 0, identifiers, alias, now)
    return bytes
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
    const mayBeDropped = qos === 0 && (this.#held !== null || !this.#hasRoomFor(size))
    if (size <= this.maximumPacketSize && !mayBeDropped) return alias
    aliases.undo(message.topicName)
    return 0
  }

  /** Milliseconds on the clock, where the message's expiry asks for them. */
  #timeFor(message: Message): number {
    return message.expiresAt === Number.POSITIVE_INFINITY ? 0 : this.#host.now()
  }

  #account(): void {
    const pendingBytes = this.#transport.pendingBytes + (this.#held?.byteSize ?? 0)
    if (pendingBytes === this.#pendingBytes || this.#isClosed) return
    this.#host.pendingBudget.changed(pendingBytes - this.#pendingBytes)
    this.#pendingBytes = pendingBytes
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
    const { limit } = this.#host.pendingBudget
    this.#host.touched(this)
    // Half is for what is held back, where that is done.
    this.#room = (this.#held === null ? limit : limit >> 1) - this.#transport.pendingBytes
  }
}
