/** One thing that is not as it should be, and where. */
export interface Finding {
  /** Relative to the root, with `/`. */
  readonly path: string
  /** Counted from 1. */
  readonly line: number
  readonly message: string
}

/** How an editor or a terminal can jump to it: `path:line: message`. */
export function formatFinding({ path, line, message }: Finding): string {
  return `${path}:${line}: ${message}`
}

/** Orders findings as a reader goes through the tree. */
export function compareFindings(a: Finding, b: Finding): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1
  return a.line - b.line
}
