import type { Finding } from './finding.ts'
import { isAboutRules, type Tree } from './tree.ts'

/** Where the statements of both standards are kept. */
export const STATEMENTS_PATH = 'fixtures/statements.json'

/**
 * Every statement id that is mentioned, with or without brackets, exists in MQTT 5.0 or 3.1.1: one
 * that does not proves nothing, and looks as though it did.
 */
export function checkStatements(tree: Tree): Finding[] {
  const standards = JSON.parse(tree.texts.get(STATEMENTS_PATH) ?? '{}') as Record<string, unknown>
  const statements = Object.values(standards).filter(Array.isArray).flat() as { id: string }[]
  const known = new Set(statements.map(({ id }) => id))
  const findings: Finding[] = []
  for (const [path, text] of tree.texts) {
    if (path === STATEMENTS_PATH || isAboutRules(path)) continue
    for (const [index, line] of text.split('\n').entries()) {
      for (const [id] of line.matchAll(/\bMQTT-\d[\d.-]*(?<![.-])/g)) {
        if (known.has(id)) continue
        const message = `${id} is a statement neither of MQTT 5.0 nor of 3.1.1`
        findings.push({ path, line: index + 1, message })
      }
    }
  }
  return findings
}
