import { describe, expect, test } from 'vitest'
import { ExitCode, UsageError } from '../src/cli/errors.ts'
import { formatHelp, HELP_WIDTH, wrap } from '../src/cli/help.ts'
import {
  alternatives,
  choice,
  flag,
  integer,
  many,
  type OptionTable,
  one,
  seconds,
  text,
  ValueError,
  withDefault,
} from '../src/cli/option-table.ts'
import { parseOptions } from '../src/cli/parse-options.ts'

const group = 'Group'
const TABLE = {
  host: withDefault(text, 'localhost', {
    short: 'h',
    long: 'host',
    placeholder: 'HOST',
    group,
    help: 'the host',
  }),
  qos: one(integer(0, 2), { short: 'q', long: 'qos', placeholder: 'QOS', group, help: 'the QoS' }),
  topics: many(text, { short: 't', long: 'topic', placeholder: 'T', group, help: 'a topic' }),
  isQuiet: flag({ short: 's', long: 'quiet', alias: 'silent', group, help: 'be quiet' }),
  pairs: many(text, {
    short: 'D',
    long: 'pair',
    placeholder: 'A B',
    group: 'Other group',
    help: 'two words, or three',
    wordCount: ([first]) => (first === 'three' ? 3 : 2),
  }),
} satisfies OptionTable

const ABSENT = { host: 'localhost', qos: undefined, topics: [], isQuiet: false, pairs: [] }

describe('parseOptions', () => {
  test.each<[string, string[], object]>([
    ['nothing', [], {}],
    ['a short name', ['-h', 'a'], { host: 'a' }],
    ['a long name', ['--host', 'a'], { host: 'a' }],
    ['a long name with =', ['--host=a=b'], { host: 'a=b' }],
    ['a value joined to a short name', ['-q1'], { qos: 1 }],
    ['an alias', ['--silent'], { isQuiet: true }],
    ['a group of short names', ['-sq', '2'], { isQuiet: true, qos: 2 }],
    ['a repeated single option: the last', ['-h', 'a', '-h', 'b'], { host: 'b' }],
    ['a repeatable option', ['-t', 'a', '--topic', 'b'], { topics: ['a', 'b'] }],
    ['an empty value', ['-h', ''], { host: '' }],
    ['a value that looks like an option', ['-h', '-5'], { host: '-5' }],
    ['a value that is an option', ['-h', '-D', '-s'], { host: '-D', isQuiet: true }],
    ['a value of two words', ['-D', 'a', '-h', '-s'], { pairs: ['a\0-h'], isQuiet: true }],
    [
      'a value of three words',
      ['--pair', 'three', 'b', 'c', '-s'],
      { pairs: ['three\0b\0c'], isQuiet: true },
    ],
    ['a value of too few words', ['-D', 'a'], { pairs: ['a'] }],
  ])('understands %s', (_what, args, values) => {
    expect(parseOptions(TABLE, args)).toEqual({ kind: 'values', values: { ...ABSENT, ...values } })
  })

  test.each<[string[], string]>([
    [['--foo'], "unknown option '--foo'"],
    [['-x', '1'], "unknown option '-x'"],
    [['--no-quiet'], "unknown option '--no-quiet'"],
    [['x'], "unexpected argument 'x'"],
    [['--', '-s'], "unexpected argument '-s'"],
    [['-q'], "option '-q' needs a value: -q QOS"],
    [['-D'], "option '-D' needs a value: -D A B"],
    [['--quiet=1'], "option '--quiet' takes no value"],
    [['-q', '3'], "option '-q' must be a whole number from 0 to 2, not '3'"],
    [['--qos', 'high'], "option '--qos' must be a whole number from 0 to 2, not 'high'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(TABLE, args)).toThrow(new UsageError(message))
  })

  test.each([
    [['--help'], 'help'],
    [['--foo', '-q', '9', '--help'], 'help'],
    [['--version'], 'version'],
  ])('%j asks for a text, whatever else is wrong', (args, kind) => {
    expect(parseOptions(TABLE, args)).toEqual({ kind })
  })

  test('--help is a value where a value is expected', () => {
    expect(parseOptions(TABLE, ['-h', '--help'])).toMatchObject({ values: { host: '--help' } })
  })

  test('an error that is not about the value goes through', () => {
    const parse = (): never => {
      throw new RangeError('a bug')
    }
    const table = { x: one(parse, { long: 'x', placeholder: 'X', group, help: '' }) }
    expect(() => parseOptions(table, ['--x', '1'])).toThrow(RangeError)
  })
})

describe('values', () => {
  test.each([
    [0, '0'],
    [65_535, '65535'],
    [7, '007'],
  ])('integer: %d', (number, value) => {
    expect(integer(0, 65_535)(value)).toBe(number)
  })

  test.each(['', '-1', '65536', '1.5', '1e3', '0x10', ' 1', 'NaN'])('integer: not %j', (value) => {
    expect(() => integer(0, 65_535)(value)).toThrow(ValueError)
  })

  test.each([
    [0, '0'],
    [1500, '1.5'],
    [50, '.05'],
    [3000, '3.'],
  ])('seconds: %d ms', (ms, value) => {
    expect(seconds(10)(value)).toBe(ms)
  })

  test.each(['', '.', '-1', '11', '1s', 'Infinity'])('seconds: not %j', (value) => {
    expect(() => seconds(10)(value)).toThrow('must be a number of seconds up to 10')
  })

  test('choice', () => {
    expect(choice('a', 'b')('b')).toBe('b')
    expect(() => choice('a', 'b', 'c')('d')).toThrow("must be a, b or c, not 'd'")
    expect(alternatives(['a'])).toBe('a')
    expect(alternatives([])).toBe('')
  })
})

describe('help', () => {
  const texts = {
    name: 'x',
    summary: 'does x',
    usage: ['-t T', '-h HOST'],
    notes: ['See:', '  that'],
  }

  test('is made from the table', () => {
    expect(formatHelp(texts, TABLE)).toBe(
      [
        'x: does x',
        '',
        'Usage: x -t T',
        '       x -h HOST',
        '',
        'Group:',
        '  -h, --host HOST  the host (default localhost)',
        '  -q, --qos QOS    the QoS',
        '  -t, --topic T    a topic; repeatable',
        '  -s, --quiet      be quiet',
        '',
        'Other group:',
        '  -D, --pair A B   two words, or three; repeatable',
        '',
        'Other:',
        '      --help       print this text',
        '      --version    print the version',
        '',
        'See:',
        '  that',
        '',
      ].join('\n'),
    )
  })

  test('keeps to its width; an option too long for its column has a line of its own', () => {
    const help = Array.from({ length: 40 }, () => 'word').join(' ')
    const long = 'an-option-with-a-very-long-name'
    const lines = formatHelp(texts, { ...TABLE, x: flag({ long, group, help }) }).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(HELP_WIDTH)
    expect(lines).toContain(`      --${long}`)
  })

  test('wrap breaks at spaces and leaves long words whole', () => {
    expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc'])
    expect(wrap('aaaaaaaa b', 5)).toEqual(['aaaaaaaa', 'b'])
    expect(wrap('', 5)).toEqual([''])
  })
})

test('exit codes are those that the help texts promise', () => {
  expect(ExitCode).toEqual({ Success: 0, Failure: 1, Usage: 2, TimeOver: 27 })
})
