/** Cases that encode into a buffer of a pool, packet behind packet, beside mqtt-packet's generator. */
import { strict as assert } from 'node:assert'
import { BufferPool, DecodeContext, decode, PacketDecoder } from '@promptmq/codec'
import { type IncumbentPacket, incumbentEncode } from './incumbent.ts'
import type { Case } from './suite.ts'

/** Packets in a call: what a buffer holds of the largest. */
export const PACKETS = 200

const pool = new BufferPool({ allocate: (size) => Buffer.allocUnsafeSlow(size) })

/**
 * Writes {@link PACKETS} packets from offset 0 on, after asking for each whether it fits.
 *
 * @returns the offset after the last byte.
 */
export type EncodeAll = (target: Buffer) => number

export function encodeCase(name: string, encodeAll: EncodeAll, packet: IncumbentPacket): Case {
  return {
    name,
    operations: PACKETS,
    ours: () => {
      const buffer = pool.take()
      const end = encodeAll(buffer.bytes)
      pool.release(buffer)
      return end
    },
    rival: () => generateAll(packet),
    assertEqualWork: () => assertSamePackets(encodeAll, packet),
  }
}

/** What a buffer must have left. */
export function checkRoom(target: Buffer, offset: number, size: number): void {
  if (offset + size > target.length) throw new Error('the buffer is full')
}

function generateAll(packet: IncumbentPacket): number {
  let size = 0
  for (let i = 0; i < PACKETS; i++) size += incumbentEncode(packet).length
  return size
}

/** The same packet, that is: mqtt-packet has longer forms of some. */
function assertSamePackets(encodeAll: EncodeAll, packet: IncumbentPacket): void {
  const expected = decode(incumbentEncode(packet), { protocolVersion: 5 })
  const target = Buffer.alloc(65_536)
  const decoder = new PacketDecoder(new DecodeContext())
  decoder.push(target.subarray(0, encodeAll(target)))
  let count = 0
  while (decoder.next() !== 0) {
    const bytes = target.subarray(decoder.packetStart, decoder.end)
    assert.deepEqual(decode(bytes, { protocolVersion: 5 }), expected)
    count++
  }
  assert.equal(count, PACKETS)
}
