import { VirtualTransport } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { WriteBuffer, writePools } from '../src/write-buffer.ts'

/** Keeps what it is given to write, until it is told that it is done. */
class Keeping extends VirtualTransport {
  readonly kept: Uint8Array[] = []

  override write(bytes: Uint8Array): boolean {
    this.kept.push(bytes)
    return false
  }
}

function make(transport = new VirtualTransport()) {
  const pools = writePools()
  const buffer = new WriteBuffer(pools, transport)
  const counts = () => ({
    free: pools.map(({ freeCount }) => freeCount),
    lent: pools.map(({ lentCount }) => lentCount),
  })
  return { transport, buffer, counts }
}

function append(buffer: WriteBuffer, byte: number, size = 1): void {
  const offset = buffer.reserve(size)
  buffer.bytes.fill(byte, offset, offset + size)
}

/** Bytes that all differ from their neighbours. */
function pattern(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251))
}

describe('reserve', () => {
  test('what was added leaves in one write; the buffer goes back', () => {
    const { buffer, transport, counts } = make()
    for (const byte of [1, 2, 3]) append(buffer, byte)
    expect(buffer.length).toBe(3)
    expect(counts().lent).toEqual([1, 0, 0])
    buffer.flush()
    buffer.flush()
    expect(transport.writeCount).toBe(1)
    expect(transport.taken()).toEqual(Uint8Array.of(1, 2, 3))
    expect(counts()).toEqual({ free: [1, 0, 0], lent: [0, 0, 0] })
  })

  test('little moves into a larger buffer; more than that is flushed; the largest is alone', () => {
    const { buffer, transport, counts } = make()
    const sizes = [1_000, 1_000, 60_000, 60_000, 10_000, 200_000, 131_072, 1]
    for (const [index, size] of sizes.entries()) append(buffer, index + 1, size)
    buffer.flush()
    const sent = transport.taken()
    expect(sent).toEqual(
      new Uint8Array(Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)))),
    )
    expect(transport.writeCount).toBe(5)
    expect(counts().lent).toEqual([0, 0, 0])
  })
})

describe('refer', () => {
  test('neighbours are copied together, in their place between what is encoded', () => {
    const { buffer, transport } = make()
    const chunk = pattern(300)
    append(buffer, 1)
    buffer.refer(chunk, 10, 20, true)
    buffer.refer(chunk, 20, 150, true)
    buffer.refer(chunk, 200, 203, true)
    append(buffer, 2)
    buffer.refer(chunk, 0, 300, true)
    expect(buffer.length).toBe(1 + 140 + 3 + 1 + 300)
    buffer.flush()
    const expected = [
      Buffer.of(1),
      chunk.subarray(10, 150),
      chunk.subarray(200, 203),
      Buffer.of(2),
      chunk,
    ]
    expect(transport.taken()).toEqual(new Uint8Array(Buffer.concat(expected)))
    expect(transport.writeCount).toBe(1)
  })

  test('once it is settled the chunk may change', () => {
    const { buffer, transport } = make()
    for (const size of [1, 7, 8, 9, 100, 383, 384, 385, 5_000, 131_072]) {
      const chunk = pattern(size + 2)
      buffer.refer(chunk, 1, size + 1, false)
      buffer.settle()
      chunk.fill(0xa5)
      buffer.flush()
      expect(transport.taken()).toEqual(new Uint8Array(pattern(size + 2).subarray(1, size + 1)))
    }
  })

  test('most of a chunk that is given is written from where it lies', () => {
    const { buffer, transport, counts } = make(new Keeping())
    const chunk = pattern(65_536)
    buffer.refer(chunk, 5, 60_000, true)
    buffer.flush()
    const [written] = (transport as Keeping).kept
    expect(written).toEqual(chunk.subarray(5, 60_000))
    expect(written!.buffer).toBe(chunk.buffer)
    expect(counts()).toEqual({ free: [0, 0, 0], lent: [0, 0, 0] })
    buffer.written()
  })

  test('a chunk that is lent is never written from', () => {
    const { buffer, transport } = make(new Keeping())
    const chunk = pattern(65_536)
    buffer.refer(chunk, 0, 60_000, false)
    buffer.flush()
    chunk.fill(0xa5)
    expect((transport as Keeping).kept.pop()).toEqual(pattern(65_536).subarray(0, 60_000))
  })

  test('little of a chunk is copied, so that the rest is not held', () => {
    const { buffer, transport } = make(new Keeping())
    const chunk = pattern(65_536)
    for (const [start, end] of [
      [0, 30_000],
      [0, 3_000],
    ] as const) {
      buffer.refer(chunk, start, end, true)
      buffer.flush()
      const written = (transport as Keeping).kept.pop()!
      expect(written).toEqual(chunk.subarray(start, end))
      expect(written.buffer).not.toBe(chunk.buffer)
    }
  })
})

describe('closed', () => {
  test('nothing is lent to a transport that will not tell any more, nor used by anybody else', () => {
    const { buffer, transport, counts } = make(new Keeping())
    append(buffer, 1)
    buffer.flush()
    append(buffer, 2)
    buffer.closed()
    expect(counts()).toEqual({ free: [1, 0, 0], lent: [0, 0, 0] })
    append(buffer, 3)
    expect((transport as Keeping).kept[0]![0]).toBe(1)
    buffer.written()
    expect(counts().lent).toEqual([1, 0, 0])
  })
})

describe('written', () => {
  test('a buffer that the transport reads is not lent until it is done with it', () => {
    const { buffer, transport, counts } = make(new Keeping())
    for (const byte of [1, 2]) {
      append(buffer, byte)
      buffer.flush()
    }
    expect((transport as Keeping).kept.map((bytes) => bytes[0])).toEqual([1, 2])
    expect(counts()).toEqual({ free: [0, 0, 0], lent: [2, 0, 0] })
    buffer.written()
    expect(counts()).toEqual({ free: [1, 0, 0], lent: [1, 0, 0] })
    append(buffer, 3)
    expect((transport as Keeping).kept[1]![0]).toBe(2)
    buffer.written()
    expect(counts()).toEqual({ free: [1, 0, 0], lent: [1, 0, 0] })
  })
})
