/**
 * One benchmark file in a process of its own, so that what the engine learned of one does not change
 * what it makes of the next.
 *
 *   node run-suite.ts SUITE OPTIONS    options and figures are JSON, one line of figures a case
 */
import { consumedWork, type MeasureOptions, measureCase } from './measure.ts'
import type { Suite } from './suite.ts'

const [name, options] = process.argv.slice(2) as [string, string]
const { cases, ...measure } = JSON.parse(options) as MeasureOptions & { cases: readonly string[] }
const { default: suite } = (await import(`../micro/${name}.bench.ts`)) as { default: Suite }
for (const one of suite.cases) {
  if (cases.length > 0 && !cases.includes(one.name)) continue
  process.stdout.write(`${JSON.stringify(measureCase(suite, one, measure))}\n`)
}
if (!Number.isFinite(consumedWork())) throw new Error('a side returned no number')
