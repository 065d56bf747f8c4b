import type { ConnackProperties, PublishProperties, QoS } from '@promptmq/codec'
import type { ClientName, Version } from './features.ts'

/** Properties in the words of our codec; what is not there is left out. */
export type MessageProperties = Partial<PublishProperties>

/** What a client received. */
export interface Message {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: MessageProperties
}

export interface WillOptions {
  readonly topic: string
  readonly payload: string
  readonly qos?: QoS
  readonly retain?: boolean
  readonly properties?: MessageProperties & { readonly willDelayInterval?: number }
}

export interface ConnectOptions {
  readonly clientId: string
  /** Default true. */
  readonly clean?: boolean
  /** Seconds. Default 60. */
  readonly keepAlive?: number
  /** Whether it connects again by itself when the connection breaks. Default false. */
  readonly reconnects?: boolean
  readonly userName?: string
  readonly password?: string
  /** Proves the password by SCRAM-SHA-256, where the library can. */
  readonly scram?: { readonly userName: string; readonly password: string }
  readonly will?: WillOptions
  readonly properties?: {
    readonly sessionExpiryInterval?: number
    readonly receiveMaximum?: number
    readonly maximumPacketSize?: number
    readonly topicAliasMaximum?: number
  }
}

export interface PublishOptions {
  readonly qos?: QoS
  readonly retain?: boolean
  readonly properties?: MessageProperties
}

export interface SubscribeOptions {
  readonly qos?: QoS
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
  readonly subscriptionIdentifier?: number
}

export interface DisconnectOptions {
  readonly reasonCode?: number
  readonly sessionExpiryInterval?: number
}

/** What the tests look at in CONNACK. */
export type ServerProperties = {
  readonly [name in
    | 'assignedClientIdentifier'
    | 'serverKeepAlive'
    | 'maximumPacketSize'
    | 'topicAliasMaximum'
    | 'maximumQoS'
    | 'retainAvailable']?: ConnackProperties[name] | undefined
}

/** A client that has its CONNACK. */
export interface InteropClient {
  readonly connack: {
    readonly sessionPresent: boolean
    /** As it came: of the version that was spoken. */
    readonly code: number
    readonly properties: ServerProperties
    /** The server has proved that it knows the password too. */
    readonly isProved?: boolean
  }
  /** @returns the code of SUBACK. */
  subscribe(topicFilter: string, options?: SubscribeOptions): Promise<number>
  /** @returns the Reason Code of UNSUBACK; 0 before 5.0. */
  unsubscribe(topicFilter: string): Promise<number>
  /** @returns when it is acknowledged, the Reason Code; 0 where the client does not say it. */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<number>
  /** Waits for messages and takes them. */
  take(count: number): Promise<Message[]>
  /** Says DISCONNECT. */
  disconnect(options?: DisconnectOptions): Promise<void>
  /** Ends the connection without a word. */
  drop(): Promise<void>
  /** Resolves when the connection is gone, with the Reason Code of a DISCONNECT that the client saw. */
  readonly ended: Promise<number | undefined>
}

/** A library whose clients the shared suite can drive. */
export interface ClientKind {
  readonly name: ClientName
  readonly isHere: boolean
  /** Whether it hands on the Reason Codes of DISCONNECT, PUBACK and PUBREC. */
  readonly tellsReasonCodes: boolean
  connect(port: number, version: Version, options: ConnectOptions): Promise<InteropClient>
  /** Ends whatever runs for all clients. */
  close(): Promise<void>
}
