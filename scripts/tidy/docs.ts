import type { Finding } from './finding.ts'
import type { SourceFile, SyntaxNode } from './source-file.ts'
import type { Tree } from './tree.ts'

/** Everything that a file of `src` exports says what it is: a doc comment stands right before it. */
export function checkDocs(tree: Tree): Finding[] {
  const findings: Finding[] = []
  for (const path of tree.sourcePaths) {
    if (!/^packages\/[^/]+\/src\//.test(path)) continue
    const source = tree.source(path)
    for (const { name, start } of undocumented(source)) {
      const message = `${name} is exported without a doc comment`
      findings.push({ path, line: source.lineAt(start), message })
    }
  }
  return findings
}

const DOC_COMMENT = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/

function undocumented(source: SourceFile): { name: string; start: number }[] {
  const documented = new Set<string>()
  const missing: { name: string; start: number }[] = []
  for (const { node } of source.nodes()) {
    const name = exportedName(node)
    if (name === undefined) continue
    if (DOC_COMMENT.test(source.text.slice(0, node.start))) documented.add(name)
    else missing.push({ name, start: node.start })
  }
  // `const X` and `type X = (typeof X)[...]` are one thing.
  return missing.filter(({ name }) => !documented.has(name))
}

/** What `export function f`, `export class C`, `export const c` and their like declare. */
function exportedName({ type, declaration }: SyntaxNode): string | undefined {
  if (type !== 'ExportNamedDeclaration' || declaration == null) return undefined
  const { id, declarations } = declaration as unknown as Declaration
  return (id ?? declarations?.[0]?.id)?.name
}

interface Declaration {
  readonly id?: { readonly name: string }
  readonly declarations?: readonly { readonly id: { readonly name: string } }[]
}
