/**
 * Sets up a fresh clone, with only Node >= 20 and npm on the machine: installs the workspace with
 * pnpm, which brings the Node that everything else runs on. Does nothing when nothing has changed.
 *
 *   what the manifests and the lock file say --sha256--> node_modules/.promptmq-setup
 *
 * The stamp is written last, so an install that was cut off is done again. It lies inside
 * node_modules, so removing that folder is enough to start over.
 *
 * Plain JavaScript, and nothing newer than Node 20: it runs on the machine's own Node, before any
 * other is here.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 20
// One constant string and a shell, because npx is a script of cmd.exe on Windows. The flags keep
// what is already in the caches from being asked for again.
const INSTALL = 'npx --yes --prefer-offline pnpm@12 install --frozen-lockfile --prefer-offline'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampPath = join(root, 'node_modules', '.promptmq-setup')

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `promptmq: Node ${OLDEST_NODE} or newer is needed to set up, this is ${process.version}\n`,
  )
  process.exitCode = 1
} else if (readStamp() !== fingerprint()) {
  process.exitCode = install()
}

/** The stamp of the last complete set-up, or '' where there was none. */
function readStamp() {
  return existsSync(stampPath) ? readFileSync(stampPath, 'utf8') : ''
}

/** A digest of all that decides what is installed: two equal ones need the same node_modules. */
function fingerprint() {
  const manifests = readdirSync(join(root, 'packages'))
    .sort()
    .map((name) => join('packages', name, 'package.json'))
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const path of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...manifests]) {
    if (!existsSync(join(root, path))) continue
    hash.update(`\0${path}\0`).update(readFileSync(join(root, path)))
  }
  return hash.digest('hex')
}

/**
 * Installs, quietly unless it fails.
 *
 * @returns the exit code to end with.
 */
function install() {
  process.stderr.write('promptmq: setting up the workspace, once (a minute or two) ...\n')
  const began = Date.now()
  rmSync(stampPath, { force: true })
  const { status, error, stdout, stderr } = spawnSync(INSTALL, {
    cwd: root,
    shell: true,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // CI=true keeps pnpm from asking questions, as does a closed standard input.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CI: 'true' },
  })
  if (error !== undefined || status !== 0) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`)
    const why = error === undefined ? `exit code ${status}` : error.message
    process.stderr.write(`promptmq: setting up failed (${why}): ${INSTALL}\n`)
    return 1
  }
  writeFileSync(stampPath, fingerprint())
  process.stderr.write(`promptmq: set up in ${Math.round((Date.now() - began) / 1000)} s\n`)
  return 0
}
