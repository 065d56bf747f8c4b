/**
 * Writes `docs/conformance.md`: which test proves which statement of the standards.
 *
 *   npm run conformance              writes it
 *   npm run conformance -- --check   fails where it is not what would be written, or where more
 *                                    statements than before have no test
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isProof, proofsOf, type Statements } from './conformance/coverage.ts'
import { conformanceDocument, untested } from './conformance/document.ts'

/** What binds a server and no test names, of both standards. It is to become 0, and never more. */
const MOST_UNTESTED = 0

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const document = join(root, 'docs/conformance.md')

const statements = JSON.parse(read('fixtures/statements.json')) as Statements
const proofs = proofsOf(statements, new Map(testPaths().map((path) => [path, read(path)])))
const text = conformanceDocument(proofs)
const missing = [...untested(proofs.v5), ...untested(proofs['v3.1.1'])]

if (!process.argv.includes('--check')) {
  writeFileSync(document, text)
} else if (readFileSync(document, 'utf8') !== text) {
  console.error('conformance: docs/conformance.md is old: npm run conformance')
  process.exitCode = 1
}
if (missing.length > MOST_UNTESTED) {
  console.error(`conformance: ${missing.length} statements have no test, ${MOST_UNTESTED} had none`)
  process.exitCode = 1
}
console.log(`conformance: ${missing.length} statements that bind a server have no test yet`)

function testPaths(): string[] {
  return ['packages', 'fixtures']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => !path.includes('node_modules'))
        .map((path) => `${folder}/${path}`),
    )
    .filter(isProof)
    .sort()
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
