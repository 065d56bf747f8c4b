/**
 * A PUBLISH from one connection to another, inside the process: decoded, routed, encoded into the
 * subscriber's WriteBuffer and handed to its transport; beside mqtt-packet's parse and generate of the
 * same packet, which is the codec's part alone of what another broker in JavaScript does.
 */
import { strict as assert } from 'node:assert'
import { encode } from '@promptmq/codec'
import { type IncumbentPacket, incumbentEncode, incumbentParser } from '../harness/incumbent.ts'
import { Peer, startBroker } from '../harness/loopback.ts'
import { type Chunk, chunkOf, PAYLOAD, TOPIC } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const V5 = { protocolVersion: 5 } as const

let generated = 0
const parse = incumbentParser((packet: IncumbentPacket) => {
  generated += incumbentEncode(packet).length
})

function parseAndGenerate({ bytes }: Chunk): number {
  generated = 0
  parse(bytes)
  return generated
}

const publishes = (qos: 0 | 1 | 2): Chunk =>
  chunkOf({
    type: 'publish',
    topicName: TOPIC,
    payload: PAYLOAD,
    qos,
    ...(qos > 0 && { packetIdentifier: 7 }),
  })

async function qos0(): Promise<Case> {
  const broker = await startBroker()
  const [publisher, subscriber] = [Peer.join(broker, 'p'), Peer.join(broker, 's')]
  subscriber.subscribe('site/+/machine-42/#', 0)
  const chunk = publishes(0)
  const ours = () => {
    const before = subscriber.received
    publisher.send(chunk.bytes)
    return subscriber.received - before
  }
  return caseOf('QoS 0', ours, chunk)
}

/** @param sessionExpiryInterval - seconds; above 0 each message is kept until it is acknowledged. */
async function qos1(name: string, sessionExpiryInterval: number): Promise<Case> {
  const broker = await startBroker({ maximumInflight: 32_767 })
  const publisher = Peer.join(broker, 'p')
  const subscriber = Peer.join(broker, 's', sessionExpiryInterval)
  subscriber.subscribe('site/+/machine-42/#', 1)
  const chunk = publishes(1)
  const acknowledgements = Buffer.concat(
    Array.from({ length: chunk.count }, () => encode({ type: 'puback', packetIdentifier: 1 }, V5)),
  )
  let next = 1
  const ours = () => {
    const before = subscriber.received
    publisher.send(chunk.bytes)
    for (let i = 0; i < chunk.count; i++) {
      acknowledgements.writeUInt16BE(next, 4 * i + 2)
      next = next === 65_535 ? 1 : next + 1
    }
    subscriber.send(acknowledgements)
    return subscriber.received - before
  }
  return caseOf(name, ours, chunk)
}

async function fanOut(count: number): Promise<Case> {
  const broker = await startBroker()
  const publisher = Peer.join(broker, 'p')
  const subscribers = Array.from({ length: count }, (_, i) => Peer.join(broker, `s${i}`))
  for (const subscriber of subscribers) subscriber.subscribe(TOPIC, 0)
  const chunk = publishes(0)
  const received = () => subscribers.reduce((sum, subscriber) => sum + subscriber.received, 0)
  const ours = () => {
    const before = received()
    publisher.send(chunk.bytes)
    return received() - before
  }
  const rival = () => {
    let sum = 0
    for (let i = 0; i < count; i++) sum += parseAndGenerate(chunk)
    return sum
  }
  return {
    name: `QoS 0, to ${count}`,
    operations: chunk.count * count,
    ours,
    rival,
    assertEqualWork: () => assert.equal(ours(), rival()),
  }
}

function caseOf(name: string, ours: () => number, chunk: Chunk): Case {
  return {
    name,
    operations: chunk.count,
    ours,
    rival: () => parseAndGenerate(chunk),
    assertEqualWork: () => {
      assert.equal(ours(), chunk.bytes.length)
      assert.equal(parseAndGenerate(chunk), chunk.bytes.length)
    },
  }
}

export default {
  name: 'data-path',
  rival: 'mqtt-packet',
  cases: [
    await qos0(),
    await qos1('QoS 1, session ends with its connection', 0),
    await qos1('QoS 1, session stays', 3600),
    await fanOut(100),
  ],
} satisfies Suite
