import type { ConnectInput, PacketInput, PublishInput } from '@promptmq/codec'
import type { Published, SimSubscription } from './message.ts'
import type { StepOf } from './steps.ts'

/** What simulated clients send, as their versions have it. */

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
function payloadOf(number: number, size: number): Uint8Array {
  const payload = Buffer.alloc(size, number)
  if (size > 0) payload.writeUInt32LE(number, 0)
  return payload
}

/** Before 5.0 nothing expires. */
export function asOf(message: Published, version: number): Published {
  return version === 5 ? message : { ...message, expiry: 0 }
}

/** For one Topic Filter. */
export function subscribePacket(
  version: number,
  packetIdentifier: number,
  topicFilter: string,
  { qos, noLocal, retainAsPublished, identifier }: SimSubscription,
  retainHandling: 0 | 1 | 2,
): PacketInput {
  const base = { type: 'subscribe', packetIdentifier } as const
  if (version < 5) return { ...base, subscriptions: [{ topicFilter, qos }] }
  const options = { noLocal, retainAsPublished, retainHandling }
  const properties = identifier === 0 ? {} : { subscriptionIdentifier: identifier }
  return { ...base, subscriptions: [{ topicFilter, qos, ...options }], properties }
}

/** CONNECT, as a step says. */
export function connectPacket(
  clientId: string,
  { version, cleanStart, expiry, receiveMaximum, topicAliasMaximum, will }: StepOf<'connect'>,
): ConnectInput {
  const is5 = version === 5
  const properties = is5 ? { sessionExpiryInterval: expiry, receiveMaximum, topicAliasMaximum } : {}
  const base = { type: 'connect', protocolVersion: version, clientId, keepAlive: 0 } as const
  const connect = { ...base, cleanStart, properties }
  if (will === null) return connect
  const { number, topicName, qos, retain, expiry: seconds } = will.published
  const payload = payloadOf(number, 4)
  const messageExpiryInterval = seconds > 0 ? seconds : undefined
  const willProperties = is5 ? { willDelayInterval: will.delay, messageExpiryInterval } : {}
  return { ...connect, will: { topicName, qos, retain, payload, properties: willProperties } }
}
