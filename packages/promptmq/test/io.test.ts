import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { processIo } from '../src/cli/io.ts'

/** Gives the process other streams, whose errors the test can cause. */
function fakeProcess() {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() }
  vi.spyOn(process, 'stdout', 'get').mockReturnValue(streams.stdout as never)
  vi.spyOn(process, 'stderr', 'get').mockReturnValue(streams.stderr as never)
  const io = processIo()
  return { ...streams, io }
}

const failure = (code: string, errno: number) =>
  Object.assign(new Error(code), { code, errno, syscall: 'write' })

const listenersBefore = new Set(
  ['SIGINT', 'SIGTERM'].flatMap((signal) => process.listeners(signal)),
)

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    for (const listener of process.listeners(signal)) {
      if (!listenersBefore.has(listener)) process.off(signal, listener)
    }
  }
})

describe('processIo', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s interrupts who asked for it, once', (signal) => {
    const { io } = fakeProcess()
    const before = process.listenerCount(signal)
    const interruption = io.interruption()
    expect(process.listenerCount(signal)).toBe(before + 1)
    expect(interruption.aborted).toBe(false)
    process.emit(signal)
    expect(interruption.aborted).toBe(true)
    // The second one ends the process, as if nobody listened.
    expect(process.listenerCount(signal)).toBe(before)
  })

  test('a reader that has gone interrupts, and is no failure', () => {
    const { io, stdout, stderr } = fakeProcess()
    stdout.emit('error', failure('EPIPE', -32))
    expect(io.interruption().aborted).toBe(true)
    expect(process.exitCode).toBeUndefined()
    expect(stderr.read()).toBeNull()
  })

  test('output that cannot be written is a failure, told once', () => {
    const { io, stdout, stderr } = fakeProcess()
    stdout.emit('error', failure('ENOSPC', -28))
    stdout.emit('error', failure('ENOSPC', -28))
    expect(io.interruption().aborted).toBe(true)
    expect(process.exitCode).toBe(1)
    expect(String(stderr.read())).toBe(
      'promptmq: standard output: cannot write: no space left on device (ENOSPC)\n',
    )
  })

  test('an stderr that is gone interrupts', () => {
    const { io, stderr } = fakeProcess()
    stderr.emit('error', failure('EPIPE', -32))
    expect(io.interruption().aborted).toBe(true)
  })
})
