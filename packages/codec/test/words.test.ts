import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { haveWords, isAscii, TopicScan, wordsOf } from '../src/words.ts'
import { wire } from './wire.ts'

const scan = new TopicScan()

/** The bytes in an array of few, and far inside one of many, which is read in another way. */
function places(bytes: Uint8Array): readonly (readonly [Uint8Array, number])[] {
  const far = new Uint8Array(1000 + bytes.length).fill(0x23)
  far.set(bytes, 700)
  return [
    [Uint8Array.of(0x23, ...bytes, 0x23), 1],
    [far, 700],
  ]
}

const printable = fc.uint8Array({ min: 0x2c, max: 0x7f, maxLength: 40 })
const texts = fc.oneof(
  printable,
  fc.uint8Array({ maxLength: 40 }),
  // One byte among plain ones, at each place.
  fc.tuple(printable, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
    const copy = bytes.slice()
    if (copy.length > 0) copy[at % copy.length] = byte
    return copy
  }),
)

describe('TopicScan', () => {
  test('plain is what has only bytes 2c to 7f, wherever they lie', () => {
    fc.assert(
      fc.property(texts, (bytes) => {
        const isPlain = bytes.every((byte) => byte >= 0x2c && byte < 0x80)
        for (const [array, start] of places(bytes)) {
          expect(scan.over(array, start, start + bytes.length, 0)).toBe(isPlain)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('each odd byte is seen at each place', () => {
    for (let size = 1; size <= 13; size++) {
      for (let at = 0; at < size; at++) {
        for (const odd of [0x00, 0x23, 0x2b, 0x80, 0xff]) {
          const bytes = new Uint8Array(size).fill(0x61)
          bytes[at] = odd
          for (const [array, start] of places(bytes)) {
            expect(scan.over(array, start, start + size, 0)).toBe(false)
          }
        }
      }
    }
  })

  test('the hash is of the bytes and the seed, not of where they lie', () => {
    fc.assert(
      fc.property(texts, fc.integer(), (bytes, seed) => {
        const hashes = places(bytes).map(([array, start]) => {
          scan.over(array, start, start + bytes.length, seed)
          return scan.hash
        })
        expect(hashes[1]).toBe(hashes[0])
      }),
    )
  })

  test('names that differ in a digit or in their length do not collide', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `site/${i % 100}/device/${i}/temp`)
    for (let size = 0; size < 50; size++) names.push('a'.repeat(size))
    const encoder = new TextEncoder()
    const hashes = names.map((name) => {
      const bytes = encoder.encode(name)
      scan.over(bytes, 0, bytes.length, 1)
      return scan.hash
    })
    // Of 20,000 random values of 32 bits there are 0.05 pairs that collide.
    expect(names.length - new Set(hashes).size).toBeLessThan(4)
    const low = new Set(hashes.map((hash) => hash & 0xffff))
    expect(low.size).toBeGreaterThan(16_000)
  })

  test('bytes that came into a viewed array later are seen', () => {
    const array = new Uint8Array(600).fill(0x61)
    expect(scan.over(array, 0, 600, 0)).toBe(true)
    array[300] = 0x2b
    expect(scan.over(array, 0, 600, 0)).toBe(false)
  })
})

describe('isAscii', () => {
  test('is false for U+0000 and for what is above ASCII, wherever it lies', () => {
    fc.assert(
      fc.property(texts, (bytes) => {
        const expected = bytes.every((byte) => byte > 0 && byte < 0x80)
        for (const [array, start] of places(bytes)) {
          expect(isAscii(array, start, start + bytes.length)).toBe(expected)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('words', () => {
  test('are those of the same bytes only', () => {
    fc.assert(
      fc.property(texts, texts, (bytes, others) => {
        const words = wordsOf(bytes, 0, bytes.length)
        for (const [array, start] of places(bytes)) {
          expect(haveWords(array, start, start + bytes.length, words)).toBe(true)
        }
        if (others.length !== bytes.length) return
        const isSame = others.every((byte, i) => byte === bytes[i])
        for (const [array, start] of places(others)) {
          expect(haveWords(array, start, start + others.length, words)).toBe(isSame)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('a difference is seen at each place', () => {
    for (let size = 1; size <= 13; size++) {
      const bytes = new Uint8Array(size).fill(0x61)
      const words = wordsOf(bytes, 0, size)
      for (let at = 0; at < size; at++) {
        const other = bytes.slice()
        other[at] = 0x62
        for (const [array, start] of places(other)) {
          expect(haveWords(array, start, start + size, words)).toBe(false)
        }
      }
    }
  })

  test('the last word overlaps, a short one is filled with 0', () => {
    expect([...wordsOf(wire`01 02 03 04 05`, 0, 5)]).toEqual([0x04030201, 0x05040302])
    expect([...wordsOf(wire`01 02`, 0, 2)]).toEqual([0x0201])
    expect([...wordsOf(wire``, 0, 0)]).toEqual([0])
  })
})
