/** Control Packet types (§2.1.2), the number in the first byte's upper half. */
export const PacketType = {
  Connect: 1,
  Connack: 2,
  Publish: 3,
  Puback: 4,
  Pubrec: 5,
  Pubrel: 6,
  Pubcomp: 7,
  Subscribe: 8,
  Suback: 9,
  Unsubscribe: 10,
  Unsuback: 11,
  Pingreq: 12,
  Pingresp: 13,
  Disconnect: 14,
  /** MQTT 5.0 only; reserved before. */
  Auth: 15,
} as const
export type PacketType = (typeof PacketType)[keyof typeof PacketType]

/** The standard's name of each {@link PacketType}, indexed by it; index 0 is the reserved type. */
export const PACKET_NAMES: readonly string[] = [
  'RESERVED',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
]

/** The level byte of CONNECT: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5

/** Quality of Service (§4.3): at most once, at least once, exactly once. */
export type QoS = 0 | 1 | 2

/**
 * Who wrote the bytes that are decoded. Some rules bind one side only: a client sends no
 * Subscription Identifier in PUBLISH, a server no Session Expiry Interval in DISCONNECT.
 * `Any` is for a capture or a test, where both sides' packets must pass. The values are bits.
 */
export const Sender = { Client: 1, Server: 2, Any: 3 } as const
export type Sender = (typeof Sender)[keyof typeof Sender]
