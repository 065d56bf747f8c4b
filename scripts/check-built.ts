/**
 * What `npm run build` made works as a user of the packages meets it: every entry point of every
 * package is imported by its name, from `dist`, by a plain Node without the condition under which
 * the workspace runs its sources; its declarations are there; the command tells its version; and
 * the server starts, makes its database and ends on SIGTERM.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
    await checkServer(join(folder, path))
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

/** On a port of its own, with a database: the worker that keeps it is a file of `dist`, too. */
async function checkServer(path: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'promptmq-built-'))
  const parameters = [path, '--bind', '127.0.0.1:0', '--data-dir', folder]
  const server = spawn(process.execPath, parameters, { cwd: root, env: plainEnvironment() })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', (chunk) => {
      const wasListening = output.includes('listens')
      output += chunk
      // Once: a second signal would end it as if nobody listened.
      if (!wasListening && output.includes('listens')) server.kill('SIGTERM')
    })
  }
  const timer = setTimeout(() => server.kill('SIGKILL'), 30_000)
  const [status] = await once(server, 'close')
  clearTimeout(timer)
  if (status !== 0) failures.push(`the server ended with ${status}: ${output}`)
  else if (readdirSync(folder).length === 0) failures.push('the server made no database')
  rmSync(folder, { recursive: true, force: true })
}

function node(parameters: string[], cwd: string) {
  return spawnSync(process.execPath, parameters, { cwd, env: plainEnvironment(), encoding: 'utf8' })
}

/** Without the condition, which can come through the environment as well. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env
  return env
}
