import { expect, test } from 'vitest'
import { PendingBudget } from '../src/pending-budget.ts'

const KIBIBYTE = 1024

test('a connection may have what is free, up to its own limit, and never less than a chunk', () => {
  const budget = new PendingBudget(1_000 * KIBIBYTE, 1_500 * KIBIBYTE)
  const limits = [0, 400, 500, 900, 1_500].map((pending) => {
    budget.changed(pending * KIBIBYTE - budget.pending)
    return budget.limit / KIBIBYTE
  })
  expect(limits).toEqual([1_000, 1_000, 1_000, 600, 64])
})
