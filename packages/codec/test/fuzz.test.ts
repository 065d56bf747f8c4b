import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type CampaignResult, runCampaign } from '../fuzz/campaign.ts'
import {
  corpusPaths,
  DEFAULT_SETTING,
  formatSetting,
  type Input,
  inputName,
  parseBytes,
  parseSetting,
  readInput,
  SharedInput,
  writeInput,
} from '../fuzz/inputs/input.ts'
import { minimise } from '../fuzz/inputs/minimise.ts'
import { SEEDS } from '../fuzz/inputs/seeds.ts'
import type { Law } from '../fuzz/laws/law.ts'
import { judge } from '../fuzz/laws/oracle.ts'
import { type Codec, Trial } from '../fuzz/laws/trial.ts'
import { DEFAULT_JOB, supervise } from '../fuzz/supervisor.ts'
import * as codec from '../src/index.ts'
import { Fault, type Packet, PacketType, type PublishHeader } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'promptmq-fuzz-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(subject: Codec, seed: number, executions: number): CampaignResult {
  return runCampaign(subject, { seed, executions, corpus: SEEDS })
}

function judgeFully(subject: Codec, input: Input) {
  return judge(new Trial(subject), input, true)
}

test('a run is decided by seed and executions, and ends when it is told so', () => {
  const [first, second, other] = [1, 1, 2].map((seed) => run(codec, seed, 10_000))
  expect(first).toMatchObject({ failure: null, executions: 10_000 })
  expect(second).toEqual(first)
  expect(other!.digest).not.toBe(first!.digest)
  const isOver = (executions: number) => executions >= 640
  const options = { seed: 1, executions: Infinity, corpus: SEEDS, isOver }
  expect(runCampaign(codec, options).executions).toBe(640)
})

/** A bug is found, made small, and found again in its file, which the codec as it is passes. */
function planted(what: string, laws: readonly Law[], bug: Partial<Codec>): void {
  test(`planted: ${what}`, () => {
    const broken: Codec = { ...codec, ...bug }
    const { failure } = run(broken, 3, 200_000)
    expect(failure).not.toBeNull()
    const { law, text, input } = failure!
    expect(laws).toContain(law)
    expect(input.bytes.length).toBeLessThanOrEqual(law === 'memory' ? 5000 : 64)
    expect(readInput(writeInput(folder, input, text))).toEqual(input)
    expect(judge(new Trial(broken), input)).toMatchObject({ law })
    expect(judgeFully(codec, input)).toBeNull()
  })
}

/** What the decoder of PUBLISH has noted is changed. */
function plantedInHeader(what: string, laws: readonly Law[], change: HeaderChange): void {
  planted(what, laws, {
    decodePublishHeader: (header, context, bytes, flags, start, end) => {
      const fault = codec.decodePublishHeader(header, context, bytes, flags, start, end)
      if (fault === 0) change(header, start)
      return fault
    },
  })
}

/** A packet that was decoded as an object is changed. */
function plantedInPacket(what: string, laws: readonly Law[], change: (packet: Packet) => Packet) {
  planted(what, laws, {
    decodePacket: (...parameters) => {
      const packet = codec.decodePacket(...parameters)
      return typeof packet === 'number' ? packet : change(packet)
    },
  })
}

type HeaderChange = (header: PublishHeader, start: number) => void
type DecoderParameters = ConstructorParameters<typeof codec.PacketDecoder>

planted('a payload that ends one byte behind the packet', ['bounds', 'chunking'], {
  decodePublishHeader: (header, context, bytes, flags, start, end) => {
    const last = end === bytes.length ? end : end + 1
    return codec.decodePublishHeader(header, context, bytes, flags, start, last)
  },
})

planted('DISCONNECT bounded by the chunk', ['bounds', 'chunking', 'object', 'round-trip'], {
  decodePacket: (context, type, flags, bytes, start, end) => {
    const last = type === PacketType.Disconnect ? start + 2 + bytes[start + 1]! : end
    const bounded = Math.max(Math.min(last, bytes.length), end)
    return codec.decodePacket(context, type, flags, bytes, start, bounded)
  },
})

planted('U+0000 that is overlooked before another one', ['bounds', 'chunking'], {
  decodePublishHeader: (header, context, bytes, flags, start, end) => {
    const fault = codec.decodePublishHeader(header, context, bytes, flags, start, end)
    return fault === Fault.Utf8Nul && bytes[end] === 0 ? 0 : fault
  },
})

plantedInPacket('an exception for one byte', ['throws'], (packet) => {
  if (packet.type === 'subscribe' && packet.packetIdentifier === 0x80) throw new Error('80')
  return packet
})

planted('memory by the announced length', ['memory'], {
  PacketDecoder: class extends codec.PacketDecoder {
    #announced = 0
    override push(chunk: Uint8Array): void {
      if (chunk.length > 2 && chunk[1]! >= 0x80) this.#announced = chunk[2]! << 7
      super.push(chunk)
    }
    override get keptSize(): number {
      return super.keptSize + (super.keptSize > 0 ? this.#announced : 0)
    }
  },
})

planted('memory that is held while it may be needed again', ['memory'], {
  PacketDecoder: class extends codec.PacketDecoder {
    #greatest = 0
    override get keptSize(): number {
      this.#greatest = this.fault === 0 ? Math.max(this.#greatest, super.keptSize) : 0
      return this.#greatest
    }
  },
})

planted('a chunk of one byte that is lost now and then', ['chunking'], {
  PacketDecoder: class extends codec.PacketDecoder {
    override push(chunk: Uint8Array): void {
      super.push(chunk.length === 1 && chunk[0] === 0x26 ? chunk.subarray(1) : chunk)
    }
  },
})

planted('a chunk that is held on to', ['memory'], {
  PacketDecoder: class extends codec.PacketDecoder {
    #chunk = new Uint8Array(0)
    override push(chunk: Uint8Array): void {
      this.#chunk = chunk as Uint8Array<ArrayBuffer>
      super.push(chunk)
    }
    override next(): number {
      const type = super.next()
      if (type === 0 && this.unreadSize > 2) this.bytes = this.#chunk
      return type
    }
  },
})

planted('a packet after a fault', ['after-fault', 'chunking'], {
  PacketDecoder: class extends codec.PacketDecoder {
    override next(): number {
      return this.fault === Fault.FixedHeaderFlags ? super.next() || 12 : super.next()
    }
  },
})

planted('memory that stays after a fault', ['after-fault'], {
  PacketDecoder: class extends codec.PacketDecoder {
    override get keptSize(): number {
      return this.fault === Fault.PacketTooLarge ? 64 : super.keptSize
    }
  },
})

planted('a size limit that is off by one', ['limits'], {
  PacketDecoder: class extends codec.PacketDecoder {
    constructor(...[context, { maximumPacketSize = 0 } = {}]: DecoderParameters) {
      super(context, { maximumPacketSize: maximumPacketSize + 1 })
    }
  },
})

planted('a packet that is shown too short', ['framing', 'chunking'], {
  PacketDecoder: class extends codec.PacketDecoder {
    override next(): number {
      const type = super.next()
      if (type === PacketType.Publish && this.flags === 0b1011) this.end--
      return type
    }
  },
})

planted('a header that is filled in before the packet is refused', ['untouched'], {
  decodePublishHeader: (header, context, bytes, flags, start, end) => {
    if (start + 2 <= end) header.topicEnd = start + 2 + bytes[start + 1]!
    return codec.decodePublishHeader(header, context, bytes, flags, start, end)
  },
})

planted('an expiry that is left over from the packet before', ['bounds', 'object', 'chunking'], {
  decodePublishHeader: (header, ...rest) => {
    const before = header.messageExpiryInterval
    const fault = codec.decodePublishHeader(header, ...rest)
    if (fault === 0 && header.messageExpiryInterval < 0) header.messageExpiryInterval = before
    return fault
  },
})

plantedInHeader('a hash that depends on the place', ['bounds', 'chunking'], (header, start) => {
  if (header.topicEnd - header.topicStart > 20) header.topicHash ^= start
})

plantedInHeader('an alias that is noted wrongly', ['object'], (header) => {
  if (header.topicAlias === 0xffff) header.topicAlias = 1
})

plantedInHeader('properties that begin one byte early', ['offsets', 'cursor'], (header) => {
  if (header.qos > 0) header.propertiesStart--
})

plantedInPacket('U+FEFF taken off a Topic Name', ['object', 'round-trip'], (packet) => {
  if (packet.type !== 'publish') return packet
  return { ...packet, topicName: packet.topicName.replace(/^\ufeff/, '') }
})

plantedInPacket('a User Property that gets lost', ['cursor', 'round-trip'], (packet) => {
  if (!('properties' in packet) || packet.properties.userProperties.length < 3) return packet
  const userProperties = packet.properties.userProperties.slice(1)
  return { ...packet, properties: { ...packet.properties, userProperties } } as Packet
})

planted('a size that is one too small', ['round-trip'], {
  packetSize: (packet, options) =>
    codec.packetSize(packet, options) - (packet.type === 'unsuback' ? 1 : 0),
})

planted('RETAIN that is not encoded', ['round-trip'], {
  encodePacket: (target, offset, packet, options) => {
    const changed = packet.type === 'publish' ? { ...packet, retain: false } : packet
    return codec.encodePacket(target, offset, changed, options)
  },
})

planted('a byte written behind the packet', ['round-trip'], {
  encodePacket: (target, offset, packet, options) => {
    const end = codec.encodePacket(target, offset, packet, options)
    if (packet.type === 'connack') target[end] = 0
    return end
  },
})

planted('an empty Client Identifier that is written in 3.1', ['round-trip'], {
  packetSize: (packet, options) =>
    packet.type === 'connect' && packet.protocolVersion === 3 && packet.clientId === ''
      ? 14
      : codec.packetSize(packet, options),
})

planted('Topic Alias sent on to the next hop', ['cursor'], {
  forwardedPropertiesSize: (bytes, start, end) =>
    codec.forwardedPropertiesSize(bytes, start, end) + (bytes[start] === 0x23 ? 3 : 0),
})

planted('a # that is no whole level', ['filter'], {
  parseTopicFilter: (topicFilter, maximumLevels) =>
    topicFilter.endsWith('a#')
      ? { topicFilter, shareName: null, filter: topicFilter }
      : codec.parseTopicFilter(topicFilter, maximumLevels),
})

planted('a cache that trusts the hash', ['cache'], {
  StringCache: class extends codec.StringCache {
    readonly #texts = new Map<number, string>()
    override read(bytes: Uint8Array, start: number, end: number, hash = 0): string {
      const text = this.#texts.get(hash) ?? codec.readUtf8(bytes, start, end)
      this.#texts.set(hash, text)
      return text
    }
  },
})

planted('a decode that throws what is no ProtocolError', ['decode'], {
  decode: (bytes, options) => {
    if (bytes[0] === 0xf0) throw new TypeError('AUTH')
    return codec.decode(bytes, options)
  },
})

test('what is not needed of a failing input goes, and so do the lengths around it', () => {
  const bytes = parseBytes('30 0d 00 06 61 62 63 64 65 66 00 70 71 72 ff')
  let attempts = 0
  // A PUBLISH whose Remaining Length is right, with a Topic Name that begins with `a`.
  const judgeIt = ({ bytes: [firstByte, length, , size = 0, first], bytes }: Input) => {
    attempts++
    const isWhole = firstByte === 0x30 && length === bytes.length - 2 && 4 + size < bytes.length
    return isWhole && first === 0x61 ? failure : null
  }
  const failure = { law: 'throws', text: '' } as const
  const input = { setting: { ...DEFAULT_SETTING, salt: 7 }, bytes }
  const small = minimise({ ...failure, input }, judgeIt, 10_000)
  expect(small.input.setting).toEqual(DEFAULT_SETTING)
  expect(small.input.bytes).toEqual(parseBytes('30 04 00 00 61 00'))
  attempts = 0
  minimise({ ...failure, input }, judgeIt, 10)
  expect(attempts).toBe(10)
})

describe('inputs', () => {
  const line =
    'version=4 connect=decides sender=client limits=small text=strict accepted=12 maximum=64 salt=ff'
  const input = { setting: parseSetting(line), bytes: new Uint8Array(100).map((_, i) => 3 * i) }

  test('are the same after they were written and read, in a file and in shared memory', () => {
    expect(formatSetting(input.setting)).toBe(line)
    expect(readInput(writeInput(folder, input, 'a remark'))).toEqual(input)
    const shared = new SharedInput()
    shared.show(input)
    expect(new SharedInput(shared.memory).read()).toEqual(input)
  })

  test('what is none is named', () => {
    for (const word of ['version=6', 'sender=nobody', 'accepted=xyz', 'colour=red', 'salt=']) {
      expect(() => parseSetting(word)).toThrow(`no setting: ${word}`)
    }
    const path = join(folder, 'bad.hex')
    writeFileSync(path, 'version=5\n30 0g\n')
    expect(() => readInput(path)).toThrow(`${path}: no byte in hex: 0g`)
  })

  test('of corpus and seeds pass every check, and a file has the name of its content', () => {
    const paths = corpusPaths(DEFAULT_JOB.corpusFolder)
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) {
      expect(basename(path)).toBe(inputName(readInput(path)))
      expect([path, judgeFully(codec, readInput(path))]).toEqual([path, null])
    }
    for (const seed of SEEDS) expect(judgeFully(codec, seed)).toBeNull()
  })
})

describe('the command', () => {
  function fuzz(...parameters: string[]) {
    const script = join(import.meta.dirname, '..', 'fuzz', 'main.ts')
    return spawnSync(process.execPath, [script, ...parameters], { encoding: 'utf8' })
  }

  test('prints seed and digest', () => {
    const { status, stdout } = fuzz('--executions', '2000', '--seed', '9')
    expect(stdout).toContain('fuzz: 2000 executions in ')
    expect(stdout).toMatch(/fuzz: seed 9, digest [0-9a-f]{8}\n$/)
    expect(status).toBe(0)
  })

  test('a wrong option or file ends with 2, and --help tells the right ones', () => {
    const stderr = "fuzz: --seed must be an integer from 0 to 4294967295, is 'x'\n"
    expect(fuzz('--seed', 'x')).toMatchObject({ status: 2, stderr })
    expect(fuzz('--colour', 'red')).toMatchObject({ status: 2 })
    expect(fuzz('--replay', join(folder, 'none.hex'))).toMatchObject({ status: 2 })
    expect(fuzz('--help').stdout).toMatch(/^Usage: .*--replay FILE/s)
  })
})

describe('a job in a thread', () => {
  /** A codec that does this when it decodes a SUBSCRIBE, as a file. */
  function jobWith(name: string, statement: string) {
    const path = join(folder, `${name}.mjs`)
    const lines = [
      `import * as codec from '${DEFAULT_JOB.codec}'`,
      `export * from '${DEFAULT_JOB.codec}'`,
      'export function decodePacket(context, type, ...rest) {',
      `  if (type === 8) ${statement}`,
      '  return codec.decodePacket(context, type, ...rest)',
      '}',
    ]
    writeFileSync(path, lines.join('\n'))
    const corpusFolder = join(folder, name)
    mkdirSync(corpusFolder)
    return { ...DEFAULT_JOB, seed: 4, corpusFolder, codec: path, patienceMs: 500 }
  }

  test.each([
    ['throws', "throw new Error('SUBSCRIBE')"],
    ['hangs', 'for (;;);'],
  ])('a codec that %s is told with the input, which does so again', async (law, statement) => {
    const job = jobWith(law, statement)
    const lines: string[] = []
    expect(await supervise(job, (line) => lines.push(line))).toBe(false)
    expect(lines.join('\n')).toMatch(new RegExp(`\nfuzz: broken law: ${law}\n`))
    const [name] = readdirSync(join(job.corpusFolder, 'failures'))
    expect(lines.at(-1)).toMatch(new RegExp(`npm run fuzz -- --replay .*${name}$`))

    const replay = join(job.corpusFolder, 'failures', name!)
    expect(await supervise({ ...job, replay }, (line) => lines.push(line))).toBe(false)
    expect(lines.at(-1)).toMatch(new RegExp(`^fuzz: broken law: ${law}\n`))
    expect(await supervise({ ...DEFAULT_JOB, replay }, (line) => lines.push(line))).toBe(true)
    expect(lines.at(-1)).toBe('fuzz: every law holds')
  })
})
