import { REASON_CODE_NAMES } from '@promptmq/codec'

/**
 * The connection to a server cannot be made or has ended, or the server refuses what was asked of
 * it. The message is one line that names the server.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError'
}

/** A Reason Code as one reads it: `Not authorized (0x87)`, with the Reason String if there is one. */
export function describeReason(reasonCode: number, reasonString?: string): string {
  const name = REASON_CODE_NAMES.get(reasonCode) ?? 'unknown Reason Code'
  const number = `0x${reasonCode.toString(16).toUpperCase().padStart(2, '0')}`
  return `${name} (${number})${reasonString === undefined ? '' : `: ${reasonString}`}`
}
