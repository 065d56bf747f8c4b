/**
 * Results that are kept, one file a run: `results/2026-11-25T10-15-00.json`, so that the order of the
 * names is that of time.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Figures } from './suite.ts'

export interface Result {
  /** ISO 8601, UTC. */
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly figures: readonly Figures[]
}

export function resultOf(figures: readonly Figures[], date = new Date()): Result {
  return { date: date.toISOString(), node: process.version, machine: machineName(), figures }
}

/** Processor, cores, memory, system. */
export function machineName(): string {
  const [first] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${first?.model ?? 'unknown'} x ${cpus().length}, ${memory} GiB, ${platform()} ${arch()}`
}

/** @returns the path of the file. */
export function saveResult(folder: string, result: Result): string {
  mkdirSync(folder, { recursive: true })
  const name = result.date.slice(0, 19).replaceAll(':', '-')
  const path = join(folder, `${name}.json`)
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`)
  return path
}

/** The newest result of a folder, or `undefined` where there is none. */
export function lastResult(folder: string): Result | undefined {
  const name = readdirSync(folder)
    .filter((file) => /^\d{4}-\d\d-\d\dT.*\.json$/.test(file))
    .sort()
    .at(-1)
  if (name === undefined) return undefined
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Result
}

/** How a case changed. What is only on one side is `undefined` on the other. */
export interface Drift {
  readonly suite: string
  readonly name: string
  readonly before: Figures | undefined
  readonly now: Figures | undefined
}

/** Case by case, in the order of `now`, then what is not measured any more. */
export function compare(before: readonly Figures[], now: readonly Figures[]): Drift[] {
  const find = (list: readonly Figures[], { suite, name }: Figures) =>
    list.find((figures) => figures.suite === suite && figures.name === name)
  return [
    ...now.map((each) => ({
      suite: each.suite,
      name: each.name,
      before: find(before, each),
      now: each,
    })),
    ...before
      .filter((each) => find(now, each) === undefined)
      .map((each) => ({ suite: each.suite, name: each.name, before: each, now: undefined })),
  ]
}
