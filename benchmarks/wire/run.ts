import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { atExit } from './at-exit.ts'
import { type BrokerKind, RunningBroker } from './brokers.ts'
import type { Load, Outcome } from './load/load.ts'
import type { Scenario } from './scenarios.ts'

const LOAD_CORE = '1'
const LOAD = fileURLToPath(new URL('load/load.ts', import.meta.url))

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
  /** A load that takes so long, with all that comes before and after, has failed. */
  readonly longestMs: number
}

/** Starts a broker, puts it under load, and ends it. @throws Error where either fails. */
export async function runOnce(kind: BrokerKind, scenario: Scenario, timing: Timing): Promise<Run> {
  const { warmUpMs, measureMs, longestMs } = timing
  const broker = await RunningBroker.start(kind)
  try {
    const load = { ...scenario.load, warmUpMs, measureMs, port: broker.port }
    const { outcome, cpuSeconds, rss } = await putUnderLoad(broker, load, longestMs)
    const cpuPerMessage = (cpuSeconds * 1e6) / outcome.received
    return { broker: kind.name, scenario: scenario.name, ...outcome, cpuPerMessage, rss }
  } finally {
    await broker.stop()
  }
}

interface Usage {
  readonly cpuSeconds: number
  readonly rss: number
}

async function putUnderLoad(
  broker: RunningBroker,
  load: Load,
  longestMs: number,
): Promise<Usage & { readonly outcome: Outcome }> {
  const command = ['-c', LOAD_CORE, process.execPath, LOAD, JSON.stringify(load)]
  const child = spawn('taskset', command, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const timer = setTimeout(() => child.kill('SIGKILL'), longestMs)
  const usages: Usage[] = []
  let fault: unknown
  child.on('message', () => {
    try {
      usages.push({ cpuSeconds: broker.cpuSeconds(), rss: broker.rss() })
    } catch (error) {
      fault = error
      child.kill('SIGKILL')
    }
  })
  const [printed, errors, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ])
  clearTimeout(timer)
  forget()
  if (fault !== undefined) throw fault
  const [before, after] = usages
  if (code !== 0 || before === undefined || after === undefined) {
    throw new Error(`the load ended with ${code ?? signal}: ${errors.trim()}`)
  }
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds
  return { outcome: outcomeOf(printed), cpuSeconds, rss: after.rss }
}

/** JSON has no NaN: what is no number there is `null`. */
function outcomeOf(printed: string): Outcome {
  return JSON.parse(printed, (_key, value) => value ?? Number.NaN) as Outcome
}
