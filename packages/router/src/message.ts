import {
  copyForwardedProperties,
  copyRange,
  forwardedPropertiesSize,
  type PublishHeader,
  type QoS,
} from '@promptmq/codec'

/**
 * A message that outlives the chunk it came in: queued, in flight, retained, or about to be encoded
 * for somebody who needs other bytes than those that arrived.
 *
 *   bytes   ... | Fixed Header, Topic Name ... | Properties, forwarded ones | Payload | ...
 *               packetStart                    start                                  end
 *
 * The bytes are copied out of the chunk once, here, and shared by all receivers: the whole packet,
 * where others may get it as it came. A Message never changes, but for its number, given when it is
 * first stored, and for where its bytes lie: see {@link Message.settle}.
 */
export class Message {
  readonly topicName: string
  /** The Topic Name as UTF-8, without its length. */
  readonly topic: Uint8Array
  readonly qos: QoS
  /** RETAIN as it was received. */
  readonly retain: boolean
  /** In `bytes[start..end)`: properties as MQTT 5.0 encodes them, without those of one hop. */
  readonly propertiesSize: number
  /** Milliseconds on the broker's clock, `Infinity`: never. */
  readonly expiresAt: number
  /** Client Identifier of the publisher, '' for the broker itself. */
  readonly publisher: string
  /**
   * Its number in the Store, 0 while it is not stored. The Store forgets it with the last that refers to
   * it: who delivers it later than all others sets 0, and it is stored once more.
   */
  number = 0
  /** Read it anew each time, as the offsets: see {@link Message.settle}. */
  bytes: Uint8Array
  /** Properties, then the payload. */
  start = 0
  end: number
  /** Where the packet begins, and the two bytes of its Packet Identifier if it has one. */
  packetStart = 0
  identifierAt = 0
  /** Of the packet: see Outlet; 0: it is not kept. */
  wireFormat = 0

  constructor(
    topicName: string,
    topic: Uint8Array,
    qos: QoS,
    retain: boolean,
    bytes: Uint8Array,
    propertiesSize: number,
    expiresAt: number,
    publisher: string,
  ) {
    this.topicName = topicName
    this.topic = topic
    this.qos = qos
    this.retain = retain
    this.bytes = bytes
    this.end = bytes.length
    this.propertiesSize = propertiesSize
    this.expiresAt = expiresAt
    this.publisher = publisher
  }

  /** A view. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.start + this.propertiesSize, this.end)
  }

  get payloadSize(): number {
    return this.end - this.start - this.propertiesSize
  }

  /** A view. */
  get properties(): Uint8Array {
    return this.bytes.subarray(this.start, this.start + this.propertiesSize)
  }

  /** What a queue accounts for it, in bytes. */
  get size(): number {
    return this.end - this.start + this.topic.length
  }

  /** Whether the kept packet, flags and Packet Identifier aside, is what a receiver at `qos` gets. */
  isPacketFor(wireFormat: number, qos: number): boolean {
    return this.wireFormat === wireFormat && this.qos > 0 === qos > 0
  }

  /**
   * Moves to memory of its own. A young message shares memory with its neighbours, and would keep it
   * from being used again for as long as it stays.
   */
  settle(): void {
    const { bytes, start, end } = this
    const isAlone = this.packetStart === 0 && end === bytes.length
    if (isAlone) return
    this.bytes = new Uint8Array(bytes.subarray(start, end))
    this.start = 0
    this.end = this.bytes.length
    this.wireFormat = 0
  }
}

/** Young messages share memory: making an array for each would cost more than all else. */
const SHARED_SIZE = 4096
const LARGEST_SHARED = 1024
let shared = new Uint8Array(SHARED_SIZE)
let sharedView = new DataView(shared.buffer)
let sharedEnd = 0

/**
 * Keeps what a PUBLISH said.
 *
 * @param header - decoded from a chunk that may be gone after this call.
 * @param packetStart - where the packet begins in `header.bytes`.
 * @param wireFormat - of the connection that it came on: see Outlet.
 * @param topicName - resolved: a Topic Alias is not looked up here.
 * @param topic - the same as UTF-8; kept, not copied.
 * @param now - milliseconds on the broker's clock, from which the Message Expiry Interval counts.
 */
export function keepMessage(
  header: PublishHeader,
  packetStart: number,
  wireFormat: number,
  topicName: string,
  topic: Uint8Array,
  publisher: string,
  now: number,
): Message {
  const { bytes, propertiesStart, propertiesEnd, payloadEnd, retain, messageExpiryInterval } =
    header
  const qos = header.qos as QoS
  const expiresAt = expiryOf(messageExpiryInterval, now)
  if (header.hasHopProperties) {
    const kept = keepForwarded(header)
    const propertiesSize = kept.length - (payloadEnd - propertiesEnd)
    return new Message(topicName, topic, qos, retain, kept, propertiesSize, expiresAt, publisher)
  }
  const propertiesSize = propertiesEnd - propertiesStart
  const size = payloadEnd - packetStart
  const kept = roomFor(size)
  const message = new Message(
    topicName,
    topic,
    qos,
    retain,
    kept,
    propertiesSize,
    expiresAt,
    publisher,
  )
  const at = kept === shared ? sharedEnd : 0
  if (kept === shared) {
    copyRange(kept, sharedView, at, bytes, packetStart, payloadEnd)
    sharedEnd += size
  } else {
    kept.set(bytes.subarray(packetStart, payloadEnd))
  }
  message.packetStart = at
  message.start = at + propertiesStart - packetStart
  message.end = at + size
  message.identifierAt = at + header.topicEnd - packetStart
  message.wireFormat = wireFormat
  return message
}

/** Where `size` bytes are kept: at `sharedEnd` in `shared`, or in memory of their own. */
function roomFor(size: number): Uint8Array {
  if (size > LARGEST_SHARED) return new Uint8Array(size)
  if (sharedEnd + size > SHARED_SIZE) {
    shared = new Uint8Array(SHARED_SIZE)
    sharedView = new DataView(shared.buffer)
    sharedEnd = 0
  }
  return shared
}

/** Forwarded properties and payload, without those of this hop. */
function keepForwarded(header: PublishHeader): Uint8Array {
  const { bytes, propertiesStart, propertiesEnd, payloadEnd } = header
  const propertiesSize = forwardedPropertiesSize(bytes, propertiesStart, propertiesEnd)
  const kept = new Uint8Array(propertiesSize + payloadEnd - propertiesEnd)
  copyForwardedProperties(kept, 0, bytes, propertiesStart, propertiesEnd)
  kept.set(bytes.subarray(propertiesEnd, payloadEnd), propertiesSize)
  return kept
}

/** What {@link composeMessage} puts together. */
export interface MessageParts {
  readonly topicName: string
  readonly qos: QoS
  readonly retain: boolean
  /** As MQTT 5.0 encodes them, without Property Length and without those of one hop. */
  readonly properties: Uint8Array
  readonly payload: Uint8Array
  /** Milliseconds on the broker's clock, `Infinity`: never. */
  readonly expiresAt: number
  readonly publisher: string
}

/**
 * A message that did not come as a PUBLISH: a will, one of the embedder's, one from a Store.
 * @param topic - the Topic Name as UTF-8; kept, not copied.
 */
export function composeMessage(topic: Uint8Array, parts: MessageParts): Message {
  const { topicName, qos, retain, properties, payload, expiresAt, publisher } = parts
  const bytes = new Uint8Array(properties.length + payload.length)
  bytes.set(properties)
  bytes.set(payload, properties.length)
  return new Message(topicName, topic, qos, retain, bytes, properties.length, expiresAt, publisher)
}

/** @param seconds - a Message Expiry Interval, negative or undefined: none. */
export function expiryOf(seconds: number | undefined, now: number): number {
  return seconds === undefined || seconds < 0 ? Number.POSITIVE_INFINITY : now + seconds * 1000
}
