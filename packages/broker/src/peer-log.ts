import type { Logger } from './options.ts'

/** Lines a second about what peers do wrong; more are only counted. */
const LINES_PER_SECOND = 100

/** Units of a peer's text that a line shows. */
const LONGEST = 256

/**
 * Control characters, which could forge a line; what changes the direction in which one reads;
 * what is not seen at all (§5.4.9.1).
 */
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/g

/** Text of a peer as it may stand in a log line or in an error: escaped, and not without end. */
export function printable(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text
  return shown
    .toWellFormed()
    .replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * The logger for what peers do. Whatever they call themselves is escaped before a logger sees it, and
 * who misbehaves a thousand times a second fills no disk: beyond {@link LINES_PER_SECOND} lines are left
 * out, and the next one that is written tells how many. What is logged as `debug` is not limited: who
 * turns that on wants all of it.
 */
export class PeerLog implements Logger {
  readonly #logger: Logger
  readonly #now: () => number
  #second = 0
  #lineCount = 0
  #leftOutCount = 0

  /** @param now - milliseconds. */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  debug(fields: object, message: string): void {
    this.#logger.debug(escaped(fields), printable(message))
  }

  info(fields: object, message: string): void {
    if (this.#mayWrite()) this.#logger.info(this.#complete(fields), printable(message))
  }

  warn(fields: object, message: string): void {
    if (this.#mayWrite()) this.#logger.warn(this.#complete(fields), printable(message))
  }

  error(fields: object, message: string): void {
    if (this.#mayWrite()) this.#logger.error(this.#complete(fields), printable(message))
  }

  #mayWrite(): boolean {
    const second = Math.floor(this.#now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#lineCount = 0
    }
    if (this.#lineCount >= LINES_PER_SECOND) {
      this.#leftOutCount++
      return false
    }
    this.#lineCount++
    return true
  }

  #complete(fields: object): object {
    const leftOut = this.#leftOutCount
    this.#leftOutCount = 0
    return leftOut === 0 ? escaped(fields) : { ...escaped(fields), leftOut }
  }
}

/** Its strings escaped; what is no string is the embedder's own. */
function escaped(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? printable(value) : value,
    ]),
  )
}
