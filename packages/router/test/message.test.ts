import { DecodeContext, decodePublishHeader, PublishHeader } from '@promptmq/codec'
import { describe, expect, test } from 'vitest'
import { composeMessage, expiryOf, keepMessage, type Message } from '../src/index.ts'
import { sessionWith } from './fakes.ts'

const encoder = new TextEncoder()
const bytesOf = (...parts: (string | number)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'number' ? part : [...encoder.encode(part)])),
  )

/** Decodes a PUBLISH of MQTT 5.0 and keeps it, at 10 s on the clock; the chunk is gone after that. */
function keep(packet: Uint8Array): Message {
  expect(packet[1]).toBe(packet.length - 2)
  const header = new PublishHeader()
  const chunk = Buffer.from(packet)
  const flags = chunk[0]! & 0x0f
  expect(decodePublishHeader(header, new DecodeContext(), chunk, flags, 2, chunk.length)).toBe(0)
  const message = keepMessage(header, 0, 5, 'a/b', encoder.encode('a/b'), 'publisher', 10_000)
  chunk.fill(0xff)
  return message
}

describe('keepMessage', () => {
  test('copies properties and payload out of the chunk', () => {
    const message = keep(bytesOf(0x33, 15, 0, 3, 'a/b', 0, 42, 2, 0x01, 1, 'paylo'))
    expect(message).toMatchObject({
      topicName: 'a/b',
      qos: 1,
      retain: true,
      propertiesSize: 2,
      payloadSize: 5,
      expiresAt: Number.POSITIVE_INFINITY,
      publisher: 'publisher',
      number: 0,
    })
    expect(message.properties).toEqual(bytesOf(0x01, 1))
    expect(message.payload).toEqual(bytesOf('paylo'))
    expect(message.size).toBe(7 + 3)
  })

  test('leaves out the properties of one hop and counts the expiry from now', () => {
    const properties = [0x02, 0, 0, 0, 30, 0x01, 1, 0x23, 0, 7]
    const kept = keep(bytesOf(0x34, 21, 0, 3, 'a/b', 0, 1, 10, ...properties, 'hi!'))
    expect(kept.properties).toEqual(bytesOf(0x01, 1))
    expect(kept.payload).toEqual(bytesOf('hi!'))
    expect(kept.expiresAt).toBe(40_000)
    expect(kept.qos).toBe(2)
  })

  test('an empty payload is one of no bytes', () => {
    const message = keep(bytesOf(0x30, 6, 0, 3, 'a/b', 0))
    expect(message.payloadSize).toBe(0)
    expect(message.payload).toHaveLength(0)
  })
})

describe('the packet', () => {
  test('is kept whole, for who gets it as it came', () => {
    const packet = bytesOf(0x3b, 15, 0, 3, 'a/b', 0, 42, 2, 0x01, 1, 'paylo')
    const { bytes, packetStart, end, identifierAt, ...message } = keep(packet)
    expect(bytes.subarray(packetStart, end)).toEqual(packet)
    expect(bytes.subarray(identifierAt, identifierAt + 2)).toEqual(bytesOf(0, 42))
    expect(message).toMatchObject({ wireFormat: 5 })
  })

  test.each([
    [0x30, [true, false, false]],
    [0x32, [false, true, true]],
    [0x34, [false, true, true]],
  ])('of first byte %i serves who gets an identifier, or none, alike', (firstByte, expected) => {
    const identifier = firstByte === 0x30 ? [] : [0, 42]
    const packet = bytesOf(firstByte, 6 + identifier.length, 0, 3, 'a/b', ...identifier, 0)
    const message = keep(packet)
    expect([0, 1, 2].map((qos) => message.isPacketFor(5, qos))).toEqual(expected)
    expect(message.isPacketFor(4, 1)).toBe(false)
  })

  test('is not where properties of one hop are in it, nor of what is composed', () => {
    const message = keep(bytesOf(0x30, 9, 0, 3, 'a/b', 3, 0x23, 0, 7))
    expect([0, 1].map((qos) => message.isPacketFor(5, qos))).toEqual([false, false])
  })
})

describe('settle', () => {
  test('leaves the neighbours, and is the same message', () => {
    const messages = ['one', 'two'].map((payload) =>
      keep(bytesOf(0x32, 12, 0, 3, 'a/b', 0, 42, 2, 0x01, 1, payload.slice(0, 2))),
    )
    expect(messages[0]!.bytes).toBe(messages[1]!.bytes)
    for (const message of messages) {
      message.settle()
      message.settle()
      expect(message.bytes.buffer.byteLength).toBe(4)
      expect(message.properties).toEqual(bytesOf(0x01, 1))
      expect([message.payloadSize, message.size]).toEqual([2, 7])
      expect(message.isPacketFor(5, 1)).toBe(false)
    }
    expect(messages.map((message) => message.payload)).toEqual([bytesOf('on'), bytesOf('tw')])
  })

  test('is done when a session is left alone with it, and where many wait', () => {
    const { session, outlet } = sessionWith({ maximumInflight: 2 })
    session.sessionExpiryInterval = 10
    session.attach(outlet, 10)
    const packet = bytesOf(0x32, 10, 0, 3, 'a/b', 0, 42, 0, 'hi')
    const messages = Array.from({ length: 70 }, () => keep(packet))
    const isSettled = (message: Message) => message.bytes.length === 2
    for (const message of messages) session.deliver(message, 1, false, [])
    expect(messages.map(isSettled)).toEqual(messages.map((_, i) => i >= 66))
    session.detach()
    expect(messages.map(isSettled)).toEqual(messages.map((_, i) => i < 2 || i >= 66))
    const late = keep(packet)
    session.deliver(late, 1, false, [])
    expect(isSettled(late)).toBe(true)
  })

  test('a large message has memory of its own from the start', () => {
    const payload = new Uint8Array(1100).fill(7)
    const packet = bytesOf(0x30, 0xd2, 0x08, 0, 3, 'a/b', 0, ...payload)
    const header = new PublishHeader()
    const { length } = packet
    expect(decodePublishHeader(header, new DecodeContext(), packet, 0, 3, length)).toBe(0)
    const message = keepMessage(header, 0, 5, 'a/b', encoder.encode('a/b'), '', 0)
    expect(message.payload).toEqual(payload)
    expect(message.bytes).toHaveLength(length)
    const { bytes } = message
    message.settle()
    expect(message.bytes).toBe(bytes)
  })
})

test('composeMessage puts properties and payload together, in bytes of its own', () => {
  const payload = bytesOf('payload')
  const message = composeMessage(encoder.encode('t'), {
    topicName: 't',
    qos: 2,
    retain: true,
    properties: bytesOf(0x01, 1),
    payload,
    expiresAt: 5,
    publisher: 'p',
  })
  payload.fill(0)
  expect(message).toMatchObject({ qos: 2, retain: true, expiresAt: 5, publisher: 'p', size: 10 })
  expect(message.properties).toEqual(bytesOf(0x01, 1))
  expect(message.payload).toEqual(bytesOf('payload'))
})

test.each([
  [undefined, Number.POSITIVE_INFINITY],
  [-1, Number.POSITIVE_INFINITY],
  [0, 1_000],
  [1, 2_000],
  [4_294_967_295, 4_294_967_296_000],
])('a Message Expiry Interval of %s ends at %s', (seconds, expected) => {
  expect(expiryOf(seconds, 1_000)).toBe(expected)
})
