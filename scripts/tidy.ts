/**
 * The style that a program can check. Prints `path:line: message` for each thing it finds and ends
 * with exit code 1 if there was any.
 */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkCycles } from './tidy/cycles.ts'
import { checkDocs } from './tidy/docs.ts'
import { compareFindings, type Finding, formatFinding } from './tidy/finding.ts'
import { checkForbidden } from './tidy/forbidden.ts'
import { checkImports } from './tidy/imports.ts'
import { checkLengths } from './tidy/lengths.ts'
import { checkManifests } from './tidy/manifests.ts'
import { checkStatements } from './tidy/statements.ts'
import { readTree, type Tree } from './tidy/tree.ts'

const RULES: readonly ((tree: Tree) => Finding[])[] = [
  checkImports,
  checkManifests,
  checkCycles,
  checkLengths,
  checkDocs,
  checkStatements,
  checkForbidden,
]

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
const tree = readTree(root)
const findings = RULES.flatMap((rule) => rule(tree)).sort(compareFindings)
for (const finding of findings) console.log(formatFinding(finding))
if (findings.length > 0) {
  console.log(`tidy: ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`)
  process.exitCode = 1
} else {
  console.log(`tidy: ${tree.texts.size} files, nothing to say`)
}
