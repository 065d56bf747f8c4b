import { describe, expect, test } from 'vitest'
import { type Flushable, Flusher } from '../src/flusher.ts'
import { LoopClock } from './harness.ts'

class Writer implements Flushable {
  isTouched = false
  waitsIn = 0
  length = 0
  steps: string[] = []

  flush(): void {
    this.steps.push(`flush ${this.length}`)
    this.length = 0
  }

  settle(): void {
    this.steps.push('settle')
  }
}

function make() {
  const clock = new LoopClock()
  const flusher = new Flusher(clock)
  const add = (writer: Writer, size: number) => {
    writer.length += size
    flusher.touch(writer)
  }
  return { clock, flusher, add, writer: new Writer() }
}

describe('at the end of a turn', () => {
  test('little waits for the loop, and for what other turns add', () => {
    const { clock, flusher, add, writer } = make()
    const other = new Writer()
    add(writer, 10)
    add(writer, 10)
    flusher.endTurn(false)
    add(writer, 10)
    add(other, 5)
    flusher.endTurn(false)
    expect(writer.steps).toEqual([])
    expect(clock.deferred).toHaveLength(1)
    clock.round()
    expect([writer.steps, other.steps]).toEqual([['flush 30'], ['flush 5']])
    flusher.endTurn(false)
    expect(clock.deferred).toHaveLength(0)
  })

  test('much is written at once, and then not again', () => {
    const { clock, flusher, add, writer } = make()
    add(writer, 10_000)
    flusher.endTurn(false)
    add(writer, 10_000)
    flusher.endTurn(false)
    expect(writer.steps).toEqual(['flush 20000'])
    clock.round()
    expect(writer.steps).toEqual(['flush 20000'])
  })

  test.each([10, 20_000])(
    '%i bytes to each of a thousand: the loop goes round in between',
    (size) => {
      const { clock, flusher, add } = make()
      const writers = Array.from({ length: 1_000 }, () => new Writer())
      for (const writer of writers) add(writer, size)
      flusher.endTurn(false)
      const flushed = () => writers.filter(({ steps }) => steps.length > 0).length
      let before = flushed()
      for (let rounds = 0; before < 1_000; rounds++) {
        expect(rounds).toBeLessThan(10)
        clock.round()
        expect(flushed() - before).toBeLessThanOrEqual(256)
        before = flushed()
      }
      expect(writers.every(({ steps }) => steps.length === 1)).toBe(true)
    },
  )

  test('a crowd keeps no others waiting, but is not forgotten for them', () => {
    const { clock, flusher, add } = make()
    const crowd = Array.from({ length: 1_000 }, () => new Writer())
    for (const writer of crowd) add(writer, 10)
    flusher.endTurn(false)
    const others = Array.from({ length: 300 }, () => new Writer())
    for (const writer of [...others, crowd[999]!]) {
      add(writer, 10)
      flusher.endTurn(false)
    }
    const flushed = (writers: Writer[]) => writers.filter(({ steps }) => steps.length > 0).length
    clock.round()
    expect([flushed(crowd), flushed(others)]).toEqual([64, 192])
    clock.round()
    expect([flushed(crowd), flushed(others)]).toEqual([64 + 1 + 147, 300])
    for (let rounds = 0; rounds < 4; rounds++) clock.round()
    expect(flushed(crowd)).toBe(1_000)
    expect(crowd[999]!.steps).toEqual(['flush 20'])
    expect(clock.deferred).toHaveLength(0)
  })

  test('what waits in a chunk that is lent is copied', () => {
    const { flusher, add, writer } = make()
    add(writer, 10)
    flusher.endTurn(true)
    expect(writer.steps).toEqual(['settle'])
  })

  test('who has been flushed meanwhile does not wait', () => {
    const { clock, flusher, add, writer } = make()
    add(writer, 10)
    writer.flush()
    flusher.endTurn(false)
    expect(clock.deferred).toHaveLength(0)
    expect(writer.waitsIn).toBe(0)
  })
})
