/**
 * Everything a peer can do wrong in the bytes of a packet, in one table.
 *
 * A decoder returns a fault's number, 0 for none: a small integer costs nothing on the way back,
 * where an Error takes microseconds that a hostile peer would be glad to spend for us. The row
 * behind the number (what to answer, which rule was broken, what to log) is looked up once the
 * connection is already lost.
 *
 * Statement ids are those of MQTT 5.0; a rule that only 3.1.1 has says so in its text.
 */
import { ReasonCode } from './reason-code.ts'
import { MALFORMED as MALFORMED_INTEGER } from './variable-byte-integer.ts'

/** The numbers of all faults; 0 is none. New ones may come in between: compare by name. */
export const Fault = {
  None: 0,
  // The packet as a whole
  PacketTruncated: 1,
  PacketOverlong: 2,
  PacketTooLarge: 3,
  PacketTypeReserved: 4,
  PacketTypeNotAccepted: 5,
  FixedHeaderFlags: 6,
  RemainingLengthImpossible: 7,
  // Data types
  VariableByteIntegerMalformed: 8,
  Utf8IllFormed: 9,
  Utf8Nul: 10,
  Utf8DisallowedCodePoint: 11,
  // Properties
  PropertyUnknown: 12,
  PropertyNotAllowed: 13,
  PropertyRepeated: 14,
  PropertyValueInvalid: 15,
  UserPropertiesTooMany: 16,
  // Topic Names and Topic Filters
  TopicNameEmpty: 17,
  TopicNameWildcard: 18,
  TopicNameTooLong: 19,
  TopicNameTooDeep: 20,
  TopicFilterEmpty: 21,
  TopicFilterMultiLevelWildcard: 22,
  TopicFilterSingleLevelWildcard: 23,
  TopicFilterTooLong: 24,
  TopicFilterTooDeep: 25,
  ShareNameEmpty: 26,
  ShareNameInvalid: 27,
  // CONNECT
  ProtocolNameInvalid: 28,
  ProtocolVersionUnsupported: 29,
  ConnectReservedFlag: 30,
  WillQosWithoutWill: 31,
  WillRetainWithoutWill: 32,
  WillQos3: 33,
  PasswordWithoutUserName: 34,
  AuthenticationDataWithoutMethod: 35,
  AuthenticationMethodMissing: 36,
  // CONNACK
  ConnackFlags: 37,
  ConnackSessionPresent: 38,
  ConnackReasonCode: 39,
  // PUBLISH and its acknowledgements
  PublishQos3: 40,
  PublishDupAtQos0: 41,
  PacketIdentifierZero: 42,
  TopicAliasMissing: 43,
  TopicAliasZero: 44,
  ResponseTopicEmpty: 45,
  ResponseTopicWildcard: 46,
  SubscriptionIdentifierZero: 47,
  SubscriptionIdentifierFromClient: 48,
  PubackReasonCode: 49,
  PubrecReasonCode: 50,
  PubrelReasonCode: 51,
  PubcompReasonCode: 52,
  // SUBSCRIBE, UNSUBSCRIBE and their acknowledgements
  SubscribeEmpty: 53,
  SubscribeReservedBits: 54,
  SubscribeQos3: 55,
  SubscribeRetainHandling3: 56,
  SubscribeNoLocalShared: 57,
  FiltersTooMany: 58,
  SubackEmpty: 59,
  SubackReasonCode: 60,
  UnsubscribeEmpty: 61,
  UnsubackEmpty: 62,
  UnsubackReasonCode: 63,
  // DISCONNECT and AUTH
  DisconnectReasonCode: 64,
  SessionExpiryIntervalFromServer: 65,
  AuthReasonCode: 66,
} as const
export type Fault = (typeof Fault)[keyof typeof Fault]

/** The id of a normative statement of MQTT 5.0. */
export type Statement = `MQTT-${number}.${number}.${number}-${number}`

/** What there is to know of a fault. */
export interface FaultRow {
  readonly code: `ERR_MQTT_${string}`
  /** Sent in the DISCONNECT or CONNACK that answers the fault. */
  readonly reasonCode: ReasonCode
  /** The normative statement broken, or `null` where no one statement says it. */
  readonly statement: Statement | null
  readonly text: string
}

const MALFORMED = ReasonCode.MalformedPacket
const VIOLATION = ReasonCode.ProtocolError
const VERSION = ReasonCode.UnsupportedProtocolVersion
const TOPIC_NAME = ReasonCode.TopicNameInvalid
const TOPIC_FILTER = ReasonCode.TopicFilterInvalid
const ALIAS = ReasonCode.TopicAliasInvalid
const TOO_LARGE = ReasonCode.PacketTooLarge
const QUOTA = ReasonCode.QuotaExceeded

/** Indexed by {@link Fault}: the order is the numbering above. */
export const FAULTS: readonly FaultRow[] = [
  row('NONE', MALFORMED, null, 'no fault'),

  row('PACKET_TRUNCATED', MALFORMED, null, 'a field runs past the end of what holds it'),
  row('PACKET_OVERLONG', MALFORMED, null, 'bytes are left over after the last field'),
  row('PACKET_TOO_LARGE', TOO_LARGE, 'MQTT-3.2.2-15', 'packet is above the Maximum Packet Size'),
  row('PACKET_TYPE_RESERVED', MALFORMED, null, 'packet type is reserved'),
  row('PACKET_TYPE_NOT_ACCEPTED', VIOLATION, null, 'packet of this type is not accepted here'),
  row('FIXED_HEADER_FLAGS', MALFORMED, 'MQTT-2.1.3-1', 'reserved flags of the Fixed Header'),
  row('REMAINING_LENGTH', MALFORMED, null, 'Remaining Length that this packet cannot have'),

  row('INTEGER_MALFORMED', MALFORMED, 'MQTT-1.5.5-1', 'integer is overlong or too long'),
  row('UTF8_ILL_FORMED', MALFORMED, 'MQTT-1.5.4-1', 'string is not well-formed UTF-8'),
  row('UTF8_NUL', MALFORMED, 'MQTT-1.5.4-2', 'string contains U+0000'),
  row('UTF8_DISALLOWED', MALFORMED, null, 'string contains a disallowed code point'),

  row('PROPERTY_UNKNOWN', MALFORMED, null, 'property identifier is unknown'),
  row('PROPERTY_NOT_ALLOWED', MALFORMED, null, 'property is not allowed in this packet'),
  row('PROPERTY_REPEATED', VIOLATION, null, 'property is there more than once'),
  row('PROPERTY_VALUE', VIOLATION, null, 'property has a value out of its range'),
  row('USER_PROPERTIES', QUOTA, null, 'more User Properties than the limit'),

  row('TOPIC_NAME_EMPTY', VIOLATION, 'MQTT-4.7.3-1', 'Topic Name is empty'),
  row('TOPIC_NAME_WILDCARD', TOPIC_NAME, 'MQTT-3.3.2-2', 'Topic Name contains a wildcard'),
  row('TOPIC_NAME_TOO_LONG', TOPIC_NAME, 'MQTT-4.7.3-3', 'Topic Name is above 65,535 bytes'),
  row('TOPIC_NAME_TOO_DEEP', TOPIC_NAME, null, 'Topic Name has more levels than the limit'),
  row('TOPIC_FILTER_EMPTY', TOPIC_FILTER, 'MQTT-4.7.3-1', 'Topic Filter is empty'),
  row('TOPIC_FILTER_HASH', TOPIC_FILTER, 'MQTT-4.7.1-1', '# is not a whole last level'),
  row('TOPIC_FILTER_PLUS', TOPIC_FILTER, 'MQTT-4.7.1-2', '+ is not a whole level'),
  row('TOPIC_FILTER_TOO_LONG', TOPIC_FILTER, 'MQTT-4.7.3-3', 'Topic Filter is above 65,535 bytes'),
  row('TOPIC_FILTER_TOO_DEEP', TOPIC_FILTER, null, 'Topic Filter has more levels than the limit'),
  row('SHARE_NAME_EMPTY', TOPIC_FILTER, 'MQTT-4.8.2-1', 'ShareName is empty'),
  row('SHARE_NAME_INVALID', TOPIC_FILTER, 'MQTT-4.8.2-2', 'ShareName has a + or #, or ends it'),

  row('PROTOCOL_NAME', VERSION, 'MQTT-3.1.2-1', 'Protocol Name is unknown'),
  row('PROTOCOL_VERSION', VERSION, 'MQTT-3.1.2-2', 'Protocol Version is not supported'),
  row('CONNECT_RESERVED_FLAG', MALFORMED, 'MQTT-3.1.2-3', 'reserved Connect Flag is set'),
  row('WILL_QOS_WITHOUT_WILL', MALFORMED, 'MQTT-3.1.2-11', 'Will QoS without the Will Flag'),
  row('WILL_RETAIN_WITHOUT_WILL', MALFORMED, 'MQTT-3.1.2-13', 'Will Retain without the Will Flag'),
  row('WILL_QOS_3', MALFORMED, 'MQTT-3.1.2-12', 'both Will QoS bits are set'),
  row('PASSWORD_ALONE', MALFORMED, null, 'Password without User Name, which 3.1.1 forbids'),
  row('AUTHENTICATION_DATA', VIOLATION, null, 'Authentication Data without a Method'),
  row('AUTHENTICATION_METHOD', VIOLATION, 'MQTT-4.12.0-5', 'Authentication Method is missing'),

  row('CONNACK_FLAGS', MALFORMED, 'MQTT-3.2.2-1', 'reserved Connect Acknowledge Flags are set'),
  row('CONNACK_SESSION_PRESENT', VIOLATION, 'MQTT-3.2.2-6', 'Session Present in a refusal'),
  row('CONNACK_REASON_CODE', VIOLATION, 'MQTT-3.2.2-8', 'not a Reason Code of CONNACK'),

  row('PUBLISH_QOS_3', MALFORMED, 'MQTT-3.3.1-4', 'both QoS bits are set'),
  row('PUBLISH_DUP_AT_QOS_0', MALFORMED, 'MQTT-3.3.1-2', 'DUP is set at QoS 0'),
  row('PACKET_IDENTIFIER_ZERO', VIOLATION, 'MQTT-2.2.1-3', 'Packet Identifier is 0'),
  row('TOPIC_ALIAS_MISSING', VIOLATION, null, 'Topic Name is empty and there is no Topic Alias'),
  row('TOPIC_ALIAS_ZERO', ALIAS, 'MQTT-3.3.2-8', 'Topic Alias is 0'),
  row('RESPONSE_TOPIC_EMPTY', VIOLATION, 'MQTT-4.7.3-1', 'Response Topic is empty'),
  row('RESPONSE_TOPIC_WILDCARD', VIOLATION, 'MQTT-3.3.2-14', 'Response Topic has a wildcard'),
  row('SUBSCRIPTION_IDENTIFIER_ZERO', VIOLATION, null, 'Subscription Identifier is 0'),
  row(
    'SUBSCRIPTION_IDENTIFIER',
    VIOLATION,
    'MQTT-3.3.4-6',
    'Subscription Identifier from a client',
  ),
  row('PUBACK_REASON_CODE', VIOLATION, 'MQTT-3.4.2-1', 'not a Reason Code of PUBACK'),
  row('PUBREC_REASON_CODE', VIOLATION, 'MQTT-3.5.2-1', 'not a Reason Code of PUBREC'),
  row('PUBREL_REASON_CODE', VIOLATION, 'MQTT-3.6.2-1', 'not a Reason Code of PUBREL'),
  row('PUBCOMP_REASON_CODE', VIOLATION, 'MQTT-3.7.2-1', 'not a Reason Code of PUBCOMP'),

  row('SUBSCRIBE_EMPTY', VIOLATION, 'MQTT-3.8.3-2', 'no Topic Filter'),
  row(
    'SUBSCRIBE_RESERVED_BITS',
    MALFORMED,
    'MQTT-3.8.3-5',
    'reserved Subscription Options are set',
  ),
  row('SUBSCRIBE_QOS_3', VIOLATION, null, 'maximum QoS is 3'),
  row('SUBSCRIBE_RETAIN_HANDLING_3', VIOLATION, null, 'Retain Handling is 3'),
  row('SUBSCRIBE_NO_LOCAL', VIOLATION, 'MQTT-3.8.3-4', 'No Local on a Shared Subscription'),
  row('FILTERS_TOO_MANY', QUOTA, null, 'more Topic Filters than the limit'),
  row('SUBACK_EMPTY', VIOLATION, 'MQTT-3.8.4-6', 'no Reason Code'),
  row('SUBACK_REASON_CODE', VIOLATION, 'MQTT-3.9.3-2', 'not a Reason Code of SUBACK'),
  row('UNSUBSCRIBE_EMPTY', VIOLATION, 'MQTT-3.10.3-2', 'no Topic Filter'),
  row('UNSUBACK_EMPTY', VIOLATION, 'MQTT-3.11.3-1', 'no Reason Code'),
  row('UNSUBACK_REASON_CODE', VIOLATION, 'MQTT-3.11.3-2', 'not a Reason Code of UNSUBACK'),

  row('DISCONNECT_REASON_CODE', VIOLATION, 'MQTT-3.14.2-1', 'not a Reason Code of DISCONNECT'),
  row('SESSION_EXPIRY', VIOLATION, 'MQTT-3.14.2-2', 'Session Expiry Interval from a server'),
  row('AUTH_REASON_CODE', VIOLATION, 'MQTT-3.15.2-1', 'not a Reason Code of AUTH'),
]

/** What is wrong with a Variable Byte Integer that `decodeVariableByteInteger` gave no value for. */
export function integerFault(result: number): Fault {
  return result === MALFORMED_INTEGER ? Fault.VariableByteIntegerMalformed : Fault.PacketTruncated
}

function row(
  name: string,
  reasonCode: ReasonCode,
  statement: Statement | null,
  text: string,
): FaultRow {
  return { code: `ERR_MQTT_${name}`, reasonCode, statement, text }
}

/**
 * A peer broke the protocol. The connection it came on is closed; the process and every other
 * connection are not concerned.
 *
 * Built from a {@link Fault} once the decoder has given up, never in its loop.
 *
 * @example
 * ```ts
 * import { Fault, ProtocolError } from '@promptmq/codec'
 *
 * const error = new ProtocolError(Fault.PublishQos3, 'PUBLISH')
 * error.message // 'PUBLISH: both QoS bits are set [MQTT-3.3.1-4]'
 * error.reasonCode // 0x81, for the DISCONNECT that answers it
 * ```
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  /** Stable across releases: match on this, not on the message. */
  readonly code: FaultRow['code']
  readonly reasonCode: ReasonCode
  readonly statement: FaultRow['statement']
  /** The Control Packet's name, as in `PUBLISH`. */
  readonly packetName: string

  constructor(fault: Fault, packetName: string) {
    const row = FAULTS[fault]!
    super(`${packetName}: ${row.text}${row.statement === null ? '' : ` [${row.statement}]`}`)
    this.code = row.code
    this.reasonCode = row.reasonCode
    this.statement = row.statement
    this.packetName = packetName
  }
}
