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

const FIRST_BYTE = 0x62 // [MQTT-3.6.1-1]

/** PUBREL (§3.6) answers PUBREC: the message is released. */
export interface Pubrel extends Acknowledgement {
  readonly type: 'pubrel'
}

/** What is left out is as in {@link AcknowledgementInput}. */
export interface PubrelInput extends AcknowledgementInput {
  readonly type?: 'pubrel'
}

/**
 * Decodes one whole PUBREL that lies in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param header - filled in; left as it was when there is a fault.
 */
export function decodePubrel(
  header: AcknowledgementHeader,
  context: DecodeContext,
  bytes: Uint8Array,
  start: number,
  end: number,
): Fault {
  return decodeAcknowledgement(PacketType.Pubrel, header, context, bytes, start, end)
}

/** The object for what {@link decodePubrel} noted in `header`. */
export function readPubrel(header: AcknowledgementHeader, bytes: Uint8Array): Pubrel {
  return readAcknowledgement('pubrel', header, bytes)
}

/** Writes what `acknowledgementSize` has checked; returns the offset after the last byte. */
export function encodePubrel(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: PubrelInput,
): number {
  return encodeAcknowledgement(target, offset, FIRST_BYTE, version, packet)
}
