/**
 * Writes packets of every type and version by the grammar of the standard, and streams of them.
 *
 *   | first byte | length | body |      the length's byte is written first and closed at the end
 *
 * Half of them are right; the others have one mistake, of whatever kind its place allows. Property
 * sections come from the codec's own table: which may stand where, of which type and in which range.
 */
import {
  isReasonCodeOf,
  PacketType,
  PROPERTIES,
  PropertyIdentifier,
  type PropertyRow,
  PropertyType,
  Sender,
  WILL_PROPERTIES,
} from '../../src/index.ts'
import { FieldWriter } from './field-writer.ts'
import type { Setting } from './input.ts'

/** The fixed low half of the first byte, by type. */
const FLAGS = [0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]

/** How often each type comes, of the whole: PUBLISH and its acknowledgements are most of the traffic. */
const WEIGHTS = [0, 5, 3, 16, 2, 1, 2, 1, 4, 2, 2, 2, 1, 1, 3, 2]
const TYPES = WEIGHTS.flatMap((weight, type) => new Array<number>(weight).fill(type))

const BYTES = Array.from({ length: 256 }, (_, byte) => byte)
const RETURN_CODES = [0, 1, 2, 3, 4, 5]
const REASON_CODES = WEIGHTS.map((_, type) =>
  BYTES.filter((code) => isReasonCodeOf(type as PacketType, code, Sender.Any)),
)

/** By scope, in the table's order. */
const ALLOWED_PROPERTIES = WEIGHTS.map((_, scope) =>
  PROPERTIES.filter((row) => ((row.allowedIn >> scope) & 1) !== 0),
)
const METHOD = PROPERTIES.find((row) => row.identifier === PropertyIdentifier.AuthenticationMethod)!

/** The shortest there is, as there are limits on their number. */
const EMPTY_USER_PROPERTY = Uint8Array.of(PropertyIdentifier.UserProperty, 0, 0, 0, 0)

const NAME = Uint8Array.of(0x4d, 0x51, 0x54, 0x54)
const NAME_IN_3_1 = Uint8Array.of(0x4d, 0x51, 0x49, 0x73, 0x64, 0x70)

export class PacketWriter extends FieldWriter {
  /** As the packet being written has it. */
  #version = 5
  #sender: number = Sender.Any

  /** One to four packets, of which the first is nearly always CONNECT where that decides. */
  stream(setting: Readonly<Setting>): void {
    const count = 1 + this.random.small(4)
    for (let i = 0; i < count; i++) {
      const isFirst = i === 0 && setting.connect === 1 && !this.random.oneIn(8)
      this.packet(isFirst ? PacketType.Connect : this.random.pick(TYPES), setting)
    }
  }

  packet(type: number, setting: Readonly<Setting>): void {
    this.drawMistake()
    this.#version = this.isWrong() ? 3 + this.random.below(3) : setting.version
    this.#sender = setting.sender
    const at = this.size
    this.byte((type << 4) | this.#flags(type))
    this.byte(0)
    this.#body(type, (this.bytes[at]! & 6) !== 0)
    if (this.isWrong()) this.noise(1 + this.random.small(8))
    this.closeSection(at + 1)
  }

  #flags(type: number): number {
    const { random } = this
    if (this.isWrong()) return random.below(16)
    if (type !== PacketType.Publish) return FLAGS[type]!
    const qos = random.below(3)
    return (qos > 0 ? random.below(2) << 3 : 0) | (qos << 1) | random.below(2)
  }

  #body(type: number, isAcknowledged: boolean): void {
    switch (type) {
      case PacketType.Connect:
        this.#connect()
        break
      case PacketType.Connack:
        this.#connack()
        break
      case PacketType.Publish:
        this.topicName(this.#version === 5)
        if (isAcknowledged) this.packetIdentifier()
        this.#section(type)
        if (this.random.oneIn(2)) this.noise(this.random.small(40))
        break
      case PacketType.Subscribe:
      case PacketType.Unsubscribe:
      case PacketType.Suback:
      case PacketType.Unsuback:
        this.#list(type)
        break
      case PacketType.Pingreq:
      case PacketType.Pingresp:
        break
      default:
        this.#answer(type)
    }
  }

  #connect(): void {
    const { random } = this
    const isV5 = this.#version === 5
    const name = this.#version === 3 ? NAME_IN_3_1 : NAME
    this.uint16(name.length)
    this.append(name)
    if (this.isWrong()) this.bytes[this.size - 1]! ^= 0x20
    this.byte(this.isWrong() ? random.below(7) : this.#version)
    const hasWill = random.oneIn(3)
    const hasUserName = random.oneIn(2)
    const hasPassword = random.oneIn(2) && (isV5 || hasUserName || this.isWrong())
    let flags = (random.below(2) << 1) | (hasUserName ? 0x80 : 0) | (hasPassword ? 0x40 : 0)
    if (hasWill) flags |= 4 | (random.below(3) << 3) | (random.below(2) << 5)
    if (this.isWrong()) flags ^= 1 << random.below(8)
    this.byte(flags)
    this.uint16(this.someInteger(16))
    this.#section(PacketType.Connect)
    this.text()
    if (hasWill) {
      this.#section(WILL_PROPERTIES)
      this.topicName()
      this.binary()
    }
    if (hasUserName && !this.isWrong()) this.text()
    if (hasPassword && !this.isWrong()) this.binary()
  }

  #connack(): void {
    const { random } = this
    const isV5 = this.#version === 5
    const code = isV5 ? this.#reasonCode(PacketType.Connack) : random.pick(RETURN_CODES)
    this.byte(this.isWrong() ? random.below(256) : code === 0 ? random.below(2) : 0)
    this.byte(this.isWrong() ? random.below(256) : code)
    this.#section(PacketType.Connack)
  }

  /** SUBSCRIBE, UNSUBSCRIBE and their answers: a Packet Identifier, and one to four of something. */
  #list(type: number): void {
    this.packetIdentifier()
    this.#section(type)
    if (type === PacketType.Unsuback && this.#version !== 5) return
    for (let count = this.isWrong() ? 0 : 1 + this.random.small(4); count > 0; count--) {
      if (type === PacketType.Suback || type === PacketType.Unsuback) {
        this.byte(this.#reasonCode(type))
      } else {
        this.topicFilter()
        if (type === PacketType.Subscribe) this.#subscriptionOptions()
      }
    }
  }

  #subscriptionOptions(): void {
    const { random } = this
    let options = random.below(3)
    if (this.#version === 5) {
      options |= (random.below(2) << 3) | (random.below(3) << 4) | (random.oneIn(4) ? 4 : 0)
    }
    if (this.isWrong()) options ^= 1 << random.below(8)
    if (!this.isWrong()) this.byte(options)
  }

  /** The acknowledgements of PUBLISH, DISCONNECT and AUTH: a Reason Code and properties, or less. */
  #answer(type: number): void {
    const isAuth = type === PacketType.Auth
    if (type !== PacketType.Disconnect && !isAuth) this.packetIdentifier()
    if (this.#version !== 5 || (!isAuth && this.random.oneIn(3))) return
    this.byte(this.#reasonCode(type))
    if (isAuth || this.random.oneIn(2)) this.#section(type)
  }

  #reasonCode(type: number): number {
    if (this.isWrong()) return this.random.below(256)
    return this.random.oneIn(2) ? 0 : this.random.pick(REASON_CODES[type]!)
  }

  /** A property section with its length, in 5.0. */
  #section(scope: number): void {
    if (this.#version !== 5) return
    const { random } = this
    const at = this.size
    this.byte(0)
    if (scope === PacketType.Auth && !this.isWrong()) this.#property(METHOD)
    if (!random.oneIn(3)) this.#properties(scope, ALLOWED_PROPERTIES[scope]!)
    if (random.oneIn(64)) for (let i = 60 + random.below(10); i > 0; i--) this.emptyUserProperty()
    if (this.isWrong()) {
      if (random.oneIn(2)) this.strayProperty()
      else this.byte(random.bits())
    }
    this.closeSection(at)
  }

  /** Some of the rows, in their order: steps of one size leave one of them, or most. */
  #properties(scope: number, rows: readonly PropertyRow[]): void {
    const { random } = this
    const step = 1 + random.below(rows.length)
    let hasMethod = scope === PacketType.Auth
    for (let i = random.below(step); i < rows.length; i += 1 + random.below(step)) {
      const row = rows[i]!
      const { identifier } = row
      if (identifier === PropertyIdentifier.AuthenticationMethod) {
        if (scope === PacketType.Auth) continue
        hasMethod = true
      }
      const isForbidden =
        (identifier === PropertyIdentifier.AuthenticationData && !hasMethod) ||
        (identifier === PropertyIdentifier.SubscriptionIdentifier &&
          scope === PacketType.Publish &&
          this.#sender === Sender.Client)
      if (isForbidden && !this.isWrong()) continue
      let count = 1
      if (((row.repeatableIn >> scope) & 1) !== 0) count += random.small(4)
      else if (this.isWrong()) count = 2
      while (count-- > 0) this.#property(row)
    }
  }

  emptyUserProperty(): void {
    this.append(EMPTY_USER_PROPERTY)
  }

  /** One of any kind, to be put somewhere. */
  strayProperty(): void {
    this.#property(this.random.pick(PROPERTIES))
  }

  #property(row: PropertyRow): void {
    this.byte(row.identifier)
    switch (row.type) {
      case PropertyType.Byte:
      case PropertyType.TwoByteInteger:
      case PropertyType.FourByteInteger: {
        const { minimum, maximum } = row
        const size = 2 ** (row.type - PropertyType.Byte)
        const value = minimum + (this.someInteger(8 * size) % (maximum - minimum + 1))
        if (!this.isWrong()) this.integer(value, size)
        else this.integer(this.random.oneIn(2) ? minimum - 1 : maximum + 1, size)
        break
      }
      case PropertyType.VariableByteInteger: {
        const value = this.someInteger(28)
        if (!this.isWrong()) this.variableByteInteger(Math.max(value, row.minimum))
        else if (this.random.oneIn(3)) this.byte(0)
        else this.variableByteInteger(value, 1 + this.random.below(3))
        break
      }
      case PropertyType.String:
        if (row.identifier === PropertyIdentifier.ResponseTopic) this.topicName()
        else this.text()
        break
      case PropertyType.BinaryData:
        this.binary()
        break
      case PropertyType.StringPair:
        this.text()
        this.text()
    }
  }
}
