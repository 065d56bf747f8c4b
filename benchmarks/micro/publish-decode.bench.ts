/**
 * Decoding PUBLISH at QoS 0, topic 30 B, payload 64 B: as offsets, as string and view, and with six
 * properties that are walked one by one.
 */
import { strict as assert } from 'node:assert'
import {
  DecodeContext,
  decodePublishHeader,
  PacketDecoder,
  PacketType,
  PropertyCursor,
  PublishHeader,
  readUtf8,
  StringCache,
} from '@promptmq/codec'
import { type IncumbentPacket, incumbentParser } from '../harness/incumbent.ts'
import { type Chunk, chunkOf, PAYLOAD, SIX_PROPERTIES, TOPIC } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))
const header = new PublishHeader()
const cursor = new PropertyCursor()
const names = new StringCache()

/** Decodes each PUBLISH of a chunk into `header`, and adds up what is consumed of it. */
function addUp({ bytes }: Chunk, consume: () => number): number {
  let sum = 0
  decoder.push(bytes)
  while (decoder.next() === PacketType.Publish) {
    const { context, bytes, flags, start, end } = decoder
    const fault = decodePublishHeader(header, context, bytes, flags, start, end)
    if (fault !== 0) throw new Error(`fault ${fault}`)
    sum += consume()
  }
  return sum
}

function consumeOffsets(): number {
  return header.topicEnd - header.topicStart + header.payloadEnd - header.payloadStart
}

function consumeProperties(): number {
  let sum = 0
  cursor.reset(header.bytes, header.propertiesStart, header.propertiesEnd)
  while (cursor.next()) sum += cursor.valueEnd - cursor.valueStart
  return sum
}

function consumeStringAndView(): number {
  const { bytes, topicStart, topicEnd, topicHash, payloadStart, payloadEnd } = header
  const topic = names.read(bytes, topicStart, topicEnd, topicHash)
  return topic.length + bytes.subarray(payloadStart, payloadEnd).length
}

function consumeNewStringAndView(): number {
  const { bytes, topicStart, topicEnd, payloadStart, payloadEnd } = header
  const topic = readUtf8(bytes, topicStart, topicEnd)
  return topic.length + bytes.subarray(payloadStart, payloadEnd).length
}

/** What is delivered of a packet, for the proof that both sides deliver the same. */
interface Delivery {
  readonly topic: string
  readonly payload: Uint8Array
  readonly properties: readonly (readonly [number, string])[]
}

let sum = 0
let deliver = (packet: IncumbentPacket) => {
  sum += (packet.topic as string).length + (packet.payload as Buffer).length
}
const consume = deliver
const parse = incumbentParser((packet) => deliver(packet))

function theirs({ bytes }: Chunk): () => number {
  return () => {
    sum = 0
    parse(bytes)
    return sum
  }
}

function theirDeliveries({ bytes }: Chunk): Delivery[] {
  const list: Delivery[] = []
  deliver = ({ topic, payload, properties }) =>
    list.push({
      topic: topic as string,
      payload: Uint8Array.from(payload as Buffer),
      properties: flatten(properties as Record<string, unknown> | undefined),
    })
  parse(bytes)
  deliver = consume
  return list
}

/** mqtt-packet's properties by the identifiers of those that this file uses, values as hex. */
function flatten(properties: Record<string, unknown> = {}): Delivery['properties'] {
  const hex = (value: unknown) => Buffer.from(value as string).toString('hex')
  const entries: [number, string][] = []
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'payloadFormatIndicator') entries.push([0x01, value ? '01' : '00'])
    if (key === 'messageExpiryInterval') {
      entries.push([0x02, (value as number).toString(16).padStart(8, '0')])
    }
    if (key === 'contentType') entries.push([0x03, hex(value)])
    if (key === 'responseTopic') entries.push([0x08, hex(value)])
    if (key === 'correlationData') entries.push([0x09, hex(value)])
    if (key === 'userProperties') {
      for (const [name, text] of Object.entries(value as Record<string, string>)) {
        const size = (part: string) => Buffer.from([part.length >> 8, part.length]).toString('hex')
        entries.push([0x26, size(name) + hex(name) + size(text) + hex(text)])
      }
    }
  }
  return entries.sort((a, b) => a[0] - b[0])
}

function ourDeliveries(chunk: Chunk): Delivery[] {
  const list: Delivery[] = []
  addUp(chunk, () => {
    const { bytes, topicStart, topicEnd, payloadStart, payloadEnd } = header
    const properties: [number, string][] = []
    cursor.reset(bytes, header.propertiesStart, header.propertiesEnd)
    while (cursor.next()) {
      const value = Buffer.from(bytes.subarray(cursor.valueStart, cursor.valueEnd))
      properties.push([cursor.identifier, value.toString('hex')])
    }
    list.push({
      topic: readUtf8(bytes, topicStart, topicEnd),
      payload: Uint8Array.from(bytes.subarray(payloadStart, payloadEnd)),
      properties: properties.sort((a, b) => a[0] - b[0]),
    })
    return 0
  })
  return list
}

function caseOf(name: string, chunk: Chunk, consume: () => number): Case {
  const assertEqualWork = () => {
    assert.equal(ourDeliveries(chunk).length, chunk.count)
    assert.deepEqual(ourDeliveries(chunk), theirDeliveries(chunk))
  }
  const ours = () => addUp(chunk, consume)
  return { name, operations: chunk.count, ours, rival: theirs(chunk), assertEqualWork }
}

const plain = { type: 'publish', topicName: TOPIC, payload: PAYLOAD } as const
const oneTopic = chunkOf(plain)
const manyTopics = chunkOf(
  ...Array.from({ length: 500 }, (_, i) => ({
    ...plain,
    topicName: `${TOPIC.slice(0, 26)}/${String(i).padStart(3, '0')}`,
  })),
)
const rich = chunkOf({ ...plain, properties: SIX_PROPERTIES })

export default {
  name: 'publish-decode',
  rival: 'mqtt-packet',
  cases: [
    caseOf('as offsets', oneTopic, consumeOffsets),
    caseOf('as string and view', oneTopic, consumeStringAndView),
    caseOf('as string and view, 500 topics', manyTopics, consumeStringAndView),
    caseOf('as string and view, each string made', oneTopic, consumeNewStringAndView),
    caseOf('six properties walked', rich, consumeProperties),
  ],
} satisfies Suite
