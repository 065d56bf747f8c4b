/**
 * A run of the fuzzer: makes inputs and puts them on trial, until one breaks a law.
 *
 *   corpus, generator -> judge -> failure -> minimiser
 *
 * Seed, corpus and number of executions decide everything: the clock, if at all, only when to stop.
 */
import { generate } from './inputs/generator.ts'
import { DEFAULT_SETTING, type Input } from './inputs/input.ts'
import { type FailedInput, minimise } from './inputs/minimise.ts'
import { PacketWriter } from './inputs/packet-writer.ts'
import type { Failure } from './laws/law.ts'
import { judge } from './laws/oracle.ts'
import { type Codec, Trial } from './laws/trial.ts'
import { mix, Random } from './random.ts'

/** How many inputs are tried to make a failing one smaller: a second of work, mostly. */
const MINIMISE_ATTEMPTS = 50_000
/** Whether the run is over is asked every so many executions. */
const ASK_EVERY = 64

export interface CampaignOptions {
  readonly seed: number
  /** `Infinity`: no bound. */
  readonly executions: number
  /** What is run before anything is made, and changed later; at least one input. */
  readonly corpus: readonly Input[]
  /** Is told each input before it is run. */
  readonly show?: (input: Input) => void
  /** Asked now and then, with the number of executions so far. */
  readonly isOver?: (executions: number) => boolean
}

export interface CampaignResult {
  readonly executions: number
  /** Of all that the reference passes saw. */
  readonly digest: number
  /** Of the last execution, made small. */
  readonly failure: FailedInput | null
}

/** Runs until so many executions have been done, a law is broken, or `isOver`. */
export function runCampaign(codec: Codec, options: CampaignOptions): CampaignResult {
  const { corpus, show = () => {}, isOver = () => false } = options
  const writer = new PacketWriter(new Random(options.seed))
  const setting = { ...DEFAULT_SETTING }
  const trial = new Trial(codec)
  const judgeShown = (input: Input): Failure | null => {
    show(input)
    return judge(trial, input)
  }
  let executions = 0
  let digest = 0
  while (executions < options.executions) {
    if (executions % ASK_EVERY === 0 && isOver(executions)) break
    let input = corpus[executions++]
    if (input === undefined) {
      generate(writer, setting, corpus)
      input = { setting, bytes: writer.bytes.subarray(0, writer.size) }
    }
    const failure = judgeShown(input)
    if (failure !== null) {
      const smallest = minimise({ ...failure, input }, judgeShown, MINIMISE_ATTEMPTS)
      return { executions, digest, failure: smallest }
    }
    for (const { fault, hash } of trial.packets) digest = mix(digest, mix(hash, fault))
    digest = mix(digest, trial.framingFault)
  }
  return { executions, digest, failure: null }
}
