/**
 * Has an exchange with a broker over TCP. Nothing waits for time to pass: each step is driven by what
 * comes, and what does not come within a bound is a difference.
 */
import { encode, type Packet } from '@promptmq/codec'
import { hex } from '../wire.ts'
import type { ExpectedPacket, ExpectStep, Step, WireExchange } from './exchange.ts'
import { tellMismatch } from './match.ts'
import { Names, RUN_MARK } from './names.ts'
import { readNotation } from './notation.ts'
import { type Arrival, type BrokerAddress, WireConnection } from './wire-connection.ts'

/** How an exchange is run. */
export interface RunOptions {
  /** Milliseconds that an answer may take. Default 2,000. */
  readonly timeoutMs?: number
  /** What the standard only advises must be done too. Default false. */
  readonly isStrict?: boolean
  /** Four letters or digits for `@run`. Default: others each time. */
  readonly run?: string
}

/** Where a broker did not do what an exchange expects. */
export interface Difference {
  readonly file: string
  readonly exchange: string
  /** From 1. */
  readonly step: number
  /** The step as it stands in the file. */
  readonly expected: string
  /** What came, in words that are the same for each execution. */
  readonly got: string
  /** The bytes that came, in hex; '' where none did. */
  readonly bytes: string
}

/** Numbers of four letters whose first is a digit: no word of JSON is one. */
const RUNS = 10 * 36 ** 3
const AT_ONCE = 16
let lastRun = Math.floor(Math.random() * RUNS)

/** @returns the first difference, `null` where there is none. Throws where nobody listens. */
export async function runExchange(
  exchange: WireExchange,
  address: BrokerAddress,
  options: RunOptions = {},
): Promise<Difference | null> {
  const run = new ExchangeRun(address, options)
  try {
    for (const [index, step] of exchange.steps.entries()) {
      const failure = await run.doStep(step)
      if (failure === null) continue
      const { file, name } = exchange
      return { file, exchange: name, step: index + 1, expected: step.text, ...failure }
    }
    return null
  } finally {
    run.dispose()
  }
}

/** What an exchange came to. */
export interface Outcome {
  readonly exchange: WireExchange
  readonly difference: Difference | null
}

/**
 * Has them all, several at once: their names keep them apart.
 *
 * @returns in their order.
 */
export async function runExchanges(
  exchanges: readonly WireExchange[],
  address: BrokerAddress,
  options: RunOptions = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const waiting = [...exchanges.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, exchange] = next
      outcomes[index] = { exchange, difference: await runExchange(exchange, address, options) }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return outcomes
}

/** One line that says all that is known of a difference. */
export function formatDifference(difference: Difference): string {
  const { file, exchange, step, expected, got, bytes } = difference
  const shown = bytes.length > 200 ? `${bytes.slice(0, 200)} ...` : bytes
  const wire = shown === '' ? '' : ` (${shown})`
  return `${file}.json: '${exchange}', step ${step}: expected ${expected}, got ${got}${wire}`
}

type Failure = Pick<Difference, 'got' | 'bytes'>

class ExchangeRun {
  readonly #address: BrokerAddress
  readonly #timeoutMs: number
  readonly #isStrict: boolean
  #names: Names
  readonly #connections = new Map<string, WireConnection>()
  readonly #all: WireConnection[] = []

  constructor(address: BrokerAddress, options: RunOptions) {
    this.#address = address
    this.#timeoutMs = options.timeoutMs ?? 2_000
    this.#isStrict = options.isStrict ?? false
    this.#names = new Names(options.run ?? nextRun())
  }

  dispose(): void {
    for (const connection of this.#all) connection.dispose()
  }

  async doStep(step: Step): Promise<Failure | null> {
    switch (step.kind) {
      case 'open':
        await this.#open(step.on, step.protocolVersion)
        return null
      case 'join':
        return this.#join(step)
      case 'send':
        this.#connection(step.on).send(this.#bytesOf(step.lines))
        return null
      case 'expect':
        return this.#expect(step)
      case 'nothing':
        this.#connection(step.on).ping()
        return this.#expectPackets(step.on, [{ type: 'pingresp' }])
      case 'close':
        return this.#expectClose(step.on)
      case 'halfClose':
      case 'abort':
        this.#connection(step.on)[step.kind]()
        return null
    }
  }

  async #open(name: string, protocolVersion: 3 | 4 | 5): Promise<WireConnection> {
    const connection = await WireConnection.open(this.#address, protocolVersion)
    this.#connections.set(name, connection)
    this.#all.push(connection)
    return connection
  }

  async #join({ on, protocolVersion }: Extract<Step, { kind: 'join' }>): Promise<Failure | null> {
    const connection = await this.#open(on, protocolVersion)
    const clientId = `${this.#names.run}${on}`
    const connect = { type: 'connect', clientId, cleanStart: true, keepAlive: 0 } as const
    connection.send(encode(connect, { protocolVersion }))
    return this.#expectPackets(on, [{ type: 'connack', sessionPresent: false, reasonCode: 0 }])
  }

  #bytesOf(lines: readonly string[]): Uint8Array {
    return Buffer.concat(lines.map((line) => readNotation(line, this.#names)))
  }

  #connection(name: string): WireConnection {
    const connection = this.#connections.get(name)
    if (connection === undefined) throw new Error(`no connection is called '${name}'`)
    return connection
  }

  async #expect({ on, packets, obligation, as }: ExpectStep): Promise<Failure | null> {
    const found = await this.#firstOf(on)
    const name = found ?? on[0]!
    if (as !== undefined) this.#connections.set(as, this.#connection(name))
    const isNeeded = obligation === 'must' || (obligation === 'advised' && this.#isStrict)
    if (!isNeeded && this.#connection(name).peek()?.kind === 'closed') return null
    return this.#expectPackets(name, packets)
  }

  async #expectPackets(on: string, expected: readonly ExpectedPacket[]): Promise<Failure | null> {
    const rest = [...expected]
    while (rest.length > 0) {
      await this.#firstOf([on])
      const connection = this.#connection(on)
      const arrival = connection.peek()
      if (arrival?.kind !== 'packet') return this.#tell(arrival)
      const at = rest.findIndex((packet) => this.#accept(packet, arrival.packet))
      if (at < 0) return this.#tell(arrival)
      connection.take()
      rest.splice(at, 1)
    }
    return null
  }

  /** Whether it is the packet; only then the names that it gives are kept. */
  #accept(expected: ExpectedPacket, actual: Packet): boolean {
    const names = this.#names.copy()
    if (tellMismatch(expected, actual, { names, isStrict: this.#isStrict }) !== '') return false
    this.#names = names
    return true
  }

  async #expectClose(on: string): Promise<Failure | null> {
    await this.#firstOf([on])
    const arrival = this.#connection(on).peek()
    return arrival?.kind === 'closed' ? null : this.#tell(arrival)
  }

  /** Waits until something has come on one of them. */
  async #firstOf(names: readonly string[]): Promise<string | undefined> {
    const deadline = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => deadline.resolve('late'), this.#timeoutMs)
    try {
      for (;;) {
        const changes = names.map((name) => this.#connection(name).changed())
        const found = names.find((name) => this.#connection(name).peek() !== undefined)
        if (found !== undefined) return found
        if ((await Promise.race([...changes, deadline.promise])) === 'late') return undefined
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #tell(arrival: Arrival | undefined): Failure {
    if (arrival === undefined) return { got: 'nothing', bytes: '' }
    if (arrival.kind === 'closed') return { got: 'the end of the connection', bytes: '' }
    const bytes = hex(arrival.bytes)
    if (arrival.kind === 'fault') return { got: `no packet: ${arrival.code}`, bytes }
    return { got: this.#names.strip(describePacket(arrival.packet)), bytes }
  }
}

/** One after the other from where chance began, so that no two executions share a name. */
function nextRun(): string {
  lastRun = (lastRun + 1) % RUNS
  return lastRun.toString(36).padStart(RUN_MARK.length, '0')
}

/** `PUBLISH { "topicName": "a/b", "qos": 1 }`: what is there, in short. */
function describePacket({ type, ...fields }: Packet): string {
  const text = JSON.stringify(fields, (_, value: unknown) => {
    if (value instanceof Uint8Array) return brief(Buffer.from(value).toString())
    if (typeof value === 'string') return brief(value)
    const isEmpty = Array.isArray(value) && value.length === 0
    return isEmpty ? undefined : value
  })
  return `${type.toUpperCase()} ${text}`.replace(/,?"properties":\{\}|\{\}/g, '').trim()
}

function brief(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}...` : text
}
