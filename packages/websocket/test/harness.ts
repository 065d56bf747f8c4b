import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { Broker, type BrokerOptions } from '@promptmq/broker'
import { encode, type PacketInput, type ProtocolVersion } from '@promptmq/codec'
import { VirtualClock, wire } from '@promptmq/testing'
import { type ListenWebSocketOptions, listenWebSocket } from '@promptmq/websocket'

/** A broker, and a port of its own for WebSocket. */
export async function serve(
  options: ListenWebSocketOptions = {},
  brokerOptions: BrokerOptions = {},
): Promise<{ broker: Broker; port: number }> {
  const broker = await Broker.start({ reasonStrings: false, ...brokerOptions })
  const { port } = await listenWebSocket(broker, { port: 0, ...options })
  return { broker, port }
}

/** Opens a server on any free port of this machine. */
export async function listenOn(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** CONNECT of 5.0, without a client identifier. */
export const CONNECT = wire`10 0d 00 04 "MQTT" 05 02 00 00 00 | 00 00`
/** The same of 3.1.1. */
export const CONNECT_311 = wire`10 0c 00 04 "MQTT" 04 02 00 00 | 00 00`
export const PINGREQ = wire`c0 00`
export const PINGRESP = Buffer.from(wire`d0 00`)

export function packet(input: PacketInput, protocolVersion: ProtocolVersion = 5): Uint8Array {
  return encode(input, { protocolVersion })
}

/** SUBSCRIBE to one filter. */
export function subscribe(topicFilter: string, protocolVersion: ProtocolVersion = 5): Uint8Array {
  const subscription = { topicFilter, qos: 0 as const }
  const input: PacketInput = {
    type: 'subscribe',
    packetIdentifier: 1,
    subscriptions: [subscription],
  }
  return packet(input, protocolVersion)
}

const PEM = readFileSync(join(import.meta.dirname, 'localhost.pem'), 'utf8')

/** For `localhost` and 127.0.0.1, signed by itself: a key that is no secret. */
export const TLS = { key: PEM, cert: PEM }

/** A clock whose loop goes round when it is told to. */
export class LoopClock extends VirtualClock {
  deferred: (() => void)[] = []

  override defer(callback: () => void): void {
    this.deferred.push(callback)
  }

  round(): void {
    for (const callback of this.deferred.splice(0)) callback()
  }
}
