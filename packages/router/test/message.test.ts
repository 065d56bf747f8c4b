import { DecodeContext, decodePublishHeader, PublishHeader } from '@promptmq/codec'
import { describe, expect, test } from 'vitest'
import { composeMessage, expiryOf, keepMessage, type Message } from '../src/index.ts'

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
  const message = keepMessage(header, 'a/b', encoder.encode('a/b'), 'publisher', 10_000)
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
    expect(message.bytes.buffer.byteLength).toBe(7)
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
    expect(message.bytes).toHaveLength(0)
    expect(message.payloadSize).toBe(0)
    expect(message.payload).toHaveLength(0)
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
