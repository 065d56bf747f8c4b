/** Which statements of the standards the tests name. */
import { REASONS } from './reasons.ts'

/** As in `fixtures/statements.json`. */
export interface Statement {
  readonly id: string
  readonly section: string
  readonly who: 'server' | 'both' | 'client'
  readonly kind: string
  readonly statement: string
  readonly check: string
}

/** By version, in the order of the standards. */
export type Statements = Readonly<Record<'v5' | 'v3.1.1', readonly Statement[]>>

/** What a statement came to: tests that name it, or why there is none. */
export interface Proof {
  readonly statement: Statement
  /** Paths, in the order of the alphabet. */
  readonly tests: readonly string[]
  readonly state: 'tested' | "the client's" | 'no test yet' | 'has a reason'
  /** Why there is no test, for good. */
  readonly reason?: string
}

/**
 * Whether what the file names is proved: a test, or a fixture that one of them runs. What is known of
 * other brokers, in a folder below the exchanges, proves nothing.
 */
export function isProof(path: string): boolean {
  return (
    /^packages\/[^/]+\/test\/.*\.test\.ts$/.test(path) ||
    /^fixtures\/(packets|wire)\/[^/]+\.json$/.test(path)
  )
}

/** In a test's own text: `3.1.1 MQTT-3.2.2-6` is of 3.1.1, the id alone of 5.0. */
const NAMED = /(3\.1\.1 )?\b(MQTT-\d+\.\d+\.\d+-\d+)\b/g

/**
 * @param texts - of test files and of fixtures that tests run, by path. A name in a comment is none.
 */
export function proofsOf(
  statements: Statements,
  texts: ReadonlyMap<string, string>,
): Record<keyof Statements, Proof[]> {
  const named = { v5: new Map<string, Set<string>>(), 'v3.1.1': new Map<string, Set<string>>() }
  for (const [path, text] of texts) {
    for (const line of text.split('\n').filter((one) => !/^\s*(\/\/|\*|\/\*)/.test(one))) {
      for (const [, older, id] of line.matchAll(NAMED)) {
        const ids = named[older === undefined ? 'v5' : 'v3.1.1']
        ids.set(id!, (ids.get(id!) ?? new Set()).add(path))
      }
    }
  }
  const proofs = (version: keyof Statements) =>
    statements[version].map((statement) => {
      const reason = REASONS[version === 'v5' ? statement.id : `3.1.1 ${statement.id}`]
      return proofOf(statement, named[version].get(statement.id), reason)
    })
  return { v5: proofs('v5'), 'v3.1.1': proofs('v3.1.1') }
}

function proofOf(
  statement: Statement,
  paths: ReadonlySet<string> | undefined,
  reason: string | undefined,
): Proof {
  const tests = [...(paths ?? [])].sort()
  if (tests.length > 0) return { statement, tests, state: 'tested' }
  if (reason !== undefined) return { statement, tests, state: 'has a reason', reason }
  return { statement, tests, state: statement.who === 'client' ? "the client's" : 'no test yet' }
}
