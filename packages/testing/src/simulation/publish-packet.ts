import type { PublishInput } from '@promptmq/codec'
import type { Published } from './message.ts'

/** A message as a client of one version sends it. @param packetIdentifier - `undefined` at QoS 0. */
export function publishPacket(
  { number, topicName, qos, retain, size, expiry }: Published,
  version: number,
  packetIdentifier: number | undefined,
  dup: boolean,
): PublishInput {
  const properties = version === 5 && expiry > 0 ? { messageExpiryInterval: expiry } : {}
  const payload = payloadOf(number, size)
  const base = { type: 'publish', topicName, payload, qos, retain, dup, properties } as const
  return packetIdentifier === undefined ? { ...base, dup: false } : { ...base, packetIdentifier }
}

/** Begins with the number, if it is not empty. */
export function payloadOf(number: number, size: number): Uint8Array {
  const payload = Buffer.alloc(size, number)
  if (size > 0) payload.writeUInt32LE(number, 0)
  return payload
}
