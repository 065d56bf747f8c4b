import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyRange } from '../src/copy-range.ts'

const sources = [100, 511, 512, 2_000, 2_001].map((size) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff),
)

test('bytes come as they are, and nothing beside them is touched', () => {
  const property = fc.property(
    fc.nat({ max: sources.length - 1 }),
    fc.nat({ max: 1_000 }),
    fc.nat({ max: 600 }),
    fc.nat({ max: 50 }),
    (index, from, length, offset) => {
      const source = sources[index]!
      const start = Math.min(from, source.length)
      const end = Math.min(start + length, source.length)
      const memory = Buffer.alloc(1_000, 0xa5)
      const target = memory.subarray(100, 900)
      const view = new DataView(target.buffer, target.byteOffset, target.length)
      copyRange(target, view, offset, source, start, end)
      const expected = Buffer.alloc(1_000, 0xa5)
      expected.set(source.subarray(start, end), 100 + offset)
      expect(memory.equals(expected)).toBe(true)
    },
  )
  fc.assert(property, { numRuns: 2_000 })
})

test.each([0, 1, 7, 8, 9, 15, 16, 17, 383, 384, 385])('%i bytes of a view', (size) => {
  const source = sources[3]!.subarray(3, 1_500)
  const target = new Uint8Array(1_000)
  copyRange(target, new DataView(target.buffer), 5, source, 11, 11 + size)
  expect(target.subarray(5, 5 + size)).toEqual(source.subarray(11, 11 + size))
  expect(target.subarray(5 + size)).toEqual(new Uint8Array(995 - size))
})
