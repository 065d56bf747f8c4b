import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAll, readLines } from '../src/cli/input.ts'

const never = new AbortController().signal

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(Readable.from(chunks), never)) {
    lines.push(Buffer.from(line).toString('latin1'))
  }
  return lines
}

describe('readLines', () => {
  test('a line is what lies between newlines; empty ones are left out', async () => {
    expect(await linesOf([Buffer.from('a\n\nb\r\n\xff', 'latin1')])).toEqual(['a', 'b\r', 'ÿ'])
    expect(await linesOf([])).toEqual([])
  })

  test('how the stream is cut makes no difference', async () => {
    const text = fc.array(fc.constantFrom('\n', 'a', 'bc', 'é'), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
        async (parts, sizes) => {
          const bytes = Buffer.from(parts.join(''))
          const chunks: Uint8Array[] = []
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value
            chunks.push(bytes.subarray(at, at + size))
            at += size
          }
          const expected = bytes
            .toString('latin1')
            .split('\n')
            .filter((line) => line !== '')
          expect(await linesOf(chunks)).toEqual(expected)
        },
      ),
    )
  })

  test('ends where it is when it is told to stop', async () => {
    const stream = new PassThrough()
    const controller = new AbortController()
    const lines = readLines(stream, controller.signal)
    stream.write('a\nb')
    expect((await lines.next()).value).toEqual(Buffer.from('a'))
    const next = lines.next()
    controller.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(stream.destroyed).toBe(true)
  })

  test('reads nothing when it is told to stop beforehand', async () => {
    const stream = new PassThrough()
    expect(await readLines(stream, AbortSignal.abort()).next()).toMatchObject({ done: true })
    expect(stream.destroyed).toBe(true)
  })

  test('an error of the stream goes through', async () => {
    const stream = new PassThrough()
    const next = readLines(stream, never).next()
    stream.destroy(new Error('broken'))
    await expect(next).rejects.toThrow('broken')
  })
})

test('readAll gives all bytes', async () => {
  expect(await readAll(Readable.from([Buffer.from('a\n'), Buffer.from('b')]))).toEqual(
    Buffer.from('a\nb'),
  )
})
