import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  type DecodeOptions,
  decodeAuth,
  encode,
  Fault,
  type PacketInput,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, options: DecodeOptions = {}) {
  return decodeAuth(new DecodeContext(options), body, 0, body.length)
}

describe('AUTH, §3.15', () => {
  test('is read with every key', () => {
    expect(read(wire`18 | 04 15 00 01 "m"`)).toStrictEqual({
      type: 'auth',
      reasonCode: 0x18,
      properties: {
        authenticationMethod: 'm',
        authenticationData: undefined,
        reasonString: undefined,
        userProperties: [],
      },
    })
  })

  test.each([
    ['MQTT-4.12.0-5', 'nothing at all', wire``, Fault.AuthenticationMethodMissing],
    ['MQTT-4.12.0-5', 'a Reason Code alone', wire`18`, Fault.AuthenticationMethodMissing],
    ['MQTT-4.12.0-5', 'no properties', wire`18 | 00`, Fault.AuthenticationMethodMissing],
    ['MQTT-4.12.0-5', 'data alone', wire`18 | 04 16 00 01 00`, Fault.AuthenticationMethodMissing],
    ['MQTT-3.15.2-1', 'another Reason Code', wire`87 | 04 15 00 01 "m"`, Fault.AuthReasonCode],
    [
      '§3.15.2.2',
      'bytes behind the properties',
      wire`18 | 04 15 00 01 "m" 00`,
      Fault.PacketOverlong,
    ],
  ])('[%s] %s is refused', (_statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test.each([
    [0x00, Sender.Client, false],
    [0x00, Sender.Server, true],
    [0x18, Sender.Client, true],
    [0x18, Sender.Server, true],
    [0x19, Sender.Client, true],
    [0x19, Sender.Server, false],
  ])('[MQTT-3.15.2-1] %i from sender %i is accepted: %s', (code, sender, isAccepted) => {
    const result = read(Uint8Array.of(code, ...wire`04 15 00 01 "m"`), { sender })
    if (isAccepted) expect(result).toMatchObject({ reasonCode: code })
    else expect(result).toBe(Fault.AuthReasonCode)
  })

  test('does not exist before 5.0', () => {
    const body = wire`18 | 04 15 00 01 "m"`
    expect(read(body, { protocolVersion: 4 })).toBe(Fault.PacketTypeReserved)
    const packet: PacketInput = { type: 'auth', properties: { authenticationMethod: 'm' } }
    expect(() => encode(packet, { protocolVersion: 4 })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_PACKET', field: 'type' }),
    )
  })

  test.each([
    ['properties.authenticationMethod', {}],
    ['properties.authenticationMethod', { properties: {} }],
    ['properties.authenticationMethod', { properties: { authenticationMethod: 5 } }],
    ['reasonCode', { reasonCode: 0x87, properties: { authenticationMethod: 'm' } }],
    [
      'properties.authenticationData',
      { properties: { authenticationMethod: 'm', authenticationData: 'd' } },
    ],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'auth', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
