import { PassThrough } from 'node:stream'
import type { Io } from '../src/cli/io.ts'

/** A command's surroundings in memory. */
export class FakeIo implements Io {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly #controller = new AbortController()

  interruption(): AbortSignal {
    return this.#controller.signal
  }

  /** As a signal does. */
  interrupt(): void {
    this.#controller.abort()
  }

  /** What was printed since the last call. */
  get printed(): string {
    return textOf(this.stdout)
  }

  /** What was told on stderr since the last call. */
  get told(): string {
    return textOf(this.stderr)
  }
}

function textOf(stream: PassThrough): string {
  const chunks: Buffer[] = []
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
