import type { Logger } from '@promptmq/broker'

/** From the least that is told to the most. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * A line an event: time, level, message, then the fields as JSON, which also escapes what a client
 * may have put into a name. An Error is reduced to its message.
 *
 * @param level - what is less urgent than this is not written.
 */
export function createTextLogger(
  level: LogLevel,
  out: { write(line: string): unknown },
  now: () => Date = () => new Date(),
): Logger {
  const most = LOG_LEVELS.indexOf(level)
  const write = (one: LogLevel) => (fields: object, message: string) => {
    if (LOG_LEVELS.indexOf(one) > most) return
    const detail = JSON.stringify(fields, (_key, value) =>
      value instanceof Error ? value.message : value,
    )
    const line = `${now().toISOString()} ${one.padEnd(5)} ${escapeControls(message)}`
    out.write(detail === '{}' ? `${line}\n` : `${line} ${escapeControls(detail)}\n`)
  }
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') }
}

/** Control and direction characters, which could forge a line or change how one reads. */
function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
