import { describe, expect, test } from 'vitest'
import { decode, encode, type PacketInput, type PublishInput } from '../src/index.ts'
import { wire } from './wire.ts'

describe('PUBLISH as an object', () => {
  test('a payload is a view of the bytes', () => {
    const bytes = wire`30 06 | 00 01 "t" | 00 | "hi"`
    const packet = decode(bytes, { protocolVersion: 5 })
    if (packet.type !== 'publish') expect.fail(packet.type)
    bytes[7] = 0x6f
    expect(packet.payload).toEqual(wire`"ho"`)
  })

  test('a string payload goes as UTF-8', () => {
    const packet: PacketInput = { type: 'publish', topicName: 't', payload: 'é\uFEFF' }
    expect(encode(packet, { protocolVersion: 4 })).toEqual(wire`30 08 | 00 01 "t" | c3 a9 ef bb bf`)
  })

  test('everything but the topic may be left out', () => {
    expect(encode({ type: 'publish', topicName: 't' }, { protocolVersion: 5 })).toEqual(
      wire`30 04 | 00 01 "t" | 00`,
    )
  })

  test.each<[string, ErrorConstructor, string, Partial<Record<keyof PublishInput, unknown>>]>([
    ['no Topic Name', TypeError, 'topicName', { topicName: undefined }],
    ['an empty Topic Name', RangeError, 'topicName', { topicName: '' }],
    ['a wildcard', RangeError, 'topicName', { topicName: 'a/+' }],
    ['a lone surrogate', RangeError, 'topicName', { topicName: '\udfff' }],
    ['a Topic Name of 65,536 bytes', RangeError, 'topicName', { topicName: 'a'.repeat(65_536) }],
    ['QoS 3', RangeError, 'qos', { qos: 3 }],
    ['QoS 1 without Packet Identifier', TypeError, 'packetIdentifier', { qos: 1 }],
    ['Packet Identifier 0', RangeError, 'packetIdentifier', { qos: 1, packetIdentifier: 0 }],
    [
      'Packet Identifier 65,536',
      RangeError,
      'packetIdentifier',
      { qos: 2, packetIdentifier: 65_536 },
    ],
    ['a Packet Identifier at QoS 0', RangeError, 'packetIdentifier', { packetIdentifier: 1 }],
    ['DUP at QoS 0', RangeError, 'dup', { dup: true }],
    ['a DUP that is no boolean', TypeError, 'dup', { dup: 1 }],
    ['a RETAIN that is no boolean', TypeError, 'retain', { retain: 'yes' }],
    ['a payload that is neither bytes nor text', TypeError, 'payload', { payload: 5 }],
    ['null for a payload', TypeError, 'payload', { payload: null }],
    ['a payload with a lone surrogate', RangeError, 'payload', { payload: '\ud800' }],
  ])('%s is misuse', (_what, type, field, fields) => {
    const packet = { type: 'publish', topicName: 't', ...fields } as unknown as PacketInput
    const encoding = () => encode(packet, { protocolVersion: 5 })
    expect(encoding).toThrow(type)
    expect(encoding).toThrow(expect.objectContaining({ code: 'ERR_PROMPTMQ_FIELD', field }))
  })

  test('an alias stands for the Topic Name in 5.0 only', () => {
    const packet: PacketInput = { type: 'publish', topicName: '', properties: { topicAlias: 5 } }
    expect(encode(packet, { protocolVersion: 5 })).toEqual(wire`30 06 | 00 00 | 03 23 00 05`)
    expect(() => encode(packet, { protocolVersion: 4 })).toThrow('topicName: Topic Name is empty')
  })

  test('a topic as deep as the format allows is encoded: how deep is the receiver’s limit', () => {
    const packet: PacketInput = { type: 'publish', topicName: '/'.repeat(1000) }
    const bytes = encode(packet, { protocolVersion: 5 })
    expect(() => decode(bytes, { protocolVersion: 5 })).toThrow('more levels')
    expect(decode(bytes, { protocolVersion: 5, maximumTopicLevels: 1001 })).toMatchObject(packet)
  })
})
