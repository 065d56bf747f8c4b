import type { AuthenticationMethod } from './authentication.ts'

/** Who a hook decides about. */
export interface ClientInfo {
  readonly clientId: string
  /** As in CONNECT, `undefined` where it was not sent. */
  readonly userName: string | undefined
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5.0. */
  readonly protocolVersion: 3 | 4 | 5
  /** IP address and port, or what the transport calls its peer. */
  readonly remoteAddress: string
}

/** What {@link Hooks.authenticate} decides about: a CONNECT that is well-formed. */
export interface ConnectRequest extends ClientInfo {
  readonly password: Uint8Array | undefined
  readonly cleanStart: boolean
  /** Seconds. */
  readonly keepAlive: number
}

/** What {@link Hooks.authorizePublish} decides about: a PUBLISH, or the Will Message of a CONNECT. */
export interface Publication {
  readonly topicName: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly isWill: boolean
}

/** What {@link Hooks.authorizeSubscribe} decides about: one Topic Filter of a SUBSCRIBE. */
export interface SubscribeRequest {
  /** Without `$share/NAME/`: what is matched is what is decided about. */
  readonly topicFilter: string
  /** `undefined`: not shared. */
  readonly shareName: string | undefined
  readonly qos: 0 | 1 | 2
}

/**
 * `true` allows. `false` denies with 0x87 (Not authorized); a Reason Code of 0x80 or above that the
 * answering packet may carry denies with it. For a subscription 0, 1 or 2 allows with that QoS at
 * most. Anything else denies, and so does a hook that throws, rejects or does not answer in time.
 */
export type Decision = boolean | number

/** Sends a client elsewhere: with 0x9C for now, with 0x9D for good (§4.11). */
export interface Redirection {
  readonly reasonCode: 0x9c | 0x9d
  /** Names of other servers as §4.11 has them: `host:port`, separated by spaces. */
  readonly serverReference: string
}

/**
 * Decides for the broker. Hooks of one kind are asked in the order in which they were registered;
 * the first that denies is the answer. A kind that nobody registered costs nothing.
 *
 * @example
 * ```ts
 * broker.use({
 *   name: 'acl',
 *   authenticate: ({ userName, password }) => users.check(userName, password),
 *   authorizePublish: (client, { topicName }) => topicName.startsWith(`device/${client.clientId}/`),
 * })
 * ```
 */
export interface Hooks {
  /** For log lines. */
  readonly name: string
  /** Decides about a CONNECT without Authentication Method. */
  authenticate?(connect: ConnectRequest): Decision | Redirection | Promise<Decision | Redirection>
  /**
   * Authentication Methods (§4.12) that clients may name; each decides in place of `authenticate`. Where
   * there are some and no `authenticate`, a CONNECT that names none is refused.
   */
  readonly authenticationMethods?: readonly AuthenticationMethod[]
  authorizePublish?(client: ClientInfo, publication: Publication): Decision | Promise<Decision>
  authorizeSubscribe?(
    client: ClientInfo,
    subscription: SubscribeRequest,
  ): Decision | Promise<Decision>
  /**
   * Response Information (§3.2.2.3.15) for a client that asks for it: what its Response Topics are to be
   * made of. The first hook that has some is heard.
   */
  responseInformation?(client: ClientInfo): string | undefined
}

/** The questions that hooks are asked. */
export type HookKind = 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'
