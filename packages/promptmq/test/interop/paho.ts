import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { QoS } from '@promptmq/codec'
import type {
  ClientKind,
  ConnectOptions,
  InteropClient,
  Message,
  MessageProperties,
} from './client.ts'
import { Inbox, within } from './events.ts'
import type { Version } from './features.ts'

/**
 * Isolated: neither the folder it stands in nor the user's own packages are looked into. What paho 2 says
 * of the callbacks of paho 1, which both have, is not of interest.
 */
const FLAGS = ['-I', '-W', 'ignore::DeprecationWarning']
const DRIVER = join(import.meta.dirname, 'paho.py')

/** The first `python3` of the PATH that has paho; on some machines another one comes first. */
function findPython(): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, 'python3'))
    .filter((path) => existsSync(path))
    .find((path) => versionOf(path) !== undefined)
}

function versionOf(python: string): string | undefined {
  const script = 'import paho.mqtt; print(paho.mqtt.__version__)'
  const { status, stdout } = spawnSync(python, [...FLAGS, '-c', script], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

const python = findPython()

type Properties = Record<string, unknown>

/** What the driver says, by the kind of line. */
interface Line {
  readonly call?: number
  readonly result?: unknown
  readonly error?: string
  readonly client?: string
  readonly message?: {
    readonly topic: string
    readonly payload: string
    readonly qos: QoS
    readonly retain: boolean
    readonly properties: Properties
  }
  readonly ended?: number | null
}

/** The Python process, and who waits for what it says. */
class Driver {
  readonly #child: ChildProcess
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #clients = new Map<string, { inbox: Inbox<Message>; end: (code?: number) => void }>()
  #count = 0
  #failure: Error | null = null

  constructor() {
    if (python === undefined) throw new Error('no python3 in the PATH that has paho.mqtt')
    this.#child = spawn(python, [...FLAGS, DRIVER], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#hear(line))
    this.#child.once('exit', (code) => {
      this.#failure = new Error(`paho.py ended with ${code}`)
      for (const { reject } of this.#calls.values()) reject(this.#failure)
    })
  }

  /** @returns a name for a new client, what it receives, and its end. */
  open() {
    const name = String(this.#count++)
    const { promise: ended, resolve: end } = Promise.withResolvers<number | undefined>()
    const inbox = new Inbox<Message>()
    this.#clients.set(name, { inbox, end })
    return { name, inbox, ended }
  }

  call(client: string, what: string, rest: object = {}): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const call = this.#count++
    const answer = Promise.withResolvers<unknown>()
    this.#calls.set(call, answer)
    this.#child.stdin!.write(`${JSON.stringify({ call, client, do: what, ...rest })}\n`)
    return within(answer.promise, () => `an answer of paho to ${what}`)
  }

  async close(): Promise<void> {
    if (this.#failure !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.stdin!.end()
    try {
      await within(exited, () => 'the end of paho.py')
    } finally {
      this.#child.kill('SIGKILL')
    }
  }

  #hear(text: string): void {
    const line = JSON.parse(text) as Line
    if (line.call !== undefined) {
      const answer = this.#calls.get(line.call)!
      this.#calls.delete(line.call)
      if (line.error === undefined) answer.resolve(line.result)
      else answer.reject(new Error(line.error))
      return
    }
    const client = this.#clients.get(line.client!)!
    if (line.message === undefined) client.end(line.ended ?? undefined)
    else client.inbox.push(messageOf(line.message))
  }
}

let driver: Driver | undefined

/** paho-mqtt for Python: all clients in one process, driven by `paho.py`. */
export const paho: ClientKind = {
  name: 'paho',
  // Where it must be there, its absence is a failure and not a reason to leave tests out.
  isHere: python !== undefined || process.env.PROMPTMQ_REQUIRE_PAHO !== undefined,
  tellsReasonCodes: false,
  async connect(port, version, options) {
    driver ??= new Driver()
    const { name, inbox, ended } = driver.open()
    const command = { port, version, ...connectCommand(options) }
    const connack = (await driver.call(name, 'connect', command)) as InteropClient['connack']
    return clientOf(driver, name, version, { connack, inbox, ended })
  },
  async close() {
    await driver?.close()
    driver = undefined
  },
}

/** The version that is here. */
export function pahoVersion(): string | undefined {
  return python === undefined ? undefined : versionOf(python)
}

function clientOf(
  driver: Driver,
  name: string,
  version: Version,
  { connack, inbox, ended }: Pick<InteropClient, 'connack' | 'ended'> & { inbox: Inbox<Message> },
): InteropClient {
  return {
    connack,
    ended,
    take: (count) => inbox.take(count),
    async subscribe(topicFilter, { qos = 0, subscriptionIdentifier, ...rest } = {}) {
      const options = { qos, ...rest }
      const properties = { subscriptionIdentifier }
      return (await driver.call(name, 'subscribe', { topicFilter, options, properties })) as number
    },
    async unsubscribe(topicFilter) {
      return (await driver.call(name, 'unsubscribe', { topicFilter })) as number
    },
    async publish(topic, payload, { qos = 0, retain = false, properties } = {}) {
      return (await driver.call(name, 'publish', {
        topic,
        payload: Buffer.from(payload).toString('base64'),
        qos,
        retain,
        ...(version === '5.0' && { properties: outward(properties) }),
      })) as number
    },
    async disconnect({ reasonCode = 0, sessionExpiryInterval } = {}) {
      await driver.call(name, 'disconnect', { reasonCode, properties: { sessionExpiryInterval } })
      await within(ended, () => 'the end of a connection after DISCONNECT')
    },
    drop: async () => void (await driver.call(name, 'drop')),
  }
}

function connectCommand({ clean = true, keepAlive = 60, will, ...rest }: ConnectOptions): object {
  return {
    reconnects: false,
    ...rest,
    clean,
    keepAlive,
    ...(will !== undefined && {
      will: { qos: 0, retain: false, ...will, properties: outward(will.properties) },
    }),
  }
}

function outward(properties: MessageProperties = {}): Properties {
  const { correlationData, ...rest } = properties
  if (correlationData === undefined) return rest
  return { ...rest, correlationData: Buffer.from(correlationData).toString('base64') }
}

function messageOf({ payload, properties, ...rest }: NonNullable<Line['message']>): Message {
  const { correlationData, ...others } = properties
  return {
    ...rest,
    payload: Buffer.from(payload, 'base64'),
    properties: {
      ...others,
      ...(typeof correlationData === 'string' && {
        correlationData: Uint8Array.from(Buffer.from(correlationData, 'base64')),
      }),
    },
  }
}
