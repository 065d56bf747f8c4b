/**
 * Decoding PUBLISH at QoS 0: bytes in, Topic Name as a string and payload as a view out.
 *
 * Before any timing both sides must give the same topics and payloads, so that no number is for less
 * work. One call decodes a prebuilt chunk of BATCH packets, as a busy socket hands them over; the
 * table is per packet. Bytes are counted exactly: what the process allocated over many calls.
 */
import { strict as assert } from 'node:assert'
import { createRequire } from 'node:module'
import { getHeapStatistics } from 'node:v8'
import {
  DecodeContext,
  decodePublishHeader,
  encode,
  PacketDecoder,
  PacketType,
  PublishHeader,
  readUtf8,
} from '@promptmq/codec'
import { Bench } from 'tinybench'

const BATCH = 500
const TOPIC = 'site/line-07/machine-42/load/x'

/** In bytes. */
const PAYLOAD_SIZES = [16, 64, 1024]

type Deliver = (topic: string, payload: Uint8Array) => void
type Decode = (chunk: Buffer, deliver: Deliver) => void

/** What is decoded is used, or the compiler might drop the work. */
let consumedSize = 0
const consume: Deliver = (topic, payload) => {
  consumedSize += topic.length + payload.length
}

const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))
const header = new PublishHeader()

const decodeOurs: Decode = (chunk, deliver) => {
  decoder.push(chunk)
  while (decoder.next() === PacketType.Publish) {
    const { bytes, flags, start, end } = decoder
    assert(decodePublishHeader(header, decoder.context, bytes, flags, start, end) === 0)
    deliver(
      readUtf8(bytes, header.topicStart, header.topicEnd),
      bytes.subarray(header.payloadStart, header.payloadEnd),
    )
  }
}

const parser = createRequire(import.meta.url)('mqtt-packet').parser({ protocolVersion: 5 })
let deliverIncumbent = consume
parser.on('packet', (packet: { topic: string; payload: Uint8Array }) => {
  deliverIncumbent(packet.topic, packet.payload)
})

const decodeIncumbent: Decode = (chunk, deliver) => {
  deliverIncumbent = deliver
  parser.parse(chunk)
}

const SIDES = [
  { name: 'promptmq', decode: decodeOurs },
  { name: 'mqtt-packet', decode: decodeIncumbent },
] as const

function chunkOf(payloadSize: number): Buffer {
  const payload = new Uint8Array(payloadSize).fill(0x61)
  const packet = encode({ type: 'publish', topicName: TOPIC, payload }, { protocolVersion: 5 })
  return Buffer.concat(new Array<Uint8Array>(BATCH).fill(packet))
}

function deliveries(decode: Decode, chunk: Buffer): string[] {
  const list: string[] = []
  decode(chunk, (topic, payload) => {
    list.push(`${topic} ${Buffer.from(payload).toString('hex')}`)
  })
  return list
}

function bytesPerPacket(decode: Decode, chunk: Buffer): number {
  const rounds = 200
  for (let i = 0; i < rounds; i++) decode(chunk, consume)
  const before = getHeapStatistics().total_allocated_bytes
  for (let i = 0; i < rounds; i++) decode(chunk, consume)
  return (getHeapStatistics().total_allocated_bytes - before) / (rounds * BATCH)
}

console.log(`node ${process.version}, ${BATCH} packets a chunk, topic ${TOPIC.length} B`)
for (const payloadSize of PAYLOAD_SIZES) {
  const chunk = chunkOf(payloadSize)
  const [ours, theirs] = SIDES.map(({ decode }) => deliveries(decode, chunk))
  assert.equal(ours!.length, BATCH)
  assert.deepEqual(ours, theirs)

  const bench = new Bench({ time: 500, warmupTime: 200 })
  for (const { name, decode } of SIDES) bench.add(name, () => decode(chunk, consume))
  await bench.run()

  console.log(`payload ${payloadSize} B`)
  for (const [index, { name, decode }] of SIDES.entries()) {
    const { latency } = bench.tasks[index]!.result as { latency: { p50: number; mad: number } }
    const [ns, spread] = [latency.p50, latency.mad].map((ms) => ((ms * 1e6) / BATCH).toFixed(0))
    const bytes = bytesPerPacket(decode, chunk).toFixed(0)
    console.log(`  ${name.padEnd(12)} ${ns} ns ±${spread}  ${bytes} B`)
  }
}
assert(consumedSize > 0)
