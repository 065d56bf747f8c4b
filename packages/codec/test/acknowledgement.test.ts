import { describe, expect, test } from 'vitest'
import {
  AcknowledgementHeader,
  acknowledgementSize,
  DecodeContext,
  decodePuback,
  decodePubcomp,
  decodePubrec,
  decodePubrel,
  encode,
  encodePuback,
  encodeShortAcknowledgement,
  FAULTS,
  Fault,
  isReasonCodeOf,
  type PacketInput,
  PacketType,
  readPuback,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

const FOUR = [
  {
    type: 'puback',
    packetType: PacketType.Puback,
    decode: decodePuback,
    firstByte: 0x40,
    statement: 'MQTT-3.4.2-1',
  },
  {
    type: 'pubrec',
    packetType: PacketType.Pubrec,
    decode: decodePubrec,
    firstByte: 0x50,
    statement: 'MQTT-3.5.2-1',
  },
  {
    type: 'pubrel',
    packetType: PacketType.Pubrel,
    decode: decodePubrel,
    firstByte: 0x62,
    statement: 'MQTT-3.6.2-1',
  },
  {
    type: 'pubcomp',
    packetType: PacketType.Pubcomp,
    decode: decodePubcomp,
    firstByte: 0x70,
    statement: 'MQTT-3.7.2-1',
  },
] as const

describe.each(FOUR)('$type', ({ type, packetType, decode, firstByte, statement }) => {
  const read = (body: Uint8Array, context = new DecodeContext()) => {
    const header = new AcknowledgementHeader()
    return { fault: decode(header, context, body, 0, body.length), header }
  }

  test.each([
    [
      '2 bytes',
      wire`12 34`,
      { packetIdentifier: 0x1234, reasonCode: 0, propertiesStart: 2, propertiesEnd: 2 },
    ],
    [
      '3 bytes',
      wire`00 01 00`,
      { packetIdentifier: 1, reasonCode: 0, propertiesStart: 3, propertiesEnd: 3 },
    ],
    [
      '4 bytes',
      wire`00 01 00 00`,
      { packetIdentifier: 1, reasonCode: 0, propertiesStart: 4, propertiesEnd: 4 },
    ],
    [
      'properties',
      wire`ff ff 00 04 1f 00 01 "r"`,
      { packetIdentifier: 65_535, propertiesStart: 4, propertiesEnd: 8 },
    ],
  ])('the form of %s is read', (_form, body, expected) => {
    const { fault, header } = read(body)
    expect(fault).toBe(Fault.None)
    expect(header).toMatchObject(expected)
  })

  test(`[${statement}] a Reason Code outside its table is refused, by sender`, () => {
    for (const sender of [Sender.Client, Sender.Server, Sender.Any]) {
      for (let code = 0; code < 256; code++) {
        const { fault, header } = read(Uint8Array.of(0, 1, code), new DecodeContext({ sender }))
        if (isReasonCodeOf(packetType, code, sender)) expect(header.reasonCode).toBe(code)
        else {
          expect(FAULTS[fault]!).toMatchObject({ statement, reasonCode: 0x82 })
          expect(header).toEqual(new AcknowledgementHeader())
        }
      }
    }
  })

  test.each([
    ['Packet Identifier 0', wire`00 00`, Fault.PacketIdentifierZero],
    ['one byte', wire`00`, Fault.PacketTruncated],
    ['an over-long Property Length', wire`00 01 00 80 00`, Fault.VariableByteIntegerMalformed],
    ['half a Property Length', wire`00 01 00 80`, Fault.PacketTruncated],
    ['properties past the end', wire`00 01 00 05 1f 00`, Fault.PacketTruncated],
    ['bytes behind the properties', wire`00 01 00 00 00`, Fault.PacketOverlong],
    ['a property that is not allowed', wire`00 01 00 02 01 00`, Fault.PropertyNotAllowed],
  ])('%s is refused', (_what, body, expected) => {
    const { fault, header } = read(body)
    expect(fault).toBe(expected)
    expect(header).toEqual(new AcknowledgementHeader())
  })

  test.each([3, 4] as const)('at level %i it is two bytes, no more', (protocolVersion) => {
    const context = new DecodeContext({ protocolVersion })
    expect(read(wire`00 01`, context).fault).toBe(Fault.None)
    expect(read(wire`00 01 00`, context).fault).toBe(Fault.PacketOverlong)
    const packet = {
      type,
      packetIdentifier: 1,
      reasonCode: 0x92,
      properties: { reasonString: 'r' },
    }
    const valid = isReasonCodeOf(packetType, 0x92, Sender.Any)
      ? packet
      : { ...packet, reasonCode: 0x80 }
    const encoded = encode(valid as PacketInput, { protocolVersion })
    expect(encoded).toEqual(Uint8Array.of(firstByte, 2, 0, 1))
  })

  test('the short form is written by itself too', () => {
    const target = new Uint8Array(8).fill(0xaa)
    expect(encodeShortAcknowledgement(target, 2, firstByte, 0x1234)).toBe(6)
    expect(target).toEqual(Uint8Array.of(0xaa, 0xaa, firstByte, 2, 0x12, 0x34, 0xaa, 0xaa))
  })

  test.each([
    ['packetIdentifier', { packetIdentifier: 0 }],
    ['packetIdentifier', { packetIdentifier: '1' }],
    ['reasonCode', { packetIdentifier: 1, reasonCode: 0x8e }],
    ['reasonCode', { packetIdentifier: 1, reasonCode: 256 }],
    ['properties.topicAlias', { packetIdentifier: 1, properties: { topicAlias: 1 } }],
  ])('misuse of %s is named', (field, fields) => {
    expect(() =>
      encode({ type, ...fields } as unknown as PacketInput, { protocolVersion: 5 }),
    ).toThrow(expect.objectContaining({ field }))
  })
})

test('an acknowledgement without type is encoded by its function', () => {
  const packet = { packetIdentifier: 10, reasonCode: 0x97, properties: { reasonString: 'q' } }
  const target = new Uint8Array(acknowledgementSize(5, packet))
  expect(encodePuback(target, 0, 5, packet)).toBe(target.length)
  expect(target).toEqual(wire`40 08 | 00 0a | 97 | 04 1f 00 01 "q"`)
  const header = new AcknowledgementHeader()
  decodePuback(header, new DecodeContext(), target, 2, target.length)
  expect(readPuback(header, target)).toStrictEqual({
    type: 'puback',
    packetIdentifier: 10,
    reasonCode: 0x97,
    properties: { reasonString: 'q', userProperties: [] },
  })
})
