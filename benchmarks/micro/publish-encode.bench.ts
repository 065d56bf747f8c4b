/**
 * Encoding PUBLISH at QoS 0, topic 30 B, payload 64 B: from a topic that is bytes already, as a broker has
 * it; from an object; from an object with six properties. The size is asked for first, as who borrows a
 * buffer must.
 */
import {
  encodePublish,
  encodePublishStart,
  type PublishInput,
  publishPacketSize,
  publishSize,
} from '@promptmq/codec'
import { checkRoom, type EncodeAll, encodeCase, PACKETS } from '../harness/encode-case.ts'
import { INCUMBENT_SIX_PROPERTIES, PAYLOAD, SIX_PROPERTIES, TOPIC } from '../harness/packets.ts'
import type { Suite } from '../harness/suite.ts'

const topic = Buffer.from(TOPIC)

function fromParts(target: Buffer): number {
  let at = 0
  for (let i = 0; i < PACKETS; i++) {
    checkRoom(target, at, publishSize(5, 0, topic.length, 0, PAYLOAD.length))
    at = encodePublishStart(target, at, 5, 0, topic, 0, 0, PAYLOAD.length)
    target.set(PAYLOAD, at)
    at += PAYLOAD.length
  }
  return at
}

function fromObject(packet: PublishInput): EncodeAll {
  return (target) => {
    let at = 0
    for (let i = 0; i < PACKETS; i++) {
      const size = publishPacketSize(5, packet)
      checkRoom(target, at, size)
      at = encodePublish(target, at, 5, packet, size)
    }
    return at
  }
}

const plain = { topicName: TOPIC, payload: PAYLOAD }
const incumbent = {
  cmd: 'publish',
  topic: TOPIC,
  payload: Buffer.from(PAYLOAD),
  qos: 0,
  dup: false,
  retain: false,
}

export default {
  name: 'publish-encode',
  rival: 'mqtt-packet',
  cases: [
    encodeCase('topic as bytes', fromParts, { ...incumbent, topic }),
    encodeCase('an object', fromObject(plain), incumbent),
    encodeCase('six properties', fromObject({ ...plain, properties: SIX_PROPERTIES }), {
      ...incumbent,
      properties: INCUMBENT_SIX_PROPERTIES,
    }),
  ],
} satisfies Suite
