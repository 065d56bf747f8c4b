/** Borrowing a buffer of 64 KB and giving it back, beside making one each time. */
import { strict as assert } from 'node:assert'
import { BufferPool } from '@promptmq/codec'
import type { Suite } from '../harness/suite.ts'

const OPERATIONS = 100
const SIZE = 65_536

const pool = new BufferPool({ bufferSize: SIZE, allocate: (size) => Buffer.allocUnsafeSlow(size) })

function borrowed(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) {
    const buffer = pool.take()
    buffer.bytes[i] = 1
    sum += buffer.bytes[i]!
    pool.release(buffer)
  }
  return sum
}

function made(): number {
  let sum = 0
  for (let i = 0; i < OPERATIONS; i++) {
    const bytes = Buffer.allocUnsafeSlow(SIZE)
    bytes[i] = 1
    sum += bytes[i]!
  }
  return sum
}

export default {
  name: 'buffer-pool',
  rival: 'Buffer.allocUnsafeSlow',
  cases: [
    {
      name: 'take and release',
      operations: OPERATIONS,
      ours: borrowed,
      rival: made,
      assertEqualWork: () => {
        assert.equal(borrowed(), made())
        assert.equal(pool.lentCount, 0)
      },
    },
  ],
} satisfies Suite
