import type { Finding } from './finding.ts'
import type { Tree } from './tree.ts'

/** Lines of a file, comments and all. */
export const FILE_LINES_MAX = 600
/** Lines of a function from its name to its closing brace. */
export const FUNCTION_LINES_MAX = 60

/** Files and functions that fit a reader's head. Tests are lists, and may be long. */
export function checkLengths(tree: Tree): Finding[] {
  const findings: Finding[] = []
  for (const path of tree.sourcePaths) {
    if (!/^packages\/[^/]+\/(?:src|fuzz)\/|^scripts\/(?!test\/)/.test(path)) continue
    const source = tree.source(path)
    if (source.lineCount > FILE_LINES_MAX) {
      const message = `file of ${source.lineCount} lines, at most ${FILE_LINES_MAX}`
      findings.push({ path, line: FILE_LINES_MAX + 1, message })
    }
    for (const { name, line, lineCount } of source.functions()) {
      if (lineCount <= FUNCTION_LINES_MAX) continue
      const message = `function ${name} of ${lineCount} lines, at most ${FUNCTION_LINES_MAX}`
      findings.push({ path, line, message })
    }
  }
  return findings
}
