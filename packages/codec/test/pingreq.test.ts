import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decodePingreq,
  decodePingresp,
  encodePingreq,
  encodePingresp,
  Fault,
  pingreqSize,
  pingrespSize,
} from '../src/index.ts'
import { wire } from './wire.ts'

describe.each([
  {
    name: 'PINGREQ',
    decode: decodePingreq,
    encode: encodePingreq,
    size: pingreqSize,
    bytes: wire`c0 00`,
  },
  {
    name: 'PINGRESP',
    decode: decodePingresp,
    encode: encodePingresp,
    size: pingrespSize,
    bytes: wire`d0 00`,
  },
])('$name', ({ decode, encode, size, bytes }) => {
  test('is two bytes', () => {
    const target = new Uint8Array(4).fill(0xaa)
    expect(size()).toBe(2)
    expect(encode(target, 1)).toBe(3)
    expect(target).toEqual(Uint8Array.of(0xaa, ...bytes, 0xaa))
  })

  test('has nothing in it', () => {
    const context = new DecodeContext()
    expect(decode(context, bytes, 2, 2)).toBe(Fault.None)
    expect(decode(context, wire`c0 01 00`, 2, 3)).toBe(Fault.RemainingLengthImpossible)
  })
})
