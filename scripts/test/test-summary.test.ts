import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'promptmq-summary-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function summarize(report: string | undefined) {
  const path = join(folder, 'report.json')
  if (report === undefined) rmSync(path, { force: true })
  else writeFileSync(path, report)
  const script = join(import.meta.dirname, '../test-summary.mjs')
  const { status, stdout } = spawnSync(process.execPath, [script, path], { encoding: 'utf8' })
  return { status, stdout }
}

const file = (status: string, testCount: number) => ({
  status,
  assertionResults: Array.from({ length: testCount }, () => ({})),
})

describe('test-summary.mjs', () => {
  test.each([
    ['all pass', 12, 0, [file('passed', 12)], 0, '12 passed, 0 failed\n'],
    ['one fails', 11, 1, [file('failed', 12)], 1, '11 passed, 1 failed\n'],
    [
      'a file does not load',
      3,
      0,
      [file('passed', 3), file('failed', 0)],
      1,
      '3 passed, 1 failed\n',
    ],
    ['there are no tests', 0, 0, [], 1, '0 passed, 0 failed\n'],
  ])('%s', (_what, numPassedTests, numFailedTests, testResults, status, stdout) => {
    const report = JSON.stringify({ numPassedTests, numFailedTests, testResults })
    expect(summarize(report)).toEqual({ status, stdout })
  })

  test('no report, or an empty one, is a failure without a number', () => {
    expect(summarize(undefined)).toEqual({ status: 1, stdout: '' })
    expect(summarize('')).toEqual({ status: 1, stdout: '' })
  })
})
