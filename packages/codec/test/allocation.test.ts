/**
 * What its contract calls free of allocation is measured: V8 counts every byte it hands out. The
 * engine itself takes some kilobytes while it warms up and compiles, so rounds are run until one
 * stays below a quarter of the smallest object a call could make.
 */
import { getHeapStatistics } from 'node:v8'
import { describe, expect, test } from 'vitest'
import {
  AcknowledgementHeader,
  checkTopicName,
  checkUtf8,
  copyForwardedProperties,
  DecodeContext,
  decodePuback,
  decodePublishHeader,
  decodeVariableByteInteger,
  encodePublishStart,
  encodeShortAcknowledgement,
  forwardedPropertiesSize,
  isReasonCodeOf,
  PacketDecoder,
  PropertyCursor,
  PublishHeader,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

const CALLS = 100_000
const MOST_ROUNDS = 20

/** Bytes a call: the smallest object takes 12. */
const NOTHING = 3

/** Bytes allocated by a call, in the best of the rounds. */
function bytesPerCall(call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < MOST_ROUNDS && best >= NOTHING; round++) {
    const before = allocatedBytes()
    for (let i = 0; i < CALLS; i++) call()
    best = Math.min(best, (allocatedBytes() - before) / CALLS)
  }
  return best
}

function allocatedBytes(): number {
  return (getHeapStatistics() as unknown as { total_allocated_bytes: number }).total_allocated_bytes
}

const canMeasure = typeof allocatedBytes() === 'number'

describe.runIf(canMeasure)('no call allocates', () => {
  const context = new DecodeContext()
  const plain = wire`32 12 | 00 0c "plant/3/temp" | 00 2a | 00 | "x"`
  const rich = wire`32 29 | 00 0c "plant/3/temp" | 00 2a | 17 01 01 02 00 00 00 3c 23 00 07 26 00 01 "k" 00 01 "v" 26 00 01 "l" 00 00 | "x"`
  const properties = rich.subarray(19, 42)
  const header = new PublishHeader()
  const acknowledgement = new AcknowledgementHeader()
  const cursor = new PropertyCursor()
  const decoder = new PacketDecoder(context)
  const target = new Uint8Array(100)
  const topic = wire`"plant/3/temp"`
  const puback = wire`00 0a | 97 | 04 1f 00 01 "q"`
  const stream = Uint8Array.of(...plain, ...plain, ...rich)

  test.each<[string, () => unknown]>([
    ['decodeVariableByteInteger', () => decodeVariableByteInteger(wireOf200, 0, 2)],
    ['checkUtf8', () => checkUtf8(topic, 0, topic.length, false)],
    ['checkTopicName', () => checkTopicName(topic, 0, topic.length, 128)],
    ['decodePublishHeader', () => decodePublishHeader(header, context, plain, 2, 2, plain.length)],
    [
      'decodePublishHeader with properties',
      () => decodePublishHeader(header, context, rich, 2, 2, rich.length),
    ],
    ['decodePuback', () => decodePuback(acknowledgement, context, puback, 0, puback.length)],
    ['isReasonCodeOf', () => isReasonCodeOf(4, 0x10, Sender.Server)],
    ['forwardedPropertiesSize', () => forwardedPropertiesSize(properties, 0, properties.length)],
    [
      'copyForwardedProperties',
      () => copyForwardedProperties(target, 0, properties, 0, properties.length),
    ],
    ['encodeShortAcknowledgement', () => encodeShortAcknowledgement(target, 0, 0x40, 10)],
    ['encodePublishStart', () => encodePublishStart(target, 0, 5, 2, topic, 10, 0, 10)],
    [
      'PropertyCursor',
      () => {
        cursor.reset(properties, 0, properties.length)
        let sum = 0
        while (cursor.next()) sum += cursor.integer()
        return sum
      },
    ],
    [
      'PacketDecoder',
      () => {
        decoder.push(stream)
        let count = 0
        while (decoder.next() !== 0) count++
        return count
      },
    ],
  ])('%s', (_name, call) => {
    expect(bytesPerCall(call)).toBeLessThan(NOTHING)
  })

  test('an object a call would be seen', () => {
    const made = { last: {} }
    const call = () => {
      made.last = {}
    }
    expect(bytesPerCall(call)).toBeGreaterThan(NOTHING)
  })

  test('what is measured does its work', () => {
    expect(decodePublishHeader(header, context, plain, 2, 2, plain.length)).toBe(0)
    expect(decodePublishHeader(header, context, rich, 2, 2, rich.length)).toBe(0)
    expect(header).toMatchObject({ topicAlias: 7, messageExpiryInterval: 60, payloadStart: 42 })
    expect(decodePuback(acknowledgement, context, puback, 0, puback.length)).toBe(0)
    expect(forwardedPropertiesSize(properties, 0, properties.length)).toBe(15)
    decoder.push(stream)
    const found: number[] = []
    while (decoder.next() !== 0) found.push(decoder.end - decoder.packetStart)
    expect(found).toEqual([plain.length, plain.length, rich.length])
  })
})

const wireOf200 = wire`c8 01`
