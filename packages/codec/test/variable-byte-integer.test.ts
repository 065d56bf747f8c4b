import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeVariableByteInteger,
  encodeVariableByteInteger,
  INCOMPLETE,
  MALFORMED,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
} from '../src/index.ts'
import { wire } from './wire.ts'

describe('Variable Byte Integer, §1.5.5', () => {
  const values = fc.integer({ min: 0, max: VARIABLE_BYTE_INTEGER_MAX })

  // Table 1-1. Random values seldom land on a row's edge; these always do.
  test.each([
    [0, wire`00`],
    [127, wire`7f`],
    [128, wire`80 01`],
    [16_383, wire`ff 7f`],
    [16_384, wire`80 80 01`],
    [2_097_151, wire`ff ff 7f`],
    [2_097_152, wire`80 80 80 01`],
    [268_435_455, wire`ff ff ff 7f`],
  ])('[MQTT-1.5.5-1] %i has the encoding that Table 1-1 gives it', (value, encoded) => {
    const bytes = new Uint8Array(encoded.length)
    expect(encodeVariableByteInteger(bytes, 0, value)).toBe(encoded.length)
    expect(bytes).toEqual(encoded)
    expect(decodeVariableByteInteger(encoded, 0, encoded.length)).toBe(value)
    expect(variableByteIntegerSize(value)).toBe(encoded.length)
  })

  test('what is encoded is decoded, and the size follows from the value', () => {
    fc.assert(
      fc.property(values, fc.nat(9), (value, offset) => {
        const bytes = new Uint8Array(13)
        const end = encodeVariableByteInteger(bytes, offset, value)
        expect(end - offset).toBe(variableByteIntegerSize(value))
        expect(decodeVariableByteInteger(bytes, offset, end)).toBe(value)
      }),
    )
  })

  test.each([
    ['80 00', wire`80 00`],
    ['ff 80 00', wire`ff 80 00`],
    ['80 80 80 00', wire`80 80 80 00`],
  ])('[MQTT-1.5.5-1] %s is longer than its value needs, and refused', (_hex, bytes) => {
    expect(decodeVariableByteInteger(bytes, 0, bytes.length)).toBe(MALFORMED)
  })

  test('a fifth byte is not waited for', () => {
    const bytes = wire`80 80 80 80`
    expect(decodeVariableByteInteger(bytes, 0, bytes.length)).toBe(MALFORMED)
  })

  test('every proper prefix is incomplete, whatever follows it', () => {
    fc.assert(
      fc.property(values, fc.nat(255), (value, poison) => {
        const bytes = new Uint8Array(5)
        const end = encodeVariableByteInteger(bytes, 0, value)
        for (let cut = 0; cut < end; cut++) {
          const chunk = bytes.slice().fill(poison, cut)
          expect(decodeVariableByteInteger(chunk, 0, cut)).toBe(INCOMPLETE)
        }
      }),
    )
  })
})
