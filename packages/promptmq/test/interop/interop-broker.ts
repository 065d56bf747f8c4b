import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Broker,
  type BrokerOptions,
  type ClientInfo,
  type Clock,
  scramCredentials,
  scramSha256,
} from '@promptmq/broker'
import { SqliteStore } from '@promptmq/store-sqlite'
import { within } from './events.ts'
import type { Version } from './features.ts'
import { Tap } from './tap.ts'

/** What CONNECT calls the versions. */
export const PROTOCOL_VERSION = { '3.1': 3, '3.1.1': 4, '5.0': 5 } as const

/** Beyond this Node's timers fire at once. */
const LONGEST_DELAY_MS = 2_147_483_647

/** The only user that is known, and what must not be spoken of. */
export const USER = { userName: 'user', password: 'secret' }
export const FORBIDDEN = 'forbidden'

/**
 * A broker as somebody would run it, in this process: on a port, on a file in a folder of its own, with
 * hooks; only its clock may be put forward, so that no test waits for what takes minutes.
 */
export class InteropBroker {
  readonly broker: Broker
  readonly clock: ForwardClock
  readonly port: number
  readonly #folder: string

  private constructor(broker: Broker, clock: ForwardClock, port: number, folder: string) {
    this.broker = broker
    this.clock = clock
    this.port = port
    this.#folder = folder
  }

  static async start(options: BrokerOptions = {}): Promise<InteropBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-interop-'))
    const clock = new ForwardClock()
    const store = new SqliteStore({ path: join(folder, 'promptmq.db') })
    const broker = await Broker.start({ store, clock, ...options })
    const kept = await scramCredentials(USER.password)
    broker.use({
      name: 'interop',
      authenticate: ({ userName, password }) => {
        const isKnown =
          userName === USER.userName && Buffer.from(password ?? []).toString() === USER.password
        return userName === undefined || isKnown ? true : 0x86
      },
      authenticationMethods: [
        scramSha256({
          credentials: (userName) => (userName === USER.userName ? kept : undefined),
        }),
      ],
      authorizePublish: (_client, { topicName }) => !topicName.includes(FORBIDDEN),
      authorizeSubscribe: (_client, { topicFilter }) => !topicFilter.includes(FORBIDDEN),
    })
    const { port } = await broker.listen({ port: 0 })
    return new InteropBroker(broker, clock, port, folder)
  }

  tap(version: Version): Promise<Tap> {
    return Tap.open(this.port, PROTOCOL_VERSION[version])
  }

  /** Does what ends a client's connection, and waits until the broker knows; @returns why it ended. */
  async untilGone(clientId: string, end: () => unknown): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>()
    const listener = (client: ClientInfo, reason: string) => {
      if (client.clientId === clientId) resolve(reason)
    }
    this.broker.on('clientDisconnect', listener)
    try {
      await end()
      return await within(promise, () => `that the broker sees the end of ${clientId}`)
    } finally {
      this.broker.off('clientDisconnect', listener)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

interface Timer {
  readonly at: number
  readonly callback: () => void
  handle: NodeJS.Timeout
}

/** The machine's time, and as much more as it was put forward. */
class ForwardClock implements Clock {
  readonly #timers = new Set<Timer>()
  #ahead = 0

  now(): number {
    return Math.floor(performance.timeOrigin + performance.now()) + this.#ahead
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const at = this.now() + delayMs
    const timer: Timer = { at, callback, handle: this.#start(at, () => this.#fire(timer)) }
    this.#timers.add(timer)
    return () => this.#forget(timer)
  }

  defer(callback: () => void): void {
    setImmediate(callback)
  }

  /** Puts it forward; whatever is due then has been called back when this returns. */
  forward(seconds: number): void {
    this.#ahead += seconds * 1_000
    for (const timer of [...this.#timers]) {
      clearTimeout(timer.handle)
      if (timer.at <= this.now()) this.#fire(timer)
      else timer.handle = this.#start(timer.at, () => this.#fire(timer))
    }
  }

  #start(at: number, callback: () => void): NodeJS.Timeout {
    return setTimeout(callback, Math.min(LONGEST_DELAY_MS, at - this.now() + 1)).unref()
  }

  #fire(timer: Timer): void {
    this.#forget(timer)
    timer.callback()
  }

  #forget(timer: Timer): void {
    this.#timers.delete(timer)
    clearTimeout(timer.handle)
  }
}
