import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type HeldPacket, HeldPackets } from '../src/held-packets.ts'

const LIMIT = 100

function packet(bytes: Uint8Array): HeldPacket {
  return { size: bytes.length, content: bytes, retain: false, identifiers: [] }
}

test('the youngest that fit are kept, in order', () => {
  const property = fc.property(
    fc.array(fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant('shift')), { maxLength: 50 }),
    (steps) => {
      const held = new HeldPackets()
      const model: number[] = []
      const sum = () => model.reduce((all, size) => all + size, 0)
      for (const step of steps) {
        if (typeof step === 'string') {
          expect(held.shift()?.size).toBe(model.shift())
        } else {
          let droppedCount = 0
          if (step > LIMIT) droppedCount = 1
          else {
            for (model.push(step); sum() > LIMIT; model.shift()) droppedCount++
          }
          expect(held.push(packet(new Uint8Array(step)), LIMIT)).toBe(droppedCount)
        }
        expect(held.byteSize).toBe(sum())
        expect(held.isEmpty).toBe(model.length === 0)
      }
    },
  )
  fc.assert(property)
})

test('its own memory is let go as it moves on', () => {
  const held = new HeldPackets()
  for (let i = 0; i < 5_000; i++) {
    held.push(packet(Uint8Array.of(i & 0xff)), 10)
    if (i >= 5) expect(held.shift()!.content).toEqual(Uint8Array.of((i - 5) & 0xff))
  }
  expect(held.byteSize).toBe(5)
})
