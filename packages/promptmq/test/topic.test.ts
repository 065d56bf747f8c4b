import { describe, expect, test } from 'vitest'
import { matchesFilter, topicFilter, topicName } from '../src/cli/topic.ts'

describe('matchesFilter, §4.7', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/b', 'a/b/c', false],
    ['a/b/c', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['+/+', '/a', true],
    ['+', 'a', true],
    ['#', 'a/b/c', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'ab', false],
    ['+/b/#', 'a/b', true],
    ['$SYS/#', '$SYS/x', true],
    ['$SYS/+', '$SYS/x', true],
  ])('%s and %s: %s', (filter, name, expected) => {
    expect(matchesFilter(filter, name)).toBe(expected)
  })

  test.each([
    ['#', '$SYS/x'],
    ['+/x', '$SYS/x'],
    ['+', '$SYS'],
  ])('[MQTT-4.7.2-1] %s does not match %s', (filter, name) => {
    expect(matchesFilter(filter, name)).toBe(false)
  })
})

describe('topics of the command line', () => {
  test('what is one is taken as it is', () => {
    expect(topicName('a//ü')).toBe('a//ü')
    expect(topicFilter('+/a/#')).toBe('+/a/#')
    expect(topicFilter('$share/g/a/#')).toBe('$share/g/a/#')
    expect(topicName('a/'.repeat(1000))).toHaveLength(2000)
  })

  test.each(['', 'a/#', '+', 'a\ud800'])('%j is no Topic Name', (value) => {
    expect(() => topicName(value)).toThrow(/^is not valid, .+: '/)
  })

  test.each(['', 'a#', 'a/#/b', 'a+', '$share/', '$share/g', '$share/g+/a'])(
    '%j is no Topic Filter',
    (value) => {
      expect(() => topicFilter(value)).toThrow(/^is not valid, .+: '/)
    },
  )
})
