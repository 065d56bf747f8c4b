/**
 * Whether a packet is the one that is expected. What the standard leaves to the broker is not
 * compared, so that one exchange serves for all of them:
 *
 *   PUBLISH             what is not named must be 0, false or absent
 *   acknowledgements    without a named Reason Code: below 0x80
 *   everything else     what is not named may be anything
 *
 * Values are those of the codec's packets, beside which there are
 *
 *   "0x81"                          a number
 *   "text", for bytes               their UTF-8
 *   { "$bytes": "00 ff 'a'*9" }     bytes, or the UTF-8 of a text, in the notation of `notation.ts`
 *   null                            absent
 *   "$name"                         what the name stands for, or, the first time, whatever comes
 *   { "$new": "$name" }             the same, and nothing that another name stands for
 *   { "$oneOf": [...] }             one of them
 *   { "$advised": [...] }           the first, or, where nobody is strict, another one
 *   { "$anyOrder": [...] }          a list, in whatever order
 *   { "$between": [first, last] }   a number, both ends included
 */
import type { Packet } from '@promptmq/codec'
import type { ExpectedPacket } from './exchange.ts'
import type { NamedValue, Names } from './names.ts'
import { readNotation } from './notation.ts'

/** How strictly it is compared, and with what. */
export interface MatchOptions {
  readonly names: Names
  /** Of what is advised, only the first is good. */
  readonly isStrict: boolean
}

const PLAIN_PUBLISH = { qos: 0, dup: false, retain: false, packetIdentifier: null, payload: '' }

/**
 * @returns '' where it is the one that is expected, and `names` knows more than before; else the
 *   first field that differs.
 */
export function tellMismatch(
  expected: ExpectedPacket,
  actual: Packet,
  options: MatchOptions,
): string {
  if (actual.type !== expected.type) return 'type'
  const { properties = {}, ...given } = expected
  const isPublish = actual.type === 'publish'
  const fields = isPublish ? { ...PLAIN_PUBLISH, ...given } : given
  for (const [name, value] of Object.entries(fields)) {
    if (!matches(value, fieldOf(actual, name), options)) return name
  }
  const isFailure = 'reasonCode' in actual && actual.reasonCode >= 0x80
  if (isFailure && !('reasonCode' in given)) return 'reasonCode'
  const found = 'properties' in actual ? actual.properties : {}
  for (const [name, value] of Object.entries(properties)) {
    if (!matches(value, fieldOf(found, name), options)) return name
  }
  if (!isPublish) return ''
  const surplus = Object.entries(found).find(
    ([name, value]) => !(name in properties) && !isAbsent(value),
  )
  return surplus?.[0] ?? ''
}

/** What a value may be beside the plain ones; one of the keys is there. */
interface Form {
  readonly $bytes?: string
  readonly $new?: string
  readonly $oneOf?: readonly unknown[]
  readonly $advised?: readonly unknown[]
  readonly $anyOrder?: readonly unknown[]
  readonly $between?: readonly [number, number]
}

function fieldOf(object: object, name: string): unknown {
  return (object as Readonly<Record<string, unknown>>)[name]
}

function isAbsent(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0)
}

function matches(expected: unknown, actual: unknown, options: MatchOptions): boolean {
  if (expected === null) return isAbsent(actual)
  if (typeof expected === 'string') return matchesText(expected, actual, options)
  if (Array.isArray(expected)) return matchesList(expected, actual, options)
  if (typeof expected !== 'object') return expected === actual
  const { $bytes, $new, $oneOf, $advised, $anyOrder, $between } = expected as Form
  if ($bytes !== undefined) return matchesBytes($bytes, actual, options)
  if ($new !== undefined) {
    return !options.names.includes(actual as NamedValue) && matches($new, actual, options)
  }
  if ($oneOf !== undefined) return $oneOf.some((one) => matches(one, actual, options))
  if ($advised !== undefined) {
    const choices = options.isStrict ? $advised.slice(0, 1) : $advised
    return choices.some((one) => matches(one, actual, options))
  }
  if ($anyOrder !== undefined) return matchesUnordered($anyOrder, actual, options)
  if ($between === undefined) return false
  const [first, last] = $between
  return typeof actual === 'number' && actual >= first && actual <= last
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

function matchesBytes(notation: string, actual: unknown, { names }: MatchOptions): boolean {
  const bytes = typeof actual === 'string' ? Buffer.from(actual) : actual
  return isBytes(bytes) && Buffer.compare(readNotation(notation, names), bytes) === 0
}

function matchesText(expected: string, actual: unknown, { names }: MatchOptions): boolean {
  if (/^0x[0-9a-f]+$/.test(expected)) return Number(expected) === actual
  if (/^\$\w+$/.test(expected)) {
    const known = names.get(expected.slice(1))
    if (known !== undefined) return known === actual
    if (typeof actual !== 'number' && typeof actual !== 'string') return false
    names.set(expected.slice(1), actual)
    return true
  }
  const text = names.fill(expected)
  return isBytes(actual) ? Buffer.from(text).equals(actual) : text === actual
}

function matchesList(expected: readonly unknown[], actual: unknown, options: MatchOptions) {
  if (!Array.isArray(actual) || actual.length !== expected.length) return false
  return expected.every((one, i) => matches(one, actual[i], options))
}

function matchesUnordered(expected: readonly unknown[], actual: unknown, options: MatchOptions) {
  if (!Array.isArray(actual) || actual.length !== expected.length) return false
  const rest = [...actual]
  for (const one of expected) {
    const at = rest.findIndex((candidate) => matches(one, candidate, options))
    if (at < 0) return false
    rest.splice(at, 1)
  }
  return true
}
