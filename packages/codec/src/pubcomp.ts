import {
  type Acknowledgement,
  type AcknowledgementHeader,
  type AcknowledgementInput,
  decodeAcknowledgement,
  encodeAcknowledgement,
  readAcknowledgement,
} from './acknowledgement.ts'
import type { DecodeContext } from './context.ts'
import type { Fault } from './fault.ts'
import { PacketType, type ProtocolVersion } from './packet-type.ts'

const FIRST_BYTE = 0x70

/** PUBCOMP (§3.7) answers PUBREL: the exchange is complete. */
export interface Pubcomp extends Acknowledgement {
  readonly type: 'pubcomp'
}

/** What is left out is as in {@link AcknowledgementInput}. */
export interface PubcompInput extends AcknowledgementInput {
  readonly type?: 'pubcomp'
}

/**
 * Decodes one whole PUBCOMP that lies in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 */
export function decodePubcomp(
  header: AcknowledgementHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return decodeAcknowledgement(PacketType.Pubcomp, header, context, bytes, start, end)
}

/** The object for what {@link decodePubcomp} noted in `header`. */
export function readPubcomp(header: AcknowledgementHeader, bytes: Uint8Array): Pubcomp {
  return readAcknowledgement('pubcomp', header, bytes)
}

/** Writes what `acknowledgementSize` has checked; returns the offset after the last byte. */
export function encodePubcomp(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: PubcompInput,
): number {
  return encodeAcknowledgement(target, offset, FIRST_BYTE, version, packet)
}
