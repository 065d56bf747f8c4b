/**
 * Reads exchanges and refuses what could not fail, or not for the reason it seems to: a field that
 * no packet has, a packet whose length is not what it says, a connection that nobody opened.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProtocolVersion } from '@promptmq/codec'
import type { Step, WireExchange } from './exchange.ts'
import { checkExpected } from './expected-fields.ts'
import { Names, RUN_MARK } from './names.ts'
import { lengthFault, readNotation } from './notation.ts'

/** An exchange as it stands in a file. */
interface ExchangeText {
  readonly name: string
  readonly statements: readonly string[]
  readonly protocolVersion: number
  readonly steps: readonly StepText[]
}

type StepText = Readonly<Record<string, unknown>>

/** What keys a step may have, by the one that tells what it is. */
const KEYS = {
  open: ['protocolVersion'],
  join: ['protocolVersion'],
  send: ['on', 'broken'],
  expect: ['on', 'optional', 'as'],
  expectInAnyOrder: ['on'],
  halfClose: [],
  abort: [],
} as const

type StepKey = keyof typeof KEYS

/**
 * Every exchange of the `*.json` of a folder, in the order of their names and lines.
 *
 * @throws Error that says file, exchange, step and what is wrong with it.
 */
export function readExchanges(folder: string): WireExchange[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => parseExchanges(name, readFileSync(join(folder, name), 'utf8')))
}

/** Those of one file. Throws as {@link readExchanges} does. */
export function parseExchanges(fileName: string, text: string): WireExchange[] {
  const file = fileName.replace(/\.json$/, '')
  const seen = new Set<string>()
  return within(fileName, () =>
    (JSON.parse(text) as ExchangeText[]).map((exchange) =>
      within(`'${exchange.name}'`, () => {
        if (typeof exchange.name !== 'string' || seen.has(exchange.name)) {
          throw new Error('has no name of its own')
        }
        seen.add(exchange.name)
        return parseExchange(file, exchange)
      }),
    ),
  )
}

/** Has an error say where it was. */
function within<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`, { cause: error })
  }
}

function parseExchange(file: string, exchange: ExchangeText): WireExchange {
  const { name, statements, steps, ...rest } = exchange
  const protocolVersion = versionOf(rest.protocolVersion)
  const surplus = Object.keys(rest).find((key) => key !== 'protocolVersion')
  if (surplus !== undefined) throw new Error(`'${surplus}' is no key of an exchange`)
  // 3.1 has no numbered statements.
  const isProof = statements?.length > 0 || protocolVersion === 3
  if (!isProof) throw new Error('proves no statement')
  const bad = statements.find((id) => !/^(3\.1\.1 )?MQTT-\d+\.\d+\.\d+-\d+$/.test(id))
  if (bad !== undefined) throw new Error(`'${bad}' is no id of a statement`)
  const reader = new StepReader(protocolVersion)
  const parsed = steps.map((step, i) => within(`step ${i + 1}`, () => reader.read(step)))
  if (!parsed.some(({ kind }) => ['expect', 'close', 'nothing'].includes(kind))) {
    throw new Error('expects nothing')
  }
  return { file, name, statements, protocolVersion, steps: parsed }
}

function versionOf(value: unknown): ProtocolVersion {
  if (value === 3 || value === 4 || value === 5) return value
  throw new Error(`protocolVersion is 3, 4 or 5, not ${String(value)}`)
}

function obligationOf(optional: unknown): 'must' | 'advised' | 'allowed' {
  if (optional === undefined) return 'must'
  if (optional === 'advised' || optional === 'allowed') return optional
  throw new Error(`optional is 'advised' or 'allowed', not ${String(optional)}`)
}

/** Reads the steps of one exchange, in order. */
class StepReader {
  readonly #protocolVersion: ProtocolVersion
  readonly #opened = new Set<string>()
  /** Stands in for what a broker chooses: sizes are right for Packet Identifiers. */
  readonly #names = new Names(RUN_MARK)

  constructor(protocolVersion: ProtocolVersion) {
    this.#protocolVersion = protocolVersion
  }

  read(step: StepText): Step {
    const text = JSON.stringify(step)
    const key = (Object.keys(KEYS) as StepKey[]).find((candidate) => candidate in step)
    if (key === undefined) throw new Error(`${text} is no step`)
    const known: readonly string[] = [key, ...KEYS[key]]
    const surplus = Object.keys(step).find((one) => !known.includes(one))
    if (surplus !== undefined) throw new Error(`'${surplus}' is no key of ${key}`)
    if (key === 'open' || key === 'join') return this.#readOpening(key, step, text)
    if (key === 'halfClose' || key === 'abort') {
      return { kind: key, on: this.#connection(step[key]), text }
    }
    return key === 'send' ? this.#readSend(step, text) : this.#readExpect(step, text)
  }

  #readOpening(kind: 'open' | 'join', step: StepText, text: string): Step {
    const on = step[kind]
    if (typeof on !== 'string' || on === '') throw new Error('a connection has a name')
    this.#opened.add(on)
    const protocolVersion = versionOf(step.protocolVersion ?? this.#protocolVersion)
    return { kind, on, protocolVersion, text }
  }

  #readSend(step: StepText, text: string): Step {
    const on = this.#connection(step.on)
    const lines = (Array.isArray(step.send) ? step.send : [step.send]) as readonly string[]
    for (const line of lines) {
      const fault = lengthFault(readNotation(line, this.#names))
      if (fault === '' || step.broken === true) continue
      throw new Error(`${fault}: ${line}`)
    }
    return { kind: 'send', on, lines, text }
  }

  #readExpect(step: StepText, text: string): Step {
    const { expect, expectInAnyOrder, as } = step
    if (expect === 'close' || expect === 'nothing') {
      if ('optional' in step || 'as' in step) throw new Error(`${expect} stands alone`)
      return { kind: expect, on: this.#connection(step.on), text }
    }
    const on = (Array.isArray(step.on) ? step.on : [step.on]).map((one) => this.#connection(one))
    const packets = (expectInAnyOrder ?? [expect]) as readonly unknown[]
    const read = packets.map((packet) => checkExpected(packet, this.#names))
    if (as !== undefined) this.#opened.add(String(as))
    return {
      kind: 'expect',
      on,
      packets: read,
      obligation: obligationOf(step.optional),
      as: as === undefined ? undefined : String(as),
      text,
    }
  }

  #connection(name: unknown): string {
    if (typeof name === 'string' && this.#opened.has(name)) return name
    throw new Error(`no connection is called '${String(name)}'`)
  }
}
