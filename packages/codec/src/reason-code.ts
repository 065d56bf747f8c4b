/**
 * Reason Codes (§2.4): one byte in every answer. Below 0x80 it went well, from 0x80 it did not.
 *
 * Which code may stand in which packet is a table of its own, {@link isReasonCodeOf}: a code
 * outside its packet's set, or of the wrong sender, is a Protocol Error.
 */
import { PacketType, Sender } from './packet-type.ts'

/** All codes of Table 2-6, by the standard’s names. */
export const ReasonCode = {
  /** Also Normal disconnection (DISCONNECT) and Granted QoS 0 (SUBACK). */
  Success: 0x00,
  GrantedQoS1: 0x01,
  GrantedQoS2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QoSNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const
export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode]

/** CK CONNACK, PA PUBACK, ...; a `c` or `s` behind it: only as sent by a client, a server. */
const ABBREVIATIONS: ReadonlyMap<string, PacketType> = new Map([
  ['CK', PacketType.Connack],
  ['PA', PacketType.Puback],
  ['PR', PacketType.Pubrec],
  ['PL', PacketType.Pubrel],
  ['PC', PacketType.Pubcomp],
  ['SA', PacketType.Suback],
  ['UA', PacketType.Unsuback],
  ['DC', PacketType.Disconnect],
  ['AU', PacketType.Auth],
])

/** Tables 2-6 and 3-1 to 3-11 in one: the code, its name, where it may stand. */
const TABLE: readonly (readonly [code: number, name: string, where: string])[] = [
  [0x00, 'Success', 'CK PA PR PL PC SA UA DC AUs'],
  [0x01, 'Granted QoS 1', 'SA'],
  [0x02, 'Granted QoS 2', 'SA'],
  [0x04, 'Disconnect with Will Message', 'DCc'],
  [0x10, 'No matching subscribers', 'PAs PRs'],
  [0x11, 'No subscription existed', 'UA'],
  [0x18, 'Continue authentication', 'AU'],
  [0x19, 'Re-authenticate', 'AUc'],
  [0x80, 'Unspecified error', 'CK PA PR SA UA DC'],
  [0x81, 'Malformed Packet', 'CK DC'],
  [0x82, 'Protocol Error', 'CK DC'],
  [0x83, 'Implementation specific error', 'CK PA PR SA UA DC'],
  [0x84, 'Unsupported Protocol Version', 'CK'],
  [0x85, 'Client Identifier not valid', 'CK'],
  [0x86, 'Bad User Name or Password', 'CK'],
  [0x87, 'Not authorized', 'CK PA PR SA UA DCs'],
  [0x88, 'Server unavailable', 'CK'],
  [0x89, 'Server busy', 'CK DCs'],
  [0x8a, 'Banned', 'CK'],
  [0x8b, 'Server shutting down', 'DCs'],
  [0x8c, 'Bad authentication method', 'CK'],
  [0x8d, 'Keep Alive timeout', 'DCs'],
  [0x8e, 'Session taken over', 'DCs'],
  [0x8f, 'Topic Filter invalid', 'SA UA DCs'],
  [0x90, 'Topic Name invalid', 'CK PA PR DC'],
  [0x91, 'Packet Identifier in use', 'PA PR SA UA'],
  [0x92, 'Packet Identifier not found', 'PL PC'],
  [0x93, 'Receive Maximum exceeded', 'DC'],
  [0x94, 'Topic Alias invalid', 'DC'],
  [0x95, 'Packet too large', 'CK DC'],
  [0x96, 'Message rate too high', 'DC'],
  [0x97, 'Quota exceeded', 'CK PA PR SA DC'],
  [0x98, 'Administrative action', 'DC'],
  [0x99, 'Payload format invalid', 'CK PA PR DC'],
  [0x9a, 'Retain not supported', 'CK DCs'],
  [0x9b, 'QoS not supported', 'CK DCs'],
  [0x9c, 'Use another server', 'CK DCs'],
  [0x9d, 'Server moved', 'CK DCs'],
  [0x9e, 'Shared Subscriptions not supported', 'SA DCs'],
  [0x9f, 'Connection rate exceeded', 'CK DCs'],
  [0xa0, 'Maximum connect time', 'DCs'],
  [0xa1, 'Subscription Identifiers not supported', 'SA DCs'],
  [0xa2, 'Wildcard Subscriptions not supported', 'SA DCs'],
]

/** The standard's name of each code, as `0x87 -> 'Not authorized'`. */
export const REASON_CODE_NAMES: ReadonlyMap<number, string> = new Map(
  TABLE.map(([code, name]) => [code, name]),
)

/** `[packet type << 8 | code]` is the {@link Sender} bits that may send it there, 0 for nobody. */
const SENDERS = buildSenders()

function buildSenders(): Uint8Array {
  const senders = new Uint8Array(16 << 8)
  for (const [code, , where] of TABLE) {
    for (const place of where.split(' ')) {
      const packetType = ABBREVIATIONS.get(place.slice(0, 2))!
      const side = place.slice(2)
      senders[(packetType << 8) | code] =
        side === 'c' ? Sender.Client : side === 's' ? Sender.Server : Sender.Any
    }
  }
  return senders
}

/**
 * Whether `code` may stand in a packet of this type that `sender` wrote, by the packet's own
 * table of Reason Codes. Always `false` for packets that carry none. Never allocates.
 *
 * @example
 * ```ts
 * import { isReasonCodeOf, PacketType, ReasonCode, Sender } from '@promptmq/codec'
 *
 * isReasonCodeOf(PacketType.Disconnect, ReasonCode.ServerBusy, Sender.Server) // true
 * isReasonCodeOf(PacketType.Disconnect, ReasonCode.ServerBusy, Sender.Client) // false
 * ```
 */
export function isReasonCodeOf(packetType: PacketType, code: number, sender: Sender): boolean {
  return code >= 0 && code < 256 && (SENDERS[(packetType << 8) + code]! & sender) !== 0
}

/** CONNACK's return codes in MQTT 3.1.1 and 3.1 (3.1.1 §3.2.2.3). */
export const ConnectReturnCode = {
  Accepted: 0,
  UnacceptableProtocolVersion: 1,
  IdentifierRejected: 2,
  ServerUnavailable: 3,
  BadUserNameOrPassword: 4,
  NotAuthorized: 5,
} as const
export type ConnectReturnCode = (typeof ConnectReturnCode)[keyof typeof ConnectReturnCode]

/** The 5.0 code that says what each {@link ConnectReturnCode} says, indexed by it. */
const REASON_CODE_OF_RETURN_CODE: readonly ReasonCode[] = [
  ReasonCode.Success,
  ReasonCode.UnsupportedProtocolVersion,
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.ServerUnavailable,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
]

/** The 3.x return code nearest to a 5.0 CONNACK Reason Code; what has no counterpart is 3. */
export function connectReturnCode(reasonCode: number): ConnectReturnCode {
  if (reasonCode === ReasonCode.Banned) return ConnectReturnCode.NotAuthorized
  const returnCode = REASON_CODE_OF_RETURN_CODE.indexOf(reasonCode as ReasonCode)
  return returnCode < 0 ? ConnectReturnCode.ServerUnavailable : (returnCode as ConnectReturnCode)
}

/** The 5.0 Reason Code for a 3.x return code, or `undefined` above 5. */
export function reasonCodeOfReturnCode(returnCode: number): ReasonCode | undefined {
  return REASON_CODE_OF_RETURN_CODE[returnCode]
}
