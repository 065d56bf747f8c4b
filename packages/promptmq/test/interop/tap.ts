import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import {
  DecodeContext,
  decode,
  FAULTS,
  type Packet,
  PacketDecoder,
  type ProtocolVersion,
  Sender,
} from '@promptmq/codec'
import { Inbox } from './events.ts'

type Side = 'fromClient' | 'fromServer'

interface Cut {
  readonly side: Side
  readonly type: Packet['type']
}

/**
 * A door in front of a broker that lets everything through and keeps the packets: what a client does
 * not show is seen here, as it went over the wire.
 *
 *   client <--> Tap <--> broker       a packet is noted before it goes on
 *
 * It can be told to break the connection where a packet would go through.
 */
export class Tap {
  readonly fromClient = new Inbox<Packet>()
  readonly fromServer = new Inbox<Packet>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #unacknowledged = new Set<string>()
  #most = 0
  #cut: Cut | null = null

  private constructor(brokerPort: number, protocolVersion: ProtocolVersion) {
    this.#server = createServer({ noDelay: true }, (client) => {
      const server = connect({ port: brokerPort, host: '127.0.0.1', noDelay: true })
      this.#join('fromClient', client, server, new PacketReader(protocolVersion, Sender.Client))
      this.#join('fromServer', server, client, new PacketReader(protocolVersion, Sender.Server))
    })
  }

  static async open(brokerPort: number, protocolVersion: ProtocolVersion): Promise<Tap> {
    const tap = new Tap(brokerPort, protocolVersion)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    return tap
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The most QoS 1 and 2 messages that were on their way at once, in either direction. */
  get mostInFlight(): number {
    return this.#most
  }

  /** Waits for a packet of one type. */
  async find<Type extends Packet['type']>(
    side: Side,
    type: Type,
  ): Promise<Extract<Packet, { type: Type }>> {
    const packet = await this[side].find((one) => one.type === type, `${type} ${side}`)
    return packet as Extract<Packet, { type: Type }>
  }

  /** The packets of one type that came by now. */
  all<Type extends Packet['type']>(side: Side, type: Type): Extract<Packet, { type: Type }>[] {
    const isWanted = (one: Packet): one is Extract<Packet, { type: Type }> => one.type === type
    return this[side].items.filter(isWanted)
  }

  /** The next packet of this type is lost, and the connection with it. */
  cut(side: Side, type: Packet['type']): void {
    this.#cut = { side, type }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(side: Side, from: Socket, to: Socket, reader: PacketReader): void {
    this.#sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      to.cork()
      for (const { packet, bytes } of reader.read(chunk)) {
        if (this.#cut?.side === side && this.#cut.type === packet.type) {
          this.#cut = null
          this.#unacknowledged.clear()
          from.destroy()
          to.destroy()
          return
        }
        this.#count(side, packet)
        this[side].push(packet)
        to.write(bytes)
      }
      to.uncork()
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroySoon()
    })
  }

  #count(side: Side, packet: Packet): void {
    const other = side === 'fromClient' ? 'fromServer' : 'fromClient'
    if (packet.type === 'publish' && packet.qos > 0) {
      this.#unacknowledged.add(`${side} ${packet.packetIdentifier}`)
      this.#most = Math.max(this.#most, this.#unacknowledged.size)
    } else if (packet.type === 'puback' || packet.type === 'pubcomp') {
      this.#unacknowledged.delete(`${other} ${packet.packetIdentifier}`)
    }
  }
}

/** Cuts a stream into packets. */
class PacketReader {
  readonly #decoder: PacketDecoder
  readonly #options: { readonly protocolVersion: ProtocolVersion; readonly sender: Sender }

  constructor(protocolVersion: ProtocolVersion, sender: Sender) {
    this.#options = { protocolVersion, sender }
    this.#decoder = new PacketDecoder(new DecodeContext(this.#options))
  }

  /** @throws Error where the stream breaks the standard: the test fails. */
  *read(chunk: Uint8Array): Generator<{ packet: Packet; bytes: Uint8Array }> {
    const decoder = this.#decoder
    decoder.push(chunk)
    while (decoder.next() !== 0) {
      const bytes = decoder.bytes.slice(decoder.packetStart, decoder.end)
      yield { packet: decode(bytes, this.#options), bytes }
    }
    if (decoder.fault !== 0) throw new Error(`a fault on the wire: ${FAULTS[decoder.fault]!.text}`)
  }
}
