import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  type DecodeOptions,
  decodeUnsubscribe,
  encode,
  Fault,
  type PacketInput,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, options: DecodeOptions = {}) {
  return decodeUnsubscribe(new DecodeContext(options), body, 0, body.length)
}

describe('UNSUBSCRIBE, §3.10', () => {
  test('filters are read in their order, as they are', () => {
    expect(read(wire`00 0c | 00 | 00 01 "b" | 00 02 "a#" | 00 01 "b"`)).toStrictEqual({
      type: 'unsubscribe',
      packetIdentifier: 12,
      topicFilters: ['b', 'a#', 'b'],
      properties: { userProperties: [] },
    })
  })

  test.each([
    ['MQTT-3.10.3-2', 'no filter', wire`00 01 | 00`, Fault.UnsubscribeEmpty],
    ['MQTT-3.10.3-1', 'an ill-formed filter', wire`00 01 | 00 | 00 01 80`, Fault.Utf8IllFormed],
    ['MQTT-4.7.3-2', 'U+0000 in a filter', wire`00 01 | 00 | 00 01 00`, Fault.Utf8Nul],
    [
      'MQTT-2.2.1-3',
      'Packet Identifier 0',
      wire`00 00 | 00 | 00 01 "a"`,
      Fault.PacketIdentifierZero,
    ],
    ['§3.10.3', 'half a length', wire`00 01 | 00 | 00 01 "a" 00`, Fault.PacketTruncated],
    ['§3.10.3', 'a filter past the end', wire`00 01 | 00 | 00 02 "a"`, Fault.PacketTruncated],
  ])('[%s] %s is refused', (_statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test('filters above the limit are refused', () => {
    const body = wire`00 01 | 00 | 00 01 "a" | 00 01 "b"`
    expect(read(body, { maximumFilters: 2 })).toBeTypeOf('object')
    expect(read(body, { maximumFilters: 1 })).toBe(Fault.FiltersTooMany)
  })

  test('an empty list is an error from 3.1.1 on', () => {
    expect(read(wire`00 01`, { protocolVersion: 4 })).toBe(Fault.UnsubscribeEmpty)
    expect(read(wire`00 01`, { protocolVersion: 3 })).toMatchObject({ topicFilters: [] })
  })

  test.each([
    ['packetIdentifier', { packetIdentifier: 0, topicFilters: ['a'] }],
    ['topicFilters', { packetIdentifier: 1, topicFilters: 'a' }],
    ['topicFilters', { packetIdentifier: 1, topicFilters: [] }],
    ['topicFilters[1]', { packetIdentifier: 1, topicFilters: ['a', null] }],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'unsubscribe', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
