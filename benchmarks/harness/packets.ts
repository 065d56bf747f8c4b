/** The packets that benchmarks are made of, and how they come: in chunks of 64 KB, as off a busy socket. */
import { strict as assert } from 'node:assert'
import { encode, type PacketInput, type PublishInput } from '@promptmq/codec'
import { type IncumbentPacket, incumbentEncode } from './incumbent.ts'

const V5 = { protocolVersion: 5 } as const
const CHUNK_SIZE = 65_536

/** 30 bytes. */
export const TOPIC = 'site/line-07/machine-42/load/x'
export const PAYLOAD = new Uint8Array(64).fill(0x61)

/** A telegram of a plant: six properties, a User Property among them. */
export const SIX_PROPERTIES = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 3600,
  contentType: 'application/json',
  responseTopic: 'reply/to/me',
  correlationData: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  userProperties: [['unit', 'K']] as [string, string][],
} satisfies PublishInput['properties']

/** The same in the words of mqtt-packet. */
export const INCUMBENT_SIX_PROPERTIES = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 3600,
  contentType: 'application/json',
  responseTopic: 'reply/to/me',
  correlationData: Buffer.from(SIX_PROPERTIES.correlationData),
  userProperties: { unit: 'K' },
}

export interface Chunk {
  readonly bytes: Buffer
  /** Whole packets in it. */
  readonly count: number
}

/** As many of these packets, in turn, as a chunk holds whole. */
export function chunkOf(...packets: readonly PacketInput[]): Chunk {
  const encoded = packets.map((packet) => encode(packet, V5))
  const parts: Uint8Array[] = []
  let size = 0
  for (let i = 0; ; i++) {
    const part = encoded[i % encoded.length]!
    if (size + part.length > CHUNK_SIZE && parts.length > 0) break
    parts.push(part)
    size += part.length
  }
  return { bytes: Buffer.concat(parts), count: parts.length }
}

/** That mqtt-packet encodes its packet to the bytes to which ours is encoded. */
export function assertSameBytes(ours: PacketInput, theirs: IncumbentPacket): void {
  assert.equal(
    Buffer.from(encode(ours, V5)).toString('hex'),
    incumbentEncode(theirs).toString('hex'),
  )
}
