import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IConnackPacket, MqttClient } from 'mqtt'

const CLI = join(import.meta.dirname, '../../src/cli.ts')

/** A server in a process of its own, as the command starts it, on a folder that outlives it. */
export class TestServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'promptmq-e2e-'))
  port = 0
  #child: ChildProcess | null = null

  /** Starts it, or starts it again. @returns once it listens. */
  async start(...args: string[]): Promise<this> {
    const options = ['--bind', '127.0.0.1:0', '--data-dir', this.folder, ...args]
    const child = spawn(process.execPath, ['--conditions=promptmq-source', CLI, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    this.port = await listeningPort(child)
    return this
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** Ends the process with a signal and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  async dispose(): Promise<void> {
    await this.end('SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The port that a server process says it listens on. */
export function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${text}`)))
    child.stdout!.on('data', (chunk) => {
      text += chunk
      const match = /mqtt:\/\/[^\s]*:(\d+)/.exec(text)
      if (match !== null) resolve(Number(match[1]))
    })
  })
}

/** Whether Debian's clients are here. Where they must be, their absence is a failure. */
export const hasMosquitto =
  process.env.PROMPTMQ_REQUIRE_MOSQUITTO !== undefined || existsSync('/usr/bin/mosquitto_pub')

/** The CONNACK of an MQTT.js client that is about to connect. */
export function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
}
