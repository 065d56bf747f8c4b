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

const FIRST_BYTE = 0x50

/** PUBREC (§3.5) the first answer to a PUBLISH at QoS 2. */
export interface Pubrec extends Acknowledgement {
  readonly type: 'pubrec'
}

/** What is left out is as in {@link AcknowledgementInput}. */
export interface PubrecInput extends AcknowledgementInput {
  readonly type?: 'pubrec'
}

/**
 * Decodes one whole PUBREC that lies in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 */
export function decodePubrec(
  header: AcknowledgementHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return decodeAcknowledgement(PacketType.Pubrec, header, context, bytes, start, end)
}

/** The object for what {@link decodePubrec} noted in `header`. */
export function readPubrec(header: AcknowledgementHeader, bytes: Uint8Array): Pubrec {
  return readAcknowledgement('pubrec', header, bytes)
}

/** Writes what `acknowledgementSize` has checked; returns the offset after the last byte. */
export function encodePubrec(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: PubrecInput,
): number {
  return encodeAcknowledgement(target, offset, FIRST_BYTE, version, packet)
}
