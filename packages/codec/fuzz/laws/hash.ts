/**
 * Hashes of all that came out of a decode: two decodes gave the same if their hashes are equal. That
 * misses one difference in four thousand million, and the checks of objects compare them in full.
 */
import type { AcknowledgementHeader, PublishHeader } from '../../src/index.ts'
import { mix } from '../random.ts'

/** Offsets count from `start`, where the packet's body begins. */
export function publishHash(header: PublishHeader, start: number): number {
  const { topicStart, topicEnd, messageExpiryInterval } = header
  let hash = mix(0, header.qos | (header.dup ? 4 : 0) | (header.retain ? 8 : 0))
  hash = mix(hash, header.packetIdentifier)
  hash = mix(hash, topicStart - start)
  hash = mix(hash, topicEnd - start)
  hash = mix(hash, header.propertiesStart - start)
  hash = mix(hash, header.propertiesEnd - start)
  hash = mix(hash, header.payloadStart - start)
  hash = mix(hash, header.payloadEnd - start)
  // Of no meaning where there is no name.
  hash = mix(hash, topicStart === topicEnd ? 0 : header.topicHash)
  hash = mix(hash, header.topicAlias)
  // -1 and the greatest one have the same 32 bits.
  hash = mix(mix(hash, messageExpiryInterval), messageExpiryInterval < 0 ? 1 : 0)
  hash = mix(hash, header.payloadFormatIndicator)
  return mix(hash, (header.hasHopProperties ? 1 : 0) | (header.hasSubscriptionIdentifier ? 2 : 0))
}

export function acknowledgementHash(header: AcknowledgementHeader, start: number): number {
  const hash = mix(mix(0, header.packetIdentifier), header.reasonCode)
  return mix(mix(hash, header.propertiesStart - start), header.propertiesEnd - start)
}

/** Of a plain value, through and through. */
export function valueHash(value: unknown, before = 0): number {
  let hash = before
  if (typeof value === 'number') return mix(hash, value)
  if (typeof value === 'string') {
    hash = mix(hash, value.length)
    for (let i = 0; i < value.length; i++) hash = mix(hash, value.charCodeAt(i))
  } else if (value instanceof Uint8Array) {
    hash = mix(hash, value.length)
    for (let i = 0; i < value.length; i++) hash = mix(hash, value[i]!)
  } else if (Array.isArray(value)) {
    hash = mix(hash, value.length)
    for (let i = 0; i < value.length; i++) hash = valueHash(value[i], hash)
  } else if (typeof value === 'object') {
    for (const key in value) hash = valueHash(value[key as keyof typeof value], hash)
  } else {
    hash = mix(hash, value === undefined ? 1 : value === true ? 3 : 2)
  }
  return hash
}
