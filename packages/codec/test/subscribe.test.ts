import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  type DecodeOptions,
  decodeSubscribe,
  encode,
  FAULTS,
  Fault,
  type PacketInput,
  type SubscriptionInput,
} from '../src/index.ts'
import { wire } from './wire.ts'

function read(body: Uint8Array, options: DecodeOptions = {}) {
  return decodeSubscribe(new DecodeContext(options), body, 0, body.length)
}

describe('SUBSCRIBE, §3.8', () => {
  test('options are read bit by bit', () => {
    const bits = [
      [0x00, {}],
      [0x01, { qos: 1 }],
      [0x02, { qos: 2 }],
      [0x04, { noLocal: true }],
      [0x08, { retainAsPublished: true }],
      [0x10, { retainHandling: 1 }],
      [0x20, { retainHandling: 2 }],
    ] as const
    const none = {
      topicFilter: 'a',
      qos: 0,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    }
    for (const [options, set] of bits) {
      const body = Uint8Array.of(...wire`00 01 | 00 | 00 01 "a"`, options)
      expect(read(body)).toStrictEqual({
        type: 'subscribe',
        packetIdentifier: 1,
        subscriptions: [{ ...none, ...set }],
        properties: { subscriptionIdentifier: undefined, userProperties: [] },
      })
    }
  })

  test.each([
    ['MQTT-3.8.3-5', 'bit 6', 0x40, Fault.SubscribeReservedBits, 0x81],
    ['MQTT-3.8.3-5', 'bit 7', 0x80, Fault.SubscribeReservedBits, 0x81],
    ['MQTT-3.8.3-5', 'both', 0xc1, Fault.SubscribeReservedBits, 0x81],
    ['§3.8.3.1', 'QoS 3', 0x03, Fault.SubscribeQos3, 0x82],
    ['§3.8.3.1', 'Retain Handling 3', 0x30, Fault.SubscribeRetainHandling3, 0x82],
  ])('[%s] %s is refused, behind a good filter too', (_statement, _what, options, fault, code) => {
    const body = Uint8Array.of(...wire`00 01 | 00 | 00 01 "a" 00 | 00 01 "b"`, options)
    expect(read(body)).toBe(fault)
    expect(FAULTS[fault]!.reasonCode).toBe(code)
  })

  test('[MQTT-3.8.3-4] No Local on a Shared Subscription is refused', () => {
    expect(read(wire`00 01 | 00 | 00 0a "$share/g/a" 04`)).toBe(Fault.SubscribeNoLocalShared)
    expect(read(wire`00 01 | 00 | 00 08 "$share/g" 04`)).toBe(Fault.SubscribeNoLocalShared)
    expect(read(wire`00 01 | 00 | 00 0a "$Share/g/a" 04`)).toBeTypeOf('object')
    expect(read(wire`00 01 | 00 | 00 0a "$share/g/a" 00`)).toBeTypeOf('object')
  })

  test.each([
    ['MQTT-3.8.3-2', 'no filter', wire`00 01 | 00`, Fault.SubscribeEmpty],
    [
      'MQTT-3.8.3-1',
      'an ill-formed filter',
      wire`00 01 | 00 | 00 02 c0 80 00`,
      Fault.Utf8IllFormed,
    ],
    ['MQTT-4.7.3-2', 'U+0000 in a filter', wire`00 01 | 00 | 00 01 00 00`, Fault.Utf8Nul],
    [
      'MQTT-2.2.1-3',
      'Packet Identifier 0',
      wire`00 00 | 00 | 00 01 "a" 00`,
      Fault.PacketIdentifierZero,
    ],
    ['§3.8.3', 'no options byte', wire`00 01 | 00 | 00 01 "a"`, Fault.PacketTruncated],
    ['§3.8.3', 'a filter past the end', wire`00 01 | 00 | 00 09 "a" 00`, Fault.PacketTruncated],
  ])('[%s] %s is refused', (_statement, _what, body, fault) => {
    expect(read(body)).toBe(fault)
  })

  test('the grammar of filters is not judged here', () => {
    const bad = ['', 'a#', '#/a', '$share//a', '$share/g']
    for (const topicFilter of bad) {
      const packet: PacketInput = {
        type: 'subscribe',
        packetIdentifier: 1,
        subscriptions: [{ topicFilter }],
      }
      const bytes = encode(packet, { protocolVersion: 5 })
      expect(read(bytes.slice(2))).toMatchObject({ subscriptions: [{ topicFilter }] })
    }
  })

  test('filters above the limit are refused', () => {
    const body = wire`00 01 | 00 | 00 01 "a" 00 | 00 01 "b" 00`
    expect(read(body, { maximumFilters: 2 })).toBeTypeOf('object')
    expect(read(body, { maximumFilters: 1 })).toBe(Fault.FiltersTooMany)
  })

  test.each([3, 4] as const)('at level %i the options are the QoS alone', (protocolVersion) => {
    const body = (options: number) => Uint8Array.of(...wire`00 01 | 00 01 "a"`, options)
    for (const qos of [0, 1, 2]) {
      expect(read(body(qos), { protocolVersion })).toMatchObject({ subscriptions: [{ qos }] })
    }
    expect(read(body(3), { protocolVersion })).toBe(Fault.SubscribeQos3)
    for (const options of [0x04, 0x08, 0x10, 0x20, 0x40, 0x80]) {
      expect(read(body(options), { protocolVersion })).toBe(Fault.SubscribeReservedBits)
    }
    const subscriptions: SubscriptionInput[] = [
      {
        topicFilter: '$share/g/a',
        qos: 1,
        noLocal: true,
        retainAsPublished: true,
        retainHandling: 2,
      },
    ]
    const bytes = encode(
      { type: 'subscribe', packetIdentifier: 1, subscriptions },
      { protocolVersion },
    )
    expect(bytes).toEqual(wire`82 0f | 00 01 | 00 0a "$share/g/a" 01`)
  })

  test('an empty list is an error from 3.1.1 on', () => {
    expect(read(wire`00 01`, { protocolVersion: 4 })).toBe(Fault.SubscribeEmpty)
    expect(read(wire`00 01`, { protocolVersion: 3 })).toMatchObject({ subscriptions: [] })
  })

  const a = { topicFilter: 'a' }
  test.each([
    ['packetIdentifier', { packetIdentifier: 0, subscriptions: [a] }],
    ['packetIdentifier', { subscriptions: [a] }],
    ['subscriptions', { packetIdentifier: 1 }],
    ['subscriptions', { packetIdentifier: 1, subscriptions: [] }],
    [
      'subscriptions[1].topicFilter',
      { packetIdentifier: 1, subscriptions: [a, { topicFilter: 5 }] },
    ],
    ['subscriptions[0].qos', { packetIdentifier: 1, subscriptions: [{ ...a, qos: 3 }] }],
    [
      'subscriptions[0].retainHandling',
      { packetIdentifier: 1, subscriptions: [{ ...a, retainHandling: 3 }] },
    ],
    ['subscriptions[0].noLocal', { packetIdentifier: 1, subscriptions: [{ ...a, noLocal: 'no' }] }],
    [
      'subscriptions[0].noLocal',
      { packetIdentifier: 1, subscriptions: [{ topicFilter: '$share/g/a', noLocal: true }] },
    ],
    [
      'subscriptions[0].retainAsPublished',
      { packetIdentifier: 1, subscriptions: [{ ...a, retainAsPublished: 0 }] },
    ],
    [
      'properties.subscriptionIdentifier',
      { packetIdentifier: 1, subscriptions: [a], properties: { subscriptionIdentifier: 0 } },
    ],
  ])('misuse of %s is named', (field, fields) => {
    const packet = { type: 'subscribe', ...fields } as PacketInput
    expect(() => encode(packet, { protocolVersion: 5 })).toThrow(expect.objectContaining({ field }))
  })
})
