import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkUtf8, Fault, readUtf8, utf8Size, writeUtf8 } from '../src/index.ts'
import { wire } from './wire.ts'

/** The code points from which every rule of the table changes, and their neighbours. */
const EDGES = [0x00, 0x20, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf]
const BYTES = [...EDGES, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]

function expectVerdict(bytes: Uint8Array): void {
  const fault = checkUtf8(bytes, 0, bytes.length, false)
  if (fault === Fault.Utf8Nul) expect(bytes).toContain(0)
  else if ((fault === Fault.None) !== (isUtf8(bytes) && !bytes.includes(0))) {
    expect.fail(`${[...bytes].map((byte) => byte.toString(16))} gave ${fault}`)
  }
}

describe('checkUtf8, §1.5.4', () => {
  test('[MQTT-1.5.4-1] every sequence of up to four edge bytes is judged as another validator does', () => {
    for (const a of BYTES) {
      expectVerdict(Uint8Array.of(a))
      for (const b of BYTES) {
        expectVerdict(Uint8Array.of(a, b))
        for (const c of BYTES) {
          const three = Uint8Array.of(a, b, c)
          if (checkUtf8(three, 0, 3, false) !== (isUtf8(three) ? 0 : Fault.Utf8IllFormed)) {
            expectVerdict(three)
          }
          if (a < 0xe0) continue
          for (const d of BYTES) {
            const four = Uint8Array.of(a, b, c, d)
            if (checkUtf8(four, 0, 4, false) !== (isUtf8(four) ? 0 : Fault.Utf8IllFormed)) {
              expectVerdict(four)
            }
          }
        }
      }
    }
  })

  test('[MQTT-1.5.4-1] random bytes are judged as another validator does', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 8 }), expectVerdict), { numRuns: 5000 })
  })

  test.each([
    ['a surrogate', wire`ed a0 80`],
    ['the last surrogate', wire`ed bf bf`],
    ['an over-long slash', wire`c0 af`],
    ['an over-long U+0000', wire`c0 80`],
    ['an over-long form of three bytes', wire`e0 9f bf`],
    ['an over-long form of four bytes', wire`f0 8f bf bf`],
    ['U+110000', wire`f4 90 80 80`],
    ['a first byte f5', wire`f5 80 80 80`],
    ['a stray continuation byte', wire`"a" 80`],
    ['a sequence cut short by the end', wire`"a" e2 82`],
    ['a sequence cut short by ASCII', wire`e2 82 "a"`],
  ])('[MQTT-1.5.4-1] %s is refused', (_what, bytes) => {
    expect(checkUtf8(bytes, 0, bytes.length, false)).toBe(Fault.Utf8IllFormed)
  })

  test('[MQTT-1.5.4-1] a sequence that goes on past the end is refused', () => {
    expect(checkUtf8(wire`e2 82 ac`, 0, 2, false)).toBe(Fault.Utf8IllFormed)
  })

  test.each([
    ['alone', wire`00`],
    ['after ASCII', wire`"ab" 00`],
    ['after other characters', wire`"é" 00 "a"`],
  ])('[MQTT-1.5.4-2] U+0000 %s is refused', (_where, bytes) => {
    expect(checkUtf8(bytes, 0, bytes.length, false)).toBe(Fault.Utf8Nul)
  })

  test.each([0x01, 0x1f, 0x7f, 0x80, 0x9f, 0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x10_ffff])(
    'U+%i is refused on request only, wherever it stands',
    (codePoint) => {
      const text = String.fromCodePoint(codePoint)
      for (const bytes of [text, `a${text}`, `é${text}`, `${text}b`].map((s) => Buffer.from(s))) {
        expect(checkUtf8(bytes, 0, bytes.length, false)).toBe(Fault.None)
        expect(checkUtf8(bytes, 0, bytes.length, true)).toBe(Fault.Utf8DisallowedCodePoint)
      }
    },
  )

  test.each([0x20, 0x7e, 0xa0, 0xfdcf, 0xfdf0, 0xfffd, 0xfeff, 0x1_0000, 0x1_fffd, 0x10_fffd])(
    'U+%i is allowed even so',
    (codePoint) => {
      const bytes = Buffer.from(String.fromCodePoint(codePoint))
      expect(checkUtf8(bytes, 0, bytes.length, true)).toBe(Fault.None)
    },
  )
})

describe('reading and writing', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ maxLength: 60 }),
    fc.string({ maxLength: 15 }),
  )

  test('what is written is read, is well-formed and has the size that was told', () => {
    fc.assert(
      fc.property(texts, fc.nat(5), (text, offset) => {
        const bytes = new Uint8Array(offset + 300).fill(0x2e)
        const end = writeUtf8(bytes, offset, text)
        expect(end - offset).toBe(utf8Size(text))
        expect(Buffer.from(bytes.buffer, offset, end - offset).toString()).toBe(text)
        expect(readUtf8(bytes, offset, end)).toBe(text)
        expect(bytes[end]).toBe(0x2e)
      }),
      { numRuns: 2000 },
    )
  })

  test('[MQTT-1.5.4-3] U+FEFF is kept at the beginning and elsewhere, in short and long strings', () => {
    for (const text of ['\uFEFF', '\uFEFFa', 'a\uFEFF', `\uFEFF${'b'.repeat(40)}\uFEFF`]) {
      const bytes = new Uint8Array(utf8Size(text))
      writeUtf8(bytes, 0, text)
      expect([...bytes].filter((byte) => byte === 0xef).length).toBe(
        text.split('\uFEFF').length - 1,
      )
      expect(readUtf8(bytes, 0, bytes.length)).toBe(text)
    }
  })

  test.each(['\ud800', 'a\udc00', '\ud800\ud800', '\udc00\ud800', `${'a'.repeat(40)}\ud800`])(
    'a lone surrogate takes the room of U+FFFD and becomes it',
    (text) => {
      const bytes = new Uint8Array(200)
      const end = writeUtf8(bytes, 0, text)
      expect(end).toBe(utf8Size(text))
      expect(readUtf8(bytes, 0, end)).toBe(text.toWellFormed())
    },
  )

  test('ill-formed bytes that nobody checked become U+FFFD', () => {
    expect(readUtf8(wire`"a" ff`, 0, 2)).toBe('a\uFFFD')
    expect(readUtf8(wire`"abcdefghijklmn" ff`, 0, 15)).toBe('abcdefghijklmn\uFFFD')
  })
})
