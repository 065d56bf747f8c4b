import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Latency, Pairs } from './clients.ts'
import type { Felt } from './host.ts'

/**
 * On one core the collector's threads take turns with the event loop, milliseconds each; so that none of
 * that is measured, they are left out.
 */
const FLAGS = ['--single-threaded-gc', '--conditions=promptmq-source']
const HOST = fileURLToPath(new URL('host.ts', import.meta.url))

export interface Row extends Latency, Felt {
  readonly name: string
}

/** The process of `host.ts`, on a core of its own. */
export class Host {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(port: number, process: ChildProcess) {
    this.port = port
    this.#process = process
  }

  static async start(): Promise<Host> {
    const command = ['-c', '0', process.execPath, ...FLAGS, HOST]
    const child = spawn('taskset', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Host(port, child)
  }

  /** Runs the pairs for a while, and asks what the broker felt meanwhile. */
  async measure(name: string, pairs: Pairs, whileMs: number): Promise<Row> {
    this.#process.send('begin')
    const latency = await pairs.run(whileMs)
    return { name, ...latency, ...(await this.ask()) }
  }

  /** What the broker feels. */
  async ask(): Promise<Felt> {
    const answered = once(this.#process, 'message')
    this.#process.send('report')
    const [felt] = (await answered) as [Felt]
    return felt
  }

  stop(): void {
    this.#process.disconnect()
  }
}
