/** The thread that does a job; started by `supervisor.ts`. Posts lines to print, and how it ended. */
import { parentPort, workerData } from 'node:worker_threads'
import { FAULTS, PACKET_NAMES } from '../src/index.ts'
import { runCampaign } from './campaign.ts'
import { corpusPaths, formatSetting, readInput, SharedInput } from './inputs/input.ts'
import { SEEDS } from './inputs/seeds.ts'
import { judge } from './laws/oracle.ts'
import { type Codec, Trial } from './laws/trial.ts'
import type { Ending, Job } from './supervisor.ts'

const PROGRESS_MS = 10_000

const { job, memory } = workerData as { readonly job: Job; readonly memory: SharedArrayBuffer }
const codec = (await import(job.codec)) as Codec
const shared = new SharedInput(memory)
parentPort!.postMessage(job.replay === undefined ? run() : replay(job.replay))

function say(line: string): void {
  parentPort!.postMessage(`fuzz: ${line}`)
}

function run(): Ending {
  const corpus = [...SEEDS, ...corpusPaths(job.corpusFolder).map(readInput)]
  const began = performance.now()
  let progressAt = began + PROGRESS_MS
  const sayProgress = (executions: number): void => {
    const seconds = (performance.now() - began) / 1000
    const rate = Math.round(executions / seconds)
    say(`${executions} executions in ${Math.round(seconds)} s, ${rate} per second`)
  }
  say(`seed ${job.seed}, ${corpus.length} inputs to begin with`)
  const { executions, digest, failure } = runCampaign(codec, {
    ...job,
    corpus,
    show: (input) => shared.show(input),
    isOver: (count) => {
      const now = performance.now()
      if (now >= progressAt) {
        sayProgress(count)
        progressAt = now + PROGRESS_MS
      }
      return now - began >= job.minutes * 60_000
    },
  })
  sayProgress(executions)
  say(`seed ${job.seed}, digest ${(digest >>> 0).toString(16).padStart(8, '0')}`)
  return { failure, executions }
}

function replay(path: string): Ending {
  const input = readInput(path)
  const trial = new Trial(codec)
  say(`${input.bytes.length} bytes, ${formatSetting(input.setting)}`)
  shared.show(input)
  const failure = judge(trial, input, true)
  for (const line of describe(trial)) say(line)
  if (failure === null) say('every law holds')
  return { failure: failure && { ...failure, input }, executions: 1 }
}

/** What the reference pass saw, a line for each packet. */
function describe({ packets, framingFault, framingByte, unreadSize }: Trial): string[] {
  const lines = packets.map(({ type, start, end, fault }) => {
    const result = fault === 0 ? 'accepted' : FAULTS[fault]!.text
    return `${PACKET_NAMES[type]}, ${end - start} bytes: ${result}`
  })
  if (framingFault !== 0) {
    lines.push(`${PACKET_NAMES[framingByte >> 4]}, its header: ${FAULTS[framingFault]!.text}`)
  } else if (unreadSize > 0) lines.push(`${unreadSize} bytes are left`)
  return lines
}
