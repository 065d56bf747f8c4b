/** Strings and other values that have been trouble before, for the writers of packets. */
import { parseBytes } from './input.ts'

const encoder = new TextEncoder()

/** Texts between bars, as bytes. */
function bytesOf(texts: string): Uint8Array[] {
  return texts.split('|').map((text) => encoder.encode(text))
}

/** Well-formed, without U+0000; none has a wildcard, so that each is a Topic Name, but the empty one. */
export const TEXTS: readonly Uint8Array[] = [
  ...bytesOf('a|a/b|/|//|/a/|plant/3/temp|site/line-07/machine-42/load/x|a/b/c/d/e/f/g/h|0| |\r\n'),
  ...bytesOf('$SYS/broker/x|$share/g/a|__proto__|constructor|toString|type'),
  ...bytesOf('é|e\u0301|ß/ü|日本語/トピック|\u202e|\ufeff|\ufeffa|\uffff|\ufffd|\ufdd0'),
  // The edges of what is disallowed, and of one to four bytes.
  ...bytesOf('\u0001|a\u001fb|\u007f|\u0080|\u009f|\u07ff|\u0800|\ud7ff|\ue000'),
  ...bytesOf('😀|a😀b|\u{10000}|\u{1fffe}|\u{10ffff}'),
  // The edges of fast paths.
  ...[12, 13, 32, 33, 127, 128, 300].map((count) => encoder.encode('x'.repeat(count))),
  ...bytesOf(`${'é'.repeat(7)}|${'a/'.repeat(70)}`),
]

export const FILTERS = bytesOf(
  '#|+|a/#|+/b|a/+/c|$share/g/#|$share/g/a/+|$share/|$share//a|$share/+/a|$SYS/#|a#|#/a',
)

/** What no string may hold: ill-formed, or U+0000. */
export const BAD_TEXTS = [
  '00|61 00 62|80|bf|c0 80|c1 bf|c2|c2 20|df ff|e0 80 80|e0 9f bf|e2 82|e2 82 61|61 e2 28 a1',
  'ed a0 80|ed bf bf|ef bf|f0 80 80 80|f0 8f bf bf|f0 9f 98|f4 90 80 80|f5 80 80 80|fe|ff',
].flatMap((line) => line.split('|').map(parseBytes))

export const INTERESTING_BYTES = parseBytes(
  '00 01 02 03 04 05 0b 10 20 23 26 2b 2f 30 40 62 7f 80 81 82 c0 e0 ed ef f0 f4 fe ff',
)

/** The edges of all integers, to be cut to size. */
export const INTERESTING_INTEGERS: readonly number[] = [
  0, 1, 2, 0x7e, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x3ffe, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfffe,
  0xffff, 0x1_0000, 0x1f_ffff, 0x20_0000, 0xfff_fffe, 0xfff_ffff, 0x7fff_ffff, 0x8000_0000,
  0xffff_fffe, 0xffff_ffff,
]
