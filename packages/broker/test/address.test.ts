import { describe, expect, test } from 'vitest'
import { NetworkCounts, networkOf } from '../src/address.ts'

describe('networkOf', () => {
  test.each([
    ['192.0.2.7:50123', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:50123', '192.0.2.7'],
    ['[::FFFF:192.0.2.7]:50123', '192.0.2.7'],
    ['[2001:db8:1::7]:1', '2001:db8:1:0'],
    ['[2001:db8:1:0:9::]:1', '2001:db8:1:0'],
    ['[2001:db8::3:4:5:6:7]:1', '2001:db8:0:3'],
    ['[2001:db8:1:2:3:4:5:6]:1', '2001:db8:1:2'],
    ['[::1]:1', '0:0:0:0'],
    ['[fe80::1%eth0]:1', 'fe80:0:0:0'],
    ['local', ''],
    ['virtual', ''],
    ['name:1', ''],
    ['', ''],
  ])('%s is %j', (remoteAddress, network) => {
    expect(networkOf(remoteAddress)).toBe(network)
  })
})

describe('NetworkCounts', () => {
  test('counts up and down, and forgets who has none', () => {
    const counts = new NetworkCounts()
    for (const network of ['a', 'b', 'a', '']) counts.add(network)
    expect([counts.of('a'), counts.of('b'), counts.of('')]).toEqual([2, 1, 0])
    counts.remove('a')
    expect(counts.of('a')).toBe(1)
    for (const network of ['a', 'a', 'b', '']) counts.remove(network)
    expect([counts.of('a'), counts.of('b'), counts.size]).toEqual([0, 0, 0])
  })
})
