/** Connections that do nothing: how fast they come, what each takes. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Host } from '../neighbours/running-host.ts'
import { connectPacket, subscribePacket } from '../wire/load/packets.ts'

/** Attempts under way at once. */
const AT_ONCE = 100
/** Before what is measured: what is made once is made then. */
const FIRST = 500
const VERSION = 4
/** CONNACK and SUBACK. */
const ANSWER_SIZE = 4 + 5

export interface Idle {
  readonly count: number
  /** Connected and subscribed, a second. */
  readonly rate: number
  /** Bytes of RSS of the broker's process. */
  readonly bytesEach: number
}

/** Connects so many, each with a subscription of its own, to a new broker. */
export async function measureIdle(count: number): Promise<Idle> {
  const host = await Host.start()
  await open(host.port, 0, FIRST)
  await sleep(500)
  const { rss } = await host.ask()
  const begin = performance.now()
  await open(host.port, FIRST, count)
  const seconds = (performance.now() - begin) / 1000
  await sleep(1_000)
  const bytesEach = ((await host.ask()).rss - rss) / count
  host.stop()
  return { count, rate: count / seconds, bytesEach }
}

async function open(port: number, from: number, count: number): Promise<void> {
  let next = from
  const openMore = async () => {
    while (next < from + count) await openOne(port, next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openMore))
}

const buffer = Buffer.alloc(64)

function openOne(port: number, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = ANSWER_SIZE
    const callback = (size: number) => {
      missing -= size
      if (missing <= 0) resolve()
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback } })
    socket.on('error', reject)
    const subscribe = subscribePacket(VERSION, 1, `idle/${index}`, 0)
    socket.write(Buffer.concat([connectPacket(VERSION, `idle-${index}`, 65_535), subscribe]))
    socket.unref()
  })
}
