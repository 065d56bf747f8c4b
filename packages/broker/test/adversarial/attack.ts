/**
 * What the adversarial suite shares. Each row of docs/adversarial.md is a test that lays a {@link Siege}:
 * a broker that listens, a witness that behaves well and talks to itself through it, and attackers.
 * Whatever these do, it has to hold that the process stays up, that the witness is served before,
 * during and after, and that nothing is left of the attackers once they are gone.
 *
 * Sockets are real, time is not: a deadline fires when a test says that its time has come.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Broker, type BrokerOptions, type BrokerStats } from '@promptmq/broker'
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
import { settle, VirtualClock } from '@promptmq/testing'
import { expect } from 'vitest'
import { text } from '../harness.ts'

/** The size that a row names, where `PROMPTMQ_FULL=1` asks for it; else one that takes a moment. */
export function scaled(small: number, full: number): number {
  return process.env.PROMPTMQ_FULL === '1' ? full : small
}

/** Stands still until it is told to move, but lets the event loop go round as it does. */
class SiegeClock extends VirtualClock {
  override schedule(delayMs: number, callback: () => void): () => void {
    if (delayMs > 0) return super.schedule(delayMs, callback)
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  }

  override defer(callback: () => void): void {
    setImmediate(callback)
  }
}

/** Lets the event loop go round until something is so. Who waits in vain runs into the test's time-out. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settle()
}

/** What a peer takes of the broker. */
const NO_LIMITS = { maximumUserProperties: 1_000_000, maximumTopicLevels: 65_536 }

/** A TCP connection to the broker that sends whatever bytes it is told to, and keeps what comes. */
export class Peer {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  /** The broker has ended its side. */
  isEnded = false
  /** Both sides are gone. */
  isClosed = false
  readonly packets: Packet[] = []
  readonly #byType = new Map<Packet['type'], Packet[]>()
  readonly #decoder: PacketDecoder
  readonly #protocolVersion: ProtocolVersion

  private constructor(socket: Socket, protocolVersion: ProtocolVersion) {
    this.socket = socket
    this.#protocolVersion = protocolVersion
    this.#decoder = new PacketDecoder(
      new DecodeContext({ protocolVersion, sender: Sender.Server, ...NO_LIMITS }),
    )
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => {
      this.isEnded = true
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('error', () => {})
  }

  /** @param allowHalfOpen - it never ends its own side. */
  static async open(
    port: number,
    protocolVersion: ProtocolVersion = 5,
    allowHalfOpen = false,
  ): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen, noDelay: true })
    await once(socket, 'connect')
    return new Peer(socket, protocolVersion)
  }

  /** Sends bytes, in one segment where they are few. */
  send(...parts: Uint8Array[]): void {
    if (!this.isClosed && this.socket.writable) this.socket.write(Buffer.concat(parts))
  }

  sendPackets(...packets: PacketInput[]): void {
    const protocolVersion = this.#protocolVersion
    this.send(...packets.map((packet) => encode(packet, { protocolVersion })))
  }

  /** Everything that came, as it came. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Those of one type that came. */
  only<Type extends Packet['type']>(type: Type): Extract<Packet, { type: Type }>[] {
    return (this.#byType.get(type) ?? []) as Extract<Packet, { type: Type }>[]
  }

  /** Waits until `count` packets of one type came. @returns the last of them. */
  async await<Type extends Packet['type']>(
    type: Type,
    count = 1,
  ): Promise<Extract<Packet, { type: Type }>> {
    await until(() => this.only(type).length >= count || this.isClosed)
    const packet = this.only(type)[count - 1]
    if (packet === undefined) throw new Error(`closed with ${JSON.stringify(this.packets)}`)
    return packet
  }

  /** Waits until the broker has ended the connection. */
  async ended(): Promise<void> {
    await until(() => this.isEnded || this.isClosed)
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed)
  }

  destroy(): void {
    this.socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk)
    const decoder = this.#decoder
    decoder.push(chunk)
    while (decoder.next() !== 0) {
      const { bytes, packetStart, end } = decoder
      const packet = decode(Uint8Array.from(bytes.subarray(packetStart, end)), {
        protocolVersion: this.#protocolVersion,
        sender: Sender.Server,
        ...NO_LIMITS,
      })
      this.packets.push(packet)
      const same = this.#byType.get(packet.type)
      if (same === undefined) this.#byType.set(packet.type, [packet])
      else same.push(packet)
    }
  }
}

/** What there is now, of what an attack might leave behind. */
function leftovers(stats: BrokerStats): object {
  const { openTransports, connections, sessions, subscriptions } = stats
  const { retainedMessages, retainedBytes, queuedBytes, pendingBytes } = stats
  return {
    openTransports,
    connections,
    sessions,
    subscriptions,
    retainedMessages,
    retainedBytes,
    queuedBytes,
    pendingBytes,
  }
}

/** A broker under attack, and a witness who must not notice. */
export class Siege {
  readonly broker: Broker
  readonly clock: VirtualClock
  readonly port: number
  readonly #witness: Peer
  readonly #before: object
  readonly #errors: unknown[] = []
  readonly #failed = (error: unknown) => this.#errors.push(error)
  #exchangeCount = 0

  private constructor(broker: Broker, clock: VirtualClock, port: number, witness: Peer) {
    this.broker = broker
    this.clock = clock
    this.port = port
    this.#witness = witness
    this.#before = leftovers(broker.stats())
    process.on('uncaughtExceptionMonitor', this.#failed)
    process.on('unhandledRejection', this.#failed)
  }

  /** @param prepare - for hooks, before anybody connects. */
  static async lay(
    options: BrokerOptions = {},
    prepare: (broker: Broker) => void = () => {},
  ): Promise<Siege> {
    const clock = new SiegeClock()
    const broker = await Broker.start({ clock, reasonStrings: false, ...options })
    prepare(broker)
    const { port } = await broker.listen({ port: 0 })
    const witness = await Peer.open(port)
    witness.sendPackets(
      { type: 'connect', clientId: 'witness', cleanStart: true, keepAlive: 0, userName: 'witness' },
      {
        type: 'subscribe',
        packetIdentifier: 1,
        subscriptions: [{ topicFilter: 'witness', qos: 1 }],
      },
    )
    await witness.await('suback')
    const siege = new Siege(broker, clock, port, witness)
    await siege.exchange()
    return siege
  }

  open(protocolVersion: ProtocolVersion = 5, allowHalfOpen = false): Promise<Peer> {
    return Peer.open(this.port, protocolVersion, allowHalfOpen)
  }

  /** A peer that is accepted. */
  async join(
    clientId: string,
    connectInput: Partial<ConnectInput> = {},
    protocolVersion: ProtocolVersion = 5,
  ): Promise<Peer> {
    const peer = await this.open(protocolVersion)
    peer.sendPackets({
      type: 'connect',
      clientId,
      cleanStart: true,
      keepAlive: 0,
      ...connectInput,
      protocolVersion,
    })
    const connack = await peer.await('connack')
    if (connack.reasonCode !== 0) throw new Error(`refused with ${connack.reasonCode}`)
    return peer
  }

  /** What the broker answers to bytes on a connection of their own, by the time that it ends it. */
  async answerTo(...parts: Uint8Array[]): Promise<Buffer> {
    const peer = await this.open()
    peer.send(...parts)
    await peer.closed()
    return peer.received
  }

  /** The witness sends itself a message at QoS 1, and gets it and its acknowledgement. */
  async exchange(): Promise<void> {
    const witness = this.#witness
    const count = ++this.#exchangeCount
    witness.sendPackets({
      type: 'publish',
      topicName: 'witness',
      payload: text(String(count)),
      qos: 1,
      packetIdentifier: 1,
    })
    const { payload, packetIdentifier } = await witness.await('publish', count)
    await witness.await('puback', count)
    expect(Buffer.from(payload).toString()).toBe(String(count))
    witness.sendPackets({ type: 'puback', packetIdentifier: packetIdentifier ?? 0 })
  }

  /**
   * The attackers have gone, or been sent away: the witness is served, nothing was thrown that nobody
   * caught, and of all that is counted there is as much as before.
   */
  async over(): Promise<void> {
    await this.exchange()
    await until(() => this.broker.stats().openTransports === 1)
    await this.exchange()
    expect(this.#witness.only('publish')).toHaveLength(this.#exchangeCount)
    expect(leftovers(this.broker.stats())).toEqual(this.#before)
    expect(this.#errors).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('uncaughtExceptionMonitor', this.#failed)
    process.off('unhandledRejection', this.#failed)
    this.#witness.destroy()
    let isClosed = false
    void this.broker.close().finally(() => {
      isClosed = true
    })
    // Who does not read its DISCONNECT has some time to.
    while (!isClosed) {
      this.clock.advance(1_000)
      await settle()
    }
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that are in use once what nobody refers to is gone. */
export async function memoryInUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await settle()
    collect()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/**
 * Does it again and again, and finds that memory is where it was, within 5 %: first as often as it takes
 * for everything to be compiled and every pool to be filled.
 */
export async function expectFlatMemory(
  rounds: number,
  attack: (round: number) => Promise<void> | void,
): Promise<void> {
  for (let round = 0; round < rounds; round++) await attack(round)
  const before = await memoryInUse()
  for (let round = 0; round < rounds; round++) await attack(round)
  const after = await memoryInUse()
  expect(after / before).toBeLessThan(1.05)
}

/** A packet of 5.0. */
export function bytesOf(packet: PacketInput): Uint8Array {
  return encode(packet, { protocolVersion: 5 })
}

/** CONNECT of 5.0: Clean Start, Keep Alive 0, no properties, the given Client Identifier. */
export function connectBytes(clientId: string): Uint8Array {
  return bytesOf({ type: 'connect', clientId, cleanStart: true, keepAlive: 0 })
}
