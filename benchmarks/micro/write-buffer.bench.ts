/** What leaves in one write: 600 packets of 100 bytes, beside collecting them for Buffer.concat. */
import { strict as assert } from 'node:assert'
import { copyRange } from '@promptmq/codec'
import { WriteBuffer, writePools } from '../../packages/broker/src/write-buffer.ts'
import { Peer } from '../harness/loopback.ts'
import type { Suite } from '../harness/suite.ts'

const PACKETS = 600
const SIZE = 100

const chunk = Buffer.from(Array.from({ length: PACKETS * SIZE }, (_, i) => i % 251))
const peer = new Peer()
const buffer = new WriteBuffer(writePools(), peer)
let last: Buffer | null = null

function consume(bytes: Buffer): number {
  last = bytes
  return bytes.length
}

/** The same bytes leave, in one write. */
function assertSameBytes(ours: () => number, rival: () => number): void {
  const writes: Buffer[] = []
  peer.onWrite = (bytes) => writes.push(Buffer.from(bytes))
  ours()
  peer.onWrite = null
  rival()
  assert.deepEqual(writes, [last])
}

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

function appendPackets(): number {
  const before = peer.received
  for (let i = 0; i < PACKETS; i++) {
    const offset = buffer.reserve(SIZE)
    copyRange(buffer.bytes, buffer.view, offset, chunk, i * SIZE, (i + 1) * SIZE)
  }
  buffer.flush()
  return peer.received - before
}

function copyAndConcat(): number {
  const parts: Buffer[] = []
  for (let i = 0; i < PACKETS; i++) {
    const part = Buffer.allocUnsafe(SIZE)
    chunk.copy(part, 0, i * SIZE, (i + 1) * SIZE)
    parts.push(part)
  }
  return consume(Buffer.concat(parts))
}

function concat(): number {
  const parts: Buffer[] = []
  for (let i = 0; i < PACKETS; i++) parts.push(Buffer.of(0x40, 2, i >> 8, i))
  return consume(Buffer.concat(parts))
}

function refer(): number {
  const before = peer.received
  for (let i = 0; i < PACKETS; i++) buffer.refer(chunk, i * SIZE, (i + 1) * SIZE, true)
  buffer.flush()
  return peer.received - before
}

function concatPackets(): number {
  const parts: Buffer[] = []
  for (let i = 0; i < PACKETS; i++) parts.push(chunk.subarray(i * SIZE, (i + 1) * SIZE))
  return consume(Buffer.concat(parts))
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
      assertEqualWork: () => assertSameBytes(append, concat),
    },
    {
      name: 'reserve, copy 100 bytes and flush',
      operations: PACKETS,
      ours: appendPackets,
      rival: copyAndConcat,
      assertEqualWork: () => assertSameBytes(appendPackets, copyAndConcat),
    },
    {
      name: 'refer and flush',
      operations: PACKETS,
      ours: refer,
      rival: concatPackets,
      assertEqualWork: () => assertSameBytes(refer, concatPackets),
    },
  ],
} satisfies Suite
