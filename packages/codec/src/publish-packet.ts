/** PUBLISH as an object (§3.3), for who wants one; the hot path is in `publish.ts`. */
import { NO_BYTES } from './bytes.ts'
import type { DecodeContext } from './context.ts'
import { Fault } from './fault.ts'
import { checkPacketIdentifier, checkTopicField, stringSize } from './field.ts'
import { checkFlag, checkInteger, rangeError, show, typeError } from './misuse.ts'
import type { ProtocolVersion, QoS } from './packet-type.ts'
import { decodePublishHeader, encodePublishStart, PublishHeader, publishSize } from './publish.ts'
import {
  type PublishProperties,
  publishPropertiesSize,
  readPublishProperties,
  writePublishProperties,
} from './publish-properties.ts'
import { topicNames } from './text-bytes.ts'
import { readUtf8, utf8Size, writeUtf8 } from './utf8.ts'
import { sizeBehindInteger } from './variable-byte-integer.ts'

/** PUBLISH (§3.3): a message, from a client or to one. */
export interface Publish {
  readonly type: 'publish'
  /** Empty where a Topic Alias stands for it. */
  readonly topicName: string
  /** A view into the bytes decoded: copy it to keep it. */
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly dup: boolean
  readonly retain: boolean
  /** `undefined` at QoS 0. */
  readonly packetIdentifier: number | undefined
  readonly properties: PublishProperties
}

/** What is left out is empty, `false` or 0; above QoS 0 the Packet Identifier must be there. */
export interface PublishInput {
  readonly type?: 'publish'
  readonly topicName: string
  /** A string goes as UTF-8. */
  readonly payload?: Uint8Array | string | undefined
  readonly qos?: QoS | undefined
  readonly dup?: boolean | undefined
  readonly retain?: boolean | undefined
  readonly packetIdentifier?: number | undefined
  readonly properties?: Partial<PublishProperties> | undefined
}

/**
 * Decodes one whole PUBLISH that lies in `bytes[start..end)`.
 *
 * @param flags - the low four bits of the packet's first byte.
 */
export function decodePublish(
  context: DecodeContext,
  bytes: Uint8Array,
  flags: number,
  start: number,
  end: number,
): Publish | Fault {
  const header = new PublishHeader()
  const fault = decodePublishHeader(header, context, bytes, flags, start, end)
  if (fault !== Fault.None) return fault
  return {
    type: 'publish',
    topicName: readUtf8(bytes, header.topicStart, header.topicEnd),
    payload: bytes.subarray(header.payloadStart, header.payloadEnd),
    qos: header.qos as QoS,
    dup: header.dup,
    retain: header.retain,
    packetIdentifier: header.qos > 0 ? header.packetIdentifier : undefined,
    properties: readPublishProperties(bytes, header.propertiesStart, header.propertiesEnd),
  }
}

/**
 * Size of the whole packet. Checks every field.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_FIELD` or `ERR_PROMPTMQ_PROPERTY`.
 */
export function publishPacketSize(version: ProtocolVersion, packet: PublishInput): number {
  const { topicName, payload, qos = 0, dup, properties } = packet
  checkInteger('ERR_PROMPTMQ_FIELD', 'qos', qos, 0, 2)
  checkFlag('dup', dup)
  checkFlag('retain', packet.retain)
  if (dup === true && qos === 0) {
    throw rangeError('ERR_PROMPTMQ_FIELD', 'dup', 'must be false at QoS 0') // [MQTT-3.3.1-2]
  }
  if (qos > 0) checkPacketIdentifier(packet.packetIdentifier)
  else if (packet.packetIdentifier !== undefined) {
    // [MQTT-2.2.1-2]
    throw rangeError('ERR_PROMPTMQ_FIELD', 'packetIdentifier', 'must be absent at QoS 0')
  }
  // The empty name needs an alias, and only 5.0 has those.
  const isAliased = version === 5 && topicName === '' && properties?.topicAlias !== undefined
  const topicSize = isAliased ? 0 : topicNameSize(topicName)
  const sectionSize = version === 5 ? publishPropertiesSize(properties) : 0
  return publishSize(version, qos, topicSize, sectionSize, payloadSize('payload', payload))
}

function topicNameSize(topicName: string): number {
  const topic = typeof topicName === 'string' ? topicNames.get(topicName) : null
  if (topic !== null) return topic.length
  stringSize('ERR_PROMPTMQ_FIELD', 'topicName', topicName)
  checkTopicField('topicName', topicName)
  return 0
}

/**
 * Writes what {@link publishPacketSize} has checked.
 *
 * @param size - what it gave.
 * @returns the offset after the last byte written.
 */
export function encodePublish(
  target: Uint8Array,
  offset: number,
  version: ProtocolVersion,
  packet: PublishInput,
  size: number,
): number {
  const { topicName, payload = '', qos = 0, packetIdentifier = 0, properties } = packet
  const topic = topicNames.get(topicName) ?? NO_BYTES
  const flags = (packet.dup ? 0b1000 : 0) | (qos << 1) | (packet.retain ? 1 : 0)
  const bodySize = payloadSize('payload', payload)
  const restSize = sizeBehindInteger(size - 1) - 2 - topic.length - (qos > 0 ? 2 : 0) - bodySize
  let at = encodePublishStart(
    target,
    offset,
    version,
    flags,
    topic,
    packetIdentifier,
    version === 5 ? sizeBehindInteger(restSize) : 0,
    bodySize,
  )
  if (version === 5) at = writePublishProperties(target, at, properties)
  if (typeof payload === 'string') return writeUtf8(target, at, payload)
  target.set(payload, at)
  return at + payload.length
}

/** @throws TypeError for what is neither bytes nor a string, RangeError for a lone surrogate. */
function payloadSize(field: string, payload: Uint8Array | string | undefined): number {
  if (payload === undefined) return 0
  if (payload instanceof Uint8Array) return payload.length
  if (typeof payload !== 'string') {
    const text = `must be a Uint8Array or a string, is ${show(payload)}`
    throw typeError('ERR_PROMPTMQ_FIELD', field, text)
  }
  if (!payload.isWellFormed()) throw rangeError('ERR_PROMPTMQ_FIELD', field, 'has a lone surrogate')
  return utf8Size(payload)
}
