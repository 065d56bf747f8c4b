import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SourceFile } from './source-file.ts'

/**
 * The files that the rules look at, in memory: path relative to the root (with `/`) -> text. The
 * rules know nothing of a disk, so a test is a few lines of text.
 */
export class Tree {
  readonly texts: ReadonlyMap<string, string>
  readonly #sources = new Map<string, SourceFile>()

  constructor(texts: ReadonlyMap<string, string>) {
    this.texts = texts
  }

  /** Paths of all TypeScript and plain JavaScript files. */
  get sourcePaths(): string[] {
    return [...this.texts.keys()].filter((path) => /\.(ts|mjs)$/.test(path))
  }

  /**
   * The syntax of one file, parsed once.
   *
   * @throws Error when there is no such file, or when it does not parse.
   */
  source(path: string): SourceFile {
    let source = this.#sources.get(path)
    if (source === undefined) {
      const text = this.texts.get(path)
      if (text === undefined) throw new Error(`no such file: ${path}`)
      source = new SourceFile(path, text)
      this.#sources.set(path, source)
    }
    return source
  }
}

/** Whether a file must name what the rules forbid: the rules themselves and their tests. */
export function isAboutRules(path: string): boolean {
  return path.startsWith('scripts/tidy/') || path.startsWith('scripts/test/')
}

const IGNORED = new Set(['node_modules', 'dist', 'coverage', 'data', '.git', 'results', 'corpus'])
const READ = /\.(ts|mjs|json|md|yaml|yml)$|(^|\/)(\.ci\/[\w-]+|\.npmrc|CODEOWNERS)$/

/** Reads everything under `root` that is written by hand or decides what is installed. */
export function readTree(root: string): Tree {
  const texts = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!IGNORED.has(entry.name)) visit(path)
      } else if (READ.test(path)) {
        texts.set(path, readFileSync(join(root, path), 'utf8'))
      }
    }
  }
  visit('')
  return new Tree(texts)
}
