/**
 * What `npm run build` made works as a user of the packages meets it: every entry point of every
 * package is imported by its name, from `dist`, by a plain Node without the condition under which
 * the workspace runs its sources; its declarations are there; and the command tells its version.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, { readonly types: string }>>
  readonly bin?: Readonly<Record<string, string>>
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const failures: string[] = []
let entryPointCount = 0

for (const name of readdirSync(join(root, 'packages')).sort()) {
  const folder = join(root, 'packages', name)
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  for (const [subpath, { types }] of Object.entries(manifest.exports)) {
    checkEntryPoint(folder, `${manifest.name}${subpath.slice(1)}`, types)
  }
  for (const [command, path] of Object.entries(manifest.bin ?? {})) {
    checkCommand(join(folder, path), command, manifest.version)
  }
}

for (const failure of failures) console.log(`check-built: ${failure}`)
if (failures.length > 0) process.exitCode = 1
else console.log(`check-built: ${entryPointCount} entry points on Node ${process.version}`)

function checkEntryPoint(folder: string, specifier: string, types: string): void {
  entryPointCount++
  if (!existsSync(join(folder, types))) failures.push(`${specifier} has no ${types}`)
  // A package can import itself by its name, and finds what any user of it would find.
  const code = `
    const where = import.meta.resolve(${JSON.stringify(specifier)})
    if (!where.includes('/dist/')) throw new Error('resolves to ' + where)
    await import(where)`
  const { status, stderr } = node(['--input-type=module', '--eval', code], folder)
  if (status !== 0) failures.push(`${specifier} cannot be imported: ${stderr.trim()}`)
}

function checkCommand(path: string, command: string, version: string): void {
  const { status, stdout, stderr } = node([path, '--version'], root)
  if (status === 0 && stdout.includes(version)) return
  failures.push(`${command} --version ended with ${status}: ${stdout}${stderr}`)
}

function node(parameters: string[], cwd: string) {
  // The condition can come through the environment as well.
  const { NODE_OPTIONS: _, ...env } = process.env
  return spawnSync(process.execPath, parameters, { cwd, env, encoding: 'utf8' })
}
