import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'

/** PINGREQ (§3.12): the client is there, and asks whether the server is. Two bytes in every version. */
export interface Pingreq {
  readonly type: 'pingreq'
}

/** Decodes one whole PINGREQ: there is nothing in `bytes[start..end)`. */
export function decodePingreq(
  _context: DecodeContext,
  _bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return start === end ? Fault.None : Fault.RemainingLengthImpossible
}

/** Size of the whole packet. */
export function pingreqSize(): number {
  return 2
}

/** @returns the offset after the last byte written. */
export function encodePingreq(target: Uint8Array, offset: number): number {
  target[offset] = 0xc0
  target[offset + 1] = 0
  return offset + 2
}
