import { describe, expect, test } from 'vitest'
import {
  type ConnectInput,
  DecodeContext,
  type DecodeOptions,
  decode,
  decodeConnect,
  encode,
  FAULTS,
  Fault,
  type PacketInput,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, options: DecodeOptions = {}) {
  return decodeConnect(new DecodeContext(options), body, 0, body.length)
}

describe('CONNECT: name and version come first', () => {
  test.each([
    ['MQTT-3.1.2-1', 'mqtt', wire`00 04 "mqtt" 05 02 00 00 00 00 00`, Fault.ProtocolNameInvalid],
    ['MQTT-3.1.2-1', 'MQTX', wire`00 04 "MQTX" 04 02 00 00 00 00`, Fault.ProtocolNameInvalid],
    ['MQTT-3.1.2-1', 'an empty name', wire`00 00 05 02 00 00 00 00 00`, Fault.ProtocolNameInvalid],
    [
      'MQTT-3.1.2-1',
      'a name that is no UTF-8',
      wire`00 01 ff 05 02 00 00`,
      Fault.ProtocolNameInvalid,
    ],
    [
      'MQTT-3.1.2-2',
      'MQIsdp at level 5',
      wire`00 06 "MQIsdp" 05 02 00 00 00 00 00`,
      Fault.ProtocolVersionUnsupported,
    ],
    [
      'MQTT-3.1.2-2',
      'MQTT at level 3',
      wire`00 04 "MQTT" 03 02 00 00 00 00`,
      Fault.ProtocolVersionUnsupported,
    ],
    [
      'MQTT-3.1.2-2',
      'MQTT at level 0',
      wire`00 04 "MQTT" 00 02 00 00 00 00`,
      Fault.ProtocolVersionUnsupported,
    ],
    [
      'MQTT-3.1.2-2',
      'MQTT at level 6',
      wire`00 04 "MQTT" 06 02 00 00 00 00`,
      Fault.ProtocolVersionUnsupported,
    ],
    [
      'MQTT-3.1.2-2',
      'the bridge bit',
      wire`00 04 "MQTT" 84 02 00 00 00 00`,
      Fault.ProtocolVersionUnsupported,
    ],
  ])('[%s] %s is refused with 0x84, whatever else is wrong', (statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
    expect(FAULTS[fault]).toMatchObject({ statement, reasonCode: 0x84 })
    expect(read(body.slice(0, -2))).toBe(fault)
  })

  test('the level is the packet’s, not the context’s, and the context stays as it was', () => {
    const context = new DecodeContext({ protocolVersion: 5 })
    const body = wire`00 04 "MQTT" 04 02 00 3c 00 01 "a"`
    expect(decodeConnect(context, body, 0, body.length)).toMatchObject({ protocolVersion: 4 })
    expect(context).toEqual(new DecodeContext({ protocolVersion: 5 }))
  })

  test('the limits of the context hold at every level', () => {
    const body = wire`00 04 "MQTT" 05 02 00 00 | 0a 26 00 00 00 00 26 00 00 00 00 | 00 00`
    const options = { protocolVersion: 4, maximumUserProperties: 1 } as const
    expect(read(body, options)).toBe(Fault.UserPropertiesTooMany)
  })
})

describe('CONNECT: the Connect Flags', () => {
  const v5 = (flags: number) => Uint8Array.of(...wire`00 04 "MQTT" 05`, flags, 0, 0, 0, 0, 0)
  const v4 = (flags: number) => Uint8Array.of(...wire`00 04 "MQTT" 04`, flags, 0, 0, 0, 0)

  test.each([
    ['MQTT-3.1.2-3', 'the reserved flag', 0x03, Fault.ConnectReservedFlag],
    ['MQTT-3.1.2-11', 'Will QoS 1 without a will', 0x08, Fault.WillQosWithoutWill],
    ['MQTT-3.1.2-11', 'Will QoS 2 without a will', 0x10, Fault.WillQosWithoutWill],
    ['MQTT-3.1.2-13', 'Will Retain without a will', 0x20, Fault.WillRetainWithoutWill],
    ['MQTT-3.1.2-12', 'Will QoS 3', 0x1c, Fault.WillQos3],
  ])('[%s] %s is refused', (statement, _what, flags, fault) => {
    expect(read(v5(flags))).toBe(fault)
    expect(read(v4(flags))).toBe(fault)
    expect(FAULTS[fault]!).toMatchObject({ statement, reasonCode: 0x81 })
  })

  test('Password without User Name is legal in 5.0 only', () => {
    expect(read(wire`00 04 "MQTT" 05 42 00 00 00 00 00 00 01 "p"`)).toMatchObject({
      userName: undefined,
      password: wire`"p"`,
    })
    expect(read(wire`00 04 "MQTT" 04 42 00 00 00 00 00 01 "p"`)).toBe(Fault.PasswordWithoutUserName)
    expect(read(wire`00 06 "MQIsdp" 03 42 00 00 00 00 00 01 "p"`)).toBe(
      Fault.PasswordWithoutUserName,
    )
  })

  test.each([
    ['MQTT-3.1.2-9', 'a will', 0x06],
    ['MQTT-3.1.2-17', 'a User Name', 0x82],
    ['MQTT-3.1.2-19', 'a Password', 0xc2],
  ])('[%s] %s that is announced and missing is refused', (_statement, _what, flags) => {
    expect(read(v5(flags))).toBe(Fault.PacketTruncated)
    expect(read(v4(flags))).toBe(Fault.PacketTruncated)
  })

  test.each([
    ['MQTT-3.1.2-16', wire`00 04 "MQTT" 05 02 00 00 00 00 00 00 01 "u"`],
    ['MQTT-3.1.2-18', wire`00 04 "MQTT" 04 82 00 00 00 00 00 01 "u" 00 01 "p"`],
  ])('[%s] a field that is there and not announced is refused', (_statement, body) => {
    expect(read(body)).toBe(Fault.PacketOverlong)
  })
})

describe('CONNECT at level 3', () => {
  const v3 = (flags: number, behind: Uint8Array) =>
    Uint8Array.of(...wire`00 06 "MQIsdp" 03`, flags, 0, 0, ...behind)

  test('User Name and Password may be announced and missing', () => {
    expect(read(v3(0xc2, wire`00 01 "a"`))).toMatchObject({
      clientId: 'a',
      userName: undefined,
      password: undefined,
    })
    expect(read(v3(0xc2, wire`00 01 "a" 00 01 "u"`))).toMatchObject({
      userName: 'u',
      password: undefined,
    })
  })

  test('but not cut short', () => {
    expect(read(v3(0x82, wire`00 01 "a" 00`))).toBe(Fault.PacketTruncated)
    expect(read(v3(0xc2, wire`00 01 "a" 00 01 "u" 00 05`))).toBe(Fault.PacketTruncated)
  })

  test('the reserved flag, and those of a will that is not there, mean nothing', () => {
    expect(read(v3(0x2b, wire`00 01 "a"`))).toMatchObject({ will: undefined, cleanStart: true })
  })

  test('Will QoS 3 is refused with a will', () => {
    expect(read(v3(0x1e, wire`00 01 "a" 00 01 "w" 00 00`))).toBe(Fault.WillQos3)
  })
})

describe('CONNECT: the payload', () => {
  test.each([
    [
      'MQTT-3.1.3-3',
      'no Client Identifier',
      wire`00 04 "MQTT" 05 02 00 00 00`,
      Fault.PacketTruncated,
    ],
    [
      'MQTT-3.1.3-4',
      'an ill-formed Client Identifier',
      wire`00 04 "MQTT" 05 02 00 00 00 00 01 ff`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-3.1.3-11',
      'an ill-formed Will Topic',
      wire`00 04 "MQTT" 05 06 00 00 00 00 00 00 00 02 c0 80 00 00`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-3.1.3-12',
      'an ill-formed User Name',
      wire`00 04 "MQTT" 05 82 00 00 00 00 00 00 01 80`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-4.7.0-1',
      'a wildcard in the Will Topic',
      wire`00 04 "MQTT" 05 06 00 00 00 00 00 00 00 01 "#" 00 00`,
      Fault.TopicNameWildcard,
    ],
    [
      'MQTT-4.7.3-1',
      'an empty Will Topic',
      wire`00 04 "MQTT" 04 06 00 00 00 00 00 00 00 00`,
      Fault.TopicNameEmpty,
    ],
    [
      '§3.1.2.11.10',
      'Authentication Data without a Method',
      wire`00 04 "MQTT" 05 02 00 00 04 16 00 01 ff 00 00`,
      Fault.AuthenticationDataWithoutMethod,
    ],
  ])('[%s] %s is refused', (_statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test('a Will Topic above the limit of levels is refused', () => {
    const body = wire`00 04 "MQTT" 04 06 00 00 00 00 00 03 "a/b" 00 00`
    expect(read(body, { maximumTopicLevels: 1 })).toBe(Fault.TopicNameTooDeep)
  })

  test('[MQTT-3.1.3-1] all fields are read in their order, and a password may be any bytes', () => {
    const bytes = wire`10 20 | 00 04 "MQTT" 05 f6 00 0a | 00 | 00 01 "c" | 02 01 00 | 00 01 "w" | 00 02 ff 00 | 00 01 "u" | 00 03 00 c0 80`
    expect(decode(bytes, { protocolVersion: 5 })).toStrictEqual({
      type: 'connect',
      protocolVersion: 5,
      cleanStart: true,
      keepAlive: 10,
      clientId: 'c',
      userName: 'u',
      password: wire`00 c0 80`,
      will: {
        topicName: 'w',
        payload: wire`ff 00`,
        qos: 2,
        retain: true,
        properties: {
          willDelayInterval: undefined,
          payloadFormatIndicator: 0,
          messageExpiryInterval: undefined,
          contentType: undefined,
          responseTopic: undefined,
          correlationData: undefined,
          userProperties: [],
        },
      },
      properties: {
        sessionExpiryInterval: undefined,
        authenticationMethod: undefined,
        authenticationData: undefined,
        requestProblemInformation: undefined,
        requestResponseInformation: undefined,
        receiveMaximum: undefined,
        topicAliasMaximum: undefined,
        maximumPacketSize: undefined,
        userProperties: [],
      },
    })
  })

  test.each([
    ['MQTT 3.1', 3, true],
    ['MQTT 3.1', 3, false],
    ['3.1.1 [MQTT-3.1.3-7] without Clean Session', 4, false],
  ] as const)(
    'an empty Client Identifier in %s is read and not written',
    (_what, version, clean) => {
      const name = version === 3 ? wire`00 06 "MQIsdp"` : wire`00 04 "MQTT"`
      const body = Uint8Array.of(...name, version, clean ? 2 : 0, 0, 0, 0, 0)
      expect(read(body)).toMatchObject({ clientId: '', cleanStart: clean })
      const packet = { type: 'connect', clientId: '', cleanStart: clean } as const
      expect(() => encode(packet, { protocolVersion: version })).toThrow(
        expect.objectContaining({ code: 'ERR_PROMPTMQ_FIELD', field: 'clientId' }),
      )
    },
  )

  test('a Client Identifier that is a JavaScript name is a string like any other', () => {
    const bytes = encode({ type: 'connect', clientId: '__proto__' }, { protocolVersion: 5 })
    expect(decode(bytes, { protocolVersion: 5 })).toMatchObject({ clientId: '__proto__' })
  })
})

describe('encoding CONNECT', () => {
  test('everything may be left out', () => {
    expect(encode({ type: 'connect' }, { protocolVersion: 5 })).toEqual(
      wire`10 0d | 00 04 "MQTT" 05 02 00 00 | 00 | 00 00`,
    )
  })

  test('of a will only the Topic Name must be there', () => {
    const packet: PacketInput = { type: 'connect', will: { topicName: 'w' } }
    expect(encode(packet, { protocolVersion: 4 })).toEqual(
      wire`10 11 | 00 04 "MQTT" 04 06 00 00 | 00 00 | 00 01 "w" | 00 00`,
    )
  })

  test.each<[number, string, Partial<Record<keyof ConnectInput, unknown>>]>([
    [4, 'password', { password: wire`"p"` }],
    [5, 'password', { userName: 'u', password: 'p' }],
    [5, 'password', { password: new Uint8Array(65_536) }],
    [5, 'userName', { userName: 5 }],
    [5, 'clientId', { clientId: 'a\0' }],
    [5, 'clientId', { clientId: 7 }],
    [5, 'cleanStart', { cleanStart: 1 }],
    [5, 'keepAlive', { keepAlive: 65_536 }],
    [5, 'will.topicName', { will: {} }],
    [5, 'will.topicName', { will: { topicName: 'a/#' } }],
    [5, 'will.payload', { will: { topicName: 'a', payload: 'x' } }],
    [5, 'will.qos', { will: { topicName: 'a', qos: 3 } }],
    [5, 'will.retain', { will: { topicName: 'a', retain: 1 } }],
    [5, 'will.properties.topicAlias', { will: { topicName: 'a', properties: { topicAlias: 1 } } }],
    [5, 'properties.authenticationData', { properties: { authenticationData: wire`00` } }],
    [5, 'properties.receiveMaximum', { properties: { receiveMaximum: 0 } }],
  ])('level %i: misuse of %s is named', (protocolVersion, field, fields) => {
    const packet = { type: 'connect', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: protocolVersion as 5 })).toThrow(
      expect.objectContaining({ field }),
    )
  })
})
