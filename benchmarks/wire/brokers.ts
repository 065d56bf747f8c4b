/**
 * The brokers that are put under load, each in a process of its own, pinned to the first core; the load
 * has the second. Limits on queues and windows are lifted where a broker has low ones by default.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atExit } from './at-exit.ts'

const BROKER_CORE = '0'
const LONGEST_START_MS = 15_000

export interface BrokerKind {
  readonly name: string
  /** Where it is not installed: `undefined`. */
  version(): string | undefined
  /** The command that serves MQTT on a port of loopback, keeping what it keeps in a folder. */
  command(port: number, folder: string): readonly string[]
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const SOURCE = '--conditions=promptmq-source'

const promptmq: BrokerKind = {
  name: 'promptmq',
  version: () => versionOf('../../packages/promptmq/package.json'),
  command: (port, folder) => [
    process.execPath,
    SOURCE,
    here('../../packages/promptmq/src/cli.ts'),
    ...['--bind', `127.0.0.1:${port}`, '--data-dir', folder],
    ...['--max-inflight', '32767', '--max-queued', '10000000'],
  ],
}

const aedes: BrokerKind = {
  name: 'aedes',
  version: () => versionOf('../node_modules/aedes/package.json'),
  command: (port) => [process.execPath, here('aedes.ts'), String(port)],
}

const mosquitto: BrokerKind = {
  name: 'mosquitto',
  version: () => printed('/usr/sbin/mosquitto', ['-h'], /version (\S+)/),
  command: (port, folder) => {
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'max_inflight_messages 0',
      'max_queued_messages 0',
      'persistence false',
      'log_dest none',
    ]
    return ['/usr/sbin/mosquitto', '-c', write(folder, 'mosquitto.conf', lines)]
  },
}

const nats: BrokerKind = {
  name: 'nats',
  version: () => printed('/usr/sbin/nats-server', ['--version'], / v(\S+)/),
  command: (port, folder) => {
    const lines = [
      'server_name: bench',
      'host: 127.0.0.1',
      'port: -1',
      `jetstream { store_dir: ${JSON.stringify(folder)} }`,
      `mqtt { host: 127.0.0.1, port: ${port}, max_ack_pending: 65535 }`,
    ]
    return ['/usr/sbin/nats-server', '-c', write(folder, 'nats.conf', lines)]
  },
}

export const BROKERS: readonly BrokerKind[] = [promptmq, aedes, mosquitto, nats]

/** No broker: what the load itself can do. See `sink.ts`. */
export const SINK: BrokerKind = {
  name: 'sink',
  version: () => process.version,
  command: (port) => [process.execPath, here('sink.ts'), String(port)],
}

function versionOf(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(here(path), 'utf8')) as { version: string }).version
  } catch {
    return undefined
  }
}

function printed(command: string, parameters: string[], pattern: RegExp): string | undefined {
  const { stdout, stderr } = spawnSync(command, parameters, { encoding: 'utf8' })
  return pattern.exec(`${stdout}${stderr}`)?.[1]
}

function write(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

/** A broker that runs. It does not outlive this process. */
export class RunningBroker {
  readonly port: number
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #forget: () => void

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.port = port
    this.#process = process
    this.#folder = folder
    this.#forget = atExit(() => this.#end())
  }

  /** @throws Error where it does not listen in time. */
  static async start(kind: BrokerKind): Promise<RunningBroker> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-wire-'))
    const command = ['-c', BROKER_CORE, ...kind.command(port, folder)]
    const child = spawn('taskset', command, { stdio: 'ignore' })
    const broker = new RunningBroker(port, child, folder)
    const deadline = Date.now() + LONGEST_START_MS
    while (!(await listens(port))) {
      if (broker.#hasEnded || Date.now() > deadline) {
        await broker.stop()
        throw new Error(`${kind.name} does not listen on ${port}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return broker
  }

  /** Seconds of processor time so far, of all its threads. */
  cpuSeconds(): number {
    const fields = this.#proc('stat')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Bytes of memory, as the kernel counts them. */
  rss(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(this.#proc('status'))?.[1]) * 1024
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      const ended = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      await ended
    }
    this.#end()
    this.#forget()
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** What is killed may still write a file: then the folder is tried again. */
  #end(): void {
    this.#process.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #proc(file: string): string {
    if (this.#hasEnded) {
      throw new Error(`the broker ended with ${this.#process.exitCode ?? this.#process.signalCode}`)
    }
    return readFileSync(`/proc/${this.#process.pid}/${file}`, 'utf8')
  }
}

/** One that the system has to give: nobody else's broker listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
