import type { Finding } from './finding.ts'
import { isAboutRules, type Tree } from './tree.ts'

/** Where the ids of both standards are kept. */
export const STATEMENT_IDS_PATH = 'fixtures/statement-ids.json'

/**
 * Every statement id that is mentioned, with or without brackets, exists in MQTT 5.0 or 3.1.1: one
 * that does not proves nothing, and looks as though it did.
 */
export function checkStatements(tree: Tree): Finding[] {
  const ids = JSON.parse(tree.texts.get(STATEMENT_IDS_PATH) ?? '{}') as Record<string, unknown>
  const known = new Set(Object.values(ids).filter(Array.isArray).flat())
  const findings: Finding[] = []
  for (const [path, text] of tree.texts) {
    if (path === STATEMENT_IDS_PATH || isAboutRules(path)) continue
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
