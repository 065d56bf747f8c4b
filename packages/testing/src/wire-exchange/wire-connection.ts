import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  DecodeContext,
  decodePacket,
  FAULTS,
  type Packet,
  PacketDecoder,
  PacketType,
  type ProtocolVersion,
  Sender,
} from '@promptmq/codec'

/** Where a broker listens. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** What came from the broker. */
export type Arrival =
  | { readonly kind: 'packet'; readonly packet: Packet; readonly bytes: Uint8Array }
  | { readonly kind: 'closed' }
  /** Bytes that are no packet which a server may send, by the `code` of the codec. */
  | { readonly kind: 'fault'; readonly code: string; readonly bytes: Uint8Array }

const PINGREQ = Uint8Array.of(0xc0, 0x00)

const OF_SERVERS = [
  PacketType.Connack,
  PacketType.Publish,
  PacketType.Puback,
  PacketType.Pubrec,
  PacketType.Pubrel,
  PacketType.Pubcomp,
  PacketType.Suback,
  PacketType.Unsuback,
  PacketType.Pingresp,
].reduce((bits, type) => bits | (1 << type), 0)
const OF_SERVERS_5 = OF_SERVERS | (1 << PacketType.Disconnect) | (1 << PacketType.Auth)

/**
 * A client's end of one TCP connection: writes bytes, and keeps what comes until it is asked for.
 * Every packet goes through the codec's decoder, which refuses what a server must not send.
 */
export class WireConnection {
  readonly #socket: Socket
  readonly #decoder: PacketDecoder
  readonly #arrivals: Arrival[] = []
  #isClosed = false
  #hasRead = false
  #changed = Promise.withResolvers<void>()

  private constructor(socket: Socket, protocolVersion: ProtocolVersion) {
    this.#socket = socket
    const rules = { protocolVersion, sender: Sender.Server }
    this.#decoder = new PacketDecoder(new DecodeContext(rules))
    this.#decoder.acceptedTypes = protocolVersion === 5 ? OF_SERVERS_5 : OF_SERVERS
    socket.on('data', (chunk: Uint8Array) => this.#received(chunk))
    socket.on('end', () => this.#closed())
    socket.on('close', () => this.#closed())
    // A broker that closes with bytes unread resets the connection: that is an end like another.
    socket.on('error', () => this.#closed())
  }

  /** @throws the system's error where nobody listens. */
  static async open(
    { host, port }: BrokerAddress,
    protocolVersion: ProtocolVersion,
  ): Promise<WireConnection> {
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new WireConnection(socket, protocolVersion)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  ping(): void {
    this.send(PINGREQ)
  }

  /** Sends no more, and still reads. */
  halfClose(): void {
    this.#socket.end()
  }

  /** As though the network failed: nothing is sent or read any more. */
  abort(): void {
    this.#socket.resetAndDestroy()
  }

  dispose(): void {
    this.#socket.destroy()
  }

  /** What has come and was not taken, the oldest; the end stays for good. */
  peek(): Arrival | undefined {
    return this.#arrivals[0] ?? (this.#isClosed ? { kind: 'closed' } : undefined)
  }

  /** Takes what {@link peek} shows. */
  take(): void {
    this.#arrivals.shift()
  }

  /** Fulfilled when more has come than at the time of the call. */
  changed(): Promise<void> {
    return this.#changed.promise
  }

  #received(chunk: Uint8Array): void {
    const decoder = this.#decoder
    // Who refuses a version may answer in the form of an earlier one (§3.1.2.2).
    const isEarlierConnack = chunk[0] === 0x20 && chunk[1] === 0x02
    if (isEarlierConnack && !this.#hasRead) decoder.context.protocolVersion = 4
    this.#hasRead = true
    decoder.push(chunk)
    while (decoder.next() !== 0) {
      const { packetStart, end } = decoder
      this.#arrivals.push(this.#read(Uint8Array.from(decoder.bytes.subarray(packetStart, end))))
    }
    if (decoder.fault !== 0) {
      this.#arrivals.push({ kind: 'fault', code: FAULTS[decoder.fault]!.code, bytes: chunk })
    }
    this.#tell()
  }

  #read(bytes: Uint8Array): Arrival {
    const { context, type, flags, start, packetStart } = this.#decoder
    const bodyStart = start - packetStart
    const packet = decodePacket(context, type as PacketType, flags, bytes, bodyStart, bytes.length)
    return typeof packet === 'number'
      ? { kind: 'fault', code: FAULTS[packet]!.code, bytes }
      : { kind: 'packet', packet, bytes }
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#tell()
  }

  #tell(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers<void>()
    resolve()
  }
}
