import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BufferPool, type BufferPoolOptions, type PooledBuffer } from '../src/index.ts'

describe('BufferPool', () => {
  test('lends what came back, the last first', () => {
    const pool = new BufferPool({ bufferSize: 64 })
    const [first, second] = [pool.take(), pool.take()]
    expect(first.bytes).not.toBe(second.bytes)
    pool.release(first)
    pool.release(second)
    expect(pool.take()).toBe(second)
    expect(pool.take()).toBe(first)
  })

  test('keeps no more than its bound', () => {
    const pool = new BufferPool({ bufferSize: 64, maximumFree: 2 })
    const buffers = Array.from({ length: 5 }, () => pool.take())
    expect(pool).toMatchObject({ lentCount: 5, freeCount: 0 })
    for (const buffer of buffers) pool.release(buffer)
    expect(pool).toMatchObject({ lentCount: 0, freeCount: 2 })
  })

  test('never lends one that was abandoned again', () => {
    const pool = new BufferPool({ bufferSize: 64 })
    const buffer = pool.take()
    pool.abandon(buffer)
    expect(pool).toMatchObject({ lentCount: 0, freeCount: 0 })
    expect(pool.take()).not.toBe(buffer)
  })

  test.each(['release', 'abandon'] as const)(
    '%s twice is misuse, and changes nothing',
    (method) => {
      const pool = new BufferPool({ bufferSize: 64 })
      const buffer = pool.take()
      pool[method](buffer)
      const before = { lentCount: pool.lentCount, freeCount: pool.freeCount }
      for (const again of ['release', 'abandon'] as const) {
        expect(() => pool[again](buffer)).toThrow(
          expect.objectContaining({ code: 'ERR_PROMPTMQ_STATE', field: 'buffer' }),
        )
      }
      expect(pool).toMatchObject(before)
    },
  )

  test('counts what is lent, and lends nothing to two, whatever is done', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('take', 'release', 'abandon'), fc.nat()))
    fc.assert(
      fc.property(steps, fc.nat(4), (list, maximumFree) => {
        const pool = new BufferPool({ bufferSize: 64, maximumFree })
        const lent: PooledBuffer[] = []
        for (const [step, at] of list) {
          if (step === 'take') {
            const buffer = pool.take()
            expect(lent).not.toContain(buffer)
            lent.push(buffer)
          } else if (lent.length > 0) {
            const [buffer] = lent.splice(at % lent.length, 1)
            pool[step as 'release' | 'abandon'](buffer!)
          }
          expect(pool.lentCount).toBe(lent.length)
          expect(pool.freeCount).toBeLessThanOrEqual(maximumFree)
        }
      }),
    )
  })

  test('makes its buffers as it is told', () => {
    const pool = new BufferPool({ bufferSize: 128, allocate: (size) => Buffer.alloc(size, 7) })
    expect(pool.take().bytes.toString('hex')).toBe('07'.repeat(128))
    expect(new BufferPool().take().bytes).toHaveLength(65_536)
  })

  test.each<[string, unknown]>([
    ['bufferSize', 63],
    ['bufferSize', Number.NaN],
    ['bufferSize', 2 ** 30 + 1],
    ['maximumFree', -1],
    ['maximumFree', Number.POSITIVE_INFINITY],
    ['maximumFree', '4'],
  ])('%s: %o is refused by name', (field, value) => {
    expect(() => new BufferPool({ [field]: value } as BufferPoolOptions<Uint8Array>)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field }),
    )
  })
})
