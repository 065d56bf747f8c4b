import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decode,
  decodePacket,
  encode,
  encodePacket,
  Fault,
  type Packet,
  type PacketInput,
  type PacketType,
  type ProtocolVersion,
  packetSize,
} from '../src/index.ts'
import { packets } from './arbitraries.ts'
import { REFUSALS, RICH, VECTORS } from './vectors.ts'
import { wire } from './wire.ts'

const mqttPacket = createRequire(import.meta.url)('mqtt-packet')

const VERSIONS = [3, 4, 5] as const
const SAMPLES = [...VECTORS, ...RICH]

/** Where the body begins in a packet shorter than 16,384 bytes. */
function bodyStart(bytes: Uint8Array): number {
  return bytes[1]! < 0x80 ? 2 : 3
}

function decodeBody(version: ProtocolVersion, bytes: Uint8Array, end: number): Packet | Fault {
  const context = new DecodeContext({ protocolVersion: version })
  const type = (bytes[0]! >> 4) as PacketType
  return decodePacket(context, type, bytes[0]! & 0x0f, bytes, bodyStart(bytes), end)
}

/** What mqtt-packet calls the fields that it reads from every version alike. */
function sharedFields(packet: Packet): object {
  switch (packet.type) {
    case 'connect': {
      const { clientId, keepAlive, cleanStart } = packet
      return { clientId, keepalive: keepAlive, clean: cleanStart }
    }
    case 'connack':
      return { sessionPresent: packet.sessionPresent }
    case 'publish': {
      const { topicName, payload, qos, dup, retain } = packet
      return { topic: topicName, payload: Buffer.from(payload), qos, dup, retain }
    }
    case 'unsubscribe':
      return { messageId: packet.packetIdentifier, unsubscriptions: packet.topicFilters }
    case 'subscribe': {
      const subscriptions = packet.subscriptions.map(({ topicFilter: topic, qos }) => ({
        topic,
        qos,
      }))
      return { messageId: packet.packetIdentifier, subscriptions }
    }
    case 'suback':
      return { messageId: packet.packetIdentifier, granted: packet.reasonCodes }
    default:
      return 'packetIdentifier' in packet ? { messageId: packet.packetIdentifier } : {}
  }
}

describe.each(VERSIONS)('packets of level %i', (protocolVersion) => {
  test('what is encoded is decoded, key for key, and its size was told before', () => {
    fc.assert(
      fc.property(packets(protocolVersion), (packet) => {
        const bytes = encode(packet, { protocolVersion })
        expect(packetSize(packet, { protocolVersion })).toBe(bytes.length)
        expect(decode(bytes, { protocolVersion })).toStrictEqual(packet)
      }),
      { numRuns: 2000 },
    )
  })

  test('mqtt-packet reads whatever is encoded, and the same in it', () => {
    fc.assert(
      fc.property(packets(protocolVersion), (packet) => {
        const read: Record<string, unknown>[] = []
        const parser = mqttPacket.parser({ protocolVersion })
        parser.on('packet', (other: Record<string, unknown>) => read.push(other))
        parser.on('error', (error: Error) => expect.fail(error.message))
        parser.parse(Buffer.from(encode(packet, { protocolVersion })))
        expect(read).toHaveLength(1)
        expect(read[0]).toMatchObject({ cmd: packet.type, ...sharedFields(packet) })
      }),
      { numRuns: 500 },
    )
  })

  test('a packet is written into room that others share, and nothing beside it is touched', () => {
    fc.assert(
      fc.property(packets(protocolVersion), fc.nat(20), (packet, before) => {
        const alone = encode(packet, { protocolVersion })
        const room = new Uint8Array(before + alone.length + 5).fill(0xaa)
        const end = encodePacket(room, before, packet, { protocolVersion })
        expect(end).toBe(before + alone.length)
        expect(room.subarray(before, end)).toEqual(alone)
        expect(room.subarray(0, before).every((byte) => byte === 0xaa)).toBe(true)
        expect(room.subarray(end).every((byte) => byte === 0xaa)).toBe(true)
      }),
    )
  })

  test('a damaged packet is refused, or is a packet that encodes and decodes again', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(packets(protocolVersion), damage, (packet, changes) => {
        const bytes = encode(packet, { protocolVersion })
        const start = bodyStart(bytes)
        for (const [at, value] of changes) {
          if (bytes.length > start) bytes[start + (at % (bytes.length - start))] = value
        }
        const read = decodeBody(protocolVersion, bytes, bytes.length)
        if (typeof read === 'number') return
        expect(decode(encode(read, { protocolVersion }), { protocolVersion })).toStrictEqual(read)
      }),
      { numRuns: 3000 },
    )
  })

  test('bytes of no meaning never make a decoder throw', () => {
    const bodies = fc.uint8Array({ maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 15 }), fc.nat(15), bodies, (type, flags, body) => {
        const context = new DecodeContext({ protocolVersion })
        const read = decodePacket(context, type as PacketType, flags, body, 0, body.length)
        expect(typeof read === 'number' ? read : Fault.None).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('bounds', () => {
  test.each(SAMPLES)('$what, level $version: nothing at or past the end is looked at', (sample) => {
    const { version, bytes } = sample
    for (let end = bodyStart(bytes); end <= bytes.length; end++) {
      const alone = decodeBody(version, bytes.slice(0, end), end)
      for (const poison of [0x00, 0x01, 0x26, 0x7f, 0x80, 0xff]) {
        const chunk = new Uint8Array(bytes.length + 8).fill(poison)
        chunk.set(bytes.subarray(0, end))
        expect(decodeBody(version, chunk, end)).toStrictEqual(alone)
      }
    }
  })

  const CUT_ANYWHERE = ['connect', 'connack', 'auth'] as const
  const uncut = SAMPLES.filter(
    ({ packet, version }) => version !== 3 && CUT_ANYWHERE.some((type) => type === packet.type),
  )
  test.each(uncut)('$what, level $version: cut at any byte it is refused', ({ version, bytes }) => {
    for (let end = bodyStart(bytes); end < bytes.length; end++) {
      expect(decodeBody(version, bytes, end)).toBeTypeOf('number')
    }
  })

  test.each(
    SAMPLES.filter(({ packet }) => !['publish', 'suback', 'unsuback'].includes(packet.type)),
  )('$what, level $version: a byte too many is refused', ({ version, bytes }) => {
    const longer = Uint8Array.of(...bytes, 0xff)
    expect(decodeBody(version, longer, longer.length)).toBeTypeOf('number')
  })

  test('what is decoded shares no memory with the bytes, a payload of PUBLISH apart', () => {
    for (const { version: protocolVersion, bytes } of SAMPLES) {
      const mine = bytes.slice()
      const packet = decode(mine, { protocolVersion })
      if (packet.type === 'publish') continue
      mine.fill(0xee)
      expect(packet).toStrictEqual(decode(bytes, { protocolVersion }))
    }
  })

  test('a Buffer out of a pool is read as the Uint8Array that it is', () => {
    for (const { version: protocolVersion, bytes } of SAMPLES) {
      const packet = decode(Buffer.from(bytes), { protocolVersion })
      const expected = decode(bytes, { protocolVersion })
      if (packet.type === 'publish' && expected.type === 'publish') {
        expect(new Uint8Array(packet.payload)).toEqual(expected.payload)
      } else expect(packet).toStrictEqual(expected)
    }
  })
})

describe('decode', () => {
  test('too few bytes are refused', () => {
    for (const bytes of [wire``, wire`30`, wire`30 05 00 01`]) {
      expect(() => decode(bytes, { protocolVersion: 5 })).toThrow('runs past the end')
    }
  })

  test('bytes left over are refused', () => {
    expect(() => decode(wire`c0 00 c0`, { protocolVersion: 5 })).toThrow('PINGREQ: bytes are left')
    expect(() => decode(wire`c0 00 c0 00`, { protocolVersion: 5 })).toThrow('left over')
  })

  test('the level of a CONNECT wins over the option', () => {
    for (const { version, bytes, packet } of SAMPLES) {
      if (packet.type !== 'connect') continue
      for (const protocolVersion of VERSIONS) {
        const connect = decode(bytes, { protocolVersion })
        expect(connect).toMatchObject({ type: 'connect', protocolVersion: version })
      }
    }
  })

  test('limits are those of the options', () => {
    const packet: PacketInput = {
      type: 'publish',
      topicName: 'a/b/c',
      payload: new Uint8Array(100),
    }
    const bytes = encode(packet, { protocolVersion: 5 })
    const limited = { protocolVersion: 5, maximumPacketSize: 100 } as const
    expect(() => decode(bytes, limited)).toThrow('Maximum Packet Size')
    expect(() => decode(bytes, { protocolVersion: 5, maximumTopicLevels: 2 })).toThrow('levels')
  })

  test('options that make no sense are named', () => {
    const bytes = wire`c0 00`
    expect(() => decode(bytes, { protocolVersion: 6 as 5 })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field: 'protocolVersion' }),
    )
    expect(() => decode(bytes, { protocolVersion: 5, maximumPacketSize: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field: 'maximumPacketSize' }),
    )
  })
})

describe('encode', () => {
  test('the level of a CONNECT object wins over the option', () => {
    const packet = { type: 'connect', protocolVersion: 4, clientId: 'a' } as const
    expect(encode(packet, { protocolVersion: 5 })).toEqual(
      wire`10 0d | 00 04 "MQTT" 04 02 00 00 | 00 01 "a"`,
    )
  })

  test.each([
    ['no object', null, 'packet'],
    ['no known type', { type: 'publishh' }, 'type'],
    ['no type', {}, 'type'],
  ])('%s is misuse', (_what, packet, field) => {
    expect(() => encode(packet as unknown as PacketInput, { protocolVersion: 5 })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_PACKET', field }),
    )
  })

  test('a version that is none is misuse', () => {
    expect(() => encode({ type: 'pingreq' }, { protocolVersion: 2 as 3 })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field: 'protocolVersion' }),
    )
  })
})

test('the refused vectors are refused whatever follows them in the chunk', () => {
  for (const { bytes, sender } of REFUSALS) {
    if (bytes[1]! >= 0x80 || bytes[1] !== bytes.length - 2) continue
    const context = new DecodeContext({ sender })
    const chunk = new Uint8Array(bytes.length + 8).fill(0x61)
    chunk.set(bytes)
    const type = (bytes[0]! >> 4) as PacketType
    const inHeader = type === 8 && bytes[0] !== 0x82
    if (inHeader) continue
    expect(decodePacket(context, type, bytes[0]! & 15, chunk, 2, bytes.length)).toBeTypeOf('number')
  }
})
