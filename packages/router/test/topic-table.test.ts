import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TopicTable, TopicTree } from '../src/index.ts'

const encoder = new TextEncoder()

function get(table: TopicTable, topicName: string) {
  const bytes = encoder.encode(topicName)
  return table.get(bytes, 0, bytes.length)
}

/** Names whose hashes are the same in the bits of `mask`, at least two of them. */
function colliding(seed: number, mask: number, count: number): string[] {
  const table = new TopicTable({ seed, maximumEntries: 0 })
  const byHash = new Map<number, string[]>()
  for (let i = 0; i < 1_000_000; i++) {
    const topicName = `plant/${i.toString(36)}`
    const hash = get(table, topicName).hash & mask
    const names = byHash.get(hash) ?? []
    names.push(topicName)
    if (names.length === count) return names
    byHash.set(hash, names)
  }
  throw new Error('no names collide')
}

describe('a known topic', () => {
  test('is the same entry, wherever its bytes lie', () => {
    const table = new TopicTable({ seed: 42 })
    const entry = get(table, 'a/b')
    expect(entry.name).toBe('a/b')
    expect(entry.bytes).toEqual(encoder.encode('a/b'))
    expect(table.get(encoder.encode('xxa/bxx'), 2, 5)).toBe(entry)
    expect(table.ofName('a/b')).toBe(entry)
    expect(get(table, 'a/c')).not.toBe(entry)
    expect(get(table, 'a/')).not.toBe(entry)
    expect(table.size).toBe(3)
  })

  test('is told from others by every one of its bytes and its length', () => {
    const table = new TopicTable()
    const topicName = '0123456789abcde'
    const entry = get(table, topicName)
    for (let i = 0; i < topicName.length; i++) {
      const other = `${topicName.slice(0, i)}X${topicName.slice(i + 1)}`
      expect(get(table, other).name).toBe(other)
      expect(get(table, topicName.slice(0, i)).name).toBe(topicName.slice(0, i))
    }
    expect(get(table, topicName)).toBe(entry)
  })

  test('beyond ASCII is its UTF-8', () => {
    const table = new TopicTable()
    const entry = table.ofName('é/漢字/😀')
    expect(entry.bytes).toEqual(encoder.encode('é/漢字/😀'))
    expect(get(table, 'é/漢字/😀')).toBe(entry)
    expect(entry.name).toBe('é/漢字/😀')
  })

  test('of 65,535 bytes is one too', () => {
    const table = new TopicTable()
    const long = 'x'.repeat(65_535)
    const entry = get(table, long)
    expect(entry.name).toBe(long)
    expect(get(table, long)).toBe(entry)
    expect(get(table, `${long.slice(1)}y`)).not.toBe(entry)
  })

  test('keeps nothing of the chunk that it came in', () => {
    const table = new TopicTable()
    const chunk = Buffer.from('..a/b..')
    const entry = table.get(chunk, 2, 5)
    chunk.fill(0x21)
    expect(entry.bytes).toEqual(encoder.encode('a/b'))
    expect(entry.bytes.buffer.byteLength).toBe(3)
    expect(get(table, 'a/b')).toBe(entry)
  })

  test('is what a Map by name would find', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', 'b', '/', 'é'),
      minLength: 1,
      maxLength: 9,
    })
    fc.assert(
      fc.property(fc.array(name, { maxLength: 400 }), fc.integer(), (names, seed) => {
        const table = new TopicTable({ seed })
        const known = new Map(names.map((topicName) => [topicName, get(table, topicName)]))
        for (const [topicName, entry] of known) {
          expect(entry.name).toBe(topicName)
          expect(get(table, topicName)).toBe(entry)
        }
        expect(table.size).toBe(known.size)
      }),
    )
  })
})

describe('hashes', () => {
  test('depend on the seed', () => {
    const hashes = [1, 2, 3].map((seed) => get(new TopicTable({ seed }), 'a/b').hash)
    expect(new Set(hashes).size).toBe(3)
  })

  test('that are equal do not make two names one', () => {
    const table = new TopicTable()
    const [one, two] = ['plant/1', 'plant/2'].map((topicName) => encoder.encode(topicName))
    const hash = 42
    const entries = [table.get(one!, 0, 7, hash), table.get(two!, 0, 7, hash)]
    expect(entries.map(({ name }) => name)).toEqual(['plant/1', 'plant/2'])
    expect(table.get(one!, 0, 7, hash)).toBe(entries[0])
    expect(table.get(two!, 0, 7, hash)).toBe(entries[1])
  })

  test('that crowd one place are given up after 32 slots, and the names still work', () => {
    const names = colliding(3, 0xff, 40)
    const table = new TopicTable({ seed: 3 })
    const entries = names.map((topicName) => get(table, topicName))
    expect(table.size).toBe(32)
    expect(get(table, names[31]!)).toBe(entries[31])
    const last = get(table, names[39]!)
    expect(last).not.toBe(entries[39])
    expect(last.name).toBe(names[39])
    expect(last.route(new TopicTree()).isEmpty).toBe(true)
    expect(table.size).toBe(32)
  })
})

describe('bounds', () => {
  test('the table grows and keeps what it has', () => {
    const table = new TopicTable()
    const entries = Array.from({ length: 10_000 }, (_, i) => get(table, `plant/${i}/temp`))
    // A few may be out of reach: a probe is bounded.
    expect(table.size).toBeGreaterThan(9_990)
    const found = entries.filter((entry) => get(table, entry.name) === entry)
    expect(found.length).toBeGreaterThan(9_990)
  })

  test('at the most entries it is emptied and fills again', () => {
    const table = new TopicTable({ maximumEntries: 3 })
    const held = ['a', 'b', 'c'].map((topicName) => get(table, topicName))
    expect(table.size).toBe(3)
    expect(get(table, 'a')).toBe(held[0])
    get(table, 'd')
    expect(table.size).toBe(1)
    expect(get(table, 'a')).not.toBe(held[0])
    expect(table.size).toBe(2)
    // Who held an entry goes on with it.
    expect(held[0]!.route(new TopicTree()).isEmpty).toBe(true)
  })

  test('at the most bytes it is emptied and fills again', () => {
    const table = new TopicTable({ maximumBytes: 10 })
    const first = get(table, '01234')
    get(table, '56789')
    expect(table.size).toBe(2)
    expect(get(table, '01234')).toBe(first)
    get(table, 'a')
    expect(table.size).toBe(1)
    expect(get(table, '01234')).not.toBe(first)
    get(table, '6789')
    expect(table.size).toBe(3)
    get(table, 'b')
    expect(table.size).toBe(1)
  })

  test('bytes are counted across growth', () => {
    const table = new TopicTable({ maximumBytes: 4_000 })
    for (let i = 0; i < 1_000; i++) get(table, String(i).padStart(4, '0'))
    expect(table.size).toBeGreaterThan(990)
    get(table, 'more')
    get(table, 'than')
    // What could not be placed was not counted: a few bytes may be left.
    for (let i = 0; i < 10; i++) get(table, `end${i}`)
    expect(table.size).toBeLessThan(20)
  })

  test('a name that can never be kept empties nothing', () => {
    const table = new TopicTable({ maximumBytes: 10 })
    const entry = get(table, 'a')
    const large = 'x'.repeat(11)
    expect(get(table, large).name).toBe(large)
    expect(get(table, large)).not.toBe(get(table, large))
    expect(get(table, 'a')).toBe(entry)
    expect(table.size).toBe(1)
  })

  test('of no entries at all is a table that remembers nothing', () => {
    const table = new TopicTable({ maximumEntries: 0 })
    expect(get(table, 'a').name).toBe('a')
    expect(table.size).toBe(0)
  })
})
