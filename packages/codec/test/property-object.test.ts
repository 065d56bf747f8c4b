import { describe, expect, test } from 'vitest'
import {
  encode,
  encodePublishProperties,
  type PacketInput,
  type PublishProperties,
} from '../src/index.ts'
import { wire } from './wire.ts'

describe('encodePublishProperties', () => {
  test('writes each property that is there, and no Property Length', () => {
    expect(encodePublishProperties({})).toEqual(wire``)
    expect(encodePublishProperties({ contentType: undefined, userProperties: [] })).toEqual(wire``)
    expect(
      encodePublishProperties({ topicAlias: 1, contentType: 'é', subscriptionIdentifiers: [200] }),
    ).toEqual(wire`03 00 02 "é" | 0b c8 01 | 23 00 01`)
  })

  test.each<[string, ErrorConstructor, string, unknown]>([
    ['a number for text', TypeError, 'contentType', 5],
    ['null', TypeError, 'contentType', null],
    ['a lone surrogate', RangeError, 'contentType', '\ud800'],
    ['U+0000', RangeError, 'contentType', 'a\0'],
    ['a string of 65,536 bytes', RangeError, 'contentType', 'a'.repeat(65_536)],
    ['a string of 65,536 bytes beyond ASCII', RangeError, 'contentType', 'é'.repeat(32_768)],
    ['a wildcard', RangeError, 'responseTopic', 'a/+'],
    ['nothing', RangeError, 'responseTopic', ''],
    ['text for bytes', TypeError, 'correlationData', 'x'],
    ['65,536 bytes', RangeError, 'correlationData', new Uint8Array(65_536)],
    ['2', RangeError, 'payloadFormatIndicator', 2],
    ['text for a number', TypeError, 'payloadFormatIndicator', '1'],
    ['a fraction', RangeError, 'messageExpiryInterval', 1.5],
    ['a negative', RangeError, 'messageExpiryInterval', -1],
    ['2^32', RangeError, 'messageExpiryInterval', 2 ** 32],
    ['NaN', RangeError, 'messageExpiryInterval', Number.NaN],
    ['0', RangeError, 'topicAlias', 0],
    ['65,536', RangeError, 'topicAlias', 65_536],
    ['no array', TypeError, 'subscriptionIdentifiers', 5],
    ['no array', TypeError, 'userProperties', { k: 'v' }],
    ['a property of another packet', RangeError, 'receiveMaximum', 5],
    ['a name that is none', RangeError, '__proto', 5],
  ])('%s is a %o for %s', (_what, type, key, value) => {
    const properties = { [key]: value } as Partial<PublishProperties>
    const encoding = () => encodePublishProperties(properties)
    expect(encoding).toThrow(type)
    expect(encoding).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_PROPERTY', field: `properties.${key}` }),
    )
  })

  test.each([
    ['subscriptionIdentifiers[1]', { subscriptionIdentifiers: [1, 0] }],
    ['userProperties[0]', { userProperties: ['kv'] }],
    ['userProperties[0]', { userProperties: [['k']] }],
    [
      'userProperties[1][0]',
      {
        userProperties: [
          ['k', 'v'],
          ['\0', ''],
        ],
      },
    ],
    ['userProperties[0][1]', { userProperties: [['k', 5]] }],
  ])('the place in a list is named: %s', (field, properties) => {
    expect(() => encodePublishProperties(properties as Partial<PublishProperties>)).toThrow(
      expect.objectContaining({ field: `properties.${field}` }),
    )
  })

  test('the greatest values fit', () => {
    const bytes = encodePublishProperties({
      messageExpiryInterval: 0xffff_ffff,
      correlationData: new Uint8Array(65_535).fill(7),
      contentType: 'é'.repeat(32_767),
      subscriptionIdentifiers: [268_435_455],
    })
    expect(bytes.length).toBe(5 + 65_538 + 3 + 65_534 + 5)
  })

  test('properties that are no object are misuse', () => {
    for (const properties of [null, 'x', 5]) {
      expect(() => encodePublishProperties(properties as unknown as object)).toThrow(TypeError)
    }
  })

  test('an error never shows the value, which may be a secret', () => {
    const properties = { contentType: 'secret\0' }
    expect(() => encodePublishProperties(properties)).toThrow(/^(?!.*secret)/)
  })
})

test('the path of a property in a packet is named', () => {
  const packet: PacketInput = {
    type: 'connect',
    will: { topicName: 't', properties: { responseTopic: '#' } },
  }
  expect(() => encode(packet, { protocolVersion: 5 })).toThrow(
    expect.objectContaining({ field: 'will.properties.responseTopic' }),
  )
})

test('before 5.0 properties are left out', () => {
  const packet: PacketInput = {
    type: 'publish',
    topicName: 't',
    properties: { contentType: 'c', messageExpiryInterval: 5 },
  }
  expect(encode(packet, { protocolVersion: 4 })).toEqual(wire`30 03 | 00 01 "t"`)
})
