import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decodeSuback,
  encode,
  Fault,
  isReasonCodeOf,
  type PacketInput,
  PacketType,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, protocolVersion: 3 | 4 | 5 = 5) {
  return decodeSuback(new DecodeContext({ protocolVersion }), body, 0, body.length)
}

describe('SUBACK, §3.9', () => {
  test('[MQTT-3.9.3-1] codes are read in their order', () => {
    expect(read(wire`00 0a | 00 | 02 00 87 01`)).toStrictEqual({
      type: 'suback',
      packetIdentifier: 10,
      reasonCodes: [2, 0, 0x87, 1],
      properties: { reasonString: undefined, userProperties: [] },
    })
  })

  test('[MQTT-3.9.3-2] a code outside the table is refused', () => {
    for (let code = 0; code < 256; code++) {
      const body = Uint8Array.of(0, 1, 0, 0, code)
      const isKnown = isReasonCodeOf(PacketType.Suback, code, Sender.Any)
      if (isKnown) expect(read(body)).toMatchObject({ reasonCodes: [0, code] })
      else expect(read(body)).toBe(Fault.SubackReasonCode)
    }
  })

  test.each([3, 4] as const)('at level %i there are four codes', (protocolVersion) => {
    for (let code = 0; code < 256; code++) {
      const result = read(Uint8Array.of(0, 1, code), protocolVersion)
      if (code <= 2 || code === 0x80) expect(result).toMatchObject({ reasonCodes: [code] })
      else expect(result).toBe(Fault.SubackReasonCode)
    }
  })

  test.each([3, 4] as const)('at level %i every failure is written as 0x80', (protocolVersion) => {
    const packet: PacketInput = {
      type: 'suback',
      packetIdentifier: 1,
      reasonCodes: [0, 1, 2, 0x80, 0x87, 0x8f, 0xa2],
      properties: { reasonString: 'why' },
    }
    expect(encode(packet, { protocolVersion })).toEqual(wire`90 09 | 00 01 | 00 01 02 80 80 80 80`)
  })

  test('[MQTT-3.8.4-6] without codes it is refused, except in 3.1', () => {
    expect(read(wire`00 01 | 00`)).toBe(Fault.SubackEmpty)
    expect(read(wire`00 01`, 4)).toBe(Fault.SubackEmpty)
    expect(read(wire`00 01`, 3)).toMatchObject({ reasonCodes: [] })
    const packet: PacketInput = { type: 'suback', packetIdentifier: 1, reasonCodes: [] }
    expect(encode(packet, { protocolVersion: 3 })).toEqual(wire`90 02 | 00 01`)
  })

  test('Packet Identifier 0 is refused', () => {
    expect(read(wire`00 00 | 00 | 00`)).toBe(Fault.PacketIdentifierZero)
  })

  test.each([
    ['packetIdentifier', { packetIdentifier: 65_536, reasonCodes: [0] }],
    ['reasonCodes', { packetIdentifier: 1 }],
    ['reasonCodes', { packetIdentifier: 1, reasonCodes: [] }],
    ['reasonCodes[1]', { packetIdentifier: 1, reasonCodes: [0, 3] }],
    ['reasonCodes[0]', { packetIdentifier: 1, reasonCodes: ['0'] }],
    ['reasonCodes[0]', { packetIdentifier: 1, reasonCodes: [1.5] }],
    ['reasonCodes[0]', { packetIdentifier: 1, reasonCodes: [true] }],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'suback', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
