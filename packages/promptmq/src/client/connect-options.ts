import type { ConnectProperties, QoS, WillProperties } from '@promptmq/codec'

/** Where a server listens. */
export type Address =
  | { readonly host: string; readonly port: number }
  /** A unix socket. */
  | { readonly path: string }

/** An address as one writes it: `localhost:1883`, `[::1]:1883`, `/run/promptmq.sock`. */
export function formatAddress(address: Address): string {
  if ('path' in address) return address.path
  const { host, port } = address
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What the server publishes if the client dies. */
export interface WillMessage {
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Partial<WillProperties>
}

/** All that a connection begins with. */
export interface ConnectOptions {
  readonly address: Address
  /** Empty: the server makes one. */
  readonly clientId: string
  readonly cleanStart: boolean
  /** Seconds, 0 to 65,535; 0 turns it off. */
  readonly keepAlive: number
  readonly userName: string | undefined
  readonly password: string | undefined
  readonly will: WillMessage | undefined
  readonly properties: Partial<ConnectProperties>
  /** How long to wait for the connection and for CONNACK together. */
  readonly connectTimeoutMs: number
  /** Told, a line at a time, which packets go and come. */
  readonly log: (line: string) => void
}
