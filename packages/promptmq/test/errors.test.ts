import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { describeError } from '../src/cli/errors.ts'

const systemError = (properties: object) => Object.assign(new Error('raw'), properties)

describe('describeError', () => {
  test.each([
    [
      systemError({
        syscall: 'listen',
        code: 'EADDRINUSE',
        errno: -98,
        address: '127.0.0.1',
        port: 1883,
      }),
      'cannot listen on 127.0.0.1:1883: address already in use (EADDRINUSE)',
    ],
    [
      systemError({
        syscall: 'listen',
        code: 'EADDRINUSE',
        errno: -98,
        address: '::1',
        port: 1883,
      }),
      'cannot listen on [::1]:1883: address already in use (EADDRINUSE)',
    ],
    [
      systemError({ syscall: 'listen', code: 'EACCES', errno: -13, address: '/run/x.sock' }),
      'cannot listen on /run/x.sock: permission denied (EACCES)',
    ],
    [
      systemError({ syscall: 'getaddrinfo', code: 'ENOTFOUND', hostname: 'x.invalid' }),
      'cannot find the address of x.invalid: ENOTFOUND',
    ],
    [
      systemError({ syscall: 'write', code: 'ENOSPC', errno: -28 }),
      'cannot write: no space left on device (ENOSPC)',
    ],
    [
      systemError({ syscall: 'fsync', code: 'EIO', errno: -5, path: 'x' }),
      'cannot fsync x: i/o error (EIO)',
    ],
    [systemError({ syscall: 'fsync', code: 5 }), 'raw'],
    [new AggregateError([systemError({ syscall: 'read', code: 'EIO' })]), 'cannot read: EIO'],
    [new AggregateError([], 'all failed'), 'all failed'],
    [new Error('first\n  second\n'), 'first second'],
    [new RangeError(), 'RangeError'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
  ])('%o', (error, message) => {
    expect(describeError(error)).toBe(message)
  })

  test("Node's own errors have the shape that is expected of them", async () => {
    const missing = await readFile('no/such/file').catch(describeError)
    expect(missing).toBe('cannot open no/such/file: no such file or directory (ENOENT)')
    const refused = await new Promise((resolve) => connect(1, '127.0.0.1').on('error', resolve))
    expect(describeError(refused)).toBe(
      'cannot connect to 127.0.0.1:1: connection refused (ECONNREFUSED)',
    )
  })
})
