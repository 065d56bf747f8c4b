import { describe, expect, test } from 'vitest'
import { DecodeContext, decodeConnack, encode, Fault, type PacketInput } from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, protocolVersion: 3 | 4 | 5 = 5) {
  return decodeConnack(new DecodeContext({ protocolVersion }), body, 0, body.length)
}

describe('CONNACK, §3.2', () => {
  test('the object has every key', () => {
    expect(read(wire`01 00 00`)).toStrictEqual({
      type: 'connack',
      sessionPresent: true,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: undefined,
        receiveMaximum: undefined,
        maximumQoS: undefined,
        retainAvailable: undefined,
        maximumPacketSize: undefined,
        assignedClientIdentifier: undefined,
        topicAliasMaximum: undefined,
        reasonString: undefined,
        wildcardSubscriptionAvailable: undefined,
        subscriptionIdentifiersAvailable: undefined,
        sharedSubscriptionAvailable: undefined,
        serverKeepAlive: undefined,
        responseInformation: undefined,
        serverReference: undefined,
        authenticationMethod: undefined,
        authenticationData: undefined,
        userProperties: [],
      },
    })
  })

  test.each([
    ['MQTT-3.2.2-1', 'a reserved flag', wire`02 00 00`, Fault.ConnackFlags],
    ['MQTT-3.2.2-1', 'the highest flag', wire`80 00 00`, Fault.ConnackFlags],
    ['MQTT-3.2.2-6', 'Session Present in a refusal', wire`01 87 00`, Fault.ConnackSessionPresent],
    ['MQTT-3.2.2-8', 'a Reason Code of another packet', wire`00 8e 00`, Fault.ConnackReasonCode],
    ['MQTT-2.2.2-1', 'no Property Length', wire`00 00`, Fault.PacketTruncated],
  ])('[%s] %s is refused', (_statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test.each([
    [0, 0x00],
    [1, 0x84],
    [2, 0x85],
    [3, 0x88],
    [4, 0x86],
    [5, 0x87],
  ])('return code %i of 3.1.1 is read as Reason Code %i, and written back', (code, reasonCode) => {
    expect(read(Uint8Array.of(0, code), 4)).toMatchObject({ reasonCode })
    const encoded = encode({ type: 'connack', reasonCode }, { protocolVersion: 4 })
    expect(encoded).toEqual(Uint8Array.of(0x20, 2, 0, code))
  })

  test('return code 6 is refused', () => {
    expect(read(wire`00 06`, 4)).toBe(Fault.ConnackReasonCode)
  })

  test('3.1.1 tells Session Present, and 3.1 leaves the byte unused', () => {
    expect(read(wire`01 00`, 4)).toMatchObject({ sessionPresent: true })
    expect(read(wire`ff 00`, 3)).toMatchObject({ sessionPresent: false })
    const packet: PacketInput = { type: 'connack', sessionPresent: true }
    expect(encode(packet, { protocolVersion: 4 })).toEqual(wire`20 02 01 00`)
    expect(encode(packet, { protocolVersion: 3 })).toEqual(wire`20 02 00 00`)
  })

  test.each([
    ['sessionPresent', { sessionPresent: 1 }],
    ['sessionPresent', { sessionPresent: true, reasonCode: 0x80 }],
    ['reasonCode', { reasonCode: 0x8e }],
    ['reasonCode', { reasonCode: -1 }],
    ['reasonCode', { reasonCode: null }],
    ['properties.maximumQoS', { properties: { maximumQoS: 2 } }],
    ['properties.willDelayInterval', { properties: { willDelayInterval: 1 } }],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'connack', ...fields } as unknown as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
