import { expect, test } from 'vitest'
import { Budget } from '../src/index.ts'

const KIBIBYTE = 1024

test('each may have what is free, up to its own limit, and never less than a chunk', () => {
  const budget = new Budget({ each: 1_000 * KIBIBYTE, total: 1_500 * KIBIBYTE })
  const limits = [0, 400, 500, 900, 1_500].map((used) => {
    budget.changed(used * KIBIBYTE - budget.used)
    return budget.limit / KIBIBYTE
  })
  expect(limits).toEqual([1_000, 1_000, 1_000, 600, 64])
})

test('without a limit of its own, one may have all of it', () => {
  expect(new Budget({ total: 1_000 * KIBIBYTE }).limit).toBe(1_000 * KIBIBYTE)
})

test('what is larger than a limit is allowed where it fits in all, or where there is nothing else', () => {
  const budget = new Budget({ each: 10, total: 100 })
  expect(budget.allows(1_000)).toBe(true)
  budget.changed(40)
  expect(budget.allows(60)).toBe(true)
  expect(budget.allows(61)).toBe(false)
})
