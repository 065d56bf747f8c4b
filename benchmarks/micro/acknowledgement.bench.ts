/** PUBACK both ways, in the short form and with a Reason Code, and PUBREL, which has flags. */
import { strict as assert } from 'node:assert'
import {
  AcknowledgementHeader,
  acknowledgementSize,
  DecodeContext,
  decodePuback,
  decodePubrel,
  encodePuback,
  encodeShortAcknowledgement,
  PacketDecoder,
  PacketType,
} from '@promptmq/codec'
import { checkRoom, encodeCase, PACKETS } from '../harness/encode-case.ts'
import { incumbentParser } from '../harness/incumbent.ts'
import { type Chunk, chunkOf } from '../harness/packets.ts'
import type { Case, Suite } from '../harness/suite.ts'

const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))
const header = new AcknowledgementHeader()

function decodeAll({ bytes }: Chunk): number {
  let sum = 0
  decoder.push(bytes)
  for (let type = decoder.next(); type !== 0; type = decoder.next()) {
    const decode = type === PacketType.Puback ? decodePuback : decodePubrel
    const { context, bytes, start, end } = decoder
    if (decode(header, context, bytes, start, end) !== 0) throw new Error('fault')
    sum += header.packetIdentifier + header.reasonCode
  }
  return sum
}

let sum = 0
const parse = incumbentParser(({ messageId, reasonCode }) => {
  sum += (messageId as number) + (reasonCode as number)
})

function parseAll({ bytes }: Chunk): number {
  sum = 0
  parse(bytes)
  return sum
}

function decodeCase(name: string, chunk: Chunk): Case {
  const assertEqualWork = () => {
    assert.equal(decodeAll(chunk), parseAll(chunk))
    assert(decodeAll(chunk) >= chunk.count)
  }
  return {
    name,
    operations: chunk.count,
    ours: () => decodeAll(chunk),
    rival: () => parseAll(chunk),
    assertEqualWork,
  }
}

const withReason = { packetIdentifier: 42, reasonCode: 0x10 }
const puback = { cmd: 'puback', messageId: 42 }

export default {
  name: 'acknowledgement',
  rival: 'mqtt-packet',
  cases: [
    decodeCase('PUBACK decode', chunkOf({ type: 'puback', packetIdentifier: 42 })),
    decodeCase('PUBACK decode, Reason Code', chunkOf({ type: 'puback', ...withReason })),
    decodeCase('PUBREL decode', chunkOf({ type: 'pubrel', packetIdentifier: 42 })),
    encodeCase(
      'PUBACK encode',
      (target) => {
        let at = 0
        for (let i = 0; i < PACKETS; i++) {
          checkRoom(target, at, 4)
          at = encodeShortAcknowledgement(target, at, 0x40, 42)
        }
        return at
      },
      puback,
    ),
    encodeCase(
      'PUBACK encode, Reason Code',
      (target) => {
        let at = 0
        for (let i = 0; i < PACKETS; i++) {
          checkRoom(target, at, acknowledgementSize(5, withReason))
          at = encodePuback(target, at, 5, withReason)
        }
        return at
      },
      { ...puback, reasonCode: 0x10 },
    ),
  ],
} satisfies Suite
