import { describe, expect, test } from 'vitest'
import { PeerLog, printable } from '../src/peer-log.ts'

interface Line {
  readonly level: string
  readonly fields: object
  readonly message: string
}

function recorder() {
  const lines: Line[] = []
  const record = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const logger = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  }
  return { lines, logger }
}

describe('printable', () => {
  test.each([
    ['a\r\nb', 'a\\u000d\\u000ab'],
    ['\u001b[31m', '\\u001b[31m'],
    ['\u007f\u009b', '\\u007f\\u009b'],
    ['abc\u202edcb', 'abc\\u202edcb'],
    ['\u2028\u2029\u2066\u2069', '\\u2028\\u2029\\u2066\\u2069'],
    ['\u200b\ufeff\uffff', '\\u200b\\ufeff\\uffff'],
    ['plant/3 é 漢字 😀', 'plant/3 é 漢字 😀'],
  ])('%j becomes %j', (value, shown) => {
    expect(printable(value)).toBe(shown)
  })

  test('is cut, and a pair that is cut apart leaves no half', () => {
    expect(printable('x'.repeat(256))).toBe('x'.repeat(256))
    expect(printable('x'.repeat(65_535))).toBe(`${'x'.repeat(256)}...`)
    expect(printable(`${'x'.repeat(255)}😀`).isWellFormed()).toBe(true)
  })
})

describe('PeerLog', () => {
  test('escapes message and strings, and leaves alone what else there is', () => {
    const { lines, logger } = recorder()
    const error = new Error('x')
    const log = new PeerLog(logger, () => 0)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      log[level]({ client: 'a\n', count: 1, error }, 'm\n')
    }
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'info', 'warn', 'error'])
    for (const { fields, message } of lines) {
      expect(fields).toEqual({ client: 'a\\u000a', count: 1, error })
      expect(message).toBe('m\\u000a')
    }
  })

  test('writes 100 lines a second, counts the others, and all that is debug', () => {
    const { lines, logger } = recorder()
    let now = 5_000
    const log = new PeerLog(logger, () => now)
    for (let i = 0; i < 60; i++) {
      log.info({ i }, 'one')
      log.warn({ i }, 'two')
      log.error({ i }, 'three')
    }
    expect(lines).toHaveLength(100)
    log.debug({}, 'detail')
    expect(lines).toHaveLength(101)
    now = 6_000
    log.info({ i: 60 }, 'one')
    expect(lines.at(-1)!.fields).toEqual({ i: 60, leftOut: 80 })
    log.info({ i: 61 }, 'one')
    expect(lines.at(-1)!.fields).toEqual({ i: 61 })
  })
})
