/**
 * Many seeds of the simulation, in turn without and with a Store: `npm run simulate -- --seeds 10000`.
 * Ends with exit code 1 at the first that fails, and tells its fewest steps.
 */
import { parseArgs } from 'node:util'
import { simulate } from '@promptmq/testing'

const HELP = `Clients at random, a model of what they must get, many seeds.

npm run simulate -- [OPTION ...]

  --seeds N     so many, each without and with a Store; default 1000
  --first M     from this one on; default 1
  --steps N     of one run; default 500
  --minutes K   no longer than this
  --help        this text
`

const MINUTE_MS = 60_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    steps: { type: 'string', default: '500' },
    minutes: { type: 'string', default: 'Infinity' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const first = numberOf('first')
  const end = first + numberOf('seeds')
  const steps = numberOf('steps')
  const begin = performance.now()
  const minutes = () => (performance.now() - begin) / MINUTE_MS
  let messages = 0
  let told = 1
  let seed = first
  for (; seed < end && minutes() < numberOf('minutes'); seed++) {
    for (const isStored of [false, true]) {
      try {
        messages += await simulate({ seed, steps, isStored })
      } catch (error) {
        console.error(`with a Store: ${isStored}; ${(error as Error).message}`)
        process.exit(1)
      }
    }
    if (minutes() < told) continue
    console.log(`${told} min: seed ${seed}, ${messages} messages`)
    told = Math.floor(minutes()) + 1
  }
  const runs = 2 * (seed - first)
  console.log(`${runs} runs of ${steps} steps, ${messages} messages: nothing against the rules`)
}

function numberOf(name: 'seeds' | 'first' | 'steps' | 'minutes'): number {
  const value = Number(values[name])
  if (value > 0) return value
  console.error(`--${name} must be a number above 0, not '${values[name]}'`)
  return process.exit(2)
}
