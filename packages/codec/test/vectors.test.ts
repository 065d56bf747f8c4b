import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { decode, encode, type Packet, type PacketInput, ProtocolError } from '../src/index.ts'
import { REFUSALS, RICH, VECTORS } from './vectors.ts'

const mqttPacket = createRequire(import.meta.url)('mqtt-packet')

/** That everything in `packet` is in `decoded`; a string payload as its bytes. */
function expectFields(decoded: Packet, packet: PacketInput): void {
  const expected =
    packet.type === 'publish' && typeof packet.payload === 'string'
      ? { ...packet, payload: new TextEncoder().encode(packet.payload) }
      : packet
  expect(decoded).toMatchObject(expected)
}

describe.each([...VECTORS, ...RICH])('$what, level $version', (vector) => {
  const { version: protocolVersion, bytes, packet, isLong } = vector

  test('the bytes are the length that they announce', () => {
    const remaining = bytes[1]! < 0x80 ? bytes[1]! : (bytes[1]! & 0x7f) | (bytes[2]! << 7)
    expect(bytes.length).toBe((bytes[1]! < 0x80 ? 2 : 3) + remaining)
  })

  test('decodes to the packet', () => {
    expectFields(decode(bytes, { protocolVersion }), packet)
  })

  test('the packet encodes to the bytes', () => {
    const encoded = encode(packet, { protocolVersion })
    if (isLong !== true) expect(encoded).toEqual(bytes)
    expectFields(decode(encoded, { protocolVersion }), packet)
  })

  test('mqtt-packet reads what is encoded', () => {
    const read: { cmd: string }[] = []
    const parser = mqttPacket.parser({ protocolVersion })
    parser.on('packet', (other: { cmd: string }) => read.push(other))
    parser.on('error', (error: Error) => {
      throw error
    })
    parser.parse(Buffer.from(encode(packet, { protocolVersion })))
    expect(read.map((other) => other.cmd)).toEqual([packet.type])
  })
})

describe('what must be refused', () => {
  test.each(REFUSALS)('$what', ({ bytes, reasonCode, statement, sender }) => {
    let error: unknown
    try {
      decode(bytes, { protocolVersion: 5, sender })
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(ProtocolError)
    expect(error).toMatchObject({ reasonCode, statement })
  })
})
