/**
 * No decoder looks at or past the end of its packet: each packet is decoded again where other bytes
 * lie around it, and must give the same.
 *
 *   reference   | ... | packet | the next packet, or nothing |
 *   here        | poison | packet | poison ...               |   in a large Buffer, so `bytes.length`
 *                                                                tells nothing either
 *
 * Nor does it look at what its header held before: an accepted packet is decoded into one that a rich
 * packet has filled, and a refused one into one that is frozen, since a fault must leave it as it was.
 */
import {
  DecodeContext,
  decodeAcknowledgement,
  decodePublishHeader,
  PacketType,
} from '../../src/index.ts'
import { copy } from '../inputs/draft.ts'
import { parseBytes } from '../inputs/input.ts'
import { insist } from './law.ts'
import { Headers, type Seen, type Trial } from './trial.ts'

/** Bytes that are put behind a packet: beginnings and continuations of what may be read there. */
const POISONS = [
  '00 00 00 00 00 00 00 00|ff ff ff ff ff ff ff ff|26 00 01 61 00 01 62 26|80 80 80 01 80 80 80 01',
  '01 01 02 03 23 00 05 0b|61 2f 62 61 2f 62 61 2f|c0 00 d0 00 c0 00 d0 00|23 2b bf bf bf 7f 01 00',
].flatMap((line) => line.split('|').map(parseBytes))
export const POISON_COUNT = POISONS.length
const POISON_SIZE = 8

/** Otherwise the room is full of this, so that what is read there does not depend on the past. */
const REST = 0xa5
/** Packets begin at one of these offsets. */
const OFFSETS = 8
/** Room for more than offset and poison. */
const SPARE = 64
const GAP = 24

/** Bodies with everything that is noted of one. */
const RICH_PUBLISH = parseBytes(
  '00 01 74 ff ff 11 01 01 02 00 00 00 3c 23 00 07 0b 05 0b 06 09 00 00',
)
const RICH_ANSWER = parseBytes('ff ff 00 08 1f 00 00 26 00 00 00 00')

const filled = new Headers()
const rich = richHeaders()
const frozen = new Headers()
Object.freeze(frozen.publish)
Object.freeze(frozen.acknowledgement)

const { fill } = Uint8Array.prototype
let rooms = makeRooms(1 << 16)

/** @param poison - which bytes lie behind, 0 to {@link POISON_COUNT} - 1. */
export function checkBoundaries(trial: Trial, poison: number): void {
  for (const packet of trial.packets) {
    trial.context.protocolVersion = packet.version
    decodeAgain(trial, packet, POISONS[poison]!)
  }
}

function decodeAgain(trial: Trial, packet: Seen, poison: Uint8Array): void {
  const { type, flags, fault, hash } = packet
  const { salt } = trial.setting
  const size = packet.end - packet.bodyStart
  if (size + SPARE > rooms[0]!.length) rooms = makeRooms(2 * size + SPARE)
  const room = rooms[(salt >>> 11) & 1]!
  const start = (salt >>> 8) % OFFSETS
  const end = start + size
  copy(room, start, trial.bytes, packet.bodyStart, size)
  copy(room, end, poison, 0, POISON_SIZE)
  if (type === PacketType.Publish) Object.assign(filled.publish, rich.publish)
  else Object.assign(filled.acknowledgement, rich.acknowledgement)
  trial.decode(fault === 0 ? filled : frozen, type, flags, room, start, end)
  fill.call(room, REST, start, end + POISON_SIZE)
  const isSame = trial.fault === fault && trial.hash === hash
  insist(isSame, 'bounds', 'a packet is read otherwise where other bytes lie around it')
}

function richHeaders(): Headers {
  const headers = new Headers()
  const { publish, acknowledgement } = headers
  const context = new DecodeContext()
  const { length } = RICH_ANSWER
  decodePublishHeader(publish, context, RICH_PUBLISH, 0b1101, 0, RICH_PUBLISH.length)
  decodeAcknowledgement(PacketType.Puback, acknowledgement, context, RICH_ANSWER, 0, length)
  return headers
}

/**
 * Two rooms that share one ArrayBuffer and begin in the midst of it, as the chunks of a socket do. They
 * are Buffers, whose own methods are the slower ones.
 */
function makeRooms(size: number): readonly Buffer[] {
  const memory = new ArrayBuffer(2 * size + GAP)
  return [GAP, GAP + size].map((offset) => Buffer.from(memory, offset, size).fill(REST))
}
