import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type BrokerKind, RunningBroker } from './brokers.ts'
import type { Load, Outcome } from './load/load.ts'
import type { Scenario } from './scenarios.ts'

const LOAD_CORE = '1'
const LOAD = fileURLToPath(new URL('load/load.ts', import.meta.url))
const FIRST_PORT = 18_900
const LONGEST_RUN_MS = 120_000

let nextPort = FIRST_PORT

/** What a scenario came to on one broker, once. */
export interface Run extends Outcome {
  readonly broker: string
  readonly scenario: string
  /** Microseconds of processor time of the broker for a message that came. */
  readonly cpuPerMessage: number
  /** Bytes of the broker, when it was measured. */
  readonly rss: number
}

/** How long. */
export interface Timing {
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Starts a broker, puts it under load, and ends it. @throws Error where either fails. */
export async function runOnce(kind: BrokerKind, scenario: Scenario, timing: Timing): Promise<Run> {
  const port = nextPort++
  const broker = await RunningBroker.start(kind, port)
  try {
    const { outcome, cpuSeconds, rss } = await putUnderLoad(broker, {
      ...scenario.load,
      ...timing,
      port,
    })
    const cpuPerMessage = (cpuSeconds * 1e6) / outcome.received
    return { broker: kind.name, scenario: scenario.name, ...outcome, cpuPerMessage, rss }
  } finally {
    await broker.stop()
  }
}

interface Observed {
  readonly outcome: Outcome
  readonly cpuSeconds: number
  readonly rss: number
}

function putUnderLoad(broker: RunningBroker, load: Load): Promise<Observed> {
  const command = ['-c', LOAD_CORE, process.execPath, LOAD, JSON.stringify(load)]
  const child = spawn('taskset', command, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let printed = ''
  let cpuSeconds = 0
  let rss = 0
  child.stdout!.on('data', (text) => (printed += text))
  child.stderr!.on('data', (text) => (printed += text))
  child.on('message', (what) => {
    cpuSeconds = broker.cpuSeconds() - (what === 'measured' ? cpuSeconds : 0)
    rss = broker.rss()
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_RUN_MS)
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0) resolve({ outcome: JSON.parse(printed) as Outcome, cpuSeconds, rss })
      else reject(new Error(`the load ended with ${code}: ${printed}`))
    })
  })
}
