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
import { mayBeNameless, packets } from './arbitraries.ts'
import { GOLDEN } from './golden.ts'
import { wire } from './wire.ts'

const VERSIONS = [3, 4, 5] as const
const SAMPLES = GOLDEN.flatMap(({ valid }) => valid).filter(({ bytes }) => bytes.length < 4096)

/** Where the body begins in a packet shorter than 16,384 bytes. */
function bodyStart(bytes: Uint8Array): number {
  return bytes[1]! < 0x80 ? 2 : 3
}

function decodeBody(version: ProtocolVersion, bytes: Uint8Array, end: number): Packet | Fault {
  const context = new DecodeContext({ protocolVersion: version })
  const type = (bytes[0]! >> 4) as PacketType
  return decodePacket(context, type, bytes[0]! & 0x0f, bytes, bodyStart(bytes), end)
}

/** A CONNECT that a server has to read to answer it, and that no client may send. */
function isNeverWritten(packet: Packet): boolean {
  if (packet.type !== 'connect' || packet.clientId !== '') return false
  return !mayBeNameless(packet.protocolVersion, packet.cleanStart)
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
        if (typeof read === 'number' || isNeverWritten(read)) return
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

describe('memory', () => {
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
    for (const { version, bytes, object } of SAMPLES) {
      if (object.type !== 'connect') continue
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
