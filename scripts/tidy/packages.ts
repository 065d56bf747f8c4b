/**
 * The packages, and who may import whom: dependencies are a diamond.
 *
 *                +-> router ----------+
 *   codec -------+                    +--> broker --> websocket, testing
 *                +-> store -----------+        |
 *                      |                       v
 *                      +--> store-sqlite --> promptmq
 *
 * A store knows nothing of matching, a router nothing of what is kept, and the broker nothing of
 * SQLite: it is given a Store. This concerns `src`; tests may import whatever their package.json
 * declares.
 */
export interface PackageRule {
  /** Folders under `packages/` that its `src` may import. */
  readonly mayImport: readonly string[]
  /** Whether it may use modules of Node; where not, it runs in browsers as well. */
  readonly mayUseNode: boolean
  /** Packages from outside that it may need at run time. */
  readonly mayDependOn: readonly string[]
}

export const PACKAGES: Readonly<Record<string, PackageRule>> = {
  codec: { mayImport: [], mayUseNode: false, mayDependOn: [] },
  router: { mayImport: ['codec'], mayUseNode: false, mayDependOn: [] },
  store: { mayImport: ['codec'], mayUseNode: true, mayDependOn: [] },
  'store-sqlite': { mayImport: ['codec', 'store'], mayUseNode: true, mayDependOn: [] },
  broker: { mayImport: ['codec', 'router', 'store'], mayUseNode: true, mayDependOn: [] },
  websocket: { mayImport: ['codec', 'broker'], mayUseNode: true, mayDependOn: ['ws'] },
  testing: {
    mayImport: ['codec', 'router', 'store', 'broker'],
    mayUseNode: true,
    mayDependOn: [],
  },
  promptmq: {
    mayImport: ['codec', 'router', 'store', 'store-sqlite', 'broker', 'websocket'],
    mayUseNode: true,
    mayDependOn: [],
  },
}

/** The name under which a folder of `packages/` is published. */
export function packageName(folder: string): string {
  return folder === 'promptmq' ? 'promptmq' : `@promptmq/${folder}`
}

/** What an import specifier asks for. */
export type Target =
  | { readonly kind: 'relative' }
  | { readonly kind: 'node' }
  /** Another package of the workspace; `subpath` is '.' or './name'. */
  | { readonly kind: 'workspace'; readonly folder: string; readonly subpath: string }
  | { readonly kind: 'external'; readonly name: string }

/** Tells apart what can stand behind `from`. */
export function targetOf(specifier: string): Target {
  if (specifier.startsWith('.')) return { kind: 'relative' }
  if (specifier.startsWith('node:')) return { kind: 'node' }
  const [, name = '', rest = ''] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ?? []
  if (name === 'promptmq' || name.startsWith('@promptmq/')) {
    return { kind: 'workspace', folder: name.replace('@promptmq/', ''), subpath: `.${rest}` }
  }
  return { kind: 'external', name }
}

/** The parts of a package.json that the rules read. */
export interface Manifest {
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
