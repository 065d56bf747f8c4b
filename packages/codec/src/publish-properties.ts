import { PacketType } from './packet-type.ts'
import {
  propertiesSize,
  readProperties,
  type UserProperty,
  writeProperties,
} from './property-object.ts'

/** The properties of PUBLISH (§3.3.2.3); `undefined` where one is absent, lists then empty. */
export interface PublishProperties {
  /** 1: the payload is UTF-8. */
  readonly payloadFormatIndicator: number | undefined
  /** Seconds. */
  readonly messageExpiryInterval: number | undefined
  readonly topicAlias: number | undefined
  readonly responseTopic: string | undefined
  readonly correlationData: Uint8Array | undefined
  readonly contentType: string | undefined
  /** Only from a server: one for each subscription that matched and has one. */
  readonly subscriptionIdentifiers: readonly number[]
  readonly userProperties: readonly UserProperty[]
}

/** The properties in `bytes[start..end)`, which a decoder has checked. Shares no memory with it. */
export function readPublishProperties(
  bytes: Uint8Array,
  start: number,
  end: number,
): PublishProperties {
  const properties: PublishProperties = {
    payloadFormatIndicator: undefined,
    messageExpiryInterval: undefined,
    topicAlias: undefined,
    responseTopic: undefined,
    correlationData: undefined,
    contentType: undefined,
    subscriptionIdentifiers: [],
    userProperties: [],
  }
  return readProperties(properties, bytes, start, end)
}

/**
 * Encodes properties of PUBLISH, without the Property Length.
 *
 * @throws TypeError or RangeError with code `ERR_PROMPTMQ_PROPERTY` that names the property.
 *
 * @example
 * ```ts
 * import { encodePublishProperties } from '@promptmq/codec'
 *
 * encodePublishProperties({ messageExpiryInterval: 60, userProperties: [['unit', 'K']] })
 * ```
 */
export function encodePublishProperties(properties: Partial<PublishProperties>): Uint8Array {
  const bytes = new Uint8Array(propertiesSize(PacketType.Publish, 'properties', properties))
  writeProperties(bytes, 0, PacketType.Publish, properties)
  return bytes
}
