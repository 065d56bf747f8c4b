import type { Finding } from './finding.ts'
import { isAboutRules, type Tree } from './tree.ts'

interface ForbiddenText {
  readonly pattern: RegExp
  readonly message: string
  /** Which files it is forbidden in: all that are read, unless given. */
  readonly within?: RegExp
}

const CODE = /\.(ts|mjs)$/

const FORBIDDEN: readonly ForbiddenText[] = [
  { pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, message: 'unfinished: do it, or write an issue' },
  { pattern: /@ts-(?:ignore|nocheck)/, message: 'errors of types are not silenced', within: CODE },
  {
    pattern: /(?<![\w.}:])\/(?:work|home|root|Users|tmp|mnt)\/[\w.]/,
    message: 'a path of one machine',
  },
  {
    pattern: /\bregistry\.[\w-]+\.[a-z]{2,}|\bnpm\.pkg\.|tarball:\s*https?:/,
    message: 'a registry or its host: that is configuration of a machine',
  },
]

/** Texts that must not be in the tree, and tests that are switched off or alone. */
export function checkForbidden(tree: Tree): Finding[] {
  const findings: Finding[] = []
  for (const [path, text] of tree.texts) {
    if (isAboutRules(path)) continue
    const rules = FORBIDDEN.filter(({ within }) => within === undefined || within.test(path))
    for (const [index, line] of text.split('\n').entries()) {
      for (const { pattern, message } of rules) {
        const found = pattern.exec(line)
        if (found !== null)
          findings.push({ path, line: index + 1, message: `${found[0]}: ${message}` })
      }
    }
  }
  return [...findings, ...checkTestModifiers(tree)]
}

/** `test.only` leaves the others out, `test.skip` itself; `skipIf`, which has a reason, is fine. */
function checkTestModifiers(tree: Tree): Finding[] {
  const findings: Finding[] = []
  for (const path of tree.sourcePaths) {
    if (!path.endsWith('.test.ts')) continue
    const source = tree.source(path)
    for (const { node } of source.nodes()) {
      if (node.type !== 'MemberExpression') continue
      const { name } = node.property as { name?: unknown }
      const isModifier = name === 'only' || name === 'skip' || name === 'todo'
      const object = source.text.slice((node.object as { start: number }).start, node.end)
      if (!isModifier || !/^(?:test|it|describe|suite|bench)\b/.test(object)) continue
      findings.push({
        path,
        line: source.lineAt(node.start),
        message: `${object}: every test runs`,
      })
    }
  }
  return findings
}
