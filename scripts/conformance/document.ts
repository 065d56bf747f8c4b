import type { Proof, Statements } from './coverage.ts'

const TITLES = { v5: 'MQTT 5.0', 'v3.1.1': 'MQTT 3.1.1' } as const

/** `docs/conformance.md`. */
export function conformanceDocument(proofs: Record<keyof Statements, readonly Proof[]>): string {
  const versions = ['v5', 'v3.1.1'] as const
  const head = [
    '# Conformance',
    '',
    'Each numbered statement of the two standards, in our words, and the tests that name it; all of them',
    'pass where CI passes. Made by `npm run conformance`, from `fixtures/statements.json` and the tests.',
    '',
    '| standard | statements | bind a server | tested, or with a reason | not yet |',
    '| --- | ---: | ---: | ---: | ---: |',
  ]
  const counts = versions.map((version) => {
    const all = proofs[version]
    const server = all.filter(({ statement }) => statement.who !== 'client')
    const missing = untested(all).length
    return `| ${TITLES[version]} | ${all.length} | ${server.length} | ${server.length - missing} | ${missing} |`
  })
  const tables = versions.flatMap((version) => [
    '',
    `## ${TITLES[version]}`,
    '',
    '| id | who | what | tests |',
    '| --- | --- | --- | --- |',
    ...proofs[version].map(rowOf),
  ])
  return `${[...head, ...counts, ...tables].join('\n')}\n`
}

/** What binds a server and no test names. */
export function untested(proofs: readonly Proof[]): readonly Proof[] {
  return proofs.filter(({ state }) => state === 'no test yet')
}

function rowOf({ statement, tests, state, reason }: Proof): string {
  const { id, who } = statement
  const where = tests.length > 0 ? tests.map(shortPath).join(', ') : (reason ?? `**${state}**`)
  return `| ${id} | ${who} | ${cell(statement.statement)} | ${where} |`
}

/** `broker/session`, `packets/publish`. */
function shortPath(path: string): string {
  return path.replace(/^packages\/|^fixtures\/|\/test(?=\/)|\.test\.ts$|\.json$/g, '')
}

/** What a table of Markdown would take for its own. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;')
}
