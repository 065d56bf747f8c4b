/**
 * The properties of MQTT 5.0 (§2.2.2) as data: what each is called, how its value is encoded, in
 * which packets it may stand, and where more than once.
 *
 * Places are bits, `1 << PacketType`; Will Properties take bit 0, that of the reserved packet type.
 * Every identifier is below 128, so its Variable Byte Integer is one byte.
 */
import { PacketType } from './packet-type.ts'
import { VARIABLE_BYTE_INTEGER_MAX } from './variable-byte-integer.ts'

/** How a property's value is encoded (§1.5). */
export const PropertyType = {
  Byte: 1,
  TwoByteInteger: 2,
  FourByteInteger: 3,
  VariableByteInteger: 4,
  String: 5,
  BinaryData: 6,
  StringPair: 7,
} as const
export type PropertyType = (typeof PropertyType)[keyof typeof PropertyType]

/** The identifiers of Table 2-4, by the standard’s names. */
export const PropertyIdentifier = {
  PayloadFormatIndicator: 0x01,
  MessageExpiryInterval: 0x02,
  ContentType: 0x03,
  ResponseTopic: 0x08,
  CorrelationData: 0x09,
  SubscriptionIdentifier: 0x0b,
  SessionExpiryInterval: 0x11,
  AssignedClientIdentifier: 0x12,
  ServerKeepAlive: 0x13,
  AuthenticationMethod: 0x15,
  AuthenticationData: 0x16,
  RequestProblemInformation: 0x17,
  WillDelayInterval: 0x18,
  RequestResponseInformation: 0x19,
  ResponseInformation: 0x1a,
  ServerReference: 0x1c,
  ReasonString: 0x1f,
  ReceiveMaximum: 0x21,
  TopicAliasMaximum: 0x22,
  TopicAlias: 0x23,
  MaximumQoS: 0x24,
  RetainAvailable: 0x25,
  UserProperty: 0x26,
  MaximumPacketSize: 0x27,
  WildcardSubscriptionAvailable: 0x28,
  SubscriptionIdentifiersAvailable: 0x29,
  SharedSubscriptionAvailable: 0x2a,
} as const
export type PropertyIdentifier = (typeof PropertyIdentifier)[keyof typeof PropertyIdentifier]

/** Where the Will Properties of CONNECT stand among the packet types. */
export const WILL_PROPERTIES = 0
/** A property section: that of a packet, or the Will Properties. */
export type PropertyScope = PacketType | typeof WILL_PROPERTIES

/** What there is to know of a property. */
export interface PropertyRow {
  readonly identifier: PropertyIdentifier
  /** The standard's name. */
  readonly title: string
  /** The key in packet objects. */
  readonly name: string
  readonly type: PropertyType
  /** Smallest and largest value of an integer; 0 and 0 for what is none. */
  readonly minimum: number
  readonly maximum: number
  /** Bits of `1 << PropertyScope`: where it may stand. */
  readonly allowedIn: number
  /** Bits of `1 << PropertyScope`: where it may stand more than once. */
  readonly repeatableIn: number
}

const Will = 1 << WILL_PROPERTIES
const Connect = 1 << PacketType.Connect
const Connack = 1 << PacketType.Connack
const Publish = 1 << PacketType.Publish
const Subscribe = 1 << PacketType.Subscribe
const Unsubscribe = 1 << PacketType.Unsubscribe
const Disconnect = 1 << PacketType.Disconnect
const Auth = 1 << PacketType.Auth
const Acknowledgements =
  (1 << PacketType.Puback) |
  (1 << PacketType.Pubrec) |
  (1 << PacketType.Pubrel) |
  (1 << PacketType.Pubcomp) |
  (1 << PacketType.Suback) |
  (1 << PacketType.Unsuback)
const Message = Publish | Will
const Reasons = Connack | Acknowledgements | Disconnect | Auth
const Everywhere = Message | Reasons | Connect | Subscribe | Unsubscribe

const { Byte, TwoByteInteger, FourByteInteger, VariableByteInteger } = PropertyType
const { String: Text, BinaryData, StringPair } = PropertyType
const U16 = 0xffff
const U32 = 0xffff_ffff
const VBI = VARIABLE_BYTE_INTEGER_MAX

/** Table 2-4, by identifier. */
export const PROPERTIES: readonly PropertyRow[] = [
  row('PayloadFormatIndicator', 'Payload Format Indicator', Byte, Message, 0, 1),
  row('MessageExpiryInterval', 'Message Expiry Interval', FourByteInteger, Message, 0, U32),
  row('ContentType', 'Content Type', Text, Message),
  row('ResponseTopic', 'Response Topic', Text, Message),
  row('CorrelationData', 'Correlation Data', BinaryData, Message),
  row(
    'SubscriptionIdentifier',
    'Subscription Identifier',
    VariableByteInteger,
    Publish | Subscribe,
    1,
    VBI,
  ),
  row(
    'SessionExpiryInterval',
    'Session Expiry Interval',
    FourByteInteger,
    Connect | Connack | Disconnect,
    0,
    U32,
  ),
  row('AssignedClientIdentifier', 'Assigned Client Identifier', Text, Connack),
  row('ServerKeepAlive', 'Server Keep Alive', TwoByteInteger, Connack, 0, U16),
  row('AuthenticationMethod', 'Authentication Method', Text, Connect | Connack | Auth),
  row('AuthenticationData', 'Authentication Data', BinaryData, Connect | Connack | Auth),
  row('RequestProblemInformation', 'Request Problem Information', Byte, Connect, 0, 1),
  row('WillDelayInterval', 'Will Delay Interval', FourByteInteger, Will, 0, U32),
  row('RequestResponseInformation', 'Request Response Information', Byte, Connect, 0, 1),
  row('ResponseInformation', 'Response Information', Text, Connack),
  row('ServerReference', 'Server Reference', Text, Connack | Disconnect),
  row('ReasonString', 'Reason String', Text, Reasons),
  row('ReceiveMaximum', 'Receive Maximum', TwoByteInteger, Connect | Connack, 1, U16),
  row('TopicAliasMaximum', 'Topic Alias Maximum', TwoByteInteger, Connect | Connack, 0, U16),
  row('TopicAlias', 'Topic Alias', TwoByteInteger, Publish, 1, U16),
  row('MaximumQoS', 'Maximum QoS', Byte, Connack, 0, 1),
  row('RetainAvailable', 'Retain Available', Byte, Connack, 0, 1),
  row('UserProperty', 'User Property', StringPair, Everywhere),
  row('MaximumPacketSize', 'Maximum Packet Size', FourByteInteger, Connect | Connack, 1, U32),
  row('WildcardSubscriptionAvailable', 'Wildcard Subscription Available', Byte, Connack, 0, 1),
  row(
    'SubscriptionIdentifiersAvailable',
    'Subscription Identifiers Available',
    Byte,
    Connack,
    0,
    1,
  ),
  row('SharedSubscriptionAvailable', 'Shared Subscription Available', Byte, Connack, 0, 1),
]

function row(
  key: keyof typeof PropertyIdentifier,
  title: string,
  type: PropertyType,
  allowedIn: number,
  minimum = 0,
  maximum = 0,
): PropertyRow {
  return {
    identifier: PropertyIdentifier[key],
    title,
    name: key[0]!.toLowerCase() + key.slice(1),
    type,
    minimum,
    maximum,
    allowedIn,
    // §2.2.2.2: only these two, and the identifiers only in PUBLISH.
    repeatableIn:
      key === 'UserProperty' ? Everywhere : key === 'SubscriptionIdentifier' ? Publish : 0,
  }
}

/** The row of an identifier, or `undefined` where the standard has none. */
export function propertyRow(identifier: number): PropertyRow | undefined {
  return BY_IDENTIFIER[identifier]
}

const BY_IDENTIFIER: readonly (PropertyRow | undefined)[] = Array.from({ length: 128 }, (_, i) =>
  PROPERTIES.find((candidate) => candidate.identifier === i),
)
