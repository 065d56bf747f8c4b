/**
 * The conformance suite: every promise of the Store contract as a case that any test runner can run.
 *
 *   cases(create) --> [{ name, run }, ...]
 *                          run: create() -> open -> restore -> the case -> dispose()
 *
 * Each `run` makes a fixture of its own, so that cases may run in any order or at once, and rejects
 * with an AssertionError where the Store breaks its promise.
 */
import { durabilityCases } from './durability.ts'
import { extremeCases } from './extremes.ts'
import { lifecycleCases } from './lifecycle.ts'
import { modelCases } from './model.ts'
import { queueCases } from './queue.ts'
import { referenceCases } from './references.ts'
import { sessionCases } from './sessions.ts'
import { type Case, type StoreFixture, Subject } from './subject.ts'

export { collectRestored, type Restored } from './restored.ts'
export type { StoreFixture } from './subject.ts'

/** One thing that a Store must do. */
export interface ConformanceCase {
  /** What holds, as a sentence. */
  readonly name: string
  /** Rejects with an AssertionError, or with what the Store threw. */
  run(): Promise<void>
}

const CASES: readonly Case[] = [
  ...lifecycleCases,
  ...sessionCases,
  ...referenceCases,
  ...queueCases,
  ...extremeCases,
  ...durabilityCases,
  ...modelCases,
]

/**
 * The cases for one implementation of Store.
 *
 * @param create - a Store at an empty place; called once by each case's `run`, never before.
 *
 * @example
 * ```ts
 * for (const { name, run } of storeConformance(() => {
 *   const store = new MemoryStore()
 *   return { store, reopen: async () => store, dispose: async () => {} }
 * })) {
 *   test(name, run)
 * }
 * ```
 */
export function storeConformance(
  create: () => StoreFixture | Promise<StoreFixture>,
): readonly ConformanceCase[] {
  return CASES.map((one) => ({
    name: one.name,
    async run() {
      const fixture = await create()
      try {
        await one.run(await Subject.open(fixture))
      } finally {
        await fixture.dispose()
      }
    },
  }))
}
