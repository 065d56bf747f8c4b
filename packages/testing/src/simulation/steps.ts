import { Random } from './random.ts'

/** What happens in one step: what a client does, or the world around it. */
export const ACTIONS = [
  'publish',
  'retain',
  'answer',
  'subscribe',
  'unsubscribe',
  'stall',
  'unstall',
  'lag',
  'arrive',
  'drop',
  'disconnect',
  'corrupt',
  'connect',
  'advance',
  'commit',
  'crash',
] as const
/** One of {@link ACTIONS}. */
export type Action = (typeof ACTIONS)[number]

/**
 * One step as data: all that chance decides in it comes from its own seed, so that it means the same
 * whichever steps are left out before it.
 */
export interface Step {
  /** Its place in the plan that the seed made. */
  readonly number: number
  readonly client: number
  readonly action: Action
  readonly seed: number
}

/** So many times of a hundred. */
const WEIGHTS: readonly (readonly [Action, number])[] = [
  ['publish', 34],
  ['retain', 4],
  ['answer', 19],
  ['subscribe', 12],
  ['unsubscribe', 3],
  ['stall', 4],
  ['unstall', 7],
  ['lag', 2],
  ['arrive', 3],
  ['drop', 4],
  ['disconnect', 2],
  ['corrupt', 1],
  ['connect', 2],
  ['advance', 3],
]

/** The steps that a seed stands for. @param actions - those that there are none of. */
export function planSteps(
  seed: number,
  count: number,
  clientCount: number,
  isStored: boolean,
): Step[] {
  const random = new Random(seed)
  const weights: (readonly [Action, number])[] = [
    ...WEIGHTS,
    ...(isStored
      ? ([
          ['commit', 12],
          ['crash', 1],
        ] as const)
      : []),
  ]
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  const choose = (): Action => {
    let at = random.below(total)
    for (const [action, weight] of weights) {
      if (at < weight) return action
      at -= weight
    }
    return 'answer'
  }
  return Array.from({ length: count }, (_, number) => ({
    number,
    client: random.below(clientCount),
    action: choose(),
    seed: random.bits(),
  }))
}
