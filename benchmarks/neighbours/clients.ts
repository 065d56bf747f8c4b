/** The clients of `neighbours.ts`: those who should feel nothing, and those who could make them. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Flow } from '../wire/load/flow.ts'
import { connectPacket, publishTemplate, subscribePacket } from '../wire/load/packets.ts'
import { Publisher } from '../wire/load/publisher.ts'
import { Subscriber } from '../wire/load/subscriber.ts'
import { Tally } from '../wire/load/tally.ts'

const VERSION = 4
const TICK_MS = 1
const FLOOD_BATCH = 65_536
/** For what is still on its way. */
const SETTLE_MS = 500

export const pairTopic = (index: number): string => `neighbours/pair/${index}`

export interface Latency {
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly lost: number
}

/** Pairs of a publisher and a subscriber at QoS 0, each on a topic of its own. */
export class Pairs {
  readonly #tally: Tally
  readonly #rate: number
  readonly #publishers: Publisher[] = []

  private constructor(tally: Tally, rate: number) {
    this.#tally = tally
    this.#rate = rate
  }

  /** @param rate - messages a second of all of them together. */
  static async connect(port: number, count: number, rate: number): Promise<Pairs> {
    const tally = new Tally(count, count, false)
    const pairs = new Pairs(tally, rate)
    for (let i = 0; i < count; i++) {
      await subscriber(port, i, pairTopic(i), tally)
      pairs.#publishers.push(await publisher(port, i, pairTopic(i), 64, tally))
    }
    return pairs
  }

  /** Sends for a while. */
  async run(milliseconds: number): Promise<Latency> {
    const tally = this.#tally
    const missing = tally.sentCount - tally.receivedCount
    tally.measure(true)
    const stop = this.#pace()
    await sleep(milliseconds)
    stop()
    await sleep(SETTLE_MS)
    tally.measure(false)
    const lost = tally.sentCount - tally.receivedCount - missing
    return { p50: tally.quantile(0.5) / 1000, p99: tally.quantile(0.99) / 1000, lost }
  }

  #pace(): () => void {
    const begin = performance.now()
    let sent = 0
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begin) * this.#rate) / 1000)
      for (; sent < due; sent++) this.#publishers[sent % this.#publishers.length]!.allow(1)
    }, TICK_MS)
    return () => clearInterval(timer)
  }
}

/** Subscribes and never reads again. */
export async function stalledSubscriber(
  port: number,
  index: number,
  ...topicFilters: string[]
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const packets = topicFilters.map((filter, i) => subscribePacket(VERSION, i + 1, filter, 0))
  socket.write(Buffer.concat([connectPacket(VERSION, `stalled-${index}`, 65_535), ...packets]))
  // CONNACK has four bytes, each SUBACK five.
  let missing = 4 + 5 * topicFilters.length
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      missing -= bytes.length
      if (missing <= 0) resolve()
    })
  })
  socket.pause()
  return socket
}

/** Publishes the same message as fast as it is read from, or at a rate. @returns ends it. */
export async function flooder(
  port: number,
  topicName: string,
  payloadSize: number,
  rate?: number,
): Promise<() => void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket(VERSION, 'flooder', 65_535))
  const { packet } = publishTemplate(VERSION, topicName, 0, payloadSize)
  if (rate !== undefined) {
    const timer = setInterval(() => socket.write(packet), 1000 / rate)
    return () => clearInterval(timer)
  }
  const count = Math.max(1, Math.floor(FLOOD_BATCH / packet.length))
  const batch = Buffer.concat(new Array<Buffer>(count).fill(packet))
  const more = () => {
    while (socket.write(batch)) {}
  }
  socket.on('drain', more)
  more()
  return () => socket.destroy()
}

/** A subscriber that reads all it gets, and no more than that. @returns ends it. */
export async function reader(
  port: number,
  topicFilter: string,
  clientId: string,
): Promise<() => void> {
  const onread = { buffer: Buffer.allocUnsafe(262_144), callback: () => true }
  const socket = connect({ port, host: '127.0.0.1', onread })
  const subscribe = subscribePacket(VERSION, 1, topicFilter, 0)
  socket.write(Buffer.concat([connectPacket(VERSION, clientId, 65_535), subscribe]))
  return () => socket.destroy()
}

/** Publishes retained messages, one a topic. */
export async function retain(port: number, count: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  const packets = Array.from({ length: count }, (_, i) => {
    const { packet } = publishTemplate(VERSION, `neighbours/retained/${i}`, 0, 64)
    packet[0]! |= 1
    return packet
  })
  socket.write(Buffer.concat([connectPacket(VERSION, 'retainer', 65_535), ...packets]))
  socket.end(Buffer.of(0xe0, 0))
  await new Promise((resolve) => socket.on('close', resolve).resume())
}

function subscriber(
  port: number,
  index: number,
  topicFilter: string,
  tally: Tally,
): Promise<Subscriber> {
  return new Promise((resolve) => {
    const flow = new Flow(tally, Number.POSITIVE_INFINITY, 1)
    const ready = () => resolve(one)
    const options = { version: VERSION, readSize: 65_536, little: 0, tally, flow, ready } as const
    const one: Subscriber = new Subscriber(port, index, topicFilter, 0, options)
  })
}

function publisher(
  port: number,
  index: number,
  topicName: string,
  payloadSize: number,
  tally: Tally,
): Promise<Publisher> {
  return new Promise((resolve) => {
    const flow = new Flow(tally, Number.POSITIVE_INFINITY, 1)
    const ready = () => resolve(one)
    const options = {
      version: VERSION,
      payloadSize,
      window: 1,
      batchSize: 65_536,
      little: 0,
    } as const
    const rest = { tally, flow, ready }
    const one: Publisher = new Publisher(port, index, topicName, 0, { ...options, ...rest })
  })
}
