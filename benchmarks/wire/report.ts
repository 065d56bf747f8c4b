/** What a run of all scenarios came to, as Markdown. */
import { short } from '../harness/table.ts'
import type { Row } from './summary.ts'

export interface Circumstances {
  /** ISO 8601. */
  readonly date: string
  readonly machine: string
  readonly node: string
  readonly times: number
  /** By name. */
  readonly versions: Readonly<Record<string, string>>
}

export function report(rows: readonly Row[], circumstances: Circumstances): string {
  const { date, machine, node, times, versions } = circumstances
  const brokers = Object.keys(versions)
  const named = brokers.map((name) => `${name} ${versions[name]}`).join(', ')
  return [
    '# Whole brokers over sockets',
    '',
    `${date.slice(0, 10)}, ${machine}. Each broker on one core, the load on the other; medians of ${times}`,
    `runs, interleaved, ± the median of how far they lie from it. Node ${node}; ${named}.`,
    '',
    '![messages a second, as multiples of mosquitto](wire-rate.svg)',
    '',
    '## Messages a second, and as multiples of mosquitto',
    '',
    ...markdown(
      ['scenario', ...brokers, 'goal', 'reached'],
      rows
        .filter(({ scenario }) => scenario.measures === 'rate')
        .map((row) => [...cells(row, brokers, rateCell), `>= ${row.scenario.goal}x`, verdict(row)]),
    ),
    '',
    '## Microseconds of processor time a message',
    '',
    ...markdown(
      ['scenario', ...brokers, 'goal', 'reached'],
      rows.map((row) => {
        const isGoal = row.scenario.measures === 'cpu'
        const goal = isGoal ? `<= ${row.scenario.goal}x` : ''
        return [...cells(row, brokers, cpuCell), goal, isGoal ? verdict(row) : '']
      }),
    ),
    '',
    '![processor time a message](wire-cpu.svg)',
    '',
    '## p99 of the latency in milliseconds, and memory in MiB',
    '',
    'In a flood the latency is that of what is on the way: 4 MiB of payload.',
    '',
    ...markdown(
      ['scenario', ...brokers],
      rows.map((row) => cells(row, brokers, latencyCell)),
    ),
    '',
    '![p99 of the latency](wire-latency.svg)',
    '',
  ].join('\n')
}

type Cell = (summary: Row['summaries'][number]) => string

const rateCell: Cell = ({ rate, spread, times }) =>
  `${Math.round(rate).toLocaleString('en')} ± ${((spread / rate) * 100).toFixed(0)} % (${multiple(times)})`
const cpuCell: Cell = ({ cpu }) => cpu.toFixed(2)
const latencyCell: Cell = ({ p99, rss }) =>
  `${Number.isNaN(p99) ? '-' : short(p99)}, ${short(rss / 2 ** 20)}`

function cells({ scenario, summaries }: Row, brokers: readonly string[], cell: Cell): string[] {
  const of = (name: string) => summaries.find(({ broker }) => broker === name)
  return [
    scenario.name,
    ...brokers.map((name) => {
      const summary = of(name)
      if (summary === undefined) return '-'
      return summary.wrong === 0 ? cell(summary) : `${cell(summary)}, ${summary.wrong} wrong`
    }),
  ]
}

function multiple(times: number): string {
  return Number.isNaN(times) ? '-' : `${short(times)}x`
}

function verdict({ isReached }: Row): string {
  if (isReached === undefined) return '-'
  return isReached ? 'yes' : '**no**'
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)]
}
