/** MQTT 5.0, 3.1.1 and 3.1: bytes to Control Packets and back. */
export * from './acknowledgement.ts'
export * from './auth.ts'
export * from './buffer-pool.ts'
export * from './connack.ts'
export * from './connect.ts'
export { DecodeContext, type DecodeOptions } from './context.ts'
export { copyRange } from './copy-range.ts'
export * from './disconnect.ts'
export { FAULTS, Fault, type FaultRow, ProtocolError, type Statement } from './fault.ts'
export type { Misuse, MisuseCode } from './misuse.ts'
export * from './packet.ts'
export * from './packet-decoder.ts'
export * from './packet-type.ts'
export * from './pingreq.ts'
export * from './pingresp.ts'
export * from './property.ts'
export {
  copyForwardedProperties,
  forwardedPropertiesSize,
  PropertyCursor,
} from './property-cursor.ts'
export type { UserProperties, UserProperty } from './property-object.ts'
export * from './puback.ts'
export * from './pubcomp.ts'
export * from './publish.ts'
export * from './publish-packet.ts'
export {
  encodePublishProperties,
  type PublishProperties,
  readPublishProperties,
} from './publish-properties.ts'
export * from './pubrec.ts'
export * from './pubrel.ts'
export * from './reason-code.ts'
export * from './string-cache.ts'
export { decodeSuback, encodeSuback, type Suback, type SubackInput, subackSize } from './suback.ts'
export * from './subscribe.ts'
export {
  checkTopicName,
  checkTopicNameString,
  DEFAULT_MAXIMUM_TOPIC_LEVELS,
  type ParsedTopicFilter,
  parseTopicFilter,
} from './topic.ts'
export * from './unsuback.ts'
export * from './unsubscribe.ts'
export { checkUtf8, readUtf8, utf8Size, writeUtf8 } from './utf8.ts'
export {
  decodeVariableByteInteger,
  encodeVariableByteInteger,
  INCOMPLETE,
  MALFORMED,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
} from './variable-byte-integer.ts'
export { haveWords, topicHashOf, wordsOf } from './words.ts'
