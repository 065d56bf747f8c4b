import { describe, expect, test } from 'vitest'
import { contentTypes, topicNames } from '../src/text-bytes.ts'
import { wire } from './wire.ts'

describe('topicNames', () => {
  test('gives the bytes of a Topic Name, the same ones again', () => {
    const bytes = topicNames.get('plant/é')
    expect(bytes).toEqual(wire`"plant/é"`)
    expect(topicNames.get('plant/é')).toBe(bytes)
  })

  test.each(['', 'a/+', '#', 'a\0', '\ud800', 'a'.repeat(65_536)])('%j is none', (text) => {
    expect(topicNames.get(text)).toBeNull()
    expect(topicNames.get(text)).toBeNull()
  })

  test('a long name is encoded each time', () => {
    const name = 'a'.repeat(257)
    const bytes = topicNames.get(name)
    expect(bytes).toHaveLength(257)
    expect(topicNames.get(name)).not.toBe(bytes)
  })

  test('more names than it holds are right all the same', () => {
    for (let i = 0; i < 20_000; i++) topicNames.get(`t/${i}`)
    expect(topicNames.get('t/7')).toEqual(wire`"t/7"`)
  })
})

describe('contentTypes', () => {
  test('gives the bytes of short ASCII, and leaves the rest to others', () => {
    expect(contentTypes.get('text/plain')).toEqual(wire`"text/plain"`)
    expect(contentTypes.get('')).toEqual(wire``)
    for (const text of ['é', 'a\0', 'a'.repeat(257)]) expect(contentTypes.get(text)).toBeNull()
  })
})
