/**
 * An input: bytes, and the rules under which they are read. As a file:
 *
 *   version=5 connect=obeys sender=any limits=default text=lax accepted=fffe maximum=268435460 salt=0
 *   # a remark
 *   30 08 00 03 61 2f 62 00 68 69
 *
 * The first line is the setting, the others are bytes in hex. The file's name is a hash of both, so that
 * the same input is the same file wherever it was found.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CAPACITY, copy } from './draft.ts'

/** Integers all of them, so that other threads can be shown one. */
export interface Setting {
  /** The protocol version in force at the start of the stream. */
  version: number
  /** 1: a CONNECT that is accepted sets the version, and no second one is accepted. */
  connect: number
  /** A `Sender`. */
  sender: number
  /** 1: small limits on User Properties, levels and filters, instead of the codec's own. */
  limits: number
  /** 1: refuse the code points that §1.5.4 lets one refuse. */
  text: number
  /** Bits of `1 << PacketType`. */
  accepted: number
  /** The maximum packet size in bytes, 2 to {@link FORMAT_MAXIMUM}. */
  maximum: number
  /** 32 bits that decide what checks choose for themselves: where to cut, what to put behind a packet. */
  salt: number
}

export interface Input {
  readonly setting: Readonly<Setting>
  readonly bytes: Uint8Array
}

/** All that the format allows for a packet, in bytes. */
export const FORMAT_MAXIMUM = 268_435_460
export const ALL_TYPES = 0xfffe

export const DEFAULT_SETTING: Readonly<Setting> = {
  version: 5,
  connect: 0,
  sender: 3,
  limits: 0,
  text: 0,
  accepted: ALL_TYPES,
  maximum: FORMAT_MAXIMUM,
  salt: 0,
}
export const SETTING_KEYS = Object.keys(DEFAULT_SETTING) as (keyof Setting)[]

/** What each value is called, or the base that it is written in. */
const FORMS: { readonly [Key in keyof Setting]: readonly string[] | number } = {
  version: ['', '', '', '3', '4', '5'],
  connect: ['obeys', 'decides'],
  sender: ['', 'client', 'server', 'any'],
  limits: ['default', 'small'],
  text: ['lax', 'strict'],
  accepted: 16,
  maximum: 10,
  salt: 16,
}

export function formatSetting(setting: Readonly<Setting>): string {
  const words = SETTING_KEYS.map((key) => {
    const form = FORMS[key]
    const value = setting[key]
    return `${key}=${typeof form === 'number' ? (value >>> 0).toString(form) : form[value]}`
  })
  return words.join(' ')
}

/**
 * Reads what {@link formatSetting} wrote, or a person: what is left out is as in {@link DEFAULT_SETTING}.
 *
 * @throws Error that names the word that is wrong.
 */
export function parseSetting(line: string): Setting {
  const setting: Setting = { ...DEFAULT_SETTING }
  for (const word of line.split(/\s+/).filter((part) => part !== '')) {
    const [key = '', text = ''] = word.split('=', 2)
    const form = FORMS[key as keyof Setting] ?? []
    const value = typeof form === 'number' ? Number.parseInt(text, form) : form.indexOf(text)
    setting[key as keyof Setting] = value | 0
    if (text === '' || !formatSetting(setting).split(' ').includes(word)) {
      throw new Error(`no setting: ${word}`)
    }
  }
  return setting
}

export function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

/** @throws Error that names what is no hex pair. */
export function parseBytes(hex: string): Uint8Array {
  const pairs = hex.split(/\s+/).filter((pair) => pair !== '')
  return Uint8Array.from(pairs, (pair) => {
    if (!/^[0-9a-f]{2}$/i.test(pair)) throw new Error(`no byte in hex: ${pair}`)
    return Number.parseInt(pair, 16)
  })
}

/** @throws Error that names the file, when there is none or it is no input. */
export function readInput(path: string): Input {
  try {
    const lines = readFileSync(path, 'utf8').split('\n')
    const [first = '', ...rest] = lines.filter((line) => !line.startsWith('#'))
    return { setting: parseSetting(first), bytes: parseBytes(rest.join(' ')) }
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * @param remark - of which the first line is written.
 * @returns the path, which may have been there.
 */
export function writeInput(folder: string, input: Input, remark: string): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, inputName(input))
  const hex = formatBytes(input.bytes).replace(/(?:.. ){31}../g, '$&\n')
  const lines = [formatSetting(input.setting), `# ${remark.split('\n')[0]}`, ...hex.split('\n')]
  writeFileSync(path, `${lines.map((line) => line.trim()).join('\n')}\n`)
  return path
}

/** The paths of all inputs in a folder and those below, by name. */
export function corpusPaths(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const inputs = names.filter((name) => name.endsWith('.hex'))
  return inputs.sort().map((name) => join(folder, name))
}

/** The file's name, without a folder. */
export function inputName({ setting, bytes }: Input): string {
  const hash = createHash('sha256').update(formatSetting(setting)).update(bytes).digest('hex')
  return `${hash.slice(0, 12)}.hex`
}

const SETTING_START = 2
const BYTES_START = 4 * (SETTING_START + SETTING_KEYS.length)

/**
 * The input at work, in memory that another thread can read while it is: a run that hangs cannot tell.
 *
 *   words   | ticks | size | setting ... |     ticks: inputs shown so far
 *   bytes   | input |
 */
export class SharedInput {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  /** @param memory - of another thread's, to read it. */
  constructor(memory = new SharedArrayBuffer(BYTES_START + CAPACITY)) {
    this.memory = memory
    this.#words = new Int32Array(memory, 0, BYTES_START / 4)
    this.#bytes = new Uint8Array(memory, BYTES_START)
  }

  get ticks(): number {
    return this.#words[0]!
  }

  show({ setting, bytes }: Input): void {
    const words = this.#words
    words[1] = Math.min(bytes.length, CAPACITY)
    let at = SETTING_START
    for (const key of SETTING_KEYS) words[at++] = setting[key]
    copy(this.#bytes, 0, bytes, 0, words[1])
    words[0]!++
  }

  read(): Input {
    const words = this.#words
    const entries = SETTING_KEYS.map((key, index) => [key, words[SETTING_START + index]])
    const setting = Object.fromEntries(entries) as Setting
    return { setting, bytes: Uint8Array.from(this.#bytes.subarray(0, words[1])) }
  }
}
