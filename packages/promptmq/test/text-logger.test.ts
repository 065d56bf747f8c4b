import { describe, expect, test } from 'vitest'
import { createTextLogger, LOG_LEVELS, type LogLevel } from '../src/text-logger.ts'

function logged(
  level: LogLevel,
  log: (logger: ReturnType<typeof createTextLogger>) => void,
): string[] {
  const lines: string[] = []
  const out = { write: (line: string) => lines.push(line) }
  log(createTextLogger(level, out, () => new Date('2026-01-02T03:04:05.678Z')))
  return lines
}

describe('createTextLogger', () => {
  test('a line an event: time, level, message, fields', () => {
    expect(
      logged('debug', (logger) => logger.warn({ clientId: 'c', count: 2 }, 'it happened')),
    ).toEqual(['2026-01-02T03:04:05.678Z warn  it happened {"clientId":"c","count":2}\n'])
    expect(logged('debug', (logger) => logger.info({}, 'bare'))).toEqual([
      '2026-01-02T03:04:05.678Z info  bare\n',
    ])
  })

  test.each(LOG_LEVELS.map((level, index) => [level, index + 1] as const))(
    'at level %s the %d most urgent ones are written',
    (level, count) => {
      const lines = logged(level, (logger) => {
        for (const one of LOG_LEVELS) logger[one]({}, one)
      })
      expect(lines.map((line) => line.trim().split(/\s+/).at(-1))).toEqual(
        LOG_LEVELS.slice(0, count),
      )
    },
  )

  test('an Error is its message, wherever it stands', () => {
    const [line] = logged('error', (logger) => logger.error({ error: new Error('broken') }, 'x'))
    expect(line).toContain('{"error":"broken"}')
  })

  test('what a client chose cannot forge a line or turn the text around', () => {
    const [line, ...more] = logged('info', (logger) => {
      logger.info({ clientId: 'a\nb\u202e\u009b' }, 'c\r\u001b[2J')
    })
    expect(more).toEqual([])
    expect(line!.slice(0, -1)).toMatch(/^[\x20-\x7e]+$/)
    expect(line).toContain('c\\u000d\\u001b[2J')
  })
})
