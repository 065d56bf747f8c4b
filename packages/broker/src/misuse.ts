/**
 * Errors of who embeds the broker: thrown synchronously at the public door, with a `code` that stays
 * the same across releases. What a peer or a disk does wrong is never one of these.
 */
export type MisuseCode =
  | 'ERR_PROMPTMQ_OPTION'
  | 'ERR_PROMPTMQ_ARGUMENT'
  | 'ERR_PROMPTMQ_TOPIC'
  | 'ERR_PROMPTMQ_CLOSED'

/** An argument or option of the wrong type. */
export function typeMisuse(code: MisuseCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code })
}

/** An argument or option out of its range, or a call that the state does not allow. */
export function rangeMisuse(code: MisuseCode, message: string): RangeError {
  return Object.assign(new RangeError(message), { code })
}
