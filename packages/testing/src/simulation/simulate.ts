import type { BrokerOptions } from '@promptmq/broker'
import { shrink } from './shrink.ts'
import { planSteps, type Step } from './steps.ts'
import { CLIENT_COUNT, World } from './world.ts'

/** What a run is decided by. */
export interface SimulationOptions {
  readonly seed: number
  readonly steps: number
  /** With a Store, a broker that is killed, and commits that take their time. Default false. */
  readonly isStored?: boolean
  /** Beside a virtual clock and chance by the seed. */
  readonly broker?: BrokerOptions
}

/**
 * A broker and five clients of all versions, who connect, subscribe, publish, stall, vanish and take
 * their own sessions over, by chance; a model says after each step what each of them may and must get.
 *
 * @returns how many messages were published.
 * @throws Error with the seed and the fewest steps that show the fault.
 */
export async function simulate(options: SimulationOptions): Promise<number> {
  const { seed, steps, isStored = false } = options
  const plan = planSteps(seed, steps, CLIENT_COUNT, isStored)
  const first = await run(options, plan)
  if (first.error === null) return first.count
  const fewest = await shrink(plan, async (some) => (await run(options, some)).error !== null)
  const last = await run(options, fewest)
  const { error, story } = last.error === null ? first : last
  const text = `${fewest.length} of ${steps} steps show it:\n  ${story.join('\n  ')}`
  throw new Error(`seed ${seed}: ${error!.message}\n${text}`, { cause: error })
}

interface Outcome {
  /** Messages that were published. */
  readonly count: number
  readonly error: Error | null
  readonly story: readonly string[]
}

async function run(
  { seed, isStored = false, broker = {} }: SimulationOptions,
  steps: readonly Step[],
): Promise<Outcome> {
  const world = await World.start({ seed, isStored, broker })
  let error: Error | null = null
  try {
    for (const step of steps) await world.step(step)
    await world.finish()
  } catch (caught) {
    error = caught as Error
  }
  await world.close()
  return { count: world.ledger.count, error, story: world.story }
}
