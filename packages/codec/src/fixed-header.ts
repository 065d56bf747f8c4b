/**
 * What a Fixed Header may be (§2.1), as tables over its first byte and its Remaining Length, so that
 * a packet is refused before its body is waited for.
 *
 *   bit     7 6 5 4        3 2 1 0
 *           packet type    flags     fixed for each type, PUBLISH apart: DUP, QoS, QoS, RETAIN
 *
 * A Remaining Length is impossible where no packet of the type has it; the bounds are those of the
 * fields that must be there, so that what is wrong inside is still told by its own fault.
 */
import { Fault } from './fault.ts'
import { PacketType, type ProtocolVersion } from './packet-type.ts'
import { VARIABLE_BYTE_INTEGER_MAX } from './variable-byte-integer.ts'

const DUP = 0b1000

/** The low half that §2.1.3 fixes, by type. PUBLISH is none of its business. */
const FLAGS = [0, 0, 0, 0, 0, 0, 0b0010, 0, 0b0010, 0, 0b0010, 0, 0, 0, 0, 0] as const

const ANY = VARIABLE_BYTE_INTEGER_MAX

/** Smallest and largest Remaining Length by type, for 5.0, then for 3.1.1 and 3.1. */
const LENGTHS: readonly (readonly [PacketType, number, number, number, number])[] = [
  [PacketType.Connect, 12, ANY, 12, ANY],
  [PacketType.Connack, 3, ANY, 2, 2],
  [PacketType.Publish, 3, ANY, 2, ANY],
  [PacketType.Puback, 2, ANY, 2, 2],
  [PacketType.Pubrec, 2, ANY, 2, 2],
  [PacketType.Pubrel, 2, ANY, 2, 2],
  [PacketType.Pubcomp, 2, ANY, 2, 2],
  [PacketType.Subscribe, 3, ANY, 2, ANY],
  [PacketType.Suback, 3, ANY, 2, ANY],
  [PacketType.Unsubscribe, 3, ANY, 2, ANY],
  [PacketType.Unsuback, 3, ANY, 2, 2],
  [PacketType.Pingreq, 0, 0, 0, 0],
  [PacketType.Pingresp, 0, 0, 0, 0],
  [PacketType.Disconnect, 0, ANY, 0, 0],
  [PacketType.Auth, 0, ANY, 0, 0],
]

/** At {@link headerRow}: the fault of the first byte, and the bounds of the Remaining Length. */
const ROWS = 6 << 8
const FIRST_BYTE_FAULTS = Uint8Array.from({ length: ROWS }, (_, i) =>
  judgeFirstByte(i >> 8, i & 0xff),
)
const MINIMUM = new Uint32Array(ROWS)
const MAXIMUM = new Uint32Array(ROWS)
for (const [packetType, minimum5, maximum5, minimum3, maximum3] of LENGTHS) {
  for (const version of [3, 4, 5] as const) {
    for (let flags = 0; flags < 16; flags++) {
      const row = headerRow(version, (packetType << 4) | flags)
      const hasIdentifier = packetType === PacketType.Publish && (flags & 0b0110) !== 0
      MINIMUM[row] = (version === 5 ? minimum5 : minimum3) + (hasIdentifier ? 2 : 0)
      MAXIMUM[row] = version === 5 ? maximum5 : maximum3
    }
  }
}

function judgeFirstByte(version: number, byte: number): Fault {
  const packetType = byte >> 4
  const flags = byte & 0x0f
  if (packetType === 0) return Fault.PacketTypeReserved
  if (packetType === PacketType.Auth && version !== 5) return Fault.PacketTypeReserved
  if (packetType === PacketType.Publish) {
    const qos = (flags >> 1) & 0b11
    if (qos === 3) return Fault.PublishQos3 // [MQTT-3.3.1-4]
    return qos === 0 && (flags & DUP) !== 0 ? Fault.PublishDupAtQos0 : Fault.None // [MQTT-3.3.1-2]
  }
  const expected = FLAGS[packetType]!
  if (flags === expected) return Fault.None
  // In 3.1 these three travel at QoS 1, and DUP may mark a retry: 6A, 8A, AA.
  if (version === 3 && expected !== 0 && flags === (expected | DUP)) return Fault.None
  // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  return Fault.FixedHeaderFlags
}

/** Where a first byte stands in the tables. */
export function headerRow(version: ProtocolVersion, firstByte: number): number {
  return (version << 8) | firstByte
}

/**
 * What is wrong with the first byte of a packet. Never throws, never allocates.
 *
 * @param acceptedTypes - bits of `1 << PacketType`: the types that may come now.
 */
export function checkFirstByte(row: number, acceptedTypes: number): Fault {
  const fault = FIRST_BYTE_FAULTS[row] as Fault
  const isAccepted = ((acceptedTypes >> ((row >> 4) & 0x0f)) & 1) !== 0
  if (isAccepted || fault === Fault.PacketTypeReserved) return fault
  return Fault.PacketTypeNotAccepted
}

/** Whether no packet with this first byte has this Remaining Length. */
export function isImpossibleLength(row: number, remainingLength: number): boolean {
  return remainingLength < MINIMUM[row]! || remainingLength > MAXIMUM[row]!
}
