import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SessionWorld, STEPS, type Step } from './session-world.ts'

/** Packets and acknowledgements come and go far more often than connections. */
const WEIGHTS: Partial<Record<Step, number>> = {
  deliver: 8,
  read: 6,
  acknowledge: 6,
  connect: 2,
  'begin commit': 3,
  'finish commit': 3,
  'go on reading': 2,
  'take page': 3,
  refill: 3,
}

const steps = fc.array(
  fc.tuple(
    fc.oneof(
      ...STEPS.map((step) => ({ weight: WEIGHTS[step] ?? 1, arbitrary: fc.constant<Step>(step) })),
    ),
    fc.nat(1_000),
  ),
  { maxLength: 200, size: 'max' },
)

/**
 * Whatever happens between: at QoS 1 each accepted message arrives, at QoS 2 once; on one connection
 * each is published once, in order per QoS, with DUP only where it was in flight before; Receive
 * Maximum is kept; and nothing leaves before what it says is kept.
 */
test.each([
  ['in memory', false],
  ['that is stored', true],
])(
  '[MQTT-4.6.0-6] [MQTT-3.3.4-9] [MQTT-4.3.3-6] a session %s, in any order of events',
  (_what, isDurable) => {
    let count = 0
    fc.assert(
      fc.property(steps, (some) => {
        const world = new SessionWorld(isDurable)
        for (const [step, choice] of some) world.run(step, choice)
        world.settle()
        count++
      }),
      { numRuns: 1_000 },
    )
    expect(count).toBe(1_000)
  },
)
