import {
  copyForwardedProperties,
  forwardedPropertiesSize,
  type PublishHeader,
  type QoS,
} from '@promptmq/codec'

/**
 * A message that outlives the chunk it came in: queued, in flight, retained, or about to be encoded
 * for somebody who needs other bytes than those that arrived.
 *
 *   bytes   | Properties, forwarded ones only | Payload ... |
 *           0                          propertiesSize    length
 *
 * The bytes are copied out of the chunk once, here, and shared by all receivers. A Message never
 * changes, except that the journal numbers it when it is first stored.
 */
export class Message {
  readonly topicName: string
  /** The Topic Name as UTF-8, without its length. */
  readonly topic: Uint8Array
  readonly qos: QoS
  /** RETAIN as it was received. */
  readonly retain: boolean
  /** Properties as MQTT 5.0 encodes them, without those of one hop, then the payload. */
  readonly bytes: Uint8Array
  readonly propertiesSize: number
  /** Milliseconds on the broker's clock, `Infinity`: never. */
  readonly expiresAt: number
  /** Client Identifier of the publisher, '' for the broker itself. */
  readonly publisher: string
  /** Its number in the Store, 0 while it is not stored. */
  number = 0

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
    this.propertiesSize = propertiesSize
    this.expiresAt = expiresAt
    this.publisher = publisher
  }

  /** A view. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.propertiesSize)
  }

  get payloadSize(): number {
    return this.bytes.length - this.propertiesSize
  }

  /** A view: what {@link Message.bytes} begins with. */
  get properties(): Uint8Array {
    return this.bytes.subarray(0, this.propertiesSize)
  }

  /** What a queue accounts for it, in bytes. */
  get size(): number {
    return this.bytes.length + this.topic.length
  }
}

/**
 * Keeps what a PUBLISH said.
 *
 * @param header - decoded from a chunk that may be gone after this call.
 * @param topicName - resolved: a Topic Alias is not looked up here.
 * @param topic - the same as UTF-8; kept, not copied.
 * @param now - milliseconds on the broker's clock, from which the Message Expiry Interval counts.
 */
export function keepMessage(
  header: PublishHeader,
  topicName: string,
  topic: Uint8Array,
  publisher: string,
  now: number,
): Message {
  const { bytes, propertiesStart, propertiesEnd, payloadStart, payloadEnd } = header
  const propertiesSize = header.hasHopProperties
    ? forwardedPropertiesSize(bytes, propertiesStart, propertiesEnd)
    : propertiesEnd - propertiesStart
  const kept = new Uint8Array(propertiesSize + payloadEnd - payloadStart)
  if (header.hasHopProperties) {
    copyForwardedProperties(kept, 0, bytes, propertiesStart, propertiesEnd)
    kept.set(bytes.subarray(payloadStart, payloadEnd), propertiesSize)
  } else {
    // Properties and payload are neighbours in the packet too.
    kept.set(bytes.subarray(propertiesStart, payloadEnd))
  }
  return new Message(
    topicName,
    topic,
    header.qos as QoS,
    header.retain,
    kept,
    propertiesSize,
    expiryOf(header.messageExpiryInterval, now),
    publisher,
  )
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
