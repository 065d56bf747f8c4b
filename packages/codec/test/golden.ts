/**
 * The golden packets in `fixtures/packets`, as bytes and objects. What the files look like is told
 * in their README.
 *
 *   "02 00 00 00 3c ; Message Expiry Interval 60"   -> bytes[start..end) and their note
 *   { "$hex": "00ff" }                              -> a Uint8Array
 */
import { readdirSync, readFileSync } from 'node:fs'
import { type Packet, type ProtocolVersion, Sender } from '../src/index.ts'

/** What one line of the fixture stands for: `bytes[start..end)`. */
export interface Field {
  readonly note: string
  readonly start: number
  readonly end: number
}

export interface AnnotatedBytes {
  readonly bytes: Uint8Array
  /** In order and without gaps; the first is the Fixed Header. */
  readonly fields: readonly Field[]
}

/** What a vector sets in `DecodeContext` and `PacketDecoder`; what is left out stays as it is. */
export interface Limits {
  readonly maximumUserProperties?: number
  readonly maximumTopicLevels?: number
  readonly maximumFilters?: number
  readonly refuseDisallowedCodePoints?: boolean
  readonly maximumPacketSize?: number
  /** Names of packets. */
  readonly acceptedTypes?: readonly string[]
}

export interface Vector extends AnnotatedBytes {
  readonly name: string
  readonly version: ProtocolVersion
  readonly sender: Sender
  readonly limits: Limits
}

export interface ValidVector extends Vector {
  /** Without the keys that are `undefined`. */
  readonly object: Packet
  /** What the encoder writes, `null` where it refuses. Absent: the bytes of the vector. */
  readonly encodesAs: AnnotatedBytes | null | undefined
}

export interface RefusedVector extends Vector {
  readonly reasonCode: number
  readonly statement: string
  readonly code: string
}

export interface GoldenFile {
  /** As `publish`. */
  readonly file: string
  readonly valid: readonly ValidVector[]
  readonly refused: readonly RefusedVector[]
}

/** A vector as it stands in the file. */
interface VectorText {
  readonly name: string
  readonly version: ProtocolVersion
  readonly sender?: 'client' | 'server'
  readonly limits?: Limits
  readonly bytes: readonly string[]
}
interface FileText {
  readonly valid: readonly (VectorText & {
    object: unknown
    encodesAs?: readonly string[] | null
  })[]
  readonly refused: readonly (VectorText & {
    reasonCode: string
    statement: string
    code: string
  })[]
}

const FOLDER = new URL('../../../fixtures/packets/', import.meta.url)

/** Every file, by its name. */
export const GOLDEN: readonly GoldenFile[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map(readGoldenFile)

function readGoldenFile(name: string): GoldenFile {
  const { valid, refused } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as FileText
  return {
    file: name.replace('.json', ''),
    valid: valid.map((text) => ({
      ...readVector(text),
      object: readValue(text.object) as Packet,
      encodesAs: text.encodesAs ? readBytes(text.encodesAs) : (text.encodesAs as null | undefined),
    })),
    refused: refused.map((text) => ({
      ...readVector(text),
      reasonCode: Number(text.reasonCode),
      statement: text.statement,
      code: text.code,
    })),
  }
}

function readVector({ name, version, sender, limits = {}, bytes }: VectorText): Vector {
  const side = { client: Sender.Client, server: Sender.Server, any: Sender.Any }[sender ?? 'any']
  return { name, version, sender: side, limits, ...readBytes(bytes) }
}

/** Lines of hex pairs, 'quoted' UTF-8 and repetitions of either, each with its note behind `;`. */
export function readBytes(lines: readonly string[]): AnnotatedBytes {
  const parts: Uint8Array[] = []
  const fields: Field[] = []
  let start = 0
  for (const line of lines) {
    const { items, note } = readLine(line)
    const end = items.reduce((at, item) => at + item.length, start)
    parts.push(...items)
    fields.push({ note, start, end })
    start = end
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), fields }
}

function readLine(line: string): { items: Uint8Array[]; note: string } {
  const token = /(?:'([^']*)'|([0-9a-f]{2}))(?:\*(\d+))?(?: +|$)/y
  const items: Uint8Array[] = []
  for (;;) {
    const at = token.lastIndex
    const found = token.exec(line)
    if (found === null) {
      if (at < line.length && line[at] !== ';') throw new Error(`no bytes and no note: ${line}`)
      return { items, note: line.slice(at + 1).trim() }
    }
    const [, text, hex, times = '1'] = found
    const unit = text === undefined ? Buffer.from(hex!, 'hex') : Buffer.from(text)
    items.push(times === '1' ? unit : Buffer.alloc(unit.length * Number(times), unit))
  }
}

/** Puts bytes and long texts in the place of their notation. */
function readValue(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(readValue)
  const { $hex, $repeat, $bytes, $repeatText, times } = value as Record<string, unknown>
  if ($hex !== undefined) return new Uint8Array(Buffer.from($hex as string, 'hex'))
  if ($repeat !== undefined) return readBytes([`${$repeat}*${times}`]).bytes
  if ($bytes !== undefined) return readBytes($bytes as string[]).bytes
  if ($repeatText !== undefined) return ($repeatText as string).repeat(times as number)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readValue(item)]))
}

/** Bytes shown of a field on either side of its first difference. */
const SHOWN = 8

/**
 * Where `actual` is not `expected`, field by field.
 *
 * @returns '' where they are equal, otherwise a line a field, the first three of them.
 */
export function tellDifference(expected: AnnotatedBytes, actual: Uint8Array): string {
  const { bytes, fields } = expected
  if (Buffer.compare(bytes, actual) === 0) return ''
  const lines: string[] = []
  for (const { note, start, end } of fields) {
    let at = start
    while (at < end && bytes[at] === actual[at]) at++
    if (at === end) continue
    lines.push(`[${start}..${end}) ${note}`)
    lines.push(`   expected ${excerpt(bytes, start, end, at)}`)
    lines.push(`   actual   ${excerpt(actual, start, end, at)}`)
    if (lines.length === 9) break
  }
  const sizes = bytes.length === actual.length ? '' : `, ${bytes.length} bytes expected`
  return [`${actual.length} bytes${sizes}`, ...lines].join('\n')
}

function excerpt(bytes: Uint8Array, start: number, end: number, at: number): string {
  const last = Math.min(end, bytes.length)
  if (start >= last) return 'nothing'
  const from = Math.max(start, at - SHOWN)
  const to = Math.min(last, at + SHOWN)
  const pairs = Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, '0'))
  return `${from > start ? '... ' : ''}${pairs.join(' ')}${to < last ? ' ...' : ''}`
}
