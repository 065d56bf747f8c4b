import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { driftChart } from '../harness/drift-chart.ts'
import { median } from '../harness/measure.ts'
import { compare, lastResult, resultOf, saveResult } from '../harness/results.ts'
import type { Figures } from '../harness/suite.ts'
import { short, table } from '../harness/table.ts'

function figures(name: string, ratio: number): Figures {
  const timing = { median: 10, spread: 1 }
  return {
    suite: 's',
    name,
    rival: 'r',
    ours: timing,
    theirs: timing,
    ratio,
    bytes: 0,
    theirBytes: 1,
  }
}

describe('results', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'promptmq-results-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('the newest is the last, whatever else lies there', () => {
    expect(lastResult(folder)).toBeUndefined()
    const older = resultOf([figures('a', 1)], new Date('2026-01-02T03:04:05Z'))
    const newer = resultOf([figures('a', 2)], new Date('2026-02-01T00:00:00Z'))
    saveResult(folder, newer)
    expect(saveResult(folder, older)).toBe(join(folder, '2026-01-02T03-04-05.json'))
    writeFileSync(join(folder, 'z.json'), '{}')
    writeFileSync(join(folder, 'drift.svg'), '')
    expect(lastResult(folder)).toEqual(newer)
  })

  test('machine and Node version are kept', () => {
    const { machine, node } = resultOf([])
    expect(node).toBe(process.version)
    expect(machine).toMatch(/ x \d+, \d+ GiB, /)
  })

  test('drift has what came, what went and what stayed', () => {
    const drifts = compare(
      [figures('a', 1), figures('gone', 2)],
      [figures('a', 3), figures('b', 4)],
    )
    expect(drifts.map(({ name, before, now }) => [name, before?.ratio, now?.ratio])).toEqual([
      ['a', 1, 3],
      ['b', undefined, 4],
      ['gone', 2, undefined],
    ])
  })

  test('the chart names each case and shows both ratios', () => {
    const drifts = compare([figures('a', 12.3)], [figures('a', 15)])
    const svg = driftChart('Drift', drifts, { before: 'then', now: 'now' })
    expect(svg).toMatch(/^<svg /)
    for (const text of ['s: a', '12.3x', '15x', 'then', 'now', 'Drift']) expect(svg).toContain(text)
  })
})

describe('table', () => {
  test('columns are as wide as they need be', () => {
    expect(
      table(
        ['name', 'ns'],
        [
          ['a', '1'],
          ['longer', '100'],
        ],
      ),
    ).toBe('name     ns\na         1\nlonger  100')
  })

  test.each([
    [0, '0'],
    [0.123, '0.12'],
    [7.26, '7.3'],
    [99.96, '100.0'],
    [842.4, '842'],
    [-0.5, '-0.50'],
  ])('%d is shown as %s', (value, text) => {
    expect(short(value)).toBe(text)
  })
})

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
])('the median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle)
})
