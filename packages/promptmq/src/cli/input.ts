import type { Readable } from 'node:stream'
import { CommandError } from './errors.ts'

/** The most that one MQTT packet can carry, and so the longest line worth gathering. */
const LINE_SIZE_MAX = 268_435_455
const NEWLINE = 0x0a

/** All that a stream has to give. */
export async function readAll(stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

/**
 * The lines of a stream, as bytes without their newline; empty ones are left out, and a last one
 * without a newline is a line too. Reads on only when the next line is asked for.
 *
 * @param stop - aborted: what was read so far was all.
 * @throws CommandError for a line that no packet can carry.
 */
export async function* readLines(
  stream: Readable,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = (): void => {
    stream.destroy()
  }
  if (stop.aborted) return end()
  stop.addEventListener('abort', end, { once: true })
  try {
    yield* splitLines(stream)
  } catch (error) {
    // Iterating a stream that is destroyed meanwhile is an error, which is expected here.
    if (!stop.aborted) throw error
  } finally {
    stop.removeEventListener('abort', end)
  }
}

async function* splitLines(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    let start = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, at)])
      parts = []
      size = 0
      start = at + 1
      if (line.length > 0) yield line
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > LINE_SIZE_MAX) throw new CommandError('a line of standard input is too long')
  }
  if (size > 0) yield Buffer.concat(parts)
}
