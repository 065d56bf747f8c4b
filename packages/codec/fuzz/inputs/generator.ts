/**
 * Makes the inputs of a run, one after the other: new ones by the grammar, changed ones of the corpus, and
 * seldom a giant.
 */
import { PacketType } from '../../src/index.ts'
import type { Input, Setting } from './input.ts'
import { drawSetting, mutate } from './mutator.ts'
import type { PacketWriter } from './packet-writer.ts'

/** Of so many inputs one is a giant: it takes as much time as they do. */
const GIANT_ONE_IN = 8192
const SMALLEST_GIANT = 1000
const LARGEST_GIANT = 300_000
/** What is left of an input above it, mostly: long ones say nothing that short ones do not. */
const SHORT = 100

/**
 * Writes one input, in place of the last.
 *
 * @param corpus - of inputs to change; at least one.
 */
export function generate(writer: PacketWriter, setting: Setting, corpus: readonly Input[]): void {
  const { random } = writer
  const isGiant = random.oneIn(GIANT_ONE_IN)
  const isNew = isGiant || random.below(5) < 3
  writer.size = 0
  if (isNew) drawSetting(random, setting)
  if (isGiant) {
    // Mostly a small one.
    const size = SMALLEST_GIANT + random.small(random.small(LARGEST_GIANT))
    random.pick(GIANTS)(writer, size, setting.version === 5)
  } else if (isNew) writer.stream(setting)
  else {
    const parent = random.pick(corpus)
    Object.assign(setting, parent.setting)
    writer.append(parent.bytes)
  }
  if (!isNew || random.oneIn(3)) mutate(writer, setting, random.pick(corpus))
  if (!isGiant && writer.size > SHORT && !random.oneIn(8)) writer.size = random.below(SHORT)
  setting.salt = random.bits()
}

type Giant = (writer: PacketWriter, size: number, isV5: boolean) => void

/** `a`, `é`, U+FEFF and an astral character, and only slashes. */
const NAMES = ['aé\ufeff😀', '/'].map((text) => new TextEncoder().encode(text))
const V5_WITH_PASSWORD = Uint8Array.of(0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 0x42, 0, 0)
const SUBSCRIBE = (PacketType.Subscribe << 4) | 2
const UNSUBSCRIBE = (PacketType.Unsubscribe << 4) | 2

/** What takes a parser much time or memory. */
const GIANTS: readonly Giant[] = [
  /** A payload. */
  (writer, size, isV5) => {
    writer.append(Uint8Array.of(PacketType.Publish << 4, 0, 0, 1, 0x74))
    if (isV5) writer.byte(0)
    writer.fill(writer.random.bits(), size)
    writer.closeLength(1)
  },
  /** A Topic Name. */
  (writer, size, isV5) => {
    const name = writer.random.pick(NAMES)
    const count = Math.floor(Math.min(size, 65_535) / name.length)
    writer.append(Uint8Array.of(PacketType.Publish << 4, 0))
    writer.uint16(count * name.length)
    for (let i = 0; i < count; i++) writer.append(name)
    if (isV5) writer.byte(0)
    writer.closeLength(1)
  },
  /** User Properties. */
  (writer, size) => {
    writer.append(Uint8Array.of(PacketType.Publish << 4, 0, 0, 1, 0x74, 0))
    while (writer.size < size) writer.emptyUserProperty()
    writer.closeLength(5)
    writer.closeLength(1)
  },
  /** Topic Filters and Reason Codes. */
  (writer, size, isV5) => {
    const firstByte = writer.random.pick([SUBSCRIBE, UNSUBSCRIBE, PacketType.Suback << 4])
    const item = firstByte === PacketType.Suback << 4 ? [0x80] : [0, 1, 0x61, 0]
    if (firstByte === UNSUBSCRIBE) item.pop()
    writer.append(Uint8Array.of(firstByte, 0, 0, 1))
    if (isV5) writer.byte(0)
    const bytes = Uint8Array.from(item)
    while (writer.size < size) writer.append(bytes)
    writer.closeLength(1)
  },
  /** A Password, and a User Property with long strings. */
  (writer, size) => {
    const length = Math.min(size, 65_535)
    writer.append(Uint8Array.of(PacketType.Connect << 4, 0))
    writer.append(V5_WITH_PASSWORD)
    const at = writer.size
    writer.append(Uint8Array.of(0, 0x26))
    writer.uint16(length)
    writer.fill(0x61, length)
    writer.uint16(2)
    writer.uint16(writer.random.pick([0xc3a9, 0xc3c3]))
    writer.closeLength(at)
    writer.uint16(0)
    writer.uint16(length)
    writer.fill(0xff, length)
    writer.closeLength(1)
  },
  /** Packets by the thousand, and one that is announced and does not come. */
  (writer, size) => {
    const packets = [Uint8Array.of(0xc0, 0), Uint8Array.of(0xd0, 0), Uint8Array.of(0x40, 2, 0, 7)]
    while (writer.size < size) writer.append(writer.random.pick(packets))
    writer.append(Uint8Array.of(PacketType.Publish << 4, 0xff, 0xff, 0xff, 0x7f))
    writer.fill(0, writer.random.below(5000))
  },
]
