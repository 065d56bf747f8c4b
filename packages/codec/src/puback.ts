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

const FIRST_BYTE = 0x40

/** PUBACK (§3.4) answers a PUBLISH at QoS 1. */
export interface Puback extends Acknowledgement {
  readonly type: 'puback'
}

/** What is left out is as in {@link AcknowledgementInput}. */
export interface PubackInput extends AcknowledgementInput {
  readonly type?: 'puback'
}

/**
 * Decodes one whole PUBACK that lies in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 */
export function decodePuback(
  header: AcknowledgementHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return decodeAcknowledgement(PacketType.Puback, header, context, bytes, start, end)
}

/** The object for what {@link decodePuback} noted in `header`. */
export function readPuback(header: AcknowledgementHeader, bytes: Uint8Array): Puback {
  return readAcknowledgement('puback', header, bytes)
}

/** Writes what `acknowledgementSize` has checked; returns the offset after the last byte. */
export function encodePuback(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: PubackInput,
): number {
  return encodeAcknowledgement(target, offset, FIRST_BYTE, version, packet)
}
