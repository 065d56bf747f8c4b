import type { BrokerOptions } from '@promptmq/broker'
import { drawSteps } from './draw-steps.ts'
import { shrink } from './shrink.ts'
import { describeStep, type Step } from './steps.ts'
import { World } from './world.ts'

/** What a run is decided by. */
export interface SimulationOptions {
  readonly seed: number
  readonly steps: number
  /** Whether there is a Store, which may be slow and outlives crashes of the broker. */
  readonly hasStore: boolean
  /** Beside a virtual clock and what the seed decides. */
  readonly broker?: BrokerOptions
  /** Runs that may be spent on making a failure small. Default 400. */
  readonly maximumTries?: number
}

/**
 * A broker and five clients of all versions, who connect, subscribe, publish, stall, vanish and take
 * their own sessions over, by chance; a model says after each step what each of them may and must get.
 *
 * @returns how many messages were published.
 * @throws Error with the seed, how to run it again, and the fewest steps that were found to fail.
 */
export async function simulate(options: SimulationOptions): Promise<number> {
  const steps = drawSteps(options.seed, options.steps)
  const { error, publishedCount } = await run(options, steps)
  if (error === null) return publishedCount
  const fails = async (some: readonly Step[]) => (await run(options, some)).error !== null
  const few = await shrink(steps, fails, options.maximumTries ?? 400)
  const last = (await run(options, few)).error ?? error
  throw new Error(report(options, last, few), { cause: last })
}

async function run(
  { seed, hasStore, broker = {} }: SimulationOptions,
  steps: readonly Step[],
): Promise<{ error: Error | null; publishedCount: number }> {
  const world = await World.start(seed, hasStore, broker)
  let error: Error | null = null
  try {
    for (const step of steps) await world.step(step)
    await world.finish()
  } catch (thrown) {
    error = thrown as Error
  } finally {
    await world.close()
  }
  return { error, publishedCount: world.publishedCount }
}

function report(
  { seed, steps, hasStore, broker = {} }: SimulationOptions,
  error: Error,
  few: readonly Step[],
): string {
  const options = Object.entries(broker).map(([name, value]) => `, ${name}=${value}`)
  const store = hasStore ? 'with' : 'without'
  return [
    `seed ${seed}: ${error.message}`,
    `${store} a Store${options.join('')}; again: npm run simulate -- --first ${seed} --seeds 1 --steps ${steps} --store ${hasStore ? 'yes' : 'no'}`,
    `${few.length} of ${steps} steps are enough:`,
    ...few.map((step) => `  ${describeStep(step)}`),
  ].join('\n')
}
