/**
 * Reads a JSON report of the test runner and prints `N passed, N failed`, alone on its line.
 *
 *   node scripts/test-summary.mjs REPORT
 *
 * A test file that could not be loaded has no tests to count, and counts as one failure. Ends with
 * exit code 1 when anything failed, when nothing passed, or when there is no report.
 */
import { readFileSync } from 'node:fs'

let report
try {
  report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
} catch {
  process.stderr.write('test-summary: there is no report of the test runner\n')
}

if (report === undefined) {
  process.exitCode = 1
} else {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  const failedCount = report.numFailedTests + unloaded.length
  process.stdout.write(`${report.numPassedTests} passed, ${failedCount} failed\n`)
  if (failedCount > 0 || report.numPassedTests === 0) process.exitCode = 1
}
