import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'

/** PINGRESP (§3.13): the answer to PINGREQ. Two bytes in every version. */
export interface Pingresp {
  readonly type: 'pingresp'
}

/** Decodes one whole PINGRESP: there is nothing in `bytes[start..end)`. */
export function decodePingresp(
  _context: DecodeContext,
  _bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return start === end ? Fault.None : Fault.RemainingLengthImpossible
}

/** Size of the whole packet. */
export function pingrespSize(): number {
  return 2
}

/** @returns the offset after the last byte written. */
export function encodePingresp(target: Uint8Array, offset: number): number {
  target[offset] = 0xd0
  target[offset + 1] = 0
  return offset + 2
}
