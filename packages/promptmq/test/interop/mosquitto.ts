import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Inbox, within } from './events.ts'
import type { Version } from './features.ts'

const V = { '3.1': 'mqttv31', '3.1.1': 'mqttv311', '5.0': 'mqttv5' } as const

/** What `-F %j` prints; properties have the standard's names with hyphens. */
export interface PrintedMessage {
  readonly topic: string
  readonly qos: number
  readonly retain: number
  readonly payload: string
  readonly properties?: Readonly<Record<string, unknown>>
}

/** Behind it a line is a message, and not what `-d` tells. */
const MARK = 'message '
/** Messages as objects; `%P` beside it, since an object has no name twice. */
export const AS_JSON = `${MARK}%j`
export const AS_HEX = `${MARK}%x`

/** One of mosquitto's clients, in a process of its own. */
export class MosquittoProcess {
  readonly #child: ChildProcess
  /** What `-d` tells, line by line. */
  readonly log = new Inbox<string>()
  readonly messages = new Inbox<string>()
  /** What it complains about. */
  errors = ''
  /** The exit code; `null`: ended by a signal. */
  readonly exited: Promise<number | null>

  constructor(program: string, args: readonly string[]) {
    // Into a pipe they would print only at their end.
    this.#child = spawn('stdbuf', ['-oL', program, ...args], { stdio: 'pipe' })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (line.startsWith(MARK)) this.messages.push(line.slice(MARK.length))
      else this.log.push(line)
    })
    this.#child.stderr!.on('data', (chunk) => {
      this.errors += chunk
    })
    // One that ends before it has read everything is judged by what it did.
    this.#child.stdin!.on('error', () => {})
    this.exited = once(this.#child, 'close').then(([code]) => code)
  }

  /** Waits for a line of `-d`. */
  logged(pattern: RegExp): Promise<string> {
    return this.log.find((line) => pattern.test(line), `a line like ${pattern}`)
  }

  /** Waits for messages printed {@link AS_JSON}, and takes them. */
  async take(count: number): Promise<PrintedMessage[]> {
    const lines = await this.messages.take(count)
    return lines.map((line) => JSON.parse(line) as PrintedMessage)
  }

  /** Their payloads. */
  async texts(count: number): Promise<string[]> {
    return (await this.take(count)).map(({ payload }) => payload)
  }

  /** Waits for its end. */
  end(): Promise<number | null> {
    return within(this.exited, () => `an end; it told ${JSON.stringify(this.log.items)}`)
  }

  async signal(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return this.end()
  }

  /** Gives it lines on its standard input, which ends with them. */
  feed(lines: readonly string[]): void {
    this.#child.stdin!.end(lines.map((line) => `${line}\n`).join(''))
  }
}

/** The clients of one test, all in one version; they end with it. */
export class MosquittoClients {
  readonly #version: Version
  readonly #port: number
  readonly #running: MosquittoProcess[] = []

  constructor(version: Version, port: number) {
    this.#version = version
    this.#port = port
  }

  /** Starts a program. A later `-p` wins, for who goes through another door. */
  start(program: string, ...args: string[]): MosquittoProcess {
    const common = [
      '-h',
      '127.0.0.1',
      '-p',
      String(this.#port),
      '-V',
      V[this.#version],
      '-d',
      '--nodelay',
    ]
    const process = new MosquittoProcess(program, [...common, ...args])
    this.#running.push(process)
    return process
  }

  /** A mosquitto_sub whose SUBACK has come; messages are printed as JSON unless `-F` says otherwise. */
  async subscribe(...args: string[]): Promise<MosquittoProcess> {
    const process = this.start('mosquitto_sub', '-F', AS_JSON, ...args)
    await process.logged(/^Subscribed/)
    return process
  }

  /** A mosquitto_pub that has ended well. */
  async publish(...args: string[]): Promise<MosquittoProcess> {
    return ended(this.start('mosquitto_pub', ...args))
  }

  /** The same for many messages, one after the other without waiting. */
  async publishLines(lines: readonly string[], ...args: string[]): Promise<MosquittoProcess> {
    const process = this.start('mosquitto_pub', '-l', ...args)
    process.feed(lines)
    return ended(process)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((process) => process.signal('SIGKILL')))
  }
}

async function ended(process: MosquittoProcess): Promise<MosquittoProcess> {
  const code = await process.end()
  if (code !== 0) throw new Error(`ended with ${code}: ${process.errors}`)
  return process
}

/** The version that is here; asked for, `mosquitto_pub` says it and fails. */
export function mosquittoVersion(): string | undefined {
  const { stdout } = spawnSync('mosquitto_pub', ['--help'], { encoding: 'utf8' })
  return /version ([\d.]+)/.exec(stdout ?? '')?.[1]
}
