import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkTopicName,
  checkTopicNameString,
  Fault,
  parseTopicFilter,
  utf8Size,
  writeUtf8,
} from '../src/index.ts'
import { wire } from './wire.ts'

const ANY_DEPTH = 65_536

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Size(text))
  writeUtf8(bytes, 0, text)
  return bytes
}

describe('Topic Names, §4.7', () => {
  test.each(['a', '/', '//', '/a', 'a/', 'a//b', 'a b', 'é/ü', '$SYS/x', '\uFEFFa', 'a/$b', '😀'])(
    '%j is one',
    (name) => {
      const bytes = bytesOf(name)
      expect(checkTopicName(bytes, 0, bytes.length, ANY_DEPTH)).toBe(Fault.None)
      expect(checkTopicNameString(name)).toBe(Fault.None)
    },
  )

  test.each([
    ['MQTT-4.7.3-1', 'nothing', '', Fault.TopicNameEmpty],
    ['MQTT-3.3.2-2', '#', 'a/#', Fault.TopicNameWildcard],
    ['MQTT-4.7.0-1', '+', 'a/+/b', Fault.TopicNameWildcard],
    ['MQTT-3.3.2-2', 'a wildcard inside a level', 'é#', Fault.TopicNameWildcard],
    ['MQTT-4.7.3-2', 'U+0000', 'a\0b', Fault.Utf8Nul],
  ])('[%s] %s is refused, as bytes and as a string', (_statement, _what, name, fault) => {
    const bytes = bytesOf(name)
    expect(checkTopicName(bytes, 0, bytes.length, ANY_DEPTH)).toBe(fault)
    expect(checkTopicNameString(name)).toBe(fault)
  })

  test('[MQTT-1.5.4-1] ill-formed UTF-8 is refused, as bytes and as a string', () => {
    expect(checkTopicName(wire`"a" ed a0 80`, 0, 4, ANY_DEPTH)).toBe(Fault.Utf8IllFormed)
    expect(checkTopicName(wire`80 "/b"`, 0, 3, ANY_DEPTH)).toBe(Fault.Utf8IllFormed)
    expect(checkTopicNameString('a\ud800')).toBe(Fault.Utf8IllFormed)
  })

  test('disallowed code points are refused on request', () => {
    const bytes = bytesOf('a\u0001')
    expect(checkTopicName(bytes, 0, bytes.length, ANY_DEPTH)).toBe(Fault.None)
    expect(checkTopicName(bytes, 0, bytes.length, ANY_DEPTH, true)).toBe(
      Fault.Utf8DisallowedCodePoint,
    )
  })

  test('levels are counted by their slashes, and bounded', () => {
    const bytes = bytesOf('a/b//c')
    expect(checkTopicName(bytes, 0, bytes.length, 4)).toBe(Fault.None)
    expect(checkTopicName(bytes, 0, bytes.length, 3)).toBe(Fault.TopicNameTooDeep)
    expect(checkTopicNameString('a/b//c', 4)).toBe(Fault.None)
    expect(checkTopicNameString('a/b//c', 3)).toBe(Fault.TopicNameTooDeep)
    expect(checkTopicNameString('/'.repeat(127))).toBe(Fault.None)
    expect(checkTopicNameString('/'.repeat(128))).toBe(Fault.TopicNameTooDeep)
  })

  test('[MQTT-4.7.3-3] 65,535 bytes are accepted and one more is not', () => {
    expect(checkTopicNameString('a'.repeat(65_535))).toBe(Fault.None)
    expect(checkTopicNameString('a'.repeat(65_536))).toBe(Fault.TopicNameTooLong)
    expect(checkTopicNameString('é'.repeat(32_768))).toBe(Fault.TopicNameTooLong)
  })

  test('bytes beside the name have no say', () => {
    const bytes = bytesOf('#a/b+')
    expect(checkTopicName(bytes, 1, 4, ANY_DEPTH)).toBe(Fault.None)
  })

  test('bytes and strings are judged alike', () => {
    const names = fc.string({
      unit: fc.constantFrom('a', '/', '+', '#', '\0', 'é', '😀'),
      maxLength: 9,
    })
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 4 }), (name, levels) => {
        const bytes = bytesOf(name)
        const fault = checkTopicName(bytes, 0, bytes.length, levels)
        expect(checkTopicNameString(name, levels)).toBe(fault)
      }),
    )
  })
})

describe('Topic Filters, §4.7 and §4.8.2', () => {
  test.each([
    ['#', null, '#'],
    ['a/#', null, 'a/#'],
    ['+', null, '+'],
    ['+/a/#', null, '+/a/#'],
    ['/+', null, '/+'],
    ['a/+/b', null, 'a/+/b'],
    ['+/+', null, '+/+'],
    ['/', null, '/'],
    ['$SYS/#', null, '$SYS/#'],
    ['$share', null, '$share'],
    ['$shared/g/a', null, '$shared/g/a'],
    ['$SHARE/g/a', null, '$SHARE/g/a'],
    ['a/$share/g', null, 'a/$share/g'],
    ['$share/g/a', 'g', 'a'],
    ['$share/g/#', 'g', '#'],
    ['$share/g//finance', 'g', '/finance'],
    ['$share/g/$SYS/x', 'g', '$SYS/x'],
    ['$share/$share/$share/g/a', '$share', '$share/g/a'],
    ['$share/é b/+', 'é b', '+'],
    ['__proto__/constructor', null, '__proto__/constructor'],
  ])('%s is taken apart', (topicFilter, shareName, filter) => {
    expect(parseTopicFilter(topicFilter)).toStrictEqual({ topicFilter, shareName, filter })
  })

  test.each([
    ['MQTT-4.7.3-1', '', Fault.TopicFilterEmpty],
    ['MQTT-4.7.1-1', 'a#', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-1', 'a/#/b', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-1', '#a', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-1', '##', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-1', '#/', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-1', '$share/g/a#', Fault.TopicFilterMultiLevelWildcard],
    ['MQTT-4.7.1-2', 'a+', Fault.TopicFilterSingleLevelWildcard],
    ['MQTT-4.7.1-2', '+a', Fault.TopicFilterSingleLevelWildcard],
    ['MQTT-4.7.1-2', 'a/+b', Fault.TopicFilterSingleLevelWildcard],
    ['MQTT-4.7.1-2', '++', Fault.TopicFilterSingleLevelWildcard],
    ['MQTT-4.7.1-2', '+#', Fault.TopicFilterSingleLevelWildcard],
    ['MQTT-4.8.2-1', '$share//a', Fault.ShareNameEmpty],
    ['MQTT-4.8.2-1', '$share/', Fault.ShareNameEmpty],
    ['MQTT-4.8.2-2', '$share/g', Fault.ShareNameInvalid],
    ['MQTT-4.8.2-2', '$share/g/', Fault.TopicFilterEmpty],
    ['MQTT-4.8.2-2', '$share/+/a', Fault.ShareNameInvalid],
    ['MQTT-4.8.2-2', '$share/g#/a', Fault.ShareNameInvalid],
    ['MQTT-4.7.3-2', 'a/\0', Fault.Utf8Nul],
    ['MQTT-1.5.4-1', 'a/\udfff', Fault.Utf8IllFormed],
    ['MQTT-4.7.3-3', 'a'.repeat(65_536), Fault.TopicFilterTooLong],
  ])('[%s] %.20j is refused', (_statement, topicFilter, fault) => {
    expect(parseTopicFilter(topicFilter)).toBe(fault)
  })

  test('levels of the filter proper are bounded', () => {
    expect(parseTopicFilter('a/b/+', 3)).toBeTypeOf('object')
    expect(parseTopicFilter('a/b/+', 2)).toBe(Fault.TopicFilterTooDeep)
    expect(parseTopicFilter('$share/g/a/b', 2)).toBeTypeOf('object')
    expect(parseTopicFilter('$share/g/a/b', 1)).toBe(Fault.TopicFilterTooDeep)
    expect(parseTopicFilter('/'.repeat(128))).toBe(Fault.TopicFilterTooDeep)
  })
})
