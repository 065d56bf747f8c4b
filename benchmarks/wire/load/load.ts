/**
 * One load on one broker, in a process of its own: subscribers, then publishers, a while to warm up, a
 * while that is measured, then everything that is still on its way.
 *
 *   node load.ts LOAD        LOAD and the outcome are JSON; the parent is told when it measures
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Churn } from './churn.ts'
import { Flow } from './flow.ts'
import type { QoS, Version } from './packets.ts'
import { Publisher } from './publisher.ts'
import { replayRetained } from './retained.ts'
import { Subscriber } from './subscriber.ts'
import { Tally } from './tally.ts'

export interface Load {
  readonly port: number
  readonly version: Version
  readonly publishers: number
  readonly subscribers: number
  /** `one`: all on one topic; `pairs`: each publisher and subscriber on a topic of their own. */
  readonly topics: 'one' | 'pairs'
  readonly shareName?: string
  readonly qos: QoS
  readonly payloadSize: number
  /** Unacknowledged messages of a publisher. */
  readonly window: number
  /** Messages a second of all publishers together; absent: as fast as it goes. */
  readonly rate?: number
  /** Wildcard subscriptions that another client adds while it is measured, spread over the time. */
  readonly churn?: number
  /** Retained messages that are there first and go to one new subscriber to `#`, and nothing else. */
  readonly retained?: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface Outcome {
  /** Messages a second that came, all subscribers together. */
  readonly rate: number
  readonly received: number
  readonly lost: number
  readonly repeated: number
  readonly disordered: number
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
  /** Of a core, by this process, while it was measured. */
  readonly ownCpu: number
}

export const TOPIC = 'site/line-07/machine-42/load/x'
/** After so long without a message what has not come is lost. */
const QUIET_MS = 1_500
const TICK_MS = 1
/** Bytes of payload that a flood has between publishers and subscribers. */
const ON_THE_WAY = 4 * 2 ** 20

const load = JSON.parse(process.argv[2]!) as Load
/** Retained messages come in any order. */
const isInAnyOrder = load.shareName !== undefined || load.retained !== undefined
const tally = new Tally(load.publishers, load.subscribers, isInAnyOrder)
/** Deliveries of one message. */
const fanOut = load.topics === 'one' && load.shareName === undefined ? load.subscribers : 1
const flow = new Flow(tally, Math.max(2 * fanOut, ON_THE_WAY / load.payloadSize), fanOut)
const little = littleOf(load)

const outcome = load.retained === undefined ? await run() : await replay(load.retained)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
process.exit(0)

async function run(): Promise<Outcome> {
  const subscribers = await startAll(load.subscribers, subscriber)
  const publishers = await startAll(load.publishers, publisher)
  const stop = load.rate === undefined ? flood(publishers) : pace(publishers, load.rate)
  await sleep(load.warmUpMs)
  const churn = load.churn === undefined ? null : new Churn(load.port, load.version)
  tally.measure(true)
  const count = tally.receivedCount
  const figures = await measured(async () => {
    await (churn?.add(load.churn!, load.measureMs) ?? sleep(load.measureMs))
    return tally.receivedCount - count
  })
  tally.measure(false)
  stop()
  await settled()
  for (const each of [...subscribers, ...publishers]) each.close()
  return outcomeOf(figures, tally.sentCount * fanOut)
}

/** The outcome is that of one new subscriber, from SUBSCRIBE to the last message. */
async function replay(count: number): Promise<Outcome> {
  const finish = await replayRetained(load, count, tally)
  const figures = await measured(finish)
  return outcomeOf(figures, count)
}

interface Measured {
  readonly seconds: number
  readonly received: number
  readonly ownCpu: number
}

/** @param work - returns how many messages came meanwhile. */
async function measured(work: () => Promise<number>): Promise<Measured> {
  const [time, cpu] = [performance.now(), process.cpuUsage()]
  process.send?.('measuring')
  const received = await work()
  process.send?.('measured')
  const seconds = (performance.now() - time) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, received, ownCpu: (user + system) / 1e6 / seconds }
}

function outcomeOf({ seconds, received, ownCpu }: Measured, expected: number): Outcome {
  const { receivedCount, repeatedCount: repeated } = tally
  const disordered = load.retained === undefined ? tally.disorderCount : 0
  const lost = expected - (receivedCount - repeated)
  const [p50, p99] = [tally.quantile(0.5), tally.quantile(0.99)]
  return { rate: received / seconds, received, lost, repeated, disordered, p50, p99, ownCpu }
}

function topicOf(index: number): string {
  return load.topics === 'one' ? TOPIC : `${TOPIC}/${index}`
}

function subscriber(index: number, ready: () => void): Subscriber {
  const { port, version, shareName, qos } = load
  const filter = shareName === undefined ? topicOf(index) : `$share/${shareName}/${TOPIC}`
  const readSize = load.subscribers > 50 ? 65_536 : 262_144
  return new Subscriber(port, index, filter, qos, { version, readSize, little, tally, flow, ready })
}

function publisher(index: number, ready: () => void): Publisher {
  const { port, version, qos, payloadSize, window } = load
  const batchSize = load.publishers > 50 ? 8_192 : 65_536
  const options = { version, payloadSize, window, batchSize, little, tally, flow, ready }
  return new Publisher(port, index, topicOf(index), qos, options)
}

/**
 * What is read at once is little where more may wait: where nothing depends on how soon it is answered,
 * or where as many others answer meanwhile. Bytes.
 */
function littleOf({ rate, qos, publishers, window }: Load): number {
  if (rate !== undefined) return 0
  if (qos === 0) return 16_384
  return publishers > 50 ? 1_024 : window
}

async function startAll<T>(
  count: number,
  start: (index: number, ready: () => void) => T,
): Promise<T[]> {
  const list: T[] = []
  for (let index = 0; index < count; index++) {
    await new Promise<void>((resolve) => {
      list.push(start(index, resolve))
    })
  }
  return list
}

function flood(publishers: readonly Publisher[]): () => void {
  for (const publisher of publishers) publisher.allow(Number.POSITIVE_INFINITY)
  return () => {
    for (const publisher of publishers) publisher.stop()
  }
}

/** Each millisecond the next publishers in turn send what is due. */
function pace(publishers: readonly Publisher[], rate: number): () => void {
  const begin = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begin) * rate) / 1000)
    if (publishers.length === 1 && due > sent) publishers[0]!.allow(due - sent)
    else for (let i = sent; i < due; i++) publishers[i % publishers.length]!.allow(1)
    sent = due
  }, TICK_MS)
  return () => {
    clearInterval(timer)
    for (const publisher of publishers) publisher.stop()
  }
}

/** Waits for what is on its way, as long as anything comes. */
async function settled(): Promise<void> {
  for (let before = -1; tally.receivedCount !== before; ) {
    before = tally.receivedCount
    await sleep(QUIET_MS)
  }
}
