import { setTimeout as sleep } from 'node:timers/promises'
import { Flow } from './flow.ts'
import type { Load } from './load.ts'
import { connectPacket, microseconds, publishTemplate } from './packets.ts'
import { Peer } from './peer.ts'
import { Subscriber } from './subscriber.ts'
import { stamp, type Tally } from './tally.ts'

const PINGREQ = Buffer.from([0xc0, 0])
const PINGRESP = 13
const BATCH = 500
const LONGEST_MS = 60_000

/**
 * Publishes retained messages, each on a topic of its own.
 *
 * @returns what subscribes to all of them, and resolves with their number when all have come.
 */
export async function replayRetained(
  { port, version, payloadSize }: Load,
  count: number,
  tally: Tally,
): Promise<() => Promise<number>> {
  let pong = () => {}
  const publisher = new Peer(port, {
    packet: (firstByte) => {
      if (firstByte >> 4 === PINGRESP) pong()
    },
    batch: () => {},
  })
  publisher.socket.write(connectPacket(version, 'retained', 65_535))
  for (let sequence = 1; sequence <= count; ) {
    const packets: Buffer[] = []
    for (let i = 0; i < BATCH && sequence <= count; i++, sequence++) {
      const template = publishTemplate(version, `retained/${sequence}`, 0, payloadSize, true)
      stamp(template.packet, template.payloadStart, 0, sequence, microseconds())
      packets.push(template.packet)
    }
    const answered = new Promise<void>((resolve) => {
      pong = resolve
    })
    publisher.socket.write(Buffer.concat([...packets, PINGREQ]))
    await answered
  }
  return () => receiveAll(port, version, count, tally)
}

async function receiveAll(
  port: number,
  version: Load['version'],
  count: number,
  tally: Tally,
): Promise<number> {
  const flow = new Flow(tally, count, 1)
  const options = { version, readSize: 262_144, little: 0, tally, flow, ready: () => {} }
  const subscriber = new Subscriber(port, 0, '#', 0, options)
  const end = performance.now() + LONGEST_MS
  while (tally.receivedCount < count && performance.now() < end) await sleep(1)
  subscriber.close()
  return tally.receivedCount
}
