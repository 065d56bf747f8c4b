import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  copyForwardedProperties,
  encodePublishProperties,
  forwardedPropertiesSize,
  PropertyCursor,
  PropertyIdentifier,
  readPublishProperties,
  readUtf8,
} from '../src/index.ts'
import { binaries, strings, topicNames } from './arbitraries.ts'
import { wire } from './wire.ts'

const SECTION = wire`01 01 | 02 00 00 00 3c | 03 00 02 "ct" | 09 00 00 | 0b c8 01 | 23 12 34 | 26 00 01 "k" 00 02 "vv"`

describe('PropertyCursor', () => {
  test('finds every property where it lies', () => {
    const cursor = new PropertyCursor()
    const chunk = Uint8Array.of(0xff, ...SECTION, 0x26, 0x00)
    cursor.reset(chunk, 1, 1 + SECTION.length)
    const found: unknown[] = []
    while (cursor.next()) {
      const { identifier, start, valueStart, valueEnd } = cursor
      found.push([identifier, start, valueStart, valueEnd, cursor.integer()])
    }
    expect(found).toEqual([
      [0x01, 1, 2, 3, 1],
      [0x02, 3, 4, 8, 60],
      [0x03, 8, 11, 13, 0],
      [0x09, 13, 16, 16, 0],
      [0x0b, 16, 17, 19, 200],
      [0x23, 19, 20, 22, 0x1234],
      [0x26, 22, 23, 30, 0],
    ])
    expect(cursor.identifier).toBe(0)
    expect(cursor.next()).toBe(false)
  })

  test('reads a string between its offsets', () => {
    const cursor = new PropertyCursor()
    cursor.reset(wire`1f 00 03 "why"`, 0, 6)
    expect(cursor.next()).toBe(true)
    expect(readUtf8(wire`1f 00 03 "why"`, cursor.valueStart, cursor.valueEnd)).toBe('why')
  })

  test('a cursor without a section has no properties', () => {
    const cursor = new PropertyCursor()
    expect(cursor.next()).toBe(false)
    cursor.reset(SECTION, 5, 5)
    expect(cursor.next()).toBe(false)
  })

  test('goes over a new section from its beginning', () => {
    const cursor = new PropertyCursor()
    cursor.reset(SECTION, 0, SECTION.length)
    cursor.next()
    cursor.next()
    cursor.reset(SECTION, 0, 2)
    expect(cursor.next()).toBe(true)
    expect(cursor.identifier).toBe(PropertyIdentifier.PayloadFormatIndicator)
    expect(cursor.next()).toBe(false)
  })
})

describe('what goes on to the next hop', () => {
  const sections = fc.record(
    {
      payloadFormatIndicator: fc.constantFrom(0, 1),
      messageExpiryInterval: fc.nat(),
      topicAlias: fc.integer({ min: 1, max: 65_535 }),
      responseTopic: topicNames,
      correlationData: fc.oneof(binaries, fc.uint8Array({ minLength: 100, maxLength: 200 })),
      contentType: strings,
      subscriptionIdentifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 })),
      userProperties: fc.array(fc.tuple(strings, strings)),
    },
    { requiredKeys: [] },
  )

  test('[MQTT-3.3.2-17] [MQTT-3.3.2-18] all but those of one hop is copied, unaltered and in order', () => {
    fc.assert(
      fc.property(sections, fc.nat(5), (properties, offset) => {
        const bytes = encodePublishProperties(properties)
        const size = forwardedPropertiesSize(bytes, 0, bytes.length)
        const target = new Uint8Array(offset + size + 3).fill(0xaa)
        expect(copyForwardedProperties(target, offset, bytes, 0, bytes.length)).toBe(offset + size)
        expect(target.subarray(offset + size)).toEqual(Uint8Array.of(0xaa, 0xaa, 0xaa))
        expect(readPublishProperties(target, offset, offset + size)).toStrictEqual({
          ...readPublishProperties(bytes, 0, bytes.length),
          messageExpiryInterval: undefined,
          topicAlias: undefined,
          subscriptionIdentifiers: [],
        })
      }),
    )
  })

  test('order is that of the sender, not of the table', () => {
    const bytes = wire`26 00 01 "b" 00 01 "1" | 23 00 01 | 03 00 01 "c" | 26 00 01 "a" 00 01 "2" | 02 00 00 00 01 | 26 00 01 "b" 00 01 "1"`
    const forwarded = wire`26 00 01 "b" 00 01 "1" | 03 00 01 "c" | 26 00 01 "a" 00 01 "2" | 26 00 01 "b" 00 01 "1"`
    const target = new Uint8Array(forwardedPropertiesSize(bytes, 0, bytes.length))
    copyForwardedProperties(target, 0, bytes, 0, bytes.length)
    expect(target).toEqual(forwarded)
  })

  test('a will’s delay stays behind', () => {
    const bytes = wire`18 00 00 00 05 | 01 01`
    expect(forwardedPropertiesSize(bytes, 0, bytes.length)).toBe(2)
  })
})
