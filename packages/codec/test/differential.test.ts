/**
 * What @promptmq/codec and mqtt-packet 9 make of the same bytes: the same, or what a row of
 * `docs/mqtt-packet.md` says. Each row is run on both. Its key, which is worked out here and not
 * written there, then accounts for all that differs in the same way:
 *
 *   we refuse, it reads   our fault's code, if from what it read we would write other bytes or none
 *   all else              a rule by its name, if nothing differs once the rule's bits are mended
 *
 * mqtt-packet knows neither limits, which are therefore out of reach here, nor senders: a row or a
 * vector that is wrong from one side only names that side.
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encode,
  FAULTS,
  type Fault,
  type Packet,
  type PacketInput,
  type ProtocolVersion,
  Sender,
} from '../src/index.ts'
import { packets } from './arbitraries.ts'
import { GOLDEN, readBytes } from './golden.ts'
import {
  asKeys,
  attempt,
  content,
  type Fields,
  fromIncumbent,
  INCUMBENT_VERSION,
  plain,
  readAsIncumbent,
  readOurs,
  toIncumbent,
  writeAsIncumbent,
} from './incumbent.ts'
import { wire } from './wire.ts'

const SEED = 20_190_307

interface Disagreement {
  /** What we do and what it does, or `differs` where both read. */
  readonly kind: string
  readonly version: ProtocolVersion
  readonly sender: Sender
  /** From the packet's first byte to the end of the chunk, and as far as we say that it goes. */
  readonly bytes: Uint8Array
  readonly own: Uint8Array
  readonly ours: Fields | undefined
  readonly its: Fields | undefined
  readonly fault: Fault
  readonly isHeader: boolean
}

function compare(chunk: Uint8Array, level: ProtocolVersion, sender: Sender): Disagreement[] {
  const { packets: ours, starts, end, fault, isHeader } = readOurs(level, sender, chunk)
  const incumbent = readAsIncumbent(level, chunk)
  const found: Disagreement[] = []
  let version = level
  for (let i = 0; ; i++) {
    const our = ours[i]
    const its = incumbent.packets[i]
    if (our?.type === 'connect') version = our.protocolVersion
    const isRead = our !== undefined && its !== undefined
    const steps = [our ? 'reads' : end, its ? 'reads' : incumbent.end]
    const left = our && content(our)
    const right = its && (isRead ? fromIncumbent(its, version) : its)
    const bytes = chunk.subarray(starts[i])
    const own = chunk.subarray(starts[i], starts[i + 1])
    const rest = { version, sender, bytes, own, ours: left, its: right, fault, isHeader }
    if (!isRead) {
      return steps[0] === steps[1] ? found : [...found, { kind: steps.join('/'), ...rest }]
    }
    if (!isDeepStrictEqual(left, right)) found.push({ kind: 'differs', ...rest })
  }
}

/** Where the body begins. */
function bodyStart(bytes: Uint8Array): number {
  return 2 + bytes.subarray(1).findIndex((byte) => byte < 0x80)
}

/** Whether our encoder makes these very bytes of what mqtt-packet read: then we refused too much. */
function isOurs({ its, bytes, version, sender }: Disagreement): boolean {
  const level = (its!.protocolVersion ?? version) as ProtocolVersion
  const packet = bytes.subarray(0, bodyStart(bytes) + (its!.length as number))
  try {
    const read = fromIncumbent(its!, level) as unknown as PacketInput
    const written = encode(read, { protocolVersion: level })
    const isSame = Buffer.compare(written, packet) === 0
    // The encoder does not ask whose packet it is.
    return isSame && (sender === Sender.Any || readOurs(version, Sender.Any, packet).end !== 'done')
  } catch {
    return false
  }
}

/** What still differs with some bits cleared that were not, and nothing behind the packet. */
function without(one: Disagreement, at: number, bits: number): Disagreement[] | false {
  const bytes = Uint8Array.from(one.own)
  bytes[at]! &= ~bits
  return bytes[at] !== one.own[at] && compare(bytes, one.version, one.sender)
}

const is31 = ({ version, ours }: Disagreement, type: string) => version === 3 && ours?.type === type

const withoutFlags = (one: Disagreement, bits: number) =>
  is31(one, 'connect') && without(one, bodyStart(one.own) + 9, bits)

function byKeys({ kind, ours, its }: Disagreement, isLossy: boolean): [] | false {
  const isReading = kind === 'differs' && 'properties' in ours!
  return isReading && isDeepStrictEqual(asKeys(ours, isLossy), its) && []
}

/**
 * What is not "we refuse, it reads". A rule tells what is left to account for without the matter that
 * it is about, or `false` where it does not apply.
 */
const RULES: Readonly<Record<string, (one: Disagreement) => Disagreement[] | false>> = {
  'a header is judged before its body is there': ({ kind, isHeader }) =>
    kind === 'refuses/waits' && isHeader && [],
  '3.1: DUP of what travels at QoS 1': (one) =>
    one.version === 3 && [0x6a, 0x8a, 0xaa].includes(one.own[0]!) && without(one, 0, 0b1000),
  '3.1: bit 0 of the Connect Flags': (one) => withoutFlags(one, 0x01),
  '3.1: Will QoS and Will Retain of no will': (one) =>
    one.ours?.will === undefined && withoutFlags(one, 0x38),
  '3.1: User Name announced and missing': (one) =>
    one.ours?.userName === undefined && withoutFlags(one, 0xc0),
  '3.1: Password announced and missing': (one) =>
    one.ours?.password === undefined && withoutFlags(one, 0x40),
  '3.1: first byte of CONNACK': (one) => is31(one, 'connack') && without(one, 2, 0xff),
  'DISCONNECT continues in what lies behind': ({ ours, own, bytes, version, sender }) =>
    ours?.type === 'disconnect' &&
    own.length < Math.min(4, bytes.length) &&
    compare(own, version, sender),
  'User Properties: order': (one) => byKeys(one, false),
  'User Properties: an empty value': (one) => byKeys(one, true),
}

/** The keys that account for a disagreement, or `undefined` where nothing does. */
function keysOf(one: Disagreement): string[] | undefined {
  if (one.kind === 'refuses/reads') return isOurs(one) ? undefined : [FAULTS[one.fault]!.code]
  for (const [name, rule] of Object.entries(RULES)) {
    const left = rule(one)
    const keys = left ? left.map(keysOf) : [undefined]
    if (keys.every((some) => some !== undefined)) return [name, ...keys.flat()]
  }
  return undefined
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('hex').replace(/..\B/g, '$& ')

const DOCUMENT = readFileSync(new URL('../../../docs/mqtt-packet.md', import.meta.url), 'utf8')

/**
 * The rows. One with an `object`, which mqtt-packet is to write, is on writing, the others on reading.
 * A cell alone, without a number before it, names the group of those below.
 */
function readTable() {
  let group = ''
  return DOCUMENT.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    const [, number = '-', what = '', version = '', bytes = '', ours = '', its = ''] = cells
    if (number === '') group = what.replaceAll('*', '')
    if (!/^\d/.test(number)) return []
    const object = /`(\{.*\})`/.exec(what)?.[1]
    const side = version.includes('client') ? Sender.Client : Sender.Server
    return {
      number,
      group,
      what,
      version: Number(version[0]) as ProtocolVersion,
      sender: version.length === 1 ? Sender.Any : side,
      object: object === undefined ? undefined : (JSON.parse(object, revive) as Fields),
      bytes: readBytes(codes(bytes)).bytes,
      ours,
      its,
    }
  })
}

type Row = ReturnType<typeof readTable>[number]

/** Bytes in JSON are what JSON makes of a Buffer. */
function revive(_key: string, value: { type?: string; data?: number[] } | null): unknown {
  return value?.type === 'Buffer' ? Buffer.from(value.data!) : value
}

function codes(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]*)`/g), ([, code]) => code!)
}

/** `connect clientId "a", will.qos 3`: the packet by its type and by the fields that `like` has. */
function tell(packet: Fields, like: string): string {
  const paths = Array.from(like.matchAll(/(?<=^\w+ |, )[\w.]+(?= )/g), ([path]) => path)
  const values = paths.map((path) => {
    const value = path.split('.').reduce<unknown>((at, key) => (at as Fields)?.[key], packet)
    const shown = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : plain(value)
    return `${path} ${JSON.stringify(shown)}`
  })
  return `${packet.type ?? packet.cmd} ${values.join(', ')}`.trim()
}

/** The cell that a run deserves, of each packet the fields that `cell` tells. */
function retell(cell: string, read: readonly object[], end: string): string {
  const like = codes(cell)
  const steps = read.map((packet, i) => `reads \`${tell(packet as Fields, like[i] ?? '')}\``)
  return (end === 'done' ? steps : [...steps, end]).join(', then ')
}

/** The cell that a writer deserves: it writes the row's bytes, those of the cell, or none. */
function rewritten(cell: string, written: Uint8Array | string, row: Row): string {
  if (typeof written === 'string') return 'refuses'
  if (written.length === 0) return 'writes nothing'
  if (Buffer.compare(written, row.bytes) === 0) return 'writes them'
  const other = readBytes(codes(cell)).bytes
  return Buffer.compare(written, other) === 0 ? cell : `writes \`${hex(written)}\``
}

/** What mqtt-packet refuses to write, of packets that we read and write. */
const UNWRITTEN: Readonly<Record<string, (packet: Packet, version: ProtocolVersion) => boolean>> = {
  'writing a Password without User Name': (packet) =>
    packet.type === 'connect' && packet.userName === undefined && packet.password !== undefined,
  'writing an empty Client Identifier': (packet) =>
    packet.type === 'connect' && packet.clientId === '' && !packet.cleanStart,
  'writing a SUBACK of 3.1 without codes': (packet, version) =>
    packet.type === 'suback' && packet.reasonCodes.length === 0 && version === 3,
}

function unwrittenKeys(packet: Packet, version: ProtocolVersion): string[] {
  return Object.keys(UNWRITTEN).filter((name) => UNWRITTEN[name]!(packet, version))
}

const ROWS = readTable()
const OF_READING = ROWS.filter(({ object }) => object === undefined)
const OF_WRITING = ROWS.filter(({ object }) => object !== undefined)

const KEYS = new Set([
  ...OF_READING.flatMap((row) => compare(row.bytes, row.version, row.sender)).flatMap(keysOf),
  ...OF_WRITING.filter(({ its }) => its === 'refuses').flatMap(({ object, version }) =>
    unwrittenKeys(fromIncumbent(object!, version) as unknown as Packet, version),
  ),
])

/** That rows account for whatever differs. */
function account(chunk: Uint8Array, version: ProtocolVersion, sender: Sender): string[] {
  return compare(chunk, version, sender).flatMap((one) => {
    const keys = keysOf(one)
    if (keys?.every((key) => KEYS.has(key))) return keys
    const { kind, bytes, ours, its, fault } = one
    const what = `level ${version}, ${kind}, ${keys ?? 'no rule'}, ${FAULTS[fault]!.code}`
    const read = JSON.stringify({ ours, its }, null, 1)
    return expect.fail(`no row for ${what}: ${hex(bytes)}\n${read}`)
  })
}

/** That mqtt-packet writes the packet so that we read it, or a row says why not. */
function accountWriting(packet: Packet, version: ProtocolVersion): void {
  const written = writeAsIncumbent(toIncumbent(packet, version), version)
  if (typeof written === 'string') {
    const keys = unwrittenKeys(packet, version).filter((key) => KEYS.has(key))
    if (keys.length === 0) expect.fail(`${written}: ${JSON.stringify(packet)}`)
    return
  }
  const { packets: read, end } = readOurs(version, Sender.Any, written)
  const ours = content(packet)
  const its = read.map(content)
  const isSame = isDeepStrictEqual(its, [ours]) || isDeepStrictEqual(its, [asKeys(ours, false)])
  if (end !== 'done' || !isSame) expect(its, hex(written)).toEqual([ours])
}

/** Rows of each group, in order. */
const COUNTS = [57, 8, 4, 8, 17, 3, 9]

describe('docs/mqtt-packet.md', () => {
  test('is of the version that is installed, and numbers its rows', () => {
    expect(DOCUMENT).toContain(`mqtt-packet ${INCUMBENT_VERSION}`)
    expect(ROWS.map(({ number }) => number)).toEqual(ROWS.map((_, i) => `${i + 1}`))
    const groups = Object.values(Object.groupBy(ROWS, ({ group }) => group))
    expect(groups.map((rows) => rows!.length)).toEqual(COUNTS)
  })

  test.each(OF_READING)('$number reading: $what', (row) => {
    const { version, sender, bytes, ours, its } = row
    const our = readOurs(version, sender, bytes)
    const code = FAULTS[our.fault]!.reasonCode.toString(16)
    const end = our.end === 'refuses' ? `refuses, 0x${code}` : our.end
    const incumbent = readAsIncumbent(version, bytes)
    expect(retell(ours, our.packets, end)).toBe(ours)
    expect(retell(its, incumbent.packets, incumbent.end)).toBe(its)
    const keys = compare(bytes, version, sender).map(keysOf)
    expect(keys).not.toEqual([])
    expect(keys).not.toContain(undefined)
  })

  test.each(OF_WRITING)('$number writing: $what', (row) => {
    const { version, object, ours, its } = row
    const packet = fromIncumbent(object!, version) as unknown as PacketInput
    const written = attempt(() => encode(packet, { protocolVersion: version }))
    expect(rewritten(ours, written, row)).toBe(ours)
    expect(rewritten(its, writeAsIncumbent(object!, version), row)).toBe(its)
    expect(ours).not.toBe(its)
  })

  test.each([...Object.keys(RULES), ...Object.keys(UNWRITTEN)])('has a row for %s', (name) => {
    expect(KEYS).toContain(name)
  })

  test('mqtt-packet goes on after an error, from wherever it stood', () => {
    const pingreq = wire`c0 00`
    const header = readAsIncumbent(5, wire`36 00`, pingreq)
    expect(header).toMatchObject({ packets: [{ cmd: 'pingreq' }], end: 'refuses' })
    const body = readAsIncumbent(5, wire`82 07 00 01 00 00 01 "a" 40`, pingreq, pingreq)
    expect(body).toMatchObject({ packets: [], end: 'refuses' })
  })
})

const BEHIND = [wire``, wire`c0 00`, wire`30 05 00 01 "t" 00 "x"`] as const

describe.each(GOLDEN)('golden: $file', ({ valid, refused }) => {
  test('is read alike, alone or before another packet, and written, or a row says why not', () => {
    for (const vector of [...valid, ...refused]) {
      const { version, sender, bytes } = vector
      const written = 'encodesAs' in vector ? vector.encodesAs?.bytes : undefined
      for (const packet of [bytes, written ?? bytes]) {
        for (const next of BEHIND) account(Buffer.concat([packet, next]), version, sender)
      }
      if ('object' in vector && vector.encodesAs !== null) accountWriting(vector.object, version)
    }
  })
})

const edits = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'cut', 'drop', 'repeat'),
    at: fc.nat(),
    size: fc.integer({ min: 1, max: 8 }),
    value: fc.oneof(fc.constantFrom(0, 1, 2, 0x1f, 0x26, 0x7f, 0x80, 0xff), fc.nat(255)),
  }),
  { maxLength: 3 },
)

type Edit = typeof edits extends fc.Arbitrary<(infer T)[]> ? T : never

function edited(packet: Uint8Array, changes: readonly Edit[], isReframed: boolean): Uint8Array {
  const bytes = [...packet]
  const start = bodyStart(packet)
  for (const { kind, at, size, value } of changes) {
    const from = at % 4 === 0 ? 0 : start
    const i = from + (at % Math.max(1, bytes.length - from))
    if (kind === 'set') bytes[i] = value
    else if (kind === 'cut') bytes.length = i
    else if (kind === 'drop') bytes.splice(i, size)
    else bytes.splice(i, 0, ...bytes.slice(i, i + size))
  }
  const length = bytes.length - start
  if (!isReframed || length < 0) return Uint8Array.from(bytes)
  const framed = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7]
  return Uint8Array.from([bytes[0]!, ...framed, ...bytes.slice(start)])
}

describe.each([3, 4, 5] as const)('level %i', (version) => {
  const written = packets(version).map((packet) => encode(packet, { protocolVersion: version }))
  const vectors = GOLDEN.flatMap(({ valid, refused }) => [...valid, ...refused])
  const small = vectors.filter((one) => one.version === version && one.bytes.length < 300)
  const anything = fc.oneof(written, fc.constantFrom(...small.map(({ bytes }) => bytes)))
  const behind = fc.oneof(fc.constantFrom(...BEHIND), anything)

  test('mqtt-packet reads what we write, User Properties apart', () => {
    fc.assert(
      fc.property(written, (bytes) => {
        const keys = account(bytes, version, Sender.Any)
        expect(keys.filter((key) => !key.startsWith('User Properties'))).toEqual([])
      }),
      { numRuns: 1000, seed: SEED },
    )
  })

  test('we read what mqtt-packet writes', () => {
    fc.assert(
      fc.property(packets(version), (packet) => accountWriting(packet, version)),
      { numRuns: 1000, seed: SEED },
    )
  })

  test('damaged, and with another packet behind, rows account for what differs', () => {
    fc.assert(
      fc.property(anything, edits, fc.boolean(), behind, (packet, changes, isReframed, next) => {
        const chunk = Buffer.concat([edited(packet, changes, isReframed), next])
        account(chunk, version, Sender.Any)
      }),
      { numRuns: 8000, seed: SEED },
    )
  })
})
