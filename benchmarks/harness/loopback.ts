/** A broker without sockets, for what a message costs inside the process. */
import { strict as assert } from 'node:assert'
import {
  Broker,
  type BrokerOptions,
  type Transport,
  type TransportReceiver,
} from '@promptmq/broker'
import { encode, type PacketInput } from '@promptmq/codec'

const V5 = { protocolVersion: 5 } as const

/** A peer in the same process: takes what it is sent at once, and counts it. */
export class Peer implements Transport {
  readonly remoteAddress = 'bench'
  readonly pendingBytes = 0
  readonly writable = true
  readonly givesChunks = true
  /** Bytes that came. */
  received = 0
  /** Called with what came; it is overwritten afterwards. */
  onWrite: ((bytes: Uint8Array) => void) | null = null
  #receiver: TransportReceiver | null = null

  /** Connects over MQTT 5.0, with a session that ends with the connection unless told otherwise. */
  static join(broker: Broker, clientId: string, sessionExpiryInterval = 0): Peer {
    const peer = new Peer()
    broker.connect(peer)
    peer.send(
      encode(
        { type: 'connect', clientId, keepAlive: 0, properties: { sessionExpiryInterval } },
        V5,
      ),
    )
    assert.ok(peer.received > 0, 'no CONNACK')
    return peer
  }

  subscribe(topicFilter: string, qos: 0 | 1 | 2): void {
    const before = this.received
    const packet: PacketInput = {
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter, qos }],
    }
    this.send(encode(packet, V5))
    assert.equal(this.received - before, 6)
  }

  /** The broker reads a chunk. */
  send(chunk: Uint8Array): void {
    this.#receiver!.received(chunk)
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver
  }

  write(bytes: Uint8Array): boolean {
    this.received += bytes.length
    this.onWrite?.(bytes)
    return true
  }

  pause(): void {}

  resume(): void {}

  end(): void {}

  destroy(): void {}
}

/** What is deferred to the end of an event loop's iteration is done at once: there are no others. */
export function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const clock = {
    now: () => 1_700_000_000_000,
    schedule: () => () => {},
    defer: (callback: () => void) => callback(),
  }
  return Broker.start({ clock, ...options })
}
