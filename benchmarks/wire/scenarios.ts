import type { Load } from './load/load.ts'

/** One row of the table: a load, and what it is asked of us beside mosquitto. */
export interface Scenario {
  readonly name: string
  readonly load: Omit<Load, 'port' | 'warmUpMs' | 'measureMs'>
  /** At least so many times mosquitto's rate; of CPU at most so many times its cost. */
  readonly goal: number
  readonly measures: 'rate' | 'cpu'
  /** Brokers that cannot do it. */
  readonly without?: readonly string[]
  /** Part of `--quick`. */
  readonly quick?: true
}

const BASE = {
  version: 4,
  publishers: 1,
  subscribers: 1,
  topics: 'one',
  qos: 0,
  payloadSize: 64,
  window: 1000,
} as const
const PAIRS = { ...BASE, publishers: 200, subscribers: 200, topics: 'pairs' } as const

/** No shared subscriptions before 5.0, and none at all in aedes 1.2 and in MQTT of NATS. */
const SHARED = { ...BASE, version: 5, publishers: 4, subscribers: 4, shareName: 'workers' } as const
const WITHOUT_SHARED = ['aedes', 'nats']

/** In the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  rate('QoS 0, 1 to 1, flood', BASE, 25, { quick: true }),
  rate('QoS 1, 1 to 1, window 1,000', { ...BASE, qos: 1 }, 45, { quick: true }),
  rate('QoS 2, 1 to 1, window 1,000', { ...BASE, qos: 2 }, 40, { without: ['nats'] }),
  rate('QoS 0, 1 to 500', { ...BASE, subscribers: 500 }, 12, { quick: true }),
  rate('QoS 0, 500 to 1', { ...BASE, publishers: 500 }, 12, { quick: true }),
  rate('QoS 1, 500 to 1, window 10', { ...BASE, publishers: 500, qos: 1, window: 10 }, 6),
  rate('QoS 0, 200 pairs', PAIRS, 13),
  rate('QoS 0, shared 4 to 4', SHARED, 20, { without: WITHOUT_SHARED }),
  rate('QoS 1, shared 4 to 4, window 250', { ...SHARED, qos: 1, window: 250 }, 20, {
    without: WITHOUT_SHARED,
  }),
  rate('QoS 0, 1 KB, 1 to 1', { ...BASE, payloadSize: 1024 }, 6),
  rate('QoS 0, 64 KB, 1 to 1', { ...BASE, payloadSize: 65_536 }, 1.2),
  rate('QoS 0, 1 to 1, 10,000 wildcard subscriptions come', { ...BASE, churn: 10_000 }, 8),
  rate('100,000 retained to a new #', { ...BASE, retained: 100_000 }, 3),
  cpu('10,000 a second, 1 to 1', { ...BASE, rate: 10_000 }, 1.25),
  cpu('10,000 a second, 200 pairs', { ...PAIRS, rate: 10_000 }, 1.25),
]

type Rest = Pick<Scenario, 'quick' | 'without'>

function rate(name: string, load: Scenario['load'], goal: number, rest: Rest = {}): Scenario {
  return { name, load, goal, measures: 'rate', ...rest }
}

function cpu(name: string, load: Scenario['load'], goal: number): Scenario {
  return { name, load, goal, measures: 'cpu' }
}
