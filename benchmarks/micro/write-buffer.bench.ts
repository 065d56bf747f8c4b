/** What leaves in one write: 600 packets of 100 bytes, beside collecting them for Buffer.concat. */
import { strict as assert } from 'node:assert'
import { WriteBuffer, writePools } from '../../packages/broker/src/write-buffer.ts'
import { Peer } from '../harness/loopback.ts'
import type { Suite } from '../harness/suite.ts'

const PACKETS = 600
const SIZE = 100

const chunk = Buffer.alloc(PACKETS * SIZE, 0x61)
const peer = new Peer()
const buffer = new WriteBuffer(writePools(), peer)

function append(): number {
  const before = peer.received
  for (let i = 0; i < PACKETS; i++) {
    const offset = buffer.reserve(4)
    buffer.bytes[offset] = 0x40
    buffer.bytes[offset + 1] = 2
    buffer.bytes[offset + 2] = i >> 8
    buffer.bytes[offset + 3] = i
  }
  buffer.flush()
  return peer.received - before
}

function concat(): number {
  const parts: Buffer[] = []
  for (let i = 0; i < PACKETS; i++) parts.push(Buffer.of(0x40, 2, i >> 8, i))
  return Buffer.concat(parts).length
}

function refer(): number {
  const before = peer.received
  for (let i = 0; i < PACKETS; i++) buffer.refer(chunk, i * SIZE, (i + 1) * SIZE)
  buffer.flush()
  return peer.received - before
}

function concatPackets(): number {
  const parts: Buffer[] = []
  for (let i = 0; i < PACKETS; i++) parts.push(chunk.subarray(i * SIZE, (i + 1) * SIZE))
  return Buffer.concat(parts).length
}

export default {
  name: 'write-buffer',
  rival: 'Buffer.concat',
  cases: [
    {
      name: 'reserve, write and flush',
      operations: PACKETS,
      ours: append,
      rival: concat,
      assertEqualWork: () => assert.equal(append(), concat()),
    },
    {
      name: 'refer and flush',
      operations: PACKETS,
      ours: refer,
      rival: concatPackets,
      assertEqualWork: () => assert.equal(refer(), concatPackets()),
    },
  ],
} satisfies Suite
