/**
 * Runs the simulation over many seeds, in at most two processes:
 *
 *   npm run simulate -- --seeds 1000 [--first 1] [--steps 500] [--minutes 10] [--store yes|no|both]
 *
 * Stops at the end of the seeds or of the minutes, whichever comes first. A failure is printed, made
 * small, and the others go on; then the exit code is 1. Says each minute how far it is.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { simulate } from '../src/index.ts'

const WORKERS = 2

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    steps: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '0' },
    store: { type: 'string', default: 'both' },
    /** Of the workers: every so many-th seed. */
    stride: { type: 'string' },
  },
})
const first = Number(values.first)
const end = first + Number(values.seeds)
const steps = Number(values.steps)
const minutes = Number(values.minutes)
const until = minutes > 0 ? Date.now() + minutes * 60_000 : Number.POSITIVE_INFINITY
const stores = values.store === 'both' ? [false, true] : [values.store === 'yes']
for (const number of [first, end, steps, minutes]) {
  if (!Number.isInteger(number) || number < 0) throw new Error('simulate: numbers must be integers')
}

if (values.stride === undefined) await lead()
else await work(Number(values.stride))

/** Runs every so many-th seed, and tells the leader of each. */
async function work(stride: number): Promise<void> {
  for (let seed = first; seed < end && Date.now() < until; seed += stride) {
    let published = 0
    for (const hasStore of stores) {
      try {
        published += await simulate({ seed, steps, hasStore })
      } catch (error) {
        process.send?.({ failure: (error as Error).message })
      }
    }
    process.send?.({ published })
  }
  process.disconnect?.()
}

async function lead(): Promise<void> {
  const sum = { seeds: 0, published: 0, failures: 0 }
  const say = () =>
    console.log(
      `${new Date().toISOString()} ${sum.seeds} seeds, ${sum.published} messages, ${sum.failures} failures`,
    )
  const timer = setInterval(say, 60_000)
  const count = Math.min(WORKERS, end - first)
  await Promise.all(Array.from({ length: count }, (_, i) => finished(start(i, count), sum)))
  clearInterval(timer)
  say()
  if (sum.failures > 0) process.exitCode = 1
}

function start(index: number, stride: number): ChildProcess {
  return fork(new URL(import.meta.url), [
    ...['--first', String(first + index), '--seeds', String(end - first - index)],
    ...['--steps', String(steps), '--minutes', String(minutes), '--store', values.store],
    ...['--stride', String(stride)],
  ])
}

/** Resolves when a worker has ended. */
function finished(
  worker: ChildProcess,
  sum: { seeds: number; published: number; failures: number },
): Promise<void> {
  worker.on('message', (told: { readonly failure?: string; readonly published?: number }) => {
    if (told.failure !== undefined) {
      sum.failures++
      console.log(told.failure)
      return
    }
    sum.seeds++
    sum.published += told.published ?? 0
  })
  return new Promise((resolve, reject) => {
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`simulate: a worker ended with ${code}`))
    })
  })
}
