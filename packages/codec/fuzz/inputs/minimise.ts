/**
 * Makes a failing input small: removes what is not needed for the same law to break, then puts plain
 * bytes for the others. Where something is removed from within a packet, the lengths around it have to
 * go down with it, so that each removal is tried with none of them, with the Remaining Length, and with
 * one or two more.
 *
 *   | 30 | 0c | 00 06 a b c d e f | 00 | ...      a part within `cde`
 *          |    +-- two bytes that, as a length, reach over the part
 *          +------- Remaining Length: the same
 */
import type { Failure } from '../laws/law.ts'
import { Draft } from './draft.ts'
import { DEFAULT_SETTING, type Input, SETTING_KEYS } from './input.ts'

/** An input, and how it fails. */
export interface FailedInput extends Failure {
  readonly input: Input
}

/** Parts up to this are of every size and anywhere. */
const SMALL = 8
/** Of what may be a length the first ones are tried: in a long string each letter may be one. */
const MOST_LENGTHS = 12

type Judge = (input: Input) => Failure | null

/**
 * @param attempts - how many inputs are tried at most, each 64 bytes counting as one more.
 * @returns the smallest that breaks the same law.
 */
export function minimise(failed: FailedInput, judge: Judge, attempts: number): FailedInput {
  let best = failed
  let { setting, bytes } = failed.input
  let left = attempts
  const takes = (input: Input): boolean => {
    if (left <= 0) return false
    left -= 1 + (input.bytes.length >> 6)
    const found = judge(input)
    if (found?.law !== failed.law) return false
    best = { ...found, input }
    setting = input.setting
    bytes = input.bytes
    return true
  }
  const remove = (at: number, count: number): void => {
    if (at < 0 || at + count > bytes.length) return
    for (const rest of removals(bytes, at, count)) if (takes({ setting, bytes: rest })) return
  }

  for (const key of SETTING_KEYS) {
    if (setting[key] === DEFAULT_SETTING[key]) continue
    takes({ setting: { ...setting, [key]: DEFAULT_SETTING[key] }, bytes })
  }
  for (let size = Infinity; bytes.length < size && left > 0; ) {
    size = bytes.length
    const [remainingLength, lengthSize] = read(bytes, REMAINING_LENGTH)
    remove(0, 1 + lengthSize + remainingLength)
    // The large parts first, and of them the last: most of what is not needed is behind.
    for (let part = bytes.length; part >= 1; part = nextPart(part)) {
      for (let end = bytes.length; end >= part && left > 0; end -= part > SMALL ? part : 1) {
        remove(Math.min(end, bytes.length) - part, part)
      }
    }
  }
  for (let i = 0; i < bytes.length && left > 0; i++) {
    for (const plain of [0x00, 0x61]) {
      if (bytes[i] === plain || takes({ setting, bytes: bytes.with(i, plain) })) break
    }
  }
  return best
}

function nextPart(part: number): number {
  return part > SMALL ? Math.max(part >> 1, SMALL) : part - 1
}

const draft = new Draft()

/** What may be a length: two bytes, or a Variable Byte Integer. */
interface Length {
  readonly at: number
  readonly isUint16: boolean
}

/** That of the first packet. */
const REMAINING_LENGTH: Length = { at: 1, isUint16: false }

/** Copies of `bytes` without `bytes[at..at + count)`, and with lengths lowered. */
function* removals(bytes: Uint8Array, at: number, count: number): Generator<Uint8Array> {
  const lengths = lengthsAround(bytes, at, at + count)
  const pairs = lengths.flatMap((a) => lengths.filter((b) => b.at < a.at).map((b) => [a, b]))
  const some = [[], ...lengths.map((length) => [length]), ...pairs]
  for (const lowered of [[], ...some.map((inner) => [...inner, REMAINING_LENGTH])]) {
    draft.size = 0
    draft.append(bytes)
    draft.remove(at, count)
    // The inner ones first: one that takes fewer bytes than before counts for those around it.
    for (const length of lowered) lower(length, bytes.length - draft.size)
    yield draft.bytes.slice(0, draft.size)
  }
}

/** All that may be a length and, if it is one, counts `bytes[start..end)`; the Remaining Length apart. */
function lengthsAround(bytes: Uint8Array, start: number, end: number): Length[] {
  const lengths: Length[] = []
  for (let at = 2; at < start && lengths.length < MOST_LENGTHS; at++) {
    for (const isUint16 of [false, true]) {
      const [value, size] = read(bytes, { at, isUint16 })
      const last = at + size + value
      if (at + size <= start && last >= end && last <= bytes.length) lengths.push({ at, isUint16 })
    }
  }
  return lengths
}

function read(bytes: Uint8Array, { at, isUint16 }: Length): readonly [value: number, size: number] {
  if (isUint16) return [(bytes[at]! << 8) | bytes[at + 1]!, 2]
  let value = 0
  let size = 0
  do value |= (bytes[at + size]! & 0x7f) << (7 * size)
  while (bytes[at + size++]! >= 0x80 && size < 4)
  return [value, size]
}

function lower(length: Length, count: number): void {
  const { at, isUint16 } = length
  const [value, size] = read(draft.bytes, length)
  const rest = value - count
  if (isUint16) {
    draft.bytes[at] = rest >>> 8
    draft.bytes[at + 1] = rest
  } else {
    draft.remove(at + 1, size - 1)
    draft.closeLength(at, rest - (draft.size - at - 1))
  }
}
