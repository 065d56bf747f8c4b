/**
 * However a stream is cut into chunks, the packets are the same, byte for byte, and so is the fault; and
 * memory grows with the bytes that arrive, and goes when nothing is unread: once `next` has returned 0,
 *
 *   keptSize <= max(64, 2 * arrived), and <= 4096 with nothing unread
 *
 *   stream      | packet 0 | packet 1 | ...
 *   chunks      | lent | lent | lent | ...      each is spoiled once `next` has returned 0
 *
 * The salt decides the sizes, and whether the connection stops in mid-chunk and calls `keep()`.
 */
import type { PacketDecoder } from '../../src/index.ts'
import { copy } from '../inputs/draft.ts'
import { mix } from '../random.ts'
import { insist } from './law.ts'
import type { Seen, Trial } from './trial.ts'

const SPOILED = 0xee
/** A stream is cut into about as many chunks as this, so that long ones cost no more a byte. */
const MOST_CHUNKS = 64
/** Streams up to this also arrive byte by byte: two of 64 do, since each byte costs a call. */
const LONGEST_BYTEWISE = 4096
const BYTEWISE_IN_64 = 2

/** The least that a decoder takes at once, and what it holds on to between packets. */
const SMALLEST_KEPT = 64
const RETAINED = 4096

const Keep = { EveryChunk: 0, EveryPacket: 1 } as const

let room = new Uint8Array(1 << 16)

export function checkChunking(trial: Trial, salt: number): void {
  const { bytes, packets } = trial
  const keeps = (salt >>> 12) & 7
  const largest = largestChunk(salt, bytes.length)
  const decoder = trial.newDecoder()
  let state = mix(salt, 0x63686f70)
  let count = 0
  for (let pushed = 0; pushed < bytes.length; ) {
    state = mix(state, pushed)
    const wanted = 1 + (((state >>> 0) * largest * 2 ** -32) >>> 0)
    const chunk = lend(bytes, pushed, Math.min(wanted, bytes.length - pushed))
    pushed += chunk.length
    decoder.push(chunk)
    if (keeps === Keep.EveryChunk) decoder.keep()
    while (decoder.next() !== 0) {
      const packet = packets[count++]
      insist(packet !== undefined, 'chunking', 'cut, the stream has more packets')
      checkPacket(trial, decoder, packet, pushed)
      if (packet.fault !== 0) break
      if (keeps === Keep.EveryPacket) decoder.keep()
    }
    if (trial.isRefused && count === packets.length) return
    chunk.fill(SPOILED)
    checkMemory(decoder, chunk, pushed)
  }
  insist(count === packets.length, 'chunking', 'cut, the stream has fewer packets')
  insist(decoder.fault === trial.framingFault, 'chunking', 'cut, the stream has another fault')
  if (decoder.fault === 0) {
    const isSame = decoder.unreadSize === trial.unreadSize
    insist(isSame, 'chunking', 'cut, another part of the stream is unread')
  } else {
    const isSame = decoder.firstByte === trial.framingByte
    insist(isSame, 'chunking', 'cut, the fault is at another header')
    checkAfterFault(decoder)
  }
}

/** The largest chunk that the salt lets a stream of this size be cut into. */
function largestChunk(salt: number, size: number): number {
  const choice = (salt >>> 16) & 63
  if (choice < BYTEWISE_IN_64 && size <= LONGEST_BYTEWISE) return 1
  const least = Math.ceil(size / MOST_CHUNKS)
  return choice < 10 ? Math.max(least, 4) : choice < 26 ? Math.max(least, 16) : size
}

function lend(bytes: Uint8Array, from: number, size: number): Uint8Array {
  if (size > room.length) room = new Uint8Array(2 * size)
  const view = room.subarray(0, size)
  copy(view, 0, bytes, from, size)
  return view
}

/** Compares the packet shown with the one that the reference pass saw. */
function checkPacket(trial: Trial, decoder: PacketDecoder, packet: Seen, pushed: number): void {
  const { bytes, packetStart, start, end, type, flags } = decoder
  const isThere =
    pushed - decoder.unreadSize === packet.end &&
    end - packetStart === packet.end - packet.start &&
    end - start === packet.end - packet.bodyStart
  insist(isThere, 'chunking', 'cut, the stream has a packet elsewhere')
  const isOfType = type === packet.type && flags === packet.flags
  insist(isOfType, 'chunking', 'cut, the stream has a packet of another type')
  let isSame = true
  const shift = packet.start - packetStart
  for (let i = packetStart; i < end; i++) if (bytes[i] !== trial.bytes[i + shift]) isSame = false
  insist(isSame, 'chunking', 'cut, a packet has other bytes')
  trial.decodeShown(decoder)
  const isReadSo = trial.fault === packet.fault && trial.hash === packet.hash
  insist(isReadSo, 'chunking', 'cut, a packet is read otherwise')
}

function checkMemory(
  { keptSize, unreadSize, bytes }: PacketDecoder,
  chunk: Uint8Array,
  pushed: number,
): void {
  const isOfArrived = keptSize <= Math.max(SMALLEST_KEPT, 2 * pushed)
  insist(isOfArrived, 'memory', 'memory is above twice the bytes that have arrived')
  const isLetGo = unreadSize > 0 || keptSize <= RETAINED
  insist(isLetGo, 'memory', 'memory is held though nothing is unread')
  insist(bytes !== chunk, 'memory', 'the chunk is referred to after its last packet')
}

const PINGREQ = Uint8Array.of(0xc0, 0x00)

function checkAfterFault(decoder: PacketDecoder): void {
  const { fault } = decoder
  decoder.push(PINGREQ)
  const isSilent = decoder.next() === 0 && decoder.next() === 0
  insist(isSilent, 'after-fault', 'a packet is shown after a fault')
  insist(decoder.fault === fault, 'after-fault', 'the fault did not stay')
  insist(decoder.unreadSize === 0, 'after-fault', 'bytes are taken after a fault')
  insist(decoder.keptSize === 0, 'after-fault', 'memory is held after a fault')
}
