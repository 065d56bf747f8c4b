/** What a broker answers with, encoded: SUBACK for three filters, and PINGRESP. And PINGREQ, decoded. */
import { strict as assert } from 'node:assert'
import {
  DecodeContext,
  encodePingresp,
  encodeSuback,
  PacketDecoder,
  pingrespSize,
  subackSize,
} from '@promptmq/codec'
import { checkRoom, encodeCase, PACKETS } from '../harness/encode-case.ts'
import { incumbentParser } from '../harness/incumbent.ts'
import { chunkOf } from '../harness/packets.ts'
import type { Suite } from '../harness/suite.ts'

const suback = { packetIdentifier: 42, reasonCodes: [1, 0, 0x87] }
const pings = chunkOf({ type: 'pingreq' })
const decoder = new PacketDecoder(new DecodeContext({ protocolVersion: 5 }))

function countPings(): number {
  let count = 0
  decoder.push(pings.bytes)
  while (decoder.next() !== 0) count++
  return count
}

let parsed = 0
const parse = incumbentParser(() => parsed++)

function parsePings(): number {
  parsed = 0
  parse(pings.bytes)
  return parsed
}

export default {
  name: 'answers',
  rival: 'mqtt-packet',
  cases: [
    encodeCase(
      'SUBACK encode',
      (target) => {
        let at = 0
        for (let i = 0; i < PACKETS; i++) {
          checkRoom(target, at, subackSize(5, suback))
          at = encodeSuback(target, at, 5, suback)
        }
        return at
      },
      { cmd: 'suback', messageId: 42, granted: [1, 0, 0x87] },
    ),
    encodeCase(
      'PINGRESP encode',
      (target) => {
        let at = 0
        for (let i = 0; i < PACKETS; i++) {
          checkRoom(target, at, pingrespSize())
          at = encodePingresp(target, at)
        }
        return at
      },
      { cmd: 'pingresp' },
    ),
    {
      name: 'PINGREQ decode',
      operations: pings.count,
      ours: countPings,
      rival: parsePings,
      assertEqualWork: () => {
        assert.equal(countPings(), pings.count)
        assert.equal(parsePings(), pings.count)
      },
    },
  ],
} satisfies Suite
