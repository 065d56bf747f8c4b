/**
 * Runs a job in a thread of its own, watches it, and tells how it ended.
 *
 *   this thread                        worker.ts
 *     prints, watches   <-- lines ---    runs the job
 *                       <-- end -----
 *                       <-- input ---  (shared memory)
 */
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { formatBytes, formatSetting, SharedInput, writeInput } from './inputs/input.ts'
import type { FailedInput } from './inputs/minimise.ts'

/** The repository's root. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** What is to be done. */
export interface Job {
  readonly seed: number
  /** `Infinity`: no bound. */
  readonly executions: number
  readonly minutes: number
  /** A file to run alone, through every check. */
  readonly replay?: string | undefined
  /** Of inputs to begin with; what fails is written to its `failures`. */
  readonly corpusFolder: string
  /** The URL of the codec's entry point. */
  readonly codec: string
  /** An input that takes longer hangs. */
  readonly patienceMs: number
}

/** How it ended. */
export interface Ending {
  readonly failure: FailedInput | null
  readonly executions: number
}

export const DEFAULT_JOB: Job = {
  seed: 0,
  executions: Infinity,
  minutes: Infinity,
  corpusFolder: join(ROOT, 'fixtures', 'corpus', 'codec'),
  codec: new URL('../src/index.ts', import.meta.url).href,
  patienceMs: 30_000,
}

/**
 * @returns whether every law held.
 * @throws Error where it cannot run, as when there is no such file.
 */
export async function supervise(job: Job, print: (line: string) => void): Promise<boolean> {
  const shared = new SharedInput()
  const workerData = { job, memory: shared.memory }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData })
  const { promise, resolve, reject } = Promise.withResolvers<Ending>()
  worker.on('error', reject)
  worker.on('message', (message: string | Ending) => {
    if (typeof message === 'string') print(message)
    else resolve(message)
  })
  let ticks = 0
  const watch = setInterval(() => {
    if (ticks > 0 && shared.ticks === ticks) resolve(hang(job, shared))
    ticks = shared.ticks
  }, job.patienceMs)
  try {
    const { failure, executions } = await promise
    if (failure !== null) report(job, failure, executions, print)
    return failure === null
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

function hang({ patienceMs }: Job, shared: SharedInput): Ending {
  const text = `no end after ${patienceMs / 1000} seconds; not made smaller`
  return { failure: { law: 'hangs', text, input: shared.read() }, executions: shared.ticks }
}

function report(
  { seed, corpusFolder, replay }: Job,
  { law, text, input }: FailedInput,
  executions: number,
  print: (line: string) => void,
): void {
  print(`fuzz: broken law: ${law}\n  ${text}`)
  if (replay !== undefined) return
  const path = writeInput(join(corpusFolder, 'failures'), input, `${law}: ${text}`)
  print(`  setting  ${formatSetting(input.setting)}`)
  print(`  bytes    ${formatBytes(input.bytes.subarray(0, 256))}`)
  print(`  found    npm run fuzz -- --seed ${seed} --executions ${executions}`)
  print(`  replay   npm run fuzz -- --replay ${relative(process.cwd(), path)}`)
}
