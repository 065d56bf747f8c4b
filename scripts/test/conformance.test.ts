import { describe, expect, test } from 'vitest'
import { isProof, proofsOf, type Statement, type Statements } from '../conformance/coverage.ts'
import { conformanceDocument } from '../conformance/document.ts'

const statement = (id: string, who: Statement['who'] = 'server'): Statement => ({
  id,
  section: '1',
  who,
  kind: 'MUST',
  statement: `what <${id}> says | *`,
  check: '',
})

const statements: Statements = {
  v5: [statement('MQTT-1.1.1-1'), statement('MQTT-1.1.1-2'), statement('MQTT-1.1.1-3', 'client')],
  'v3.1.1': [statement('MQTT-1.1.1-1')],
}

const states = (texts: Record<string, string>) => {
  const { v5, 'v3.1.1': v3 } = proofsOf(statements, new Map(Object.entries(texts)))
  return [...v5, ...v3].map(({ state, tests }) => (tests.length > 0 ? tests.join() : state))
}

describe('a statement', () => {
  test('is tested where a test names it, in its version', () => {
    expect(
      states({
        b: "test('[MQTT-1.1.1-1] x')",
        a: "test('[MQTT-1.1.1-1] y', ['3.1.1 MQTT-1.1.1-2'])",
      }),
    ).toEqual(['a,b', 'no test yet', "the client's", 'no test yet'])
    expect(states({ a: "test('[3.1.1 MQTT-1.1.1-1] [MQTT-1.1.1-3]')" })).toEqual([
      'no test yet',
      'no test yet',
      'a',
      'a',
    ])
  })

  test('is not tested by a comment', () => {
    expect(states({ a: '  // [MQTT-1.1.1-1]\n/** MQTT-1.1.1-2 */\n * MQTT-1.1.1-2' })[0]).toBe(
      'no test yet',
    )
  })
})

test('what proves a statement is a test, a golden packet or an exchange', () => {
  const paths = [
    'packages/broker/test/session.test.ts',
    'fixtures/packets/publish.json',
    'fixtures/wire/publish.json',
    'fixtures/wire/differences/a-broker.json',
    'fixtures/statements.json',
    'packages/broker/test/harness.ts',
  ]
  expect(paths.filter(isProof)).toEqual(paths.slice(0, 3))
  const texts = new Map([['fixtures/wire/publish.json', '"statements": ["3.1.1 MQTT-1.1.1-1"],']])
  expect(conformanceDocument(proofsOf(statements, texts))).toContain('\\* | wire/publish |')
})

test('the document counts and lists', () => {
  const texts = new Map([['packages/broker/test/x.test.ts', "'MQTT-1.1.1-2'"]])
  const document = conformanceDocument(proofsOf(statements, texts))
  expect(document).toContain('| MQTT 5.0 | 3 | 2 | 1 | 1 |')
  expect(document).toContain('| MQTT 3.1.1 | 1 | 1 | 0 | 1 |')
  expect(document).toContain(
    '| MQTT-1.1.1-2 | server | what &lt;MQTT-1.1.1-2> says \\| \\* | broker/x |',
  )
  expect(document).toContain("\\| \\* | **the client's** |")
})
