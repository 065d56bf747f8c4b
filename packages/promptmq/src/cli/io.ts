import type { Readable, Writable } from 'node:stream'
import { describeError, ExitCode } from './errors.ts'

/** What a command is connected to: the process, or a test. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /**
   * Aborted when the command is asked to end (SIGINT, SIGTERM), or when nobody takes its output any
   * more. Only who calls it keeps the process from ending by itself on a signal.
   */
  interruption(): AbortSignal
}

/** Writes and waits until it is written. Never rejects: a stream that broke takes anything. */
export function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(chunk, () => resolve())
  })
}

/**
 * The process as a command's surroundings. When output cannot be written the command is asked to
 * end; unless its reader has only gone away (`promptmq sub | head -1`), that is a failure.
 */
export function processIo(): Io {
  const { stdin, stdout, stderr } = process
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && !controller.signal.aborted) {
      stderr.write(`promptmq: standard output: ${describeError(error)}\n`)
      process.exitCode = ExitCode.Failure
    }
    abort()
  })
  stderr.on('error', abort)
  return {
    stdin,
    stdout,
    stderr,
    interruption() {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, abort)
      return controller.signal
    },
  }
}
