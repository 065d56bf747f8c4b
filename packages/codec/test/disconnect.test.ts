import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  type DecodeOptions,
  decodeDisconnect,
  encode,
  Fault,
  isReasonCodeOf,
  type PacketInput,
  PacketType,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, options: DecodeOptions = {}) {
  return decodeDisconnect(new DecodeContext(options), body, 0, body.length)
}

const NO_PROPERTIES = {
  sessionExpiryInterval: undefined,
  reasonString: undefined,
  serverReference: undefined,
  userProperties: [],
}

describe('DISCONNECT, §3.14', () => {
  test.each([
    ['0 bytes', wire``, 0],
    ['1 byte', wire`04`, 4],
    ['2 bytes', wire`8e 00`, 0x8e],
  ])('the form of %s is read', (_form, body, reasonCode) => {
    expect(read(body)).toStrictEqual({ type: 'disconnect', reasonCode, properties: NO_PROPERTIES })
  })

  test('the shortest form is written', () => {
    const written = (packet: PacketInput) => encode(packet, { protocolVersion: 5 })
    expect(written({ type: 'disconnect', properties: { userProperties: [] } })).toEqual(wire`e0 00`)
    expect(written({ type: 'disconnect', reasonCode: 0x8e })).toEqual(wire`e0 01 8e`)
    expect(written({ type: 'disconnect', properties: { reasonString: '' } })).toEqual(
      wire`e0 05 00 03 1f 00 00`,
    )
  })

  test('[MQTT-3.14.2-1] a Reason Code outside the sender’s table is refused', () => {
    for (const sender of [Sender.Client, Sender.Server, Sender.Any]) {
      for (let code = 0; code < 256; code++) {
        const result = read(Uint8Array.of(code), { sender })
        if (isReasonCodeOf(PacketType.Disconnect, code, sender)) {
          expect(result).toMatchObject({ reasonCode: code })
        } else expect(result).toBe(Fault.DisconnectReasonCode)
      }
    }
  })

  test.each([
    ['a Property Length past the end', wire`00 20`, Fault.PacketTruncated],
    ['half a Property Length', wire`00 80`, Fault.PacketTruncated],
    ['bytes behind the properties', wire`00 00 00`, Fault.PacketOverlong],
  ])('%s is refused', (_what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test.each([3, 4] as const)('at level %i there is nothing in it', (protocolVersion) => {
    expect(read(wire``, { protocolVersion })).toMatchObject({ reasonCode: 0 })
    expect(read(wire`00`, { protocolVersion })).toBe(Fault.PacketOverlong)
    const packet: PacketInput = {
      type: 'disconnect',
      reasonCode: 0x8e,
      properties: { reasonString: 'r' },
    }
    expect(encode(packet, { protocolVersion })).toEqual(wire`e0 00`)
  })

  test.each([
    ['reasonCode', { reasonCode: 0x84 }],
    ['reasonCode', { reasonCode: 1.5 }],
    ['properties.topicAlias', { properties: { topicAlias: 1 } }],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'disconnect', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
