import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkCycles } from '../tidy/cycles.ts'
import { checkDocs } from '../tidy/docs.ts'
import { compareFindings, type Finding, formatFinding } from '../tidy/finding.ts'
import { checkForbidden } from '../tidy/forbidden.ts'
import { checkImports } from '../tidy/imports.ts'
import { checkLengths, FILE_LINES_MAX, FUNCTION_LINES_MAX } from '../tidy/lengths.ts'
import { checkManifests } from '../tidy/manifests.ts'
import { checkStatements } from '../tidy/statements.ts'
import { readTree, Tree } from '../tidy/tree.ts'

const door = (path: string) => ({ 'promptmq-source': path })

/** The manifests of three packages that may import each other in one direction. */
const MANIFESTS = {
  'package.json': JSON.stringify({ devDependencies: { vitest: '*' } }),
  'packages/codec/package.json': JSON.stringify({ exports: { '.': door('./src/index.ts') } }),
  'packages/store/package.json': JSON.stringify({
    exports: { '.': door('./src/index.ts'), './conformance': door('./src/conformance.ts') },
    dependencies: { '@promptmq/codec': '*' },
  }),
  'packages/broker/package.json': JSON.stringify({
    exports: { '.': door('./src/index.ts') },
    dependencies: { '@promptmq/codec': '*', '@promptmq/store': '*' },
    devDependencies: { '@promptmq/store-sqlite': '*' },
  }),
}

function tree(texts: Record<string, string>): Tree {
  return new Tree(new Map(Object.entries({ ...MANIFESTS, ...texts })))
}

function lines(findings: Finding[]): string[] {
  return findings.sort(compareFindings).map(formatFinding)
}

describe('imports', () => {
  test.each([
    [
      'codec',
      "import { Store } from '@promptmq/store'",
      '@promptmq/codec must not import @promptmq/store',
    ],
    [
      'store',
      "import { Broker } from '@promptmq/broker'",
      '@promptmq/store must not import @promptmq/broker',
    ],
    [
      'broker',
      "import type { X } from '@promptmq/store-sqlite'",
      '@promptmq/broker must not import @promptmq/store-sqlite',
    ],
    [
      'codec',
      "import { Buffer } from 'node:buffer'",
      '@promptmq/codec must not import node:buffer: it runs anywhere',
    ],
    ['store', "import pino from 'pino'", '@promptmq/store must not import pino'],
    ['store', "const x = await import('pino')", '@promptmq/store must not import pino'],
    ['store', "type X = import('pino').X", '@promptmq/store must not import pino'],
    ['store', "export * from 'pino'", '@promptmq/store must not import pino'],
    [
      'broker',
      "import { T } from '@promptmq/router'",
      '@promptmq/router is not in the dependencies of @promptmq/broker',
    ],
    [
      'broker',
      "import { x } from '@promptmq/store/src/x.ts'",
      "deep import: @promptmq/store does not export './src/x.ts'",
    ],
    [
      'broker',
      "import { x } from '../../store/src/x.ts'",
      "deep import: '../../store/src/x.ts' leads into another package, import it by its name",
    ],
    ['store', "import { x } from './x'", "'./x' does not say the file's ending"],
  ])('%s: %s is refused', (folder, line, message) => {
    const path = `packages/${folder}/src/a.ts`
    expect(lines(checkImports(tree({ [path]: `\n${line}\n` })))).toEqual([`${path}:2: ${message}`])
  })

  test('a package that the table does not know is refused', () => {
    expect(lines(checkImports(tree({ 'packages/new/src/a.ts': '' })))).toEqual([
      'packages/new/src/a.ts:1: package new is not in the table of packages',
    ])
  })

  test('what the table allows and package.json declares is allowed', () => {
    const text = `
      import net from 'node:net'
      import { decode } from '@promptmq/codec'
      import { suite } from '@promptmq/store/conformance'
      import { x } from './x.ts'
    `
    expect(checkImports(tree({ 'packages/broker/src/a.ts': text }))).toEqual([])
  })

  test('a test may import what is declared for development, and nothing else', () => {
    const text = `
      import { test } from 'vitest'
      import { SqliteStore } from '@promptmq/store-sqlite'
      import { Broker } from '@promptmq/broker'
      import aedes from 'aedes'
    `
    const manifest = JSON.stringify({ exports: { '.': door('./src/index.ts') } })
    const texts = {
      'packages/store-sqlite/package.json': manifest,
      'packages/broker/test/a.test.ts': text,
    }
    expect(lines(checkImports(tree(texts)))).toEqual([
      'packages/broker/test/a.test.ts:5: aedes is in no package.json that covers this test',
    ])
  })

  test('scripts and benchmarks use entry points as well', () => {
    const texts = { 'benchmarks/a.ts': "import '@promptmq/codec/src/publish.ts'" }
    expect(lines(checkImports(tree(texts)))).toEqual([
      "benchmarks/a.ts:1: deep import: @promptmq/codec does not export './src/publish.ts'",
    ])
  })

  test('a micro benchmark is of a file, wherever that is; no other file leads away', () => {
    const text = "import '../../packages/broker/src/deadlines.ts'"
    const texts = { 'benchmarks/micro/a.bench.ts': text, 'benchmarks/harness/a.ts': text }
    expect(lines(checkImports(tree(texts)))).toEqual([
      "benchmarks/harness/a.ts:1: deep import: '../../packages/broker/src/deadlines.ts' leads into another package, import it by its name",
    ])
  })
})

describe('manifests', () => {
  test('a runtime dependency from outside is refused, however it is declared', () => {
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies']) {
      const manifest = JSON.stringify({ name: 'c', [kind]: { pino: '*' } }, null, 2)
      const texts = {
        'packages/codec/package.json': manifest,
        'packages/codec/src/a.ts': "import 'pino'",
      }
      const only = new Tree(new Map(Object.entries(texts)))
      expect(lines(checkManifests(only))).toEqual([
        'packages/codec/package.json:4: @promptmq/codec must not depend on pino at run time',
      ])
    }
  })

  test('a dependency that nothing imports is refused', () => {
    const texts = {
      'packages/store/src/a.ts': '',
      'packages/broker/src/a.ts': "import '@promptmq/codec'",
    }
    expect(lines(checkManifests(tree(texts)))).toEqual([
      'packages/broker/package.json:1: @promptmq/store is a dependency, but src does not import it',
      'packages/store/package.json:1: @promptmq/codec is a dependency, but src does not import it',
    ])
  })

  test('tsconfig.json refers to what package.json declares', () => {
    const texts = {
      'packages/store/src/a.ts': "import '@promptmq/codec'",
      'packages/store/tsconfig.json': '{\n"references": [{ "path": "../router" }] }',
      'packages/broker/src/a.ts': "import '@promptmq/codec'\nimport '@promptmq/store'",
    }
    expect(lines(checkManifests(tree(texts)))).toEqual([
      'packages/store/tsconfig.json:2: @promptmq/codec is a dependency, but no reference',
      'packages/store/tsconfig.json:2: @promptmq/router is a reference, but no dependency',
    ])
  })
})

describe('cycles', () => {
  test('a cycle of three files is one finding that shows the way', () => {
    const texts = {
      'packages/codec/src/a.ts': "import './x.ts'\nimport './b.ts'",
      'packages/codec/src/b.ts': "import { C } from './c.ts'",
      'packages/codec/src/c.ts': "export { A } from './a.ts'",
      'packages/codec/src/x.ts': '',
    }
    expect(lines(checkCycles(tree(texts)))).toEqual([
      'packages/codec/src/a.ts:2: import cycle: packages/codec/src/a.ts -> packages/codec/src/b.ts -> packages/codec/src/c.ts -> packages/codec/src/a.ts',
    ])
  })

  test('types within a package make none, between packages they do', () => {
    const own = {
      'packages/codec/src/a.ts': "import { b } from './b.ts'",
      'packages/codec/src/b.ts': "import type { A } from './a.ts'\nexport type { C } from './a.ts'",
    }
    expect(checkCycles(tree(own))).toEqual([])
    const across = {
      'packages/codec/src/index.ts': "import type { S } from '@promptmq/store/conformance'",
      'packages/store/src/conformance.ts': "import type { C } from '@promptmq/codec'",
    }
    expect(checkCycles(tree(across))).toHaveLength(1)
  })

  test('a file that imports itself is a cycle', () => {
    expect(checkCycles(tree({ 'packages/codec/src/a.ts': "import './a.ts'" }))).toHaveLength(1)
  })

  test('a cycle across packages is found through their entry points', () => {
    const texts = {
      'packages/codec/src/index.ts': "import '@promptmq/store/conformance'",
      'packages/store/src/conformance.ts': "import '@promptmq/codec'",
    }
    expect(lines(checkCycles(tree(texts)))).toEqual([
      'packages/codec/src/index.ts:1: import cycle: packages/codec/src/index.ts -> packages/store/src/conformance.ts -> packages/codec/src/index.ts',
    ])
  })

  test('a diamond is none', () => {
    const texts = {
      'packages/codec/src/a.ts': "import './b.ts'\nimport './c.ts'",
      'packages/codec/src/b.ts': "import './d.ts'",
      'packages/codec/src/c.ts': "import './d.ts'",
      'packages/codec/src/d.ts': '',
    }
    expect(checkCycles(tree(texts))).toEqual([])
  })
})

describe('docs', () => {
  test('what is exported without a doc comment is named, by its line', () => {
    const text = [
      '/** Documented. */',
      'export function good(): void {}',
      'export function bad(): void {}',
      'const inner = 1',
      'export { inner }',
      '/* no doc comment */ ',
      'export class Bare {}',
      '',
      'export const one = 1',
    ].join('\n')
    expect(lines(checkDocs(tree({ 'packages/codec/src/x.ts': text })))).toEqual([
      'packages/codec/src/x.ts:3: bad is exported without a doc comment',
      'packages/codec/src/x.ts:7: Bare is exported without a doc comment',
      'packages/codec/src/x.ts:9: one is exported without a doc comment',
    ])
  })

  test('a value and the type of the same name need one between them', () => {
    const text = `/** Both. */
export const Both = { a: 1 } as const
export type Both = (typeof Both)[keyof typeof Both]
`
    expect(checkDocs(tree({ 'packages/codec/src/x.ts': text }))).toEqual([])
  })

  test('tests and scripts need none', () => {
    const text = 'export function helper(): void {}'
    const texts = { 'packages/codec/test/x.ts': text, 'scripts/x.ts': text }
    expect(checkDocs(tree(texts))).toEqual([])
  })
})

describe('lengths', () => {
  const path = 'packages/codec/src/a.ts'
  const body = (count: number) => '\n'.repeat(count - 1)

  test.each([path, 'packages/codec/fuzz/a.ts'])('%s, one line too long, is found', (path) => {
    expect(checkLengths(tree({ [path]: '//\n'.repeat(FILE_LINES_MAX) }))).toEqual([])
    expect(lines(checkLengths(tree({ [path]: '//\n'.repeat(FILE_LINES_MAX + 1) })))).toEqual([
      `${path}:601: file of 601 lines, at most 600`,
    ])
  })

  test.each([
    ['decode', (lineCount: number) => `function decode() {${body(lineCount)}}`],
    ['decode', (lineCount: number) => `const decode = () => {${body(lineCount)}}`],
    ['decode', (lineCount: number) => `class X { decode(): void {${body(lineCount)}} }`],
    ['decode', (lineCount: number) => `const x = { decode() {${body(lineCount)}} }`],
    ['(anonymous)', (lineCount: number) => `x(() => {${body(lineCount)}})`],
  ])('%s, one line too long, is found (%s)', (name, make) => {
    expect(checkLengths(tree({ [path]: make(FUNCTION_LINES_MAX) }))).toEqual([])
    expect(lines(checkLengths(tree({ [path]: make(FUNCTION_LINES_MAX + 1) })))).toEqual([
      `${path}:1: function ${name} of 61 lines, at most 60`,
    ])
  })

  test('tests may be long', () => {
    const texts = { 'packages/codec/test/a.test.ts': `describe('x', () => {${body(700)}})` }
    expect(checkLengths(tree(texts))).toEqual([])
  })
})

describe('statements', () => {
  const statements = JSON.stringify({
    v5: [{ id: 'MQTT-3.3.1-4' }],
    'v3.1.1': [{ id: 'MQTT-3.1.2-24' }],
  })

  test('an id that is in neither standard is found, in code and in prose', () => {
    const texts = {
      'fixtures/statements.json': statements,
      'packages/codec/src/a.ts': '// [MQTT-3.3.1-4] [MQTT-3.1.2-24]\n// [MQTT-3.3.1-40]',
      'docs/a.md': 'As MQTT-3.3-1 says (MQTT-3.3.1-4).',
    }
    expect(lines(checkStatements(tree(texts)))).toEqual([
      'docs/a.md:1: MQTT-3.3-1 is a statement neither of MQTT 5.0 nor of 3.1.1',
      'packages/codec/src/a.ts:2: MQTT-3.3.1-40 is a statement neither of MQTT 5.0 nor of 3.1.1',
    ])
  })

  test('the list has all 251 and 141 ids', () => {
    const text = readTree(dirname(dirname(import.meta.dirname))).texts.get(
      'fixtures/statements.json',
    )
    const lists = JSON.parse(text!) as Record<string, { id: string }[]>
    const countOf = (version: string) => new Set(lists[version]!.map(({ id }) => id)).size
    expect([countOf('v5'), countOf('v3.1.1')]).toEqual([251, 141])
  })
})

describe('forbidden', () => {
  test.each([
    ['docs/a.md', 'TODO: write', 'TODO: unfinished: do it, or write an issue'],
    ['packages/codec/src/a.ts', '// FIXME', 'FIXME: unfinished: do it, or write an issue'],
    ['packages/codec/src/a.ts', '// @ts-ignore', '@ts-ignore: errors of types are not silenced'],
    ['docs/a.md', 'see `/home/me/x`', '/home/m: a path of one machine'],
    [
      '.npmrc',
      'registry=https://registry.example.org/',
      'registry.example.org: a registry or its host: that is configuration of a machine',
    ],
    [
      'pnpm-lock.yaml',
      '  tarball: https://a.example/x.tgz',
      'tarball: https:: a registry or its host: that is configuration of a machine',
    ],
    ['packages/codec/test/a.test.ts', "test.only('x', () => {})", 'test.only: every test runs'],
    [
      'packages/codec/test/a.test.ts',
      "describe.skip('x', () => {})",
      'describe.skip: every test runs',
    ],
    [
      'packages/codec/test/a.test.ts',
      "test.skip.each([])('x', () => {})",
      'test.skip: every test runs',
    ],
  ])('%s: %s is refused', (path, line, message) => {
    expect(lines(checkForbidden(tree({ [path]: `\n${line}` })))).toEqual([`${path}:2: ${message}`])
  })

  test.each([
    ['packages/codec/test/a.test.ts', "test.skipIf(!here)('x', () => {})"],
    ['packages/codec/test/a.test.ts', 'options.only; cursor.skip(3)'],
    ['docs/a.md', 'https://example.org/home/page, ./work/x and /var/lib/promptmq'],
  ])('%s: %s is fine', (path, line) => {
    expect(checkForbidden(tree({ [path]: line }))).toEqual([])
  })
})

describe('tidy.ts', () => {
  const root = mkdtempSync(join(tmpdir(), 'promptmq-tidy-'))
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  function tidy(texts: Record<string, string>) {
    for (const [path, text] of Object.entries({ ...MANIFESTS, ...texts })) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const script = join(import.meta.dirname, '..', 'tidy.ts')
    const { status, stdout } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' })
    return { status, stdout }
  }

  const clean = {
    'packages/store/src/a.ts': "import '@promptmq/codec'",
    'packages/broker/src/a.ts': "import '@promptmq/codec'\nimport '@promptmq/store'",
  }

  test('ends with 0 on a clean tree', () => {
    expect(tidy(clean)).toEqual({ status: 0, stdout: 'tidy: 6 files, nothing to say\n' })
  })

  test('ends with 1 and names each place otherwise, in order', () => {
    const texts = {
      ...clean,
      'packages/codec/src/b.ts': "import 'pino' // MQTT-9.9.9-9",
      'packages/codec/src/a.ts': "import './a.ts'",
      'node_modules/x/index.ts': '// FIXME',
    }
    expect(tidy(texts)).toEqual({
      status: 1,
      stdout: [
        'packages/codec/src/a.ts:1: import cycle: packages/codec/src/a.ts -> packages/codec/src/a.ts',
        'packages/codec/src/b.ts:1: @promptmq/codec must not import pino',
        'packages/codec/src/b.ts:1: MQTT-9.9.9-9 is a statement neither of MQTT 5.0 nor of 3.1.1',
        'tidy: 3 findings\n',
      ].join('\n'),
    })
  })
})
