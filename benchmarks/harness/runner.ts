/** Runs benchmark files, each in a process of its own, one after the other. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { MeasureOptions } from './measure.ts'
import type { Figures } from './suite.ts'

const MICRO = fileURLToPath(new URL('../micro', import.meta.url))
const RUN_SUITE = fileURLToPath(new URL('run-suite.ts', import.meta.url))
const ENDING = '.bench.ts'

/** The names of all suites, in the order of the alphabet. */
export function suiteNames(): string[] {
  return readdirSync(MICRO)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort()
}

/**
 * Measures a suite.
 *
 * @param cases - the names of those wanted; empty: all.
 * @throws Error where the process fails: two sides that did unequal work, for instance.
 */
export async function runSuite(
  name: string,
  cases: readonly string[],
  options: MeasureOptions,
): Promise<Figures[]> {
  const parameters = ['--conditions=promptmq-source', RUN_SUITE, name]
  const child = spawn(process.execPath, [...parameters, JSON.stringify({ cases, ...options })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const figures: Figures[] = []
  for await (const line of createInterface(child.stdout)) figures.push(JSON.parse(line) as Figures)
  const code = await ended
  if (code !== 0) throw new Error(`${name} ended with exit code ${code}`)
  return figures
}
