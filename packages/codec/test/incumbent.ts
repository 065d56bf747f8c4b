/**
 * mqtt-packet 9 as it is used, and its objects in the words of ours.
 *
 *   chunk --readAsIncumbent--> its objects --fromIncumbent--> ours
 *   ours --toIncumbent--> its object --writeAsIncumbent--> bytes
 *
 * Translation from it loses nothing that is there: a key without counterpart stays under its own
 * name, and so shows as a difference. User Properties come in the order of its keys, which need not
 * be that of the packet.
 */
import { createRequire } from 'node:module'
import {
  connectReturnCode,
  DecodeContext,
  decodePacket,
  Fault,
  type Packet,
  PacketDecoder,
  type PacketType,
  PROPERTIES,
  PropertyType,
  type ProtocolVersion,
  reasonCodeOfReturnCode,
  type Sender,
} from '../src/index.ts'

const require = createRequire(import.meta.url)
const mqttPacket = require('mqtt-packet')

export const INCUMBENT_VERSION: string = require('mqtt-packet/package.json').version

export type Fields = Record<string, unknown>

/** What became of a chunk: its packets in order, and how it ended behind them. */
interface Run<P> {
  readonly packets: readonly P[]
  /** `waits`: for the rest of a packet that has begun. */
  readonly end: 'done' | 'waits' | 'refuses'
}

export interface OurRun extends Run<Packet> {
  /** Where each packet begins, and what came behind the last. */
  readonly starts: readonly number[]
  readonly fault: Fault
  /** Whether the fault is the header's. */
  readonly isHeader: boolean
}

/** Hands whole chunks to a new parser of mqtt-packet. */
export function readAsIncumbent(
  protocolVersion: ProtocolVersion,
  ...chunks: Uint8Array[]
): Run<Fields> {
  const packets: Fields[] = []
  let isRefused = false
  const parser = mqttPacket.parser({ protocolVersion })
  parser.on('packet', (packet: Fields) => packets.push(packet))
  parser.on('error', () => {
    isRefused = true
  })
  for (const chunk of chunks) parser.parse(Buffer.from(chunk))
  const hasBegun = parser.packet.cmd !== null
  return { packets, end: isRefused ? 'refuses' : hasBegun ? 'waits' : 'done' }
}

const NO_LIMIT = 0xffff_ffff

/** Hands a whole chunk to a new decoder, which obeys a CONNECT as the parser of mqtt-packet does. */
export function readOurs(
  protocolVersion: ProtocolVersion,
  sender: Sender,
  chunk: Uint8Array,
): OurRun {
  const context = new DecodeContext({
    protocolVersion,
    sender,
    maximumUserProperties: NO_LIMIT,
    maximumTopicLevels: NO_LIMIT,
    maximumFilters: NO_LIMIT,
  })
  const decoder = new PacketDecoder(context)
  const read: Packet[] = []
  const starts = [0]
  decoder.push(chunk)
  while (decoder.next() !== 0) {
    const { type, flags, bytes, packetStart, start, end } = decoder
    const packet = decodePacket(context, type as PacketType, flags, bytes, start, end)
    if (typeof packet === 'number') {
      return { packets: read, starts, end: 'refuses', fault: packet, isHeader: false }
    }
    if (packet.type === 'connect') context.protocolVersion = packet.protocolVersion
    read.push(packet)
    starts.push(starts.at(-1)! + end - packetStart)
  }
  const { fault, unreadSize } = decoder
  const end = fault !== Fault.None ? 'refuses' : unreadSize > 0 ? 'waits' : 'done'
  return { packets: read, starts, end, fault, isHeader: true }
}

/** What is written, or what is said instead. */
export function attempt(write: () => Uint8Array): Uint8Array | string {
  try {
    return write()
  } catch (error) {
    return (error as Error).message
  }
}

/** No bytes where mqtt-packet writes nothing and says nothing. */
export function writeAsIncumbent(packet: Fields, version: ProtocolVersion): Uint8Array | string {
  return attempt(() => new Uint8Array(mqttPacket.generate(packet, { protocolVersion: version })))
}

/** Its words and ours, in a packet and a will, and in a subscription. */
const WORDS = {
  cmd: 'type',
  messageId: 'packetIdentifier',
  clean: 'cleanStart',
  keepalive: 'keepAlive',
  username: 'userName',
  topic: 'topicName',
  granted: 'reasonCodes',
  unsubscriptions: 'topicFilters',
}
const SUBSCRIPTION_WORDS = {
  topic: 'topicFilter',
  nl: 'noLocal',
  rap: 'retainAsPublished',
  rh: 'retainHandling',
}

function rename(fields: Fields, words: Fields): Fields {
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.map(([key, value]) => [words[key] ?? key, value]))
}

function inverse(words: Fields): Fields {
  return Object.fromEntries(Object.entries(words).map(([its, our]) => [our, its]))
}

/** The same without what is `undefined`, in plain objects, bytes as `Uint8Array`. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const present = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(present.map(([key, item]) => [key, plain(item)]))
}

/** Without what is `undefined`. */
export function content(packet: Packet): Fields {
  return plain(packet) as Fields
}

/** Its object as ours. */
export function fromIncumbent(packet: Fields, version: ProtocolVersion): Fields {
  const { length: _, retain, qos, dup, topic, payload, properties, ...rest } = packet
  const type = packet.cmd as string
  const result = rename(rest, WORDS)
  if (type === 'publish') Object.assign(result, { topicName: topic, payload, retain, qos, dup })
  // The flags of the Fixed Header are in every object of its, and so are these two.
  else if (topic !== null || payload !== null) Object.assign(result, { topicName: topic, payload })
  if (!type.startsWith('ping')) result.properties = fromProperties(properties, type)
  else if (properties !== undefined) result.properties = properties
  return plain(fromFields(result, type, version)) as Fields
}

function fromFields(result: Fields, type: string, version: ProtocolVersion): Fields {
  const { protocolId, returnCode, will, ...rest } = result
  if (type === 'connect') {
    const isNamed = protocolId === (result.protocolVersion === 3 ? 'MQIsdp' : 'MQTT')
    return { ...rest, will: fromWill(will), ...(isNamed ? {} : { protocolId }) }
  }
  if (type === 'subscribe') {
    const before5 = { noLocal: false, retainAsPublished: false, retainHandling: 0 }
    const subscriptions = (result.subscriptions as Fields[]).map((subscription) => ({
      ...(version === 5 ? {} : before5),
      ...rename(subscription, SUBSCRIPTION_WORDS),
    }))
    return { ...result, subscriptions }
  }
  if (version === 5) return result
  if (type === 'connack') {
    const reasonCode = reasonCodeOfReturnCode(returnCode as number) ?? `${returnCode}`
    return { ...rest, reasonCode }
  }
  if (type === 'unsuback') return { reasonCodes: [], ...result }
  return /^pub(?!lish)|disconnect/.test(type) ? { reasonCode: 0, ...result } : result
}

function fromWill(will: unknown): unknown {
  if (will === undefined) return undefined
  const { properties, ...rest } = will as Fields
  return { ...rename(rest, WORDS), properties: fromProperties(properties, 'will') }
}

function fromProperties(properties: unknown, type: string): Fields {
  const { userProperties = {}, subscriptionIdentifier, ...rest } = (properties ?? {}) as Fields
  const result: Fields = { userProperties: Object.entries(userProperties as Fields).flatMap(pairs) }
  for (const [key, value] of Object.entries(rest)) {
    result[key] = typeof value === 'boolean' ? Number(value) : value
  }
  if (type === 'publish') result.subscriptionIdentifiers = list(subscriptionIdentifier)
  else result.subscriptionIdentifier = subscriptionIdentifier
  return result
}

function pairs([name, value]: [string, unknown]): [string, unknown][] {
  return list(value).map((item) => [name, item])
}

function list(value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

/** A packet with its User Properties as the keys of an object keep them. */
export function asKeys(packet: Fields, isLossy: boolean): Fields {
  const { properties, will } = packet as Record<string, Fields>
  const result: Fields = { ...packet, properties: sorted(properties!, isLossy) }
  if (will !== undefined) {
    result.will = { ...will, properties: sorted(will.properties as Fields, isLossy) }
  }
  return result
}

function sorted(properties: Fields, isLossy: boolean): Fields {
  const byName = Object.entries(grouped(properties.userProperties, isLossy))
  return { ...properties, userProperties: byName.flatMap(pairs) }
}

/** @param isLossy - whether an empty value goes when another of its name comes. */
function grouped(userProperties: unknown, isLossy: boolean): Record<string, string[]> {
  const byName: Record<string, string[]> = Object.create(null)
  for (const [name, value] of (userProperties ?? []) as [string, string][]) {
    const before = byName[name] ?? []
    byName[name] = isLossy && before.length === 1 && before[0] === '' ? [value] : [...before, value]
  }
  return byName
}

/** Our object as its own. */
export function toIncumbent(packet: Packet, version: ProtocolVersion): Fields {
  const { properties, ...rest } = packet as unknown as Fields
  const result = rename(rest, inverse(WORDS))
  if (version === 5) result.properties = toProperties(properties)
  if (packet.type === 'connect') {
    result.protocolId = packet.protocolVersion === 3 ? 'MQIsdp' : 'MQTT'
    if (packet.will !== undefined) {
      const { properties: willProperties, ...will } = rest.will as Fields
      const own = rename(will, inverse(WORDS))
      result.will = { ...own, properties: version === 5 ? toProperties(willProperties) : undefined }
    }
  }
  if (packet.type === 'connack' && version !== 5) {
    result.returnCode = connectReturnCode(packet.reasonCode)
  }
  if (packet.type === 'subscribe') {
    const words = inverse(SUBSCRIPTION_WORDS)
    result.subscriptions = packet.subscriptions.map((one) => rename({ ...one }, words))
  }
  return withBuffers(result) as Fields
}

const BOOLEANS = new Set(
  PROPERTIES.filter(({ type, name }) => type === PropertyType.Byte && name !== 'maximumQoS').map(
    ({ name }) => name,
  ),
)

/** Without lists that are empty, of which it would write nothing at all. */
function toProperties(properties: unknown): Fields | undefined {
  const { userProperties, subscriptionIdentifiers, ...rest } = (properties ?? {}) as Fields
  const result: Fields = {}
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined) result[key] = BOOLEANS.has(key) ? value === 1 : value
  }
  const identifiers = (subscriptionIdentifiers ?? []) as number[]
  if (identifiers.length > 0) result.subscriptionIdentifier = identifiers
  const byName = grouped(userProperties, false)
  if (Object.keys(byName).length > 0) result.userProperties = byName
  return Object.keys(result).length > 0 ? result : undefined
}

function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [key, withBuffers(item)]))
}
