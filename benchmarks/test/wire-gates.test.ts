import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SCENARIOS } from '../wire/scenarios.ts'
import type { Summary } from '../wire/summary.ts'
import { judge, unknownScenarios } from '../wire/wire-gates.ts'

const gates = { flood: 10 }

function summary(broker: string, rate: number, wrong = 0): Summary {
  return { scenario: 'flood', broker, rate, spread: 0, cpu: 1, p99: 1, rss: 1, wrong }
}

describe('a scenario', () => {
  test.each([
    ['at its bound', summary('promptmq', 1_000), []],
    [
      'below its bound',
      summary('promptmq', 999),
      ['is 10.0x as fast as aedes, at least 10x is asked'],
    ],
    [
      'whose rate is no number',
      summary('promptmq', Number.NaN),
      ['is NaNx as fast as aedes, at least 10x is asked'],
    ],
    [
      'that loses a message',
      summary('promptmq', 5_000, 1),
      ['lost, repeated or disordered 1 messages'],
    ],
    ['that could not be run', undefined, ['could not be run']],
  ])('%s', (_, ours, expected) => {
    expect(judge('flood', gates, ours, summary('aedes', 100))).toEqual(expected)
  })

  test('beside a rival that delivered nothing, fails', () => {
    expect(judge('flood', gates, summary('promptmq', 1_000), summary('aedes', 0))).toEqual([
      'is Infinityx as fast as aedes, at least 10x is asked',
    ])
  })

  test('without a gate, and without its rival, fails', () => {
    expect(judge('other', gates, summary('promptmq', 1), summary('aedes', 1))).toHaveLength(1)
    expect(judge('flood', gates, summary('promptmq', 1), undefined)).toEqual([
      'could not be run with aedes',
    ])
  })
})

test('a gate of no scenario is named', () => {
  expect(unknownScenarios(gates, ['flood'])).toEqual([])
  expect(unknownScenarios(gates, [])).toEqual(['flood'])
})

test('the gates that CI holds are those of the quick scenarios', () => {
  const file = new URL('../wire-gates.json', import.meta.url)
  const quick = SCENARIOS.filter((scenario) => scenario.quick).map(({ name }) => name)
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toEqual(quick)
})
