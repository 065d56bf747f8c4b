/**
 * Changes an input at random: by bytes, with no regard for what they mean, and by structure, as far as
 * the first packet's header and whole packets go.
 */
import type { Random } from '../random.ts'
import { copy } from './draft.ts'
import { ALL_TYPES, FORMAT_MAXIMUM, type Input, type Setting } from './input.ts'
import type { PacketWriter } from './packet-writer.ts'
import { BAD_TEXTS, INTERESTING_BYTES } from './values.ts'

/** What a client may send, and what comes first. */
const CLIENT_TYPES = 0b1101_0101_1111_1010
const CONNECT_ONLY = 0b10

/** A setting by chance: the ordinary more often than not. */
export function drawSetting(random: Random, setting: Setting): void {
  const choice = random.below(8)
  setting.version = choice < 5 ? 5 : choice < 7 ? 4 : 3
  setting.connect = random.oneIn(6) ? 1 : 0
  setting.sender = random.oneIn(2) ? 3 : 1 + random.below(2)
  setting.limits = random.oneIn(4) ? 1 : 0
  setting.text = random.oneIn(6) ? 1 : 0
  setting.accepted = ALL_TYPES
  setting.maximum = FORMAT_MAXIMUM
  if (!random.oneIn(8)) return
  if (random.oneIn(2)) setting.maximum = 2 + random.small(200)
  const some = [CLIENT_TYPES, CONNECT_ONLY, random.bits() & ALL_TYPES, ALL_TYPES]
  setting.accepted = random.pick(some)
}

/** Changes what is written one to eight times, mostly few times; `other` lends its parts. */
export function mutate(writer: PacketWriter, setting: Setting, other: Input): void {
  const { random } = writer
  let count = 1 + random.small(8)
  if (random.oneIn(16)) drawSetting(random, setting)
  while (count-- > 0) {
    if (random.oneIn(4)) mutateStructure(writer, setting, other)
    else if (writer.size > 0) mutateBytes(writer, random.below(writer.size))
  }
  if (random.oneIn(4)) repairLength(writer)
}

function mutateBytes(writer: PacketWriter, at: number): void {
  const { random, bytes, size } = writer
  switch (random.below(10)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8)
      break
    case 1:
      bytes[at] = random.pick(INTERESTING_BYTES)
      break
    case 2:
      bytes[at] = random.bits()
      break
    case 3:
      // A length by one more or less, as likely as not.
      bytes[at]! += random.oneIn(2) ? 1 : -1
      break
    case 4:
      writer.remove(at, Math.min(1 + random.small(16), size - at))
      break
    case 5:
      graft(writer, () => writer.fill(random.pick(INTERESTING_BYTES), 1 + random.small(16)))
      break
    case 6:
      graft(writer, () => writer.append(bytes, at, Math.min(at + 1 + random.small(32), size)))
      break
    case 7:
      writer.size = at
      break
    case 8:
      overwrite(writer, at, () => writer.uint16(writer.someInteger(16)))
      break
    default: {
      // Often one that means a length in the draft.
      const value = random.oneIn(2) ? random.below(size + 2) : writer.someInteger(28)
      overwrite(writer, at, () => writer.variableByteInteger(value))
    }
  }
}

/** What `write` appends is written at `at` instead, and what was behind it stays. */
function overwrite(writer: PacketWriter, at: number, write: () => void): void {
  const { size } = writer
  writer.size = at
  write()
  writer.size = Math.max(size, writer.size)
}

function mutateStructure(writer: PacketWriter, setting: Setting, other: Input): void {
  const { random, bytes, size } = writer
  switch (random.below(6)) {
    case 0:
      // The rest of another input takes over.
      writer.size = random.below(size + 1)
      writer.append(other.bytes, random.below(other.bytes.length + 1))
      break
    case 1:
      writer.append(other.bytes)
      break
    case 2:
      writer.packet(1 + random.below(15), setting)
      break
    case 3:
      writer.drawMistake()
      graft(writer, () => writer.strayProperty())
      break
    case 4:
      graft(writer, () => writer.append(random.pick(BAD_TEXTS)))
      break
    default:
      if (size > 0) bytes[0] = (bytes[0]! & 0x0f) | (random.below(16) << 4)
  }
}

/** Long enough for nearly everything that is grafted; the rest is cut off. */
const GRAFT = new Uint8Array(512)

/** What `write` appends is moved to anywhere. */
function graft(writer: PacketWriter, write: () => void): void {
  const { bytes, size } = writer
  write()
  const count = Math.min(writer.size - size, GRAFT.length)
  const at = writer.random.below(size + 1)
  copy(GRAFT, 0, bytes, size, count)
  writer.size = size
  writer.insert(at, count)
  copy(bytes, at, GRAFT, 0, count)
}

/** Makes the first packet end where the draft ends, if one byte can tell its length. */
function repairLength({ bytes, size }: PacketWriter): void {
  if (size >= 2 && size < 0x82) bytes[1] = size - 2
}
