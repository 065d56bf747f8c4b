import type { StoreRecord } from '@promptmq/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packBatch, unpackBatch } from '../src/packing.ts'

const number = fc.maxSafeNat()
const nullable = fc.option(number)
const bytes = fc.uint8Array({ maxLength: 20 })
const text = fc.string({ unit: 'grapheme' })
const qos = fc.constantFrom(0, 1, 2)
const session = number
const position = number
const message = number
const packetIdentifier = number
const topicName = text
const topicFilter = text

const FIELDS = {
  sessionPut: {
    session,
    clientId: text,
    owner: text,
    sessionExpiryInterval: number,
    expiresAt: nullable,
  },
  sessionDelete: { session },
  subscriptionPut: { session, topicFilter, options: number, subscriptionIdentifier: number },
  subscriptionDelete: { session, topicFilter },
  messagePut: {
    message,
    topicName,
    payload: bytes,
    properties: bytes,
    qos,
    retain: fc.boolean(),
    expiresAt: nullable,
    publisher: text,
  },
  queueAdd: {
    session,
    position,
    message,
    qos,
    retain: fc.boolean(),
    subscriptionIdentifiers: fc.array(number),
    sharedFilter: fc.option(fc.string()),
  },
  queueSent: { session, position, packetIdentifier },
  queueReleased: { session, position },
  queueDelete: { session, position },
  receivedAdd: { session, packetIdentifier },
  receivedDelete: { session, packetIdentifier },
  retainedPut: { topicName, message },
  retainedDelete: { topicName },
  willPut: {
    session,
    topicName,
    payload: bytes,
    properties: bytes,
    qos,
    retain: fc.boolean(),
    messageExpiryInterval: nullable,
    willDelayInterval: number,
    publishAt: nullable,
  },
  willDelete: { session },
} satisfies Record<StoreRecord['kind'], Record<string, fc.Arbitrary<unknown>>>

const records = fc.oneof(
  ...Object.entries(FIELDS).map(([kind, fields]) =>
    fc.record<Record<string, unknown>>({ kind: fc.constant(kind), ...fields }),
  ),
) as fc.Arbitrary<unknown> as fc.Arbitrary<StoreRecord>

describe('a packed batch', () => {
  test('unpacks to the same records after a clone', () => {
    fc.assert(
      fc.property(fc.array(records), (batch) => {
        const packed = packBatch(batch)
        const { buffer } = packed.bytes
        const cloned = structuredClone(packed, { transfer: [buffer] })
        expect(unpackBatch(cloned)).toEqual(batch)
      }),
    )
  })

  test('carries the bytes of a view, not the buffer behind it', () => {
    const pool = Buffer.alloc(100_000)
    const payload = pool.subarray(500, 510)
    const properties = pool.subarray(0, 0)
    const batch = [{ kind: 'messagePut', payload, properties }] as unknown as StoreRecord[]
    expect(packBatch(batch).bytes.buffer.byteLength).toBe(10)
  })

  test.each([
    ['an unknown kind', { kind: 'leapSecond' }, "unknown kind 'leapSecond'"],
    ['the name of a method', { kind: 'toString' }, "unknown kind 'toString'"],
    ['text for a payload', { kind: 'messagePut', payload: 'text' }, 'messagePut.payload'],
    ['no payload', { kind: 'willPut' }, 'willPut.payload is not a Uint8Array'],
  ])('refuses %s', (_what, record, text) => {
    expect(() => packBatch([record as unknown as StoreRecord])).toThrow(text)
  })
})
