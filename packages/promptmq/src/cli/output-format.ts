import { isUtf8 } from 'node:buffer'
import type { Publish } from '@promptmq/codec'
import { ValueError } from './option-table.ts'

/**
 * `sub -F FORMAT`: how a message is printed. A format is text with conversions, most of which
 * mosquitto_sub has too:
 *
 *   %t topic     %p payload    %x payload, hex   %l payload's bytes   %q QoS   %r retain
 *   %m packet identifier       %I time, ISO 8601 %U time, seconds     %j JSON  %% percent sign
 *   %C Content Type            %R Response Topic %D Correlation Data  %P User Properties
 *   %E Message Expiry Interval %F Payload Format Indicator            %S Subscription Identifiers
 *
 * and the escapes \n \r \t \0 \\. What a message does not have is printed as nothing. Payload and
 * Correlation Data go out byte for byte, so a line is bytes, not a string.
 */

/** A format, taken apart once, and applied to each message. */
export type OutputFormat = (message: Publish, receivedAt: Date) => Uint8Array

type Conversion = (message: Publish, receivedAt: Date) => string | Uint8Array

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  t: ({ topicName }) => topicName,
  p: ({ payload }) => payload,
  x: ({ payload }) => hex(payload),
  X: ({ payload }) => hex(payload).toUpperCase(),
  l: ({ payload }) => String(payload.length),
  q: ({ qos }) => String(qos),
  r: ({ retain }) => (retain ? '1' : '0'),
  m: ({ packetIdentifier }) => String(packetIdentifier ?? 0),
  I: (_message, receivedAt) => receivedAt.toISOString(),
  U: (_message, receivedAt) => (receivedAt.getTime() / 1000).toFixed(3),
  j: toJson,
  C: ({ properties }) => properties.contentType ?? '',
  R: ({ properties }) => properties.responseTopic ?? '',
  D: ({ properties }) => properties.correlationData ?? '',
  P: ({ properties }) =>
    properties.userProperties.map(([name, value]) => `${name}:${value}`).join(' '),
  E: ({ properties }) => String(properties.messageExpiryInterval ?? ''),
  F: ({ properties }) => String(properties.payloadFormatIndicator ?? ''),
  S: ({ properties }) => properties.subscriptionIdentifiers.join(' '),
  '%': () => '%',
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
}

const encoder = new TextEncoder()

/**
 * @throws ValueError for a conversion or escape that there is not.
 */
export function parseOutputFormat(format: string): OutputFormat {
  const parts: (Uint8Array | Conversion)[] = []
  // A '%' or '\' with what follows it, or the text between two of them.
  for (const [piece] of format.matchAll(/[%\\].?|[^%\\]+/gsu)) {
    const sign = piece[0]
    const letter = piece.slice(1)
    if (sign !== '%' && sign !== '\\') {
      parts.push(encoder.encode(piece))
      continue
    }
    const found = (sign === '%' ? CONVERSIONS : ESCAPES)[letter]
    if (found === undefined) throw new ValueError(`has no meaning for '${piece}'`)
    parts.push(typeof found === 'string' ? encoder.encode(found) : found)
  }
  return (message, receivedAt) => {
    const pieces = parts.map((part) => {
      const piece = typeof part === 'function' ? part(message, receivedAt) : part
      return typeof piece === 'string' ? encoder.encode(piece) : piece
    })
    return Buffer.concat(pieces)
  }
}

/** What is printed without `-F`: the payload; with `-v` the topic before it. */
export function plainFormat(isVerbose: boolean): OutputFormat {
  if (!isVerbose) return ({ payload }) => Uint8Array.from(payload)
  return ({ topicName, payload }) =>
    Buffer.concat([
      encoder.encode(`${topicName} `),
      payload.length === 0 ? encoder.encode('(null)') : payload,
    ])
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** One line; a payload that is no UTF-8 stands in it as `payloadBase64`. */
function toJson(message: Publish, receivedAt: Date): string {
  const { topicName, qos, retain, payload, packetIdentifier, properties } = message
  const { correlationData, userProperties, subscriptionIdentifiers, ...rest } = properties
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  // JSON leaves out what is undefined.
  const present = {
    ...rest,
    correlationData: correlationData && Buffer.from(correlationData).toString('base64'),
    userProperties: userProperties.length > 0 ? userProperties : undefined,
    subscriptionIdentifiers:
      subscriptionIdentifiers.length > 0 ? subscriptionIdentifiers : undefined,
  }
  const hasProperties = Object.values(present).some((value) => value !== undefined)
  return JSON.stringify({
    time: receivedAt.toISOString(),
    topic: topicName,
    qos,
    retain,
    packetIdentifier,
    payloadLength: payload.length,
    properties: hasProperties ? present : undefined,
    ...(isUtf8(payload)
      ? { payload: bytes.toString('utf8') }
      : { payloadBase64: bytes.toString('base64') }),
  })
}
