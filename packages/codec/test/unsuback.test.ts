import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decodeUnsuback,
  encode,
  Fault,
  isReasonCodeOf,
  type PacketInput,
  PacketType,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, protocolVersion: 3 | 4 | 5 = 5) {
  return decodeUnsuback(new DecodeContext({ protocolVersion }), body, 0, body.length)
}

describe('UNSUBACK, §3.11', () => {
  test('[MQTT-3.11.3-1] codes are read in their order', () => {
    expect(read(wire`00 0c | 00 | 11 00 87`)).toStrictEqual({
      type: 'unsuback',
      packetIdentifier: 12,
      reasonCodes: [0x11, 0, 0x87],
      properties: { reasonString: undefined, userProperties: [] },
    })
  })

  test('[MQTT-3.11.3-2] a code outside the table is refused', () => {
    for (let code = 0; code < 256; code++) {
      const body = Uint8Array.of(0, 1, 0, 0, code)
      const isKnown = isReasonCodeOf(PacketType.Unsuback, code, Sender.Any)
      if (isKnown) expect(read(body)).toMatchObject({ reasonCodes: [0, code] })
      else expect(read(body)).toBe(Fault.UnsubackReasonCode)
    }
  })

  test.each([3, 4] as const)('at level %i there are no codes', (protocolVersion) => {
    expect(read(wire`00 01`, protocolVersion)).toMatchObject({ reasonCodes: [] })
    expect(read(wire`00 01 00`, protocolVersion)).toBe(Fault.PacketOverlong)
    const packet: PacketInput = { type: 'unsuback', packetIdentifier: 1, reasonCodes: [0, 0x11] }
    expect(encode(packet, { protocolVersion })).toEqual(wire`b0 02 | 00 01`)
  })

  test('without codes it is refused', () => {
    expect(read(wire`00 01 | 00`)).toBe(Fault.UnsubackEmpty)
  })

  test('Packet Identifier 0 is refused', () => {
    expect(read(wire`00 00 | 00 | 00`)).toBe(Fault.PacketIdentifierZero)
  })

  test.each([
    ['packetIdentifier', { reasonCodes: [0] }],
    ['reasonCodes', { packetIdentifier: 1 }],
    ['reasonCodes', { packetIdentifier: 1, reasonCodes: 'x' }],
    ['reasonCodes[0]', { packetIdentifier: 1, reasonCodes: [1] }],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'unsuback', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
