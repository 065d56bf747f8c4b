/**
 * What the embedder does wrong: a `TypeError` or `RangeError` with a stable `code` and the path of
 * the field, thrown synchronously before a byte is written.
 */
export type MisuseCode =
  /** An option of a constructor or of `decode` or `encode`. */
  | 'ERR_PROMPTMQ_OPTION'
  /** A field of a packet to be encoded. */
  | 'ERR_PROMPTMQ_FIELD'
  /** A property of a packet to be encoded. */
  | 'ERR_PROMPTMQ_PROPERTY'
  /** A packet that cannot be encoded: of no known type, above what the format carries. */
  | 'ERR_PROMPTMQ_PACKET'
  /** A call that the object's state does not allow. */
  | 'ERR_PROMPTMQ_STATE'

/** `field` is the path in what was passed, as in `will.properties.responseTopic`. */
export interface Misuse {
  readonly code: MisuseCode
  readonly field: string
}

/** What was passed is of the wrong type. */
export function typeError(code: MisuseCode, field: string, text: string): TypeError & Misuse {
  return Object.assign(new TypeError(`${field}: ${text}`), { code, field })
}

/** What was passed is of the right type and out of its range. */
export function rangeError(code: MisuseCode, field: string, text: string): RangeError & Misuse {
  return Object.assign(new RangeError(`${field}: ${text}`), { code, field })
}

/** A call that the object's state does not allow. */
export function stateError(field: string, text: string): Error & Misuse {
  return Object.assign(new Error(`${field}: ${text}`), {
    code: 'ERR_PROMPTMQ_STATE' as const,
    field,
  })
}

/**
 * @throws TypeError for what is no number, RangeError for what is no integer in
 *   `[minimum, maximum]`.
 */
export function checkInteger(
  code: MisuseCode,
  field: string,
  value: unknown,
  minimum: number,
  maximum: number,
): asserts value is number {
  if (typeof value !== 'number') throw typeError(code, field, `must be a number, is ${show(value)}`)
  if (!Number.isInteger(value) || value < minimum || value > maximum) {
    throw rangeError(code, field, `must be an integer ${minimum} to ${maximum}, is ${value}`)
  }
}

/** @throws TypeError for what is neither `true`, `false` nor absent. */
export function checkFlag(field: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return
  throw typeError('ERR_PROMPTMQ_FIELD', field, `must be a boolean, is ${show(value)}`)
}

/** What was passed, for a message: its type, never its content, which may be a secret. */
export function show(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
