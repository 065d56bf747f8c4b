/**
 * The cost of decoding grows with the bytes, and no faster: PUBLISH of 16 B to 1 MB in chunks of 64 KB, and
 * a packet that comes byte by byte.
 *
 * Both sides are ours and decode the same number of bytes, once in packets of one size, once in packets
 * (or a packet) of a sixteenth of it. Where cost were more than linear the larger would take longer for
 * its bytes; an operation is one kilobyte, so that times can be compared from row to row.
 */
import { strict as assert } from 'node:assert'
import {
  DecodeContext,
  decodePublishHeader,
  encode,
  PacketDecoder,
  PacketType,
  PublishHeader,
} from '@promptmq/codec'
import { TOPIC } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const CHUNK_SIZE = 65_536
const STEP = 16

const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))
const header = new PublishHeader()

/** A stream of packets of one size, in the chunks in which it comes. */
interface Stream {
  readonly chunks: readonly Buffer[]
  readonly size: number
  readonly packetCount: number
}

function streamOf(payloadSize: number, chunkSize: number, leastSize: number): Stream {
  const payload = new Uint8Array(payloadSize).fill(0x61)
  const packet = encode({ type: 'publish', topicName: TOPIC, payload }, { protocolVersion: 5 })
  const packetCount = Math.max(1, Math.round(leastSize / packet.length))
  const bytes = Buffer.concat(new Array<Uint8Array>(packetCount).fill(packet))
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkSize) {
    chunks.push(bytes.subarray(at, at + chunkSize))
  }
  return { chunks, size: bytes.length, packetCount }
}

/** @returns how many packets the stream has. */
function decodeStream({ chunks }: Stream): number {
  let count = 0
  for (const chunk of chunks) {
    decoder.push(chunk)
    while (decoder.next() === PacketType.Publish) {
      const { context, bytes, flags, start, end } = decoder
      if (decodePublishHeader(header, context, bytes, flags, start, end) !== 0)
        throw new Error('fault')
      count++
    }
  }
  return count
}

function growthCase(name: string, larger: Stream, smaller: Stream): Case {
  const kilobytes = Math.round(larger.size / 1024)
  return {
    name,
    operations: kilobytes,
    ours: () => decodeStream(larger),
    rival: () => decodeStream(smaller),
    assertEqualWork: () => {
      assert.equal(decodeStream(larger), larger.packetCount)
      assert.equal(decodeStream(smaller), smaller.packetCount)
      const difference = Math.abs(larger.size - smaller.size) / larger.size
      assert(difference < 0.05, `the streams differ by ${difference}`)
    },
  }
}

function inChunks(name: string, payloadSize: number): Case {
  const size = Math.max(2 ** 21, 2 * payloadSize)
  return growthCase(
    name,
    streamOf(payloadSize, CHUNK_SIZE, size),
    streamOf(payloadSize / STEP, CHUNK_SIZE, size),
  )
}

function byteByByte(name: string, payloadSize: number): Case {
  return growthCase(
    name,
    streamOf(payloadSize, 1, payloadSize),
    streamOf(payloadSize / STEP, 1, payloadSize),
  )
}

export default {
  name: 'decode-growth',
  rival: 'a sixteenth the size',
  cases: [
    inChunks('256 B beside 16 B', 256),
    inChunks('4 KB beside 256 B', 4096),
    inChunks('64 KB beside 4 KB', 65_536),
    inChunks('1 MB beside 64 KB', 1_048_576),
    byteByByte('16 KB byte by byte beside 1 KB', 16_384),
    byteByByte('256 KB byte by byte beside 16 KB', 262_144),
  ],
} satisfies Suite
