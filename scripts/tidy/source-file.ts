import { parseAst } from 'vitest/node'

/** A node of the ESTree that the parser gives: what the rules need of it. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** One `from '...'`, `import('...')` or `typeof import('...')`. */
export interface ImportReference {
  readonly specifier: string
  readonly line: number
  /** Only types: gone when it runs. */
  readonly isErased: boolean
}

/** One function with a body: a declaration, an expression, a method or an arrow. */
export interface FunctionExtent {
  readonly name: string
  readonly line: number
  readonly lineCount: number
}

/**
 * One source file and its syntax. TypeScript is parsed as it is, so types that are imported count
 * as imports, and lines are the lines of the file.
 */
export class SourceFile {
  readonly path: string
  readonly text: string
  readonly #program: SyntaxNode
  readonly #lineStarts: readonly number[]

  /** @throws Error naming the file when it does not parse. */
  constructor(path: string, text: string) {
    this.path = path
    this.text = text
    try {
      this.#program = parseAst(text, { lang: path.endsWith('.ts') ? 'ts' : 'js' }) as never
    } catch (error) {
      throw new Error(`${path} does not parse`, { cause: error })
    }
    this.#lineStarts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)]
  }

  get lineCount(): number {
    return this.text.replace(/\n$/, '').split('\n').length
  }

  /** The line, counted from 1, that `offset` lies in. */
  lineAt(offset: number): number {
    let low = 0
    let high = this.#lineStarts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (this.#lineStarts[middle]! <= offset) low = middle
      else high = middle
    }
    return low + 1
  }

  /** Every node, parents first; `name` is what its parent calls it, where it does. */
  *nodes(): Generator<{ node: SyntaxNode; name: string | undefined }> {
    const stack: { node: SyntaxNode; name: string | undefined }[] = [
      { node: this.#program, name: undefined },
    ]
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      yield item
      const children = childrenOf(item.node)
      for (const node of children.reverse()) stack.push({ node, name: nameGivenBy(item.node) })
    }
  }

  imports(): ImportReference[] {
    const references: ImportReference[] = []
    for (const { node } of this.nodes()) {
      if (!IMPORTING.has(node.type)) continue
      const source = node.source as (SyntaxNode & { value?: unknown }) | null | undefined
      if (typeof source?.value !== 'string') continue
      const isErased =
        node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type'
      references.push({ specifier: source.value, line: this.lineAt(source.start), isErased })
    }
    return references
  }

  functions(): FunctionExtent[] {
    const extents: FunctionExtent[] = []
    for (const { node, name } of this.nodes()) {
      if (!FUNCTIONS.has(node.type) || node.body == null) continue
      const line = this.lineAt(node.start)
      const lineCount = this.lineAt(node.end) - line + 1
      extents.push({ name: nameGivenBy(node) ?? name ?? '(anonymous)', line, lineCount })
    }
    return extents
  }
}

const IMPORTING = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node).flat().filter(isNode)
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** `f` for `function f`, `const f =`, `f() {}` in a class and `f:` in an object. */
function nameGivenBy(node: SyntaxNode): string | undefined {
  const named = (node.id ?? node.key) as { name?: unknown } | null | undefined
  return typeof named?.name === 'string' ? named.name : undefined
}
