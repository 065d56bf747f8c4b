import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeContext, decodePublishHeader, PublishHeader, StringCache } from '../src/index.ts'
import { wire } from './wire.ts'

const encoder = new TextEncoder()

describe('StringCache', () => {
  test('reads what is there, again and again', () => {
    const cache = new StringCache(4)
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 40 })
    fc.assert(
      fc.property(texts, fc.boolean(), (list, isFar) => {
        for (const text of [...list, ...list]) {
          const bytes = encoder.encode(text)
          const array = new Uint8Array((isFar ? 700 : 0) + bytes.length)
          array.set(bytes, array.length - bytes.length)
          expect(cache.read(array, array.length - bytes.length, array.length)).toBe(text)
        }
      }),
    )
  })

  test('strings of one hash do not stand for each other', () => {
    const cache = new StringCache(2)
    const names = ['a/b', 'a/c', 'a/d', 'a/bb']
    for (let round = 0; round < 3; round++) {
      for (const name of names) {
        const bytes = encoder.encode(name)
        expect(cache.read(bytes, 0, bytes.length, 7)).toBe(name)
      }
    }
  })

  test('what it has read does not change with the bytes', () => {
    const cache = new StringCache()
    const bytes = encoder.encode('plant/3/temperature')
    expect(cache.read(bytes, 0, bytes.length, 1)).toBe('plant/3/temperature')
    bytes[6] = 0x34
    expect(cache.read(bytes, 0, bytes.length, 1)).toBe('plant/4/temperature')
  })

  test('a long string is read and not held', () => {
    const cache = new StringCache(2)
    const long = encoder.encode('x'.repeat(257))
    const short = encoder.encode('y')
    expect(cache.read(short, 0, 1, 0)).toBe('y')
    expect(cache.read(long, 0, 257, 0)).toBe('x'.repeat(257))
    expect(cache.read(short, 0, 1, 0)).toBe('y')
  })

  test('the hash of a header finds the name', () => {
    const packet = wire`00 0c "plant/3/temp" | 00 | "21"`
    const header = new PublishHeader()
    expect(decodePublishHeader(header, new DecodeContext(), packet, 0, 0, packet.length)).toBe(0)
    const { topicStart, topicEnd, topicHash } = header
    const cache = new StringCache()
    expect(cache.read(packet, topicStart, topicEnd, topicHash)).toBe('plant/3/temp')
    expect(cache.read(packet, topicStart, topicEnd, topicHash)).toBe('plant/3/temp')
  })

  test.each([0, 1, 1.5, 2 ** 21, '8'])('a capacity of %o is refused by name', (capacity) => {
    expect(() => new StringCache(capacity as number)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field: 'capacity' }),
    )
  })
})
