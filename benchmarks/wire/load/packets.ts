/**
 * The load generator's own MQTT: no more than it needs, and nothing of the codec whose broker it measures.
 *
 *   payload of a measured message
 *   | publisher u16 | 0 0 | sequence u32 | sent at, in us u32 | filling ... |        little-endian
 *   0                     4              8                    12
 */

/** 4 is 3.1.1, 5 is 5.0. */
export type Version = 4 | 5
export type QoS = 0 | 1 | 2

/** The smallest payload that can be measured. */
export const STAMP_SIZE = 12

export function connectPacket(version: Version, clientId: string, receiveMaximum: number): Buffer {
  const properties = version === 5 ? [3, 0x21, receiveMaximum >> 8, receiveMaximum & 0xff] : []
  return frame(0x10, [
    ...text('MQTT'),
    version,
    2, // Clean Start
    ...[0, 0], // no Keep Alive
    ...properties,
    ...text(clientId),
  ])
}

export function subscribePacket(
  version: Version,
  packetIdentifier: number,
  topicFilter: string,
  qos: QoS,
): Buffer {
  const properties = version === 5 ? [0] : []
  return frame(0x82, [...uint16(packetIdentifier), ...properties, ...text(topicFilter), qos])
}

/** A PUBLISH whose payload begins at `payloadStart`, its Packet Identifier, if any, at `identifierStart`. */
export interface Template {
  readonly packet: Buffer
  readonly payloadStart: number
  readonly identifierStart: number
}

export function publishTemplate(
  version: Version,
  topicName: string,
  qos: QoS,
  payloadSize: number,
  retain = false,
): Template {
  const identifier = qos > 0 ? [0, 0] : []
  const properties = version === 5 ? [0] : []
  const head = [...text(topicName), ...identifier, ...properties]
  const payload = Buffer.alloc(payloadSize, 0x61)
  const packet = frame(0x30 | (qos << 1) | (retain ? 1 : 0), [...head, ...payload])
  const payloadStart = packet.length - payloadSize
  return { packet, payloadStart, identifierStart: payloadStart - properties.length - 2 }
}

function frame(firstByte: number, body: readonly number[]): Buffer {
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.from([firstByte, ...length, ...body])
}

function text(value: string): number[] {
  const bytes = Buffer.from(value)
  return [...uint16(bytes.length), ...bytes]
}

function uint16(value: number): number[] {
  return [value >> 8, value & 0xff]
}

/** Microseconds of this process, in 32 bits: they come round after 71 minutes. */
export function microseconds(): number {
  return (performance.now() * 1000) >>> 0
}
