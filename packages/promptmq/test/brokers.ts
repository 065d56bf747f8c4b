import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A broker in a process of its own, listening on 127.0.0.1. */
export interface RunningBroker {
  readonly port: number
  stop(): Promise<void>
}

/** A kind of broker that the tests can run. */
export interface BrokerKind {
  readonly name: string
  readonly isHere: boolean
  start(): Promise<RunningBroker>
}

/** Debian puts it where only root looks. */
function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

const mosquittoPath = findProgram('mosquitto')

export const mosquitto: BrokerKind = {
  name: 'mosquitto',
  // Where it must be there, its absence is a failure and not a reason to leave tests out.
  isHere: mosquittoPath !== undefined || process.env.PROMPTMQ_REQUIRE_MOSQUITTO !== undefined,
  async start() {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-mosquitto-'))
    const config = join(folder, 'mosquitto.conf')
    writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`)
    const child = spawn(mosquittoPath ?? 'mosquitto', ['-c', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await output(child, 'stderr', / running/)
    return { port, stop: () => end(child, folder) }
  },
}

export const promptmq: BrokerKind = {
  name: 'promptmq',
  isHere: true,
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'promptmq-server-'))
    const cli = join(import.meta.dirname, '../src/cli.ts')
    const args = [
      '--conditions=promptmq-source',
      cli,
      '--bind',
      '127.0.0.1:0',
      '--data-dir',
      folder,
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [, port] = await output(child, 'stdout', /mqtt:\/\/127\.0\.0\.1:(\d+)/)
    return { port: Number(port), stop: () => end(child, folder) }
  },
}

/** Fulfilled when the process has written what `pattern` looks for. */
function output(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  pattern: RegExp,
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
    child[name]!.on('data', (chunk) => {
      text += chunk
      const match = pattern.exec(text)
      if (match !== null) resolve(match)
    })
  })
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }
  rmSync(folder, { recursive: true, force: true })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
