import type { Publish } from '@promptmq/codec'
import { describe, expect, test } from 'vitest'
import { parseOutputFormat, plainFormat } from '../src/cli/output-format.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const at = new Date('2026-01-02T03:04:05.678Z')

const message: Publish = {
  type: 'publish',
  topicName: 'plant/3/temp',
  payload: bytes('21 °C'),
  qos: 1,
  dup: false,
  retain: true,
  packetIdentifier: 7,
  properties: {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 60,
    contentType: 'text/plain',
    responseTopic: 'answer/here',
    correlationData: new Uint8Array([0, 255]),
    subscriptionIdentifiers: [3, 4],
    topicAlias: undefined,
    userProperties: [
      ['a', '1'],
      ['b', '2'],
    ],
  },
}

const bare: Publish = {
  ...message,
  qos: 0,
  retain: false,
  packetIdentifier: undefined,
  payload: new Uint8Array([0xff, 0x00]),
  properties: {
    payloadFormatIndicator: undefined,
    messageExpiryInterval: undefined,
    contentType: undefined,
    responseTopic: undefined,
    correlationData: undefined,
    subscriptionIdentifiers: [],
    topicAlias: undefined,
    userProperties: [],
  },
}

const format = (text: string, of = message) => Buffer.from(parseOutputFormat(text)(of, at))

describe('sub -F', () => {
  test.each([
    ['%t', 'plant/3/temp', 'plant/3/temp'],
    ['%x', '323120c2b043', 'ff00'],
    ['%X', '323120C2B043', 'FF00'],
    ['%l', '6', '2'],
    ['%q', '1', '0'],
    ['%r', '1', '0'],
    ['%m', '7', '0'],
    ['%I', '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z'],
    ['%U', '1767323045.678', '1767323045.678'],
    ['%C', 'text/plain', ''],
    ['%R', 'answer/here', ''],
    ['%P', 'a:1 b:2', ''],
    ['%E', '60', ''],
    ['%F', '1', ''],
    ['%S', '3 4', ''],
    ['%%', '%', '%'],
    ['a %t\\t%%t\\n', 'a plant/3/temp\t%t\n', 'a plant/3/temp\t%t\n'],
    ['\\0\\r\\\\', '\0\r\\', '\0\r\\'],
    ['äöü 🌍', 'äöü 🌍', 'äöü 🌍'],
    ['', '', ''],
  ])('%j', (text, full, empty) => {
    expect(format(text).toString()).toBe(full)
    expect(format(text, bare).toString()).toBe(empty)
  })

  test('payload and Correlation Data go out byte for byte', () => {
    expect([...format('%p|%D', bare)]).toEqual([0xff, 0x00, 0x7c])
    expect([...format('%D')]).toEqual([0, 255])
  })

  test('%j is one line of JSON with everything that the message has', () => {
    expect(JSON.parse(format('%j').toString())).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      topic: 'plant/3/temp',
      qos: 1,
      retain: true,
      packetIdentifier: 7,
      payloadLength: 6,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: 'text/plain',
        responseTopic: 'answer/here',
        correlationData: 'AP8=',
        userProperties: [
          ['a', '1'],
          ['b', '2'],
        ],
        subscriptionIdentifiers: [3, 4],
      },
      payload: '21 °C',
    })
    expect(format('%j').toString()).not.toContain('\n')
  })

  test('%j has no properties where there are none, and other payloads than UTF-8 as base64', () => {
    expect(JSON.parse(format('%j', bare).toString())).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      topic: 'plant/3/temp',
      qos: 0,
      retain: false,
      payloadLength: 2,
      payloadBase64: '/wA=',
    })
  })

  test.each([
    ['%y', '%y'],
    ['a%', '%'],
    ['\\x', '\\x'],
    ['%\n', '%\n'],
    ['%toString', undefined],
  ])('%j', (text, culprit) => {
    if (culprit === undefined) expect(format(text).toString()).toBe('plant/3/tempoString')
    else expect(() => parseOutputFormat(text)).toThrow(`has no meaning for '${culprit}'`)
  })
})

describe('without -F', () => {
  const plain = (isVerbose: boolean, of: Publish) => Buffer.from(plainFormat(isVerbose)(of, at))

  test('it is the payload; with -v the topic before it, and (null) for nothing', () => {
    expect(plain(false, message).toString()).toBe('21 °C')
    expect(plain(true, message).toString()).toBe('plant/3/temp 21 °C')
    expect(plain(true, { ...message, payload: bytes('') }).toString()).toBe('plant/3/temp (null)')
    expect(plain(false, { ...message, payload: bytes('') })).toHaveLength(0)
  })
})
