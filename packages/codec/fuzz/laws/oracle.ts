/**
 * Puts one input on trial: runs the checks and says which law is broken, if one is.
 *
 *   check        always?   laws
 *   whole        yes       throws, framing, limits
 *   boundary     yes       bounds, untouched
 *   chunking     yes       chunking, memory, after-fault
 *   objects      1 in 8    offsets, object, cursor, strings, cache, limits, filter, round-trip
 *   decode       1 in 64   decode
 *
 * The last two make, encode and compare objects and throw errors: on each input they would cost more
 * than all the others together. They depend on nothing but the packet, so that what they miss once
 * comes by again. The salt decides.
 */
import { isDeepStrictEqual } from 'node:util'
import { Fault, type Packet } from '../../src/index.ts'
import { ALL_TYPES, type Input } from '../inputs/input.ts'
import { mix } from '../random.ts'
import { checkBoundaries, POISON_COUNT } from './boundary.ts'
import { checkChunking } from './chunking.ts'
import { type Failure, failureOf, insist } from './law.ts'
import { checkObjects } from './objects.ts'
import type { Trial } from './trial.ts'

/** Other ways to cut that a thorough trial tries beside that of the salt. */
const MORE_CUTS = 32

/**
 * @param trial - in which is left what the reference pass saw.
 * @param isThorough - runs every check, with every poison and many ways to cut, whatever the salt.
 * @returns `null` when every law holds.
 */
export function judge(trial: Trial, input: Input, isThorough = false): Failure | null {
  const { salt } = input.setting
  try {
    trial.begin(input)
    checkBoundaries(trial, (salt >>> 28) % POISON_COUNT)
    checkChunking(trial, salt)
    if (isThorough) {
      for (let poison = 0; poison < POISON_COUNT; poison++) checkBoundaries(trial, poison)
      for (let i = 0; i < MORE_CUTS; i++) checkChunking(trial, cut(salt, i))
    }
    if (isThorough || (salt & 7) === 0) checkObjects(trial)
    if (isThorough || (salt & 63) === 0) checkDecode(trial)
    return null
  } catch (error) {
    return failureOf(error)
  }
}

/** Another salt, of which the first ones cut byte by byte. */
function cut(salt: number, index: number): number {
  return (mix(salt, index) & ~(63 << 16)) | (index << 16)
}

/**
 * `decode`, the door for who has one packet and wants an object: it gives what the reference pass saw
 * when the stream is one whole packet, and otherwise throws a ProtocolError with the code of the fault.
 */
function checkDecode(trial: Trial): void {
  const { setting, codec, bytes } = trial
  // What `decode` has no option for.
  if (setting.accepted !== ALL_TYPES) return
  const expected = expectedFault(trial)
  const { context } = trial.newDecoder()
  const rules = { ...context, maximumPacketSize: setting.maximum }
  let packet: Packet
  try {
    packet = codec.decode(bytes, rules)
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string }
    insist(name === 'ProtocolError', 'decode', `throws ${name}: ${message}`)
    const wanted = codec.FAULTS[expected]!.code
    insist(expected !== 0 && code === wanted, 'decode', `throws ${code}, not ${wanted}`)
    return
  }
  insist(expected === 0, 'decode', 'gives a packet where there is not exactly one')
  const { type, flags, bodyStart, end } = trial.packets[0]!
  const other = codec.decodePacket(context, type, flags, bytes, bodyStart, end)
  insist(isDeepStrictEqual(packet, other), 'decode', 'gives another packet than decodePacket')
}

function expectedFault({ packets, framingFault, unreadSize }: Trial): number {
  const [first, second] = packets
  if (first === undefined) return framingFault === 0 ? Fault.PacketTruncated : framingFault
  if (first.fault !== 0) return first.fault
  const isAll = second === undefined && framingFault === 0 && unreadSize === 0
  return isAll ? 0 : Fault.PacketOverlong
}
