import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import {
  DecodeContext,
  decode,
  encode,
  type Packet,
  PacketDecoder,
  type PacketInput,
  Sender,
} from '@promptmq/codec'

/** A list that can be waited for. */
class Queue<Item> {
  readonly #items: Item[] = []
  readonly #waiting: ((item: Item) => void)[] = []

  push(item: Item): void {
    const resolve = this.#waiting.shift()
    if (resolve === undefined) this.#items.push(item)
    else resolve(item)
  }

  next(): Promise<Item> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/**
 * A server without a mind of its own: the test reads what clients send, packet by packet, and says
 * what is answered.
 */
export class ScriptedServer {
  readonly port: number
  readonly #server: Server
  readonly #peers = new Queue<Peer>()
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      this.#peers.push(new Peer(socket))
    })
  }

  static async start(): Promise<ScriptedServer> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ScriptedServer(server)
  }

  /** The next client that connects. */
  accept(): Promise<Peer> {
    return this.#peers.next()
  }

  /** The next client, once its CONNECT has come and was answered with `connack`. */
  async welcome(connack: object = {}): Promise<Peer> {
    const peer = await this.accept()
    await peer.expect('connect')
    peer.send({ type: 'connack', reasonCode: 0, sessionPresent: false, properties: connack })
    return peer
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** One client of a {@link ScriptedServer}. */
export class Peer {
  readonly socket: Socket
  readonly #packets = new Queue<Packet | 'end'>()

  constructor(socket: Socket) {
    this.socket = socket
    const decoder = new PacketDecoder(new DecodeContext({ sender: Sender.Client }))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk)
      while (decoder.next() !== 0) {
        const bytes = Uint8Array.from(decoder.bytes.subarray(decoder.packetStart, decoder.end))
        this.#packets.push(decode(bytes, { protocolVersion: 5, sender: Sender.Client }))
      }
    })
    socket.on('end', () => this.#packets.push('end'))
  }

  /** The next packet, or 'end' when the client has closed its side. */
  next(): Promise<Packet | 'end'> {
    return this.#packets.next()
  }

  /** The next packet, which is of this type. */
  async expect<Type extends Packet['type']>(type: Type): Promise<Extract<Packet, { type: Type }>> {
    const packet = await this.next()
    if (packet === 'end' || packet.type !== type) {
      throw new Error(`expected ${type}, got ${packet === 'end' ? packet : packet.type}`)
    }
    return packet as Extract<Packet, { type: Type }>
  }

  /** Sends packets in one write. */
  send(...packets: PacketInput[]): void {
    this.socket.write(
      Buffer.concat(packets.map((packet) => encode(packet, { protocolVersion: 5 }))),
    )
  }

  /** Sends bytes as they are, written in hex. */
  sendHex(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  }
}
