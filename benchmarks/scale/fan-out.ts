/** One message to very many subscribers, inside the process: how long anybody else has to wait. */
import { setImmediate as immediate } from 'node:timers/promises'
import { Broker } from '@promptmq/broker'
import { encode } from '@promptmq/codec'
import { Peer } from '../harness/loopback.ts'
import { TOPIC } from '../harness/packets.ts'

export interface FanOut {
  readonly qos: 0 | 1
  readonly count: number
  /** Milliseconds until the last has it. */
  readonly total: number
  /** Milliseconds: the longest that the event loop did nothing else. */
  readonly longest: number
}

/** A write to a socket takes so long, in microseconds; that to a Peer takes nothing. */
const WRITE_US = 4
const REPEATS = 5
const V5 = { protocolVersion: 5 } as const

/** The last of some messages to as many, when all is compiled. */
export async function measureFanOut(qos: 0 | 1, count: number): Promise<FanOut> {
  const loop = new Loop()
  const broker = await Broker.start({ clock: loop, maximumConnections: 2 * count })
  const publisher = Peer.join(broker, 'publisher')
  const subscribers: Peer[] = []
  let missing = 0
  for (let i = 0; i < count; i++) {
    const peer = Peer.join(broker, `s${i}`)
    peer.subscribe(TOPIC, qos)
    subscribers.push(peer)
    peer.onWrite = () => {
      missing--
      for (const end = performance.now() + WRITE_US / 1000; performance.now() < end; );
    }
  }
  const rest = qos === 0 ? {} : { qos, packetIdentifier: 1 }
  const packet = encode({ type: 'publish', topicName: TOPIC, ...rest }, V5)
  loop.isHeld = true
  let slices: number[] = []
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    missing = count
    slices = [timeOf(() => publisher.send(packet))]
    while (missing > 0) {
      slices.push(timeOf(() => loop.round()))
      await immediate()
    }
    const acknowledgement = encode({ type: 'puback', packetIdentifier: repeat + 1 }, V5)
    if (qos === 1) for (const peer of subscribers) peer.send(acknowledgement)
  }
  const total = slices.reduce((sum, slice) => sum + slice)
  return { qos, count, total, longest: Math.max(...slices) }
}

function timeOf(work: () => void): number {
  const begin = performance.now()
  work()
  return performance.now() - begin
}

/** An event loop that goes round when it is told to. */
class Loop {
  isHeld = false
  #deferred: (() => void)[] = []

  now(): number {
    return 1_700_000_000_000
  }

  schedule(): () => void {
    return () => {}
  }

  defer(callback: () => void): void {
    if (this.isHeld) this.#deferred.push(callback)
    else callback()
  }

  round(): void {
    const deferred = this.#deferred
    this.#deferred = []
    for (const callback of deferred) callback()
  }
}
