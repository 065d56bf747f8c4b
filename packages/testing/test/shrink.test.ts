import { expect, test } from 'vitest'
import { drawSteps } from '../src/simulation/draw-steps.ts'
import { shrink } from '../src/simulation/shrink.ts'
import { describeStep } from '../src/simulation/steps.ts'

const numbers = Array.from({ length: 500 }, (_, i) => i)

test('what is left is what is needed, in order', async () => {
  const needed = [3, 250, 251, 499]
  const fails = async (some: readonly number[]) => needed.every((one) => some.includes(one))
  expect(await shrink(numbers, fails, 1_000)).toEqual(needed)
})

test('the tries are bounded', async () => {
  let count = 0
  const fails = async () => {
    count++
    return false
  }
  expect(await shrink(numbers, fails, 20)).toEqual(numbers)
  expect(count).toBe(20)
})

test('steps are drawn from the seed alone, and each has a line of its own', () => {
  const steps = drawSteps(7, 2_000)
  expect(drawSteps(7, 2_000)).toEqual(steps)
  expect(drawSteps(7, 10)).toEqual(steps.slice(0, 10))
  expect(new Set(steps.map(({ kind }) => kind)).size).toBe(15)
  for (const step of steps) {
    expect(describeStep(step)).toMatch(new RegExp(`^c[0-4] ${step.kind}`))
    expect(describeStep(step)).not.toMatch(/undefined|\[object|\n/)
  }
})
