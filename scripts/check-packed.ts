/**
 * What would be published works for who installs it: the packages are packed, looked at by publint and
 * attw, and installed into an empty project, where
 *
 *   - each can be imported by its name, by a Node without the workspace's condition;
 *   - a program in TypeScript compiles against the codec, with nothing of Node in sight;
 *   - the codec reads and writes the golden packets in Node, and, where they are asked for, in Deno and
 *     in Chromium.
 *
 *   node scripts/check-packed.ts [--deno] [--chromium]     after `npm run build`
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { showInChromium } from './packed/chromium.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    deno: { type: 'boolean', default: false },
    chromium: { type: 'boolean', default: false },
  },
})
const project = mkdtempSync(join(tmpdir(), 'promptmq-packed-'))
const tarballs = join(project, 'tarballs')

try {
  mkdirSync(tarballs)
  const names = readdirSync(join(root, 'packages')).sort().map(pack)
  for (const tarball of readdirSync(tarballs)) inspect(join(tarballs, tarball))
  install(names)
  compile()
  writeGolden()
  const runs = ['Node']
  expectGolden('Node', run(process.execPath, ['run.js']))
  if (values.deno) {
    const deno = ['--yes', '--prefer-offline', 'deno@2', 'run', '--no-lock', 'run.js']
    expectGolden('Deno', run('npx', deno))
    runs.push('Deno')
  }
  if (values.chromium) {
    expectGolden('Chromium', await showInChromium(project))
    runs.push('Chromium')
  }
  console.log(`check-packed: ${names.length} packages; golden packets in ${runs.join(', ')}`)
} finally {
  rmSync(project, { recursive: true, force: true })
}

/** Packs a package as it is published, its `workspace:` dependencies replaced. @returns its name. */
function pack(folder: string): string {
  const path = join(root, 'packages', folder)
  const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as { name: string }
  run('npx', ['--yes', '--prefer-offline', 'pnpm@12', 'pack', '--pack-destination', tarballs], path)
  return manifest.name
}

function inspect(tarball: string): void {
  const bin = join(root, 'node_modules', '.bin')
  run(join(bin, 'publint'), ['run', tarball, '--strict'], root)
  run(join(bin, 'attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], root)
}

/** Into a project that has nothing else. */
function install(names: readonly string[]): void {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  const files = readdirSync(tarballs).map((file) => `./tarballs/${file}`)
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...files])
  const imports = names.map((name) => `await import(${JSON.stringify(name)})`)
  run(process.execPath, ['--input-type=module', '--eval', imports.join('\n')])
}

function compile(): void {
  cpSync(join(root, 'scripts/packed/consumer.ts'), join(project, 'consumer.ts'))
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--types', '']
  run(join(root, 'node_modules/.bin/tsc'), [...options, '--lib', 'es2024', 'consumer.ts'])
}

/** The golden packets and the program that runs them, beside `node_modules`. */
function writeGolden(): void {
  const print = ['--conditions=promptmq-source', 'packages/codec/test/golden-json.ts']
  const golden = run(process.execPath, print, root)
  writeFileSync(join(project, 'golden.js'), `export const golden = ${golden}\n`)
  cpSync(join(root, 'scripts/packed/golden-run.js'), join(project, 'golden-run.js'))
  writeFileSync(
    join(project, 'run.js'),
    `import * as codec from '@promptmq/codec'
import { golden } from './golden.js'
import { runGolden } from './golden-run.js'
console.log(runGolden(codec, golden))
`,
  )
}

function expectGolden(where: string, printed: string): void {
  if (/^\d+ packets$/m.test(printed)) return
  throw new Error(`golden packets in ${where}: ${printed.slice(0, 2000)}`)
}

/** Runs a program, and gives what it printed. */
function run(command: string, parameters: readonly string[], cwd: string = project): string {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr, error } = spawnSync(command, parameters, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${parameters.join(' ')}: ${error ?? ''}\n${stdout}${stderr}`)
}
