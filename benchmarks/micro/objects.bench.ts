/**
 * CONNECT and SUBSCRIBE to full objects: what comes once a connection, and may be kept, so that every field
 * of the object is a copy.
 */
import { strict as assert } from 'node:assert'
import {
  type Connect,
  DecodeContext,
  decodeConnect,
  decodeSubscribe,
  PacketDecoder,
  PacketType,
  type Subscribe,
} from '@promptmq/codec'
import { type IncumbentPacket, incumbentParser } from '../harness/incumbent.ts'
import { type Chunk, chunkOf, PAYLOAD } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))
type Decoded = Connect | Subscribe

function eachPacket({ bytes }: Chunk, deliver: (packet: Decoded) => void): void {
  decoder.push(bytes)
  for (let type = decoder.next(); type !== 0; type = decoder.next()) {
    const decode = type === PacketType.Connect ? decodeConnect : decodeSubscribe
    const packet = decode(decoder.context, decoder.bytes, decoder.start, decoder.end)
    if (typeof packet === 'number') throw new Error(`fault ${packet}`)
    deliver(packet)
  }
}

let deliver = (_packet: IncumbentPacket): void => {}
const parse = incumbentParser((packet) => deliver(packet))

/** In the words of both: what says that the same was read. */
function ourWords(packet: Decoded): unknown {
  if (packet.type === 'subscribe') {
    const { packetIdentifier, subscriptions, properties } = packet
    return [
      packetIdentifier,
      subscriptions.map(({ topicFilter, qos, noLocal }) => [topicFilter, qos, noLocal]),
      properties.subscriptionIdentifier,
    ]
  }
  const { clientId, keepAlive, cleanStart, userName, password, will, properties } = packet
  return [
    [clientId, keepAlive, cleanStart, userName, password && hex(password)],
    will && [will.topicName, hex(will.payload), will.qos, will.properties.willDelayInterval],
    [properties.sessionExpiryInterval, properties.receiveMaximum],
  ]
}

/** What this file reads of mqtt-packet's objects. */
interface TheirPacket {
  readonly messageId: number
  readonly subscriptions: readonly { topic: string; qos: number; nl: boolean }[]
  readonly clientId: string
  readonly keepalive: number
  readonly clean: boolean
  readonly username?: string
  readonly password?: Buffer
  readonly will?: {
    readonly topic: string
    readonly payload: Buffer
    readonly qos: number
    readonly properties?: { readonly willDelayInterval?: number }
  }
  readonly properties?: {
    readonly subscriptionIdentifier?: number
    readonly sessionExpiryInterval?: number
    readonly receiveMaximum?: number
  }
}

function theirWords(read: IncumbentPacket): unknown {
  const packet = read as IncumbentPacket & TheirPacket
  const { properties } = packet
  if (packet.cmd === 'subscribe') {
    return [
      packet.messageId,
      packet.subscriptions.map(({ topic, qos, nl }) => [topic, qos, nl]),
      properties?.subscriptionIdentifier,
    ]
  }
  const { clientId, keepalive, clean, username, password, will } = packet
  return [
    [clientId, keepalive, clean, username, password && hex(password)],
    will && [will.topic, hex(will.payload), will.qos, will.properties?.willDelayInterval],
    [properties?.sessionExpiryInterval, properties?.receiveMaximum],
  ]
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function objectCase(name: string, chunk: Chunk): Case {
  let count = 0
  const ours = () => {
    count = 0
    eachPacket(chunk, (packet) => {
      count += packet.type.length
    })
    return count
  }
  const rival = () => {
    count = 0
    deliver = ({ cmd }) => {
      count += cmd.length
    }
    parse(chunk.bytes)
    return count
  }
  const assertEqualWork = () => {
    const read: unknown[] = []
    eachPacket(chunk, (packet) => read.push(ourWords(packet)))
    const theirs: unknown[] = []
    deliver = (packet) => theirs.push(theirWords(packet))
    parse(chunk.bytes)
    assert.equal(read.length, chunk.count)
    assert.deepEqual(read, theirs)
  }
  return { name, operations: chunk.count, ours, rival, assertEqualWork }
}

const connect = chunkOf({ type: 'connect', clientId: 'meter-0123456789', keepAlive: 60 })
const fullConnect = chunkOf({
  type: 'connect',
  clientId: 'meter-0123456789',
  keepAlive: 60,
  userName: 'meter',
  password: new TextEncoder().encode('secret'),
  will: {
    topicName: 'meter/0123456789/gone',
    payload: PAYLOAD,
    qos: 1,
    properties: { willDelayInterval: 30 },
  },
  properties: { sessionExpiryInterval: 3600, receiveMaximum: 100 },
})
const subscribe = chunkOf({
  type: 'subscribe',
  packetIdentifier: 42,
  subscriptions: [
    { topicFilter: 'site/+/machine/#', qos: 1 },
    { topicFilter: 'site/line-07/temperature', qos: 0, noLocal: true },
    { topicFilter: 'alarm/#', qos: 2 },
  ],
  properties: { subscriptionIdentifier: 7 },
})

export default {
  name: 'objects',
  rival: 'mqtt-packet',
  cases: [
    objectCase('CONNECT', connect),
    objectCase('CONNECT, will and credentials', fullConnect),
    objectCase('SUBSCRIBE', subscribe),
  ],
} satisfies Suite
