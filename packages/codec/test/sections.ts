import {
  DecodeContext,
  decodePacket,
  type Fault,
  type Packet,
  PacketType,
  type Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

/** Every property section there is: that of a packet by its name, and the Will Properties. */
export const SECTIONS = [
  'CONNECT',
  'Will',
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
  'DISCONNECT',
  'AUTH',
] as const
export type Section = (typeof SECTIONS)[number]

/** What stands before and behind the section, in the smallest packet that has it. */
const FRAMES: Readonly<
  Record<Section, readonly [type: PacketType, before: Uint8Array, behind: Uint8Array]>
> = {
  CONNECT: [PacketType.Connect, wire`00 04 "MQTT" 05 02 00 00`, wire`00 00`],
  Will: [PacketType.Connect, wire`00 04 "MQTT" 05 06 00 00 | 00 | 00 00`, wire`00 01 "w" 00 00`],
  CONNACK: [PacketType.Connack, wire`00 00`, wire``],
  PUBLISH: [PacketType.Publish, wire`00 01 "t"`, wire`"payload"`],
  PUBACK: [PacketType.Puback, wire`00 01 00`, wire``],
  PUBREC: [PacketType.Pubrec, wire`00 01 00`, wire``],
  PUBREL: [PacketType.Pubrel, wire`00 01 00`, wire``],
  PUBCOMP: [PacketType.Pubcomp, wire`00 01 00`, wire``],
  SUBSCRIBE: [PacketType.Subscribe, wire`00 01`, wire`00 01 "a" 00`],
  SUBACK: [PacketType.Suback, wire`00 01`, wire`00`],
  UNSUBSCRIBE: [PacketType.Unsubscribe, wire`00 01`, wire`00 01 "a"`],
  UNSUBACK: [PacketType.Unsuback, wire`00 01`, wire`00`],
  DISCONNECT: [PacketType.Disconnect, wire`00`, wire``],
  AUTH: [PacketType.Auth, wire`18`, wire``],
}

/**
 * Decodes a packet with these properties, at most 127 bytes of them. `length` is the Property
 * Length that it claims, if that is not theirs.
 */
export function decodeSection(
  section: Section,
  properties: Uint8Array,
  options: { sender?: Sender; length?: number; context?: DecodeContext } = {},
): Packet | Fault {
  const [type, before, behind] = FRAMES[section]
  const length = options.length ?? properties.length
  const body = Uint8Array.of(...before, length, ...properties, ...behind)
  const context = options.context ?? new DecodeContext({ sender: options.sender })
  return decodePacket(context, type, 0, body, 0, body.length)
}
