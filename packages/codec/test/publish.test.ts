import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  type DecodeOptions,
  decodePublishHeader,
  encodePublishStart,
  FAULTS,
  Fault,
  PublishHeader,
  publishSize,
  Sender,
} from '../src/index.ts'
import { wire } from './wire.ts'

/** Decodes a packet whose Remaining Length is one byte, and is true. */
function decode(packet: Uint8Array, options: DecodeOptions = {}) {
  expect(packet[1]).toBe(packet.length - 2)
  const header = new PublishHeader()
  const flags = packet[0]! & 0x0f
  const context = new DecodeContext(options)
  const fault = decodePublishHeader(header, context, packet, flags, 2, packet.length)
  return { fault, header }
}

describe('PUBLISH, §3.3', () => {
  test('every field is found where it lies', () => {
    const packet = wire`3d 11 | 00 03 "a/b" | 00 2a | 02 01 01 | "payload"`
    const { fault, header } = decode(packet)
    expect(fault).toBe(Fault.None)
    expect({ ...header }).toEqual({
      bytes: packet,
      flags: 0b1101,
      packetIdentifier: 42,
      topicStart: 4,
      topicEnd: 7,
      topicHash: expect.any(Number),
      propertiesStart: 10,
      propertiesEnd: 12,
      payloadEnd: 19,
      topicAlias: 0,
      messageExpiryInterval: -1,
      payloadFormatIndicator: 1,
      hasHopProperties: false,
      hasSubscriptionIdentifier: false,
    })
    expect(header).toMatchObject({ qos: 2, dup: true, retain: true, payloadStart: 12 })
  })

  test('what the properties of one packet said is not said of the next', () => {
    const header = new PublishHeader()
    const context = new DecodeContext()
    const rich = wire`00 01 "t" | 0c 23 00 07 02 00 00 00 3c 01 01 0b 05`
    const plain = wire`00 01 "t" | 00`
    expect(decodePublishHeader(header, context, rich, 0, 0, rich.length)).toBe(Fault.None)
    expect(header).toMatchObject({
      topicAlias: 7,
      messageExpiryInterval: 60,
      hasHopProperties: true,
    })
    expect(decodePublishHeader(header, context, plain, 0, 0, plain.length)).toBe(Fault.None)
    expect(header).toMatchObject({
      topicAlias: 0,
      messageExpiryInterval: -1,
      payloadFormatIndicator: 0,
      hasHopProperties: false,
      hasSubscriptionIdentifier: false,
    })
  })

  test('a name has the same hash wherever it lies, and another with another seed', () => {
    const far = new Uint8Array(2000)
    const name = wire`"plant/3/temp"`
    far.set(wire`00 0c`, 1501)
    far.set(name, 1503)
    const near = wire`00 0c "plant/3/temp" 00`
    const hashes = [0, 0, 1].map((topicHashSeed, i) => {
      const header = new PublishHeader()
      const context = new DecodeContext({ topicHashSeed })
      const [bytes, start] = i === 0 ? [far, 1501] : [near, 0]
      expect(decodePublishHeader(header, context, bytes!, 0, start!, start! + 15)).toBe(0)
      return header.topicHash
    })
    expect(hashes[1]).toBe(hashes[0])
    expect(hashes[2]).not.toBe(hashes[0])
  })

  test.each([3, 4] as const)('level %i has no properties', (protocolVersion) => {
    const { fault, header } = decode(wire`32 0c | 00 03 "a/b" | 00 2a | "hello"`, {
      protocolVersion,
    })
    expect(fault).toBe(Fault.None)
    expect(header).toMatchObject({
      propertiesStart: 9,
      propertiesEnd: 9,
      payloadStart: 9,
      payloadEnd: 14,
    })
  })

  test('[MQTT-2.2.1-2] at QoS 0 there is no Packet Identifier', () => {
    const { header } = decode(wire`30 08 | 00 03 "a/b" | 00 | "xy"`)
    expect(header).toMatchObject({ packetIdentifier: 0, propertiesStart: 8, payloadStart: 8 })
  })

  test.each([
    [
      '02 Message Expiry Interval',
      wire`02 00 00 00 3c`,
      { messageExpiryInterval: 60, hasHopProperties: true },
    ],
    ['02, 0', wire`02 00 00 00 00`, { messageExpiryInterval: 0, hasHopProperties: true }],
    [
      '02, the greatest',
      wire`02 ff ff ff ff`,
      { messageExpiryInterval: 0xffff_ffff, hasHopProperties: true },
    ],
    ['23 Topic Alias', wire`23 ff ff`, { topicAlias: 65_535, hasHopProperties: true }],
    [
      '0B Subscription Identifier',
      wire`0b 01 0b 02`,
      { hasSubscriptionIdentifier: true, hasHopProperties: true },
    ],
    [
      '26 User Property',
      wire`26 00 00 00 00`,
      { hasHopProperties: false, hasSubscriptionIdentifier: false },
    ],
    [
      '01 Payload Format Indicator',
      wire`01 01`,
      { payloadFormatIndicator: 1, hasHopProperties: false },
    ],
  ])('%s is noted', (_what, properties, noted) => {
    const packet = Uint8Array.of(
      0x30,
      4 + properties.length,
      0,
      1,
      0x74,
      properties.length,
      ...properties,
    )
    const { fault, header } = decode(packet)
    expect(fault).toBe(Fault.None)
    expect(header).toMatchObject(noted)
  })

  test('what one packet had is not noted for the next', () => {
    const header = new PublishHeader()
    const context = new DecodeContext()
    const first = wire`30 0d | 00 01 "t" | 09 01 01 23 00 07 0b 05 0b 06`
    expect(decodePublishHeader(header, context, first, 0, 2, first.length)).toBe(Fault.None)
    expect(header).toMatchObject({ topicAlias: 7, payloadFormatIndicator: 1 })
    const second = wire`30 04 | 00 01 "t" | 00`
    decodePublishHeader(header, context, second, 0, 2, second.length)
    expect(header).toMatchObject({
      topicAlias: 0,
      messageExpiryInterval: -1,
      payloadFormatIndicator: 0,
      hasHopProperties: false,
      hasSubscriptionIdentifier: false,
    })
  })

  test.each([
    ['MQTT-3.3.1-4', 'both QoS bits set', wire`36 08 | 00 03 "a/b" | 00 01 | 00`],
    ['MQTT-3.3.1-2', 'DUP set at QoS 0', wire`38 06 | 00 03 "a/b" | 00`],
    ['MQTT-2.2.1-3', 'Packet Identifier 0', wire`32 08 | 00 03 "a/b" | 00 00 | 00`],
    ['MQTT-3.3.2-2', '# in the Topic Name', wire`30 06 | 00 03 "a/#" | 00`],
    ['MQTT-3.3.2-2', '+ in the Topic Name', wire`30 06 | 00 03 "+/b" | 00`],
    ['MQTT-1.5.4-1', 'a surrogate in the Topic Name', wire`30 06 | 00 03 ed a0 80 | 00`],
    ['MQTT-1.5.4-1', 'a stray continuation byte before ASCII', wire`30 06 | 00 03 80 "/b" | 00`],
    ['MQTT-1.5.4-2', 'U+0000 in the Topic Name', wire`30 06 | 00 03 61 00 62 | 00`],
    ['MQTT-1.5.5-1', 'an overlong Property Length', wire`30 07 | 00 03 "a/b" | 80 00`],
    ['MQTT-3.3.2-8', 'Topic Alias 0', wire`30 09 | 00 03 "a/b" | 03 23 00 00`],
    [
      'MQTT-3.3.2-14',
      'a wildcard in the Response Topic',
      wire`30 08 | 00 01 "t" | 04 08 00 01 "#"`,
    ],
  ])('[%s] %s is refused', (statement, _what, packet) => {
    const { fault, header } = decode(packet)
    expect(FAULTS[fault]!.statement).toBe(statement)
    expect(header).toEqual(new PublishHeader())
  })

  test('[MQTT-3.3.4-6] a Subscription Identifier from a client is refused', () => {
    const packet = wire`30 06 | 00 01 "t" | 02 0b 01`
    const { fault, header } = decode(packet, { sender: Sender.Client })
    expect(fault).toBe(Fault.SubscriptionIdentifierFromClient)
    expect(header).toEqual(new PublishHeader())
  })

  test('an empty Topic Name needs a Topic Alias, and 5.0', () => {
    expect(decode(wire`30 06 | 00 00 | 03 23 00 01`).fault).toBe(Fault.None)
    expect(decode(wire`30 03 | 00 00 | 00`).fault).toBe(Fault.TopicAliasMissing)
    expect(decode(wire`30 05 | 00 00 | 02 01 01`).fault).toBe(Fault.TopicAliasMissing)
    expect(decode(wire`30 03 | 00 00 | "x"`, { protocolVersion: 4 }).fault).toBe(
      Fault.TopicNameEmpty,
    )
  })

  test('levels above the limit are refused', () => {
    const packet = wire`30 06 | 00 03 "a/b" | 00`
    expect(decode(packet, { maximumTopicLevels: 2 }).fault).toBe(Fault.None)
    expect(decode(packet, { maximumTopicLevels: 1 }).fault).toBe(Fault.TopicNameTooDeep)
  })

  test('disallowed code points are refused on request', () => {
    const packet = wire`30 04 | 00 01 01 | 00`
    expect(decode(packet).fault).toBe(Fault.None)
    expect(decode(packet, { refuseDisallowedCodePoints: true }).fault).toBe(
      Fault.Utf8DisallowedCodePoint,
    )
  })

  test('what follows a packet in the chunk cannot change how it is read', () => {
    const packet = wire`32 0c | 00 03 "a/b" | 00 2a | 03 23 00 0a | "x"`
    for (let end = 2; end < packet.length - 1; end++) {
      for (const poison of [0x00, 0x23, 0x80, 0xff]) {
        const chunk = packet.slice().fill(poison, end)
        const header = new PublishHeader()
        const fault = decodePublishHeader(header, new DecodeContext(), chunk, 0b0010, 2, end)
        expect(fault).toBe(Fault.PacketTruncated)
        expect(header).toEqual(new PublishHeader())
      }
    }
  })

  test('a Topic Name beyond ASCII is accepted', () => {
    expect(decode(wire`30 08 | 00 05 "a/é/" | 00`).fault).toBe(Fault.None)
  })
})

describe('encodePublishStart', () => {
  test.each([
    ['QoS 0 in 5.0', 5, 0b0000, 3, wire`30 0b | 00 03 "a/b" | 03`],
    ['QoS 1 RETAIN in 5.0', 5, 0b0011, 0, wire`33 0a | 00 03 "a/b" | 12 34 | 00`],
    ['QoS 2 DUP in 3.1.1', 4, 0b1100, 0, wire`3c 09 | 00 03 "a/b" | 12 34`],
    ['QoS 0 in 3.1', 3, 0b0000, 0, wire`30 07 | 00 03 "a/b"`],
  ] as const)('%s', (_what, version, flags, propertiesSize, expected) => {
    const target = new Uint8Array(40)
    const topic = wire`"a/b"`
    const end = encodePublishStart(target, 3, version, flags, topic, 0x1234, propertiesSize, 2)
    expect(target.slice(3, end)).toEqual(expected)
    const qos = (flags >> 1) & 3
    expect(publishSize(version, qos, 3, propertiesSize, 2)).toBe(end - 3 + propertiesSize + 2)
  })

  test('the length of properties and packet takes the bytes it needs', () => {
    const size = publishSize(5, 1, 10, 200, 20_000)
    expect(size).toBe(1 + 3 + 2 + 10 + 2 + 2 + 200 + 20_000)
    const target = new Uint8Array(size)
    const topic = new Uint8Array(10).fill(0x61)
    const end = encodePublishStart(target, 0, 5, 0b0010, topic, 1, 200, 20_000)
    expect(end + 200 + 20_000).toBe(size)
    const header = new PublishHeader()
    target.fill(0, end)
    // 200 bytes of properties: 40 empty User Properties.
    for (let at = end; at < end + 200; at += 5) target[at] = 0x26
    expect(decodePublishHeader(header, new DecodeContext(), target, 0b0010, 4, size)).toBe(0)
    expect(header).toMatchObject({ topicEnd: 16, propertiesStart: end, payloadStart: end + 200 })
  })

  test('what the format cannot carry is misuse', () => {
    expect(publishSize(4, 0, 1, 0, 268_435_452)).toBe(268_435_460)
    expect(() => publishSize(4, 0, 1, 0, 268_435_453)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_PACKET' }),
    )
  })
})
