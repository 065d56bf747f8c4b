/**
 * Fuzzes the codec: `npm run fuzz -- --help`.
 *
 *   inputs/      what is fed: packets by the grammar, changes at random, files of the corpus
 *   laws/        what must hold for every stream of bytes
 *   campaign     the loop
 *   worker       the thread that it runs in, watched by the supervisor
 */
import { parseArgs } from 'node:util'
import { DEFAULT_JOB, type Job, supervise } from './supervisor.ts'

const HELP = `Usage: npm run fuzz -- [options]

Feeds the codec with bytes that nobody would send, and checks laws that must hold for all of them.

  --minutes N      stop after so long; default 1, unless --executions is given
  --executions N   stop after so many inputs
  --seed S         0 to 4294967295; default: chance, and printed. The same seed, corpus and number of
                   executions are the same run
  --replay FILE    run one input through every check
  --help           this text

Ends with 0 when every law held, with 1 when one is broken, and with 2 when it cannot run, as with a
wrong option. What breaks a law is made small and written to fixtures/corpus/codec/failures.
`

const text = { type: 'string' } as const
const help = { type: 'boolean' } as const
const OPTIONS = { minutes: text, executions: text, seed: text, replay: text, help }

/** @throws Error that says which option is wrong. */
function readJob(): Job | 'help' {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.help === true) return 'help'
  const integer = (name: 'minutes' | 'executions' | 'seed', otherwise: number, least: number) => {
    const given = values[name]
    if (given === undefined) return otherwise
    const most = name === 'seed' ? 0xffff_ffff : Number.MAX_SAFE_INTEGER
    const value = Number(given)
    if (/^\d+$/.test(given) && value >= least && value <= most) return value
    throw new Error(`--${name} must be an integer from ${least} to ${most}, is '${given}'`)
  }
  return {
    ...DEFAULT_JOB,
    seed: integer('seed', Math.floor(Math.random() * 2 ** 32), 0),
    executions: integer('executions', Infinity, 1),
    minutes: integer('minutes', values.executions === undefined ? 1 : Infinity, 1),
    replay: values.replay,
  }
}

try {
  const job = readJob()
  if (job === 'help') process.stdout.write(HELP)
  else process.exitCode = (await supervise(job, (line) => console.log(line))) ? 0 : 1
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
}
