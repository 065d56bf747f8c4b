/**
 * The golden packets are read and written as they say, in one piece and in any two, whatever lies
 * behind them. What each vector is held against:
 *
 *   whole      its object, its bytes again, or its fault
 *   cut        at every byte: nothing is shown too early, nothing at or past the cut is looked at
 *   poison     bytes behind the packet, of every kind that could be taken for something
 *   drip       one byte a chunk
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decode,
  decodePacket,
  encode,
  FAULTS,
  Fault,
  isReasonCodeOf,
  PACKET_NAMES,
  type Packet,
  PacketDecoder,
  PacketType,
  PROPERTIES,
  type PropertyRow,
  type PropertyScope,
  PropertyType,
  ProtocolError,
  Sender,
  WILL_PROPERTIES,
} from '../src/index.ts'
import {
  GOLDEN,
  type RefusedVector,
  readBytes,
  tellDifference,
  type ValidVector,
  type Vector,
} from './golden.ts'

/** Nothing, a value, an identifier of User Property, the edges of a Variable Byte Integer. */
const POISONS = [0x00, 0x01, 0x26, 0x7f, 0x80, 0xff] as const
/** Bytes of the buffer before the chunk, as before one of a pool. */
const LEAD = 64
/** In a short chunk strings are read by the byte, in a long one by the word. */
const POISON_SIZES = [8, 520] as const

/** Vectors above this are not cut at every byte, which would take minutes. */
const LARGE = 4096
const EDGE = 64

function contextOf({ version, sender, limits }: Vector): DecodeContext {
  const { maximumPacketSize: _, acceptedTypes: __, ...rules } = limits
  return new DecodeContext({ protocolVersion: version, sender, ...rules })
}

function decoderOf(vector: Vector): PacketDecoder {
  const { maximumPacketSize, acceptedTypes } = vector.limits
  const decoder = new PacketDecoder(contextOf(vector), { maximumPacketSize })
  if (acceptedTypes !== undefined) {
    const bits = acceptedTypes.map((name) => 1 << PACKET_NAMES.indexOf(name))
    decoder.acceptedTypes = bits.reduce((all, bit) => all | bit, 0)
  }
  return decoder
}

/** The Remaining Length and where the body begins, -1 and 0 where it is none (§1.5.5). */
function readHeader(bytes: Uint8Array): { remainingLength: number; bodyStart: number } {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[1 + i]!
    value += (byte & 0x7f) * 128 ** i
    if (byte < 0x80) {
      const isOverlong = i > 0 && byte === 0
      return isOverlong
        ? { remainingLength: -1, bodyStart: 0 }
        : { remainingLength: value, bodyStart: 2 + i }
    }
  }
  return { remainingLength: -1, bodyStart: 0 }
}

/** Where a vector is cut: 1 up to its length. A large one near its ends and its fields' edges. */
function cutsOf({ bytes, fields }: Vector): number[] {
  const size = bytes.length
  if (size <= LARGE) return Array.from({ length: size }, (_, i) => i + 1)
  const cuts = new Set<number>()
  for (let i = 0; i < EDGE; i++) cuts.add(1 + i).add(size - i)
  for (const { end } of fields)
    cuts
      .add(end - 1)
      .add(end)
      .add(Math.min(end + 1, size))
  return [...cuts].sort((a, b) => a - b)
}

/** `bytes[0..end)` with each poison behind, and before the chunk in memory; and what to call it. */
function* poisoned(bytes: Uint8Array, end: number): Iterable<[chunk: Uint8Array, what: string]> {
  for (const size of POISON_SIZES) {
    for (const poison of POISONS) {
      const chunk = new Uint8Array(LEAD + end + size).fill(poison).subarray(LEAD)
      chunk.set(bytes.subarray(0, end))
      yield [chunk, `${size} times ${poison} behind`]
    }
  }
}

function decodeBody(vector: Vector, bytes: Uint8Array, end: number): Packet | Fault {
  const { bodyStart } = readHeader(bytes)
  const type = (bytes[0]! >> 4) as PacketType
  return decodePacket(contextOf(vector), type, bytes[0]! & 0x0f, bytes, bodyStart, end)
}

/** Compared as a whole, since an array of 65,535 bytes is slow to look at byte by byte. */
function expectSame(actual: unknown, expected: unknown, what: string): void {
  const is = withoutUndefined(actual)
  if (isDeepStrictEqual(is, expected)) return
  expect(brief(is), what).toStrictEqual(brief(expected))
  expect.fail(`${what}: differs in what is too long to show`)
}

function withoutUndefined(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(withoutUndefined)
  const present = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(present.map(([key, item]) => [key, withoutUndefined(item)]))
}

/** The same in what fits on a screen. */
function brief(value: unknown): unknown {
  if (typeof value === 'string' && value.length > 64)
    return `${value.slice(0, 64)}... ${value.length}`
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, 64)).toString('hex')
    return value.length > 64 ? `${hex}... ${value.length}` : hex
  }
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(brief)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, brief(item)]))
}

/** That the decoder shows the packet of the vector. */
function expectShown(decoder: PacketDecoder, { bytes }: Vector, what: string): void {
  const { type, flags, packetStart, start, end, fault } = decoder
  const shown = { type, flags, header: start - packetStart, size: end - packetStart, fault }
  const header = readHeader(bytes).bodyStart
  const expected = {
    type: bytes[0]! >> 4,
    flags: bytes[0]! & 15,
    header,
    size: bytes.length,
    fault: 0,
  }
  expect(shown, what).toEqual(expected)
  if (Buffer.compare(decoder.bytes.subarray(packetStart, end), bytes) !== 0) {
    expect.fail(`${what}: other bytes are shown`)
  }
}

function decodeShown(decoder: PacketDecoder): Packet | Fault {
  const { context, type, flags, bytes, start, end } = decoder
  return decodePacket(context, type as PacketType, flags, bytes, start, end)
}

function checkLength({ bytes, fields }: Vector): void {
  const { remainingLength, bodyStart } = readHeader(bytes)
  expect(remainingLength, 'Remaining Length').toBe(bytes.length - bodyStart)
  expect(fields[0]!.end, 'the first line is the Fixed Header').toBe(bodyStart)
}

function checkEncoded({ version, object, encodesAs, ...vector }: ValidVector): void {
  const options = { protocolVersion: version }
  if (encodesAs === null) {
    expect(() => encode(object, options)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_FIELD' }),
    )
    return
  }
  const difference = tellDifference(encodesAs ?? vector, encode(object, options))
  if (difference !== '') expect.fail(`encoded: ${difference}`)
  if (encodesAs !== undefined) expect(encodesAs.bytes).not.toEqual(vector.bytes)
}

/** Given its beginning a decoder shows nothing; given the rest, the packet. */
function checkCutStream(vector: ValidVector): void {
  const { bytes } = vector
  for (const cut of cutsOf(vector)) {
    if (cut === bytes.length) continue
    const decoder = decoderOf(vector)
    decoder.push(bytes.subarray(0, cut))
    if (decoder.next() !== 0 || decoder.fault !== 0) expect.fail(`cut at ${cut}: shown too early`)
    decoder.push(bytes.subarray(cut))
    decoder.next()
    expectShown(decoder, vector, `cut at ${cut}`)
  }
}

/** With its end moved the body is decoded as though there were nothing behind. */
function checkCutBody(vector: ValidVector): void {
  const { bytes, version, object } = vector
  for (const end of cutsOf(vector)) {
    if (end < readHeader(bytes).bodyStart) continue
    const alone = decodeBody(vector, bytes.slice(0, end), end)
    for (const [chunk, what] of poisoned(bytes, end)) {
      const read = decodeBody(vector, chunk, end)
      if (isDeepStrictEqual(read, alone)) continue
      expect(brief(read), `cut at ${end}, ${what}`).toStrictEqual(brief(alone))
      expect.fail(`cut at ${end}, ${what}: read otherwise`)
    }
    // 3.1 lets a CONNECT end before what its flags announce.
    const isWhole = end === bytes.length
    const needsAll = object.type === 'connack' || object.type === 'auth'
    if (isWhole || !(needsAll || (object.type === 'connect' && version !== 3))) continue
    if (typeof alone !== 'number') expect.fail(`cut at ${end}: accepted`)
  }
}

/** A byte behind the last field is refused, in packets whose last field says where it ends. */
function checkLonger(vector: ValidVector): void {
  if (['publish', 'suback', 'unsuback'].includes(vector.object.type)) return
  const { bytes } = vector
  const longer = new Uint8Array(bytes.length + 1).fill(0xff)
  longer.set(bytes)
  const read = decodeBody(vector, longer, longer.length)
  if (typeof read !== 'number') expect.fail('a byte too many is accepted')
}

function checkPoison(vector: ValidVector): void {
  const { bytes, object } = vector
  for (const [chunk, what] of poisoned(bytes, bytes.length)) {
    const decoder = decoderOf(vector)
    decoder.push(chunk)
    decoder.next()
    expectShown(decoder, vector, what)
    expectSame(decodeShown(decoder), object, what)
  }
}

function checkDrip(vector: ValidVector): void {
  const { bytes, object } = vector
  const decoder = decoderOf(vector)
  const chunk = new Uint8Array(1)
  for (let i = 0; i < bytes.length; i++) {
    chunk[0] = bytes[i]!
    decoder.push(chunk)
    const isShown = decoder.next() !== 0
    if (isShown !== (i === bytes.length - 1)) expect.fail(`one byte a chunk: wrong after ${i + 1}`)
  }
  expectShown(decoder, vector, 'one byte a chunk')
  expectSame(decodeShown(decoder), object, 'one byte a chunk')
}

/** What a decoder finds wrong in the first byte, and with the Remaining Length. */
const FIRST_BYTE_FAULTS = [
  'ERR_MQTT_PACKET_TYPE_RESERVED',
  'ERR_MQTT_PACKET_TYPE_NOT_ACCEPTED',
  'ERR_MQTT_FIXED_HEADER_FLAGS',
  'ERR_MQTT_PUBLISH_QOS_3',
  'ERR_MQTT_PUBLISH_DUP_AT_QOS_0',
]
const LENGTH_FAULTS = ['ERR_MQTT_REMAINING_LENGTH', 'ERR_MQTT_PACKET_TOO_LARGE']

/** The fault that ends the stream of these chunks, 0 for none. */
function faultOf(vector: Vector, chunks: Iterable<Uint8Array>): Fault {
  const decoder = decoderOf(vector)
  for (const chunk of chunks) {
    decoder.push(chunk)
    if (decoder.next() === 0) {
      if (decoder.fault !== Fault.None) return decoder.fault
      continue
    }
    const packet = decodeShown(decoder)
    return typeof packet === 'number' ? packet : Fault.None
  }
  return Fault.None
}

function* drip(bytes: Uint8Array): Iterable<Uint8Array> {
  for (const byte of bytes) yield Uint8Array.of(byte)
}

function checkRefused(vector: RefusedVector): void {
  const { bytes, code, reasonCode } = vector
  const check = (what: string, chunks: Iterable<Uint8Array>): void => {
    const row = FAULTS[faultOf(vector, chunks)]!
    const expected = { code, reasonCode }
    expect({ code: row.code, reasonCode: row.reasonCode }, what).toEqual(expected)
  }
  check('whole', [bytes])
  check('one byte a chunk', drip(bytes))
  for (const [chunk, what] of poisoned(bytes, bytes.length)) check(what, [chunk])
}

function checkThrown(vector: RefusedVector): void {
  const { bytes, version, sender, limits, code, reasonCode, statement } = vector
  const { acceptedTypes, ...rules } = limits
  // Which types may come is the connection's to know: `decode` takes them all.
  if (acceptedTypes !== undefined) return
  let error: unknown
  try {
    decode(bytes, { protocolVersion: version, sender, ...rules })
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(ProtocolError)
  expect(error).toMatchObject({ code, reasonCode })
  expect([null, statement]).toContain((error as ProtocolError).statement)
}

/** A fault of the header is told by the header; one of the body not before its last byte. */
function checkWhere(vector: RefusedVector): void {
  const { bytes, fields, code } = vector
  const header = bytes.subarray(0, fields[0]!.end)
  const isOfFirstByte = FIRST_BYTE_FAULTS.includes(code)
  if (isOfFirstByte || LENGTH_FAULTS.includes(code) || readHeader(bytes).remainingLength < 0) {
    const needed = isOfFirstByte ? bytes.subarray(0, 1) : header
    expect(FAULTS[faultOf(vector, [needed])]!.code, 'by the header alone').toBe(code)
    return
  }
  checkLength(vector)
  expect(faultOf(vector, [bytes.subarray(0, -1)]), 'before the last byte').toBe(Fault.None)
}

describe.each(GOLDEN)('$file', ({ valid, refused }) => {
  test.each(valid)('$name', (vector) => {
    const { bytes, version, sender, object } = vector
    const { acceptedTypes: _, ...rules } = vector.limits
    checkLength(vector)
    expectSame(decode(bytes, { protocolVersion: version, sender, ...rules }), object, 'decoded')
    checkEncoded(vector)
    checkCutStream(vector)
    checkCutBody(vector)
    checkLonger(vector)
    checkPoison(vector)
    checkDrip(vector)
  })

  test.each(refused)('refused: $name', (vector) => {
    checkRefused(vector)
    checkThrown(vector)
    checkWhere(vector)
  })
})

/** Valid vectors and refused ones, by file. */
const COUNTS = {
  auth: [15, 17],
  connack: [58, 41],
  connect: [72, 79],
  disconnect: [48, 19],
  pingreq: [3, 3],
  pingresp: [3, 3],
  puback: [24, 16],
  pubcomp: [15, 11],
  publish: [68, 73],
  pubrec: [22, 13],
  pubrel: [16, 15],
  stream: [0, 16],
  suback: [17, 14],
  subscribe: [41, 30],
  unsuback: [14, 12],
  unsubscribe: [22, 15],
}

/** Faults that no decoder gives. */
const NEVER_DECODED = {
  // It is none.
  NONE: 1,
  // The length of a string in a packet cannot be above 65,535: these are for names given as text.
  TOPIC_NAME_TOO_LONG: 1,
  TOPIC_FILTER_TOO_LONG: 1,
  // The grammar of filters is judged by `parseTopicFilter`: SUBACK answers each filter for itself.
  TOPIC_FILTER_EMPTY: 1,
  TOPIC_FILTER_HASH: 1,
  TOPIC_FILTER_PLUS: 1,
  TOPIC_FILTER_TOO_DEEP: 1,
  SHARE_NAME_EMPTY: 1,
  SHARE_NAME_INVALID: 1,
}

const VALID = GOLDEN.flatMap(({ valid }) => valid)
const REFUSED = GOLDEN.flatMap(({ refused }) => refused)
const OF_5 = VALID.filter(({ version }) => version === 5).map(({ object }) => object)

function nameOf(type: PacketType): Packet['type'] {
  return PACKET_NAMES[type]!.toLowerCase() as Packet['type']
}

const SCOPES: readonly PropertyScope[] = [WILL_PROPERTIES, ...Object.values(PacketType)]
const PLACES = SCOPES.flatMap((scope) =>
  PROPERTIES.filter(({ allowedIn }) => (allowedIn & (1 << scope)) !== 0).map((row) => ({
    row,
    scope,
    title: row.title,
    where: scope === WILL_PROPERTIES ? 'the Will' : PACKET_NAMES[scope],
  })),
)

/** The values that the vectors give a property in one place; of a list, each one. */
function valuesOf(row: PropertyRow, scope: PropertyScope): unknown[] {
  const isWill = scope === WILL_PROPERTIES
  const packets = OF_5.filter(({ type }) => type === (isWill ? 'connect' : nameOf(scope)))
  return packets.flatMap((packet) => {
    const holder = isWill ? (packet as { will?: object }).will : packet
    const { properties = {} } = (holder ?? {}) as { properties?: Record<string, unknown> }
    const isUser = row.type === PropertyType.StringPair
    const list = properties[isUser ? 'userProperties' : `${row.name}s`] as unknown[] | undefined
    return list ?? (row.name in properties ? [properties[row.name]] : [])
  })
}

function sizeOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : Buffer.byteLength(value as string)
}

describe('the inventory', () => {
  test('each file has as many vectors as it should', () => {
    const counts = GOLDEN.map(({ file, valid, refused }) => [file, [valid.length, refused.length]])
    expect(Object.fromEntries(counts)).toEqual(COUNTS)
    expect([VALID.length, REFUSED.length]).toEqual([438, 377])
  })

  test.each(GOLDEN)('$file: no name twice, and no packet', ({ valid, refused }) => {
    const all = [...valid, ...refused]
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
    const inputs = all.map(({ version, sender, limits, bytes }) =>
      JSON.stringify([version, sender, limits, Buffer.from(bytes).toString('latin1')]),
    )
    expect(new Set(inputs).size).toBe(all.length)
  })

  test.each(GOLDEN)('$file: the packets are of its type', ({ file, valid, refused }) => {
    expect(valid.filter(({ object }) => object.type !== file)).toEqual([])
    if (file === 'stream') return
    const type = PACKET_NAMES.indexOf(file.toUpperCase())
    for (const { bytes } of [...valid, ...refused]) expect(bytes[0]! >> 4).toBe(type)
  })

  test.each([5, 4, 3] as const)('level %i: every packet', (version) => {
    const types = new Set(VALID.filter((one) => one.version === version).map((v) => v.object.type))
    const expected = Object.values(PacketType).map(nameOf)
    expect([...types].sort()).toEqual(
      expected.filter((type) => version === 5 || type !== 'auth').sort(),
    )
  })

  test.each(PLACES)('$title in $where: the edges of what it may be', ({ row, scope }) => {
    const values = valuesOf(row, scope)
    if (row.type === PropertyType.StringPair) {
      const pairs = values as [string, string][]
      for (const side of [0, 1] as const) {
        const sizes = pairs.map((pair) => sizeOf(pair[side]))
        expect(sizes).toEqual(expect.arrayContaining([0, 65_535]))
      }
    } else if (row.type === PropertyType.String || row.type === PropertyType.BinaryData) {
      // A Response Topic is a Topic Name, so never empty.
      const smallest = row.name === 'responseTopic' ? 1 : 0
      expect(values.map(sizeOf)).toEqual(expect.arrayContaining([smallest, 65_535]))
    } else {
      expect(values).toEqual(expect.arrayContaining([row.minimum, row.maximum]))
    }
  })

  test.each(Object.values(PacketType))('type %i: every Reason Code', (type) => {
    const packets = OF_5.filter((object) => object.type === nameOf(type))
    const seen = packets.flatMap((packet) => {
      if ('reasonCodes' in packet) return packet.reasonCodes
      return 'reasonCode' in packet ? [packet.reasonCode] : []
    })
    const codes = Array.from({ length: 256 }, (_, code) => code)
    const expected = codes.filter((code) => isReasonCodeOf(type, code, Sender.Any))
    expect([...new Set(seen)].sort((a, b) => a - b)).toEqual(expected)
  })

  test.each([4, 3] as const)('level %i: every return code of CONNACK', (version) => {
    const { valid } = GOLDEN.find(({ file }) => file === 'connack')!
    const codes = valid.filter((one) => one.version === version).map(({ bytes }) => bytes[3])
    expect([...new Set(codes)].sort()).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('every fault that a decoder can give', () => {
    const codes = FAULTS.map((row) => row.code.replace('ERR_MQTT_', ''))
    const decoded = codes.filter((code) => !(code in NEVER_DECODED))
    const seen = new Set(REFUSED.map(({ code }) => code.replace('ERR_MQTT_', '')))
    expect([...seen].sort()).toEqual(decoded.sort())
  })

  test('statements are those of the standard', () => {
    const path = new URL('../../../fixtures/statements.json', import.meta.url)
    const statements = JSON.parse(readFileSync(path, 'utf8'))
    const idsOf = (version: string) => statements[version].map(({ id }: { id: string }) => id)
    const [v5, v3] = [idsOf('v5'), idsOf('v3.1.1')]
    for (const { name, version, statement } of REFUSED) {
      // Before 5.0 a rule that both have goes by its id in 5.0, as everywhere in the codec.
      expect(version === 5 ? v5 : [...v5, ...v3], name).toContain(statement)
    }
  })
})

describe('what the fixtures are written in', () => {
  test('bytes, text and repetitions of either, and what follows is a note', () => {
    const read = readBytes(["00 03 'a;b'*2 ff*3 ; 'x' ; y", "c3 '€'", '; nothing'])
    expect(Buffer.from(read.bytes).toString('hex')).toBe('0003613b62613b62ffffffc3e282ac')
    expect(read.fields).toEqual([
      { note: "'x' ; y", start: 0, end: 11 },
      { note: '', start: 11, end: 15 },
      { note: 'nothing', start: 15, end: 15 },
    ])
    for (const line of ["0 ; 'x'", '0g', "'a", '00 *2', '00FF']) {
      expect(() => readBytes([line])).toThrow(line)
    }
  })

  test('a difference is told by its field', () => {
    const expected = readBytes([
      '40 03 ; PUBACK',
      '00 0a ; Packet Identifier 10',
      '10 ; Reason Code',
    ])
    expect(tellDifference(expected, expected.bytes)).toBe('')
    expect(tellDifference(expected, Uint8Array.of(0x40, 0x02, 0x00, 0x0a))).toBe(
      [
        '4 bytes, 5 bytes expected',
        '[0..2) PUBACK',
        '   expected 40 03',
        '   actual   40 02',
        '[4..5) Reason Code',
        '   expected 10',
        '   actual   nothing',
      ].join('\n'),
    )
  })
})
