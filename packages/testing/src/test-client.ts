import type { Broker } from '@promptmq/broker'
import {
  type ConnectInput,
  DecodeContext,
  decode,
  encode,
  type Packet,
  PacketDecoder,
  type PacketInput,
  type ProtocolVersion,
  Sender,
} from '@promptmq/codec'
import { settle } from './virtual-clock.ts'
import { VirtualTransport } from './virtual-transport.ts'

/**
 * A client of packets: says exactly what a test tells it, answers nothing by itself.
 *
 * @example
 * ```ts
 * const client = await TestClient.connect(broker, { clientId: 'a', cleanStart: true })
 * await client.send({ type: 'subscribe', packetIdentifier: 1, subscriptions: [{ topicFilter: 'a/#', qos: 1 }] })
 * client.take() // [{ type: 'suback', ... }]
 * ```
 */
export class TestClient {
  readonly transport: VirtualTransport
  readonly protocolVersion: ProtocolVersion
  readonly #decoder: PacketDecoder
  #packets: Packet[] = []

  constructor(broker: Broker, protocolVersion: ProtocolVersion = 5) {
    this.protocolVersion = protocolVersion
    this.transport = new VirtualTransport()
    this.#decoder = new PacketDecoder(
      new DecodeContext({ protocolVersion, sender: Sender.Server, maximumUserProperties: 10_000 }),
    )
    broker.connect(this.transport)
  }

  /** Connects and waits for CONNACK, which stays the first of {@link TestClient.take}'s packets. */
  static async connect(
    broker: Broker,
    connect: Partial<ConnectInput> = {},
    protocolVersion: ProtocolVersion = 5,
  ): Promise<TestClient> {
    const client = new TestClient(broker, protocolVersion)
    await client.send({
      type: 'connect',
      clientId: 'test',
      cleanStart: true,
      keepAlive: 0,
      ...connect,
      protocolVersion,
    })
    return client
  }

  /** Connects and forgets a CONNACK that must say Success. */
  static async join(
    broker: Broker,
    connect: Partial<ConnectInput> = {},
    protocolVersion: ProtocolVersion = 5,
  ): Promise<TestClient> {
    const client = await TestClient.connect(broker, connect, protocolVersion)
    const connack = client.#shiftPacket()
    if (connack?.type !== 'connack' || connack.reasonCode !== 0) {
      throw new Error(`no CONNACK with Success but ${JSON.stringify(connack)}`)
    }
    return client
  }

  /** Sends packets in one chunk and lets the broker answer. */
  async send(...packets: PacketInput[]): Promise<void> {
    const { protocolVersion } = this
    await this.sendBytes(Buffer.concat(packets.map((one) => encode(one, { protocolVersion }))))
  }

  /** Sends bytes as they are. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    this.transport.send(bytes)
    await settle()
  }

  async subscribe(topicFilter: string, qos: 0 | 1 | 2 = 0): Promise<void> {
    await this.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [
        { topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      ],
    })
    const answer = this.take().find((packet) => packet.type === 'suback')
    if (answer?.reasonCodes[0] !== qos) throw new Error(`SUBACK ${JSON.stringify(answer)}`)
  }

  /** Every packet that came since the last call. */
  take(): Packet[] {
    this.#read()
    const packets = this.#packets
    this.#packets = []
    return packets
  }

  /** Whether the broker ended the connection. */
  get isClosed(): boolean {
    return this.transport.isEnded
  }

  /** The network fails. */
  async drop(): Promise<void> {
    this.transport.close(new Error('connection reset'))
    await settle()
  }

  #shiftPacket(): Packet | undefined {
    this.#read()
    return this.#packets.shift()
  }

  #read(): void {
    const decoder = this.#decoder
    decoder.push(this.transport.taken())
    while (decoder.next() !== 0) {
      const { bytes, packetStart, end } = decoder
      this.#packets.push(
        decode(Uint8Array.from(bytes.subarray(packetStart, end)), {
          protocolVersion: this.protocolVersion,
          sender: Sender.Server,
          maximumUserProperties: 10_000,
        }),
      )
    }
    if (decoder.fault !== 0) throw new Error(`the broker sent a fault: ${decoder.fault}`)
  }
}
