/**
 * The real command in a process of its own: exit codes, streams, signals. What it does with a
 * connection is in main.test.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Peer, ScriptedServer } from './scripted-server.ts'

const CLI = join(import.meta.dirname, '../src/cli.ts')

let server: ScriptedServer
beforeEach(async () => {
  server = await ScriptedServer.start()
})
afterEach(() => server.close())

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(args: string[], stdout: 'pipe' | number = 'pipe'): ChildProcess {
  return spawn(process.execPath, ['--conditions=promptmq-source', CLI, ...args], {
    stdio: ['ignore', stdout, 'pipe'],
  })
}

async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    texts.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    texts.stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, ...texts }
}

const subscriberArgs = () => ['sub', '-h', '127.0.0.1', '-p', `${server.port}`, '-t', 'a']

/** Takes the SUBSCRIBE of a subscriber. */
async function subscribed(): Promise<Peer> {
  const peer = await server.welcome()
  const { packetIdentifier } = await peer.expect('subscribe')
  peer.send({ type: 'suback', packetIdentifier, reasonCodes: [0] })
  return peer
}

const publication = {
  type: 'publish',
  topicName: 'a',
  payload: new TextEncoder().encode('x'),
  qos: 0,
} as const

describe('promptmq', () => {
  test.each([
    [['--version'], 0, /^promptmq \d+\.\d+\.\d+\n$/, /^$/],
    [['pub', '--help'], 0, /^promptmq pub: .+\n$/s, /^$/],
    [
      ['pub', '--foo'],
      2,
      /^$/,
      /^promptmq pub: unknown option '--foo'\. See promptmq pub --help\n$/,
    ],
    [['--bind', 'x'], 2, /^$/, /^promptmq server: option '--bind' must be .+\n$/],
    [
      ['pub', '-h', '127.0.0.1', '-p', '1', '-t', 'a', '-m', 'x'],
      1,
      /^$/,
      /^promptmq pub: cannot connect to 127\.0\.0\.1:1: connection refused \(ECONNREFUSED\)\n$/,
    ],
  ])('%j ends with %d', async (args, code, stdout, stderr) => {
    const result = await ended(start(args))
    expect(result.code).toBe(code)
    expect(result.stdout).toMatch(stdout)
    expect(result.stderr).toMatch(stderr)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends a subscriber in good order',
    async (signal) => {
      const child = start(subscriberArgs())
      const result = ended(child)
      const peer = await subscribed()
      child.kill(signal)
      await peer.expect('disconnect')
      expect(await result).toEqual({ code: 0, stdout: '', stderr: '' })
    },
  )

  test('a reader that goes away ends it quietly', async () => {
    const child = start(subscriberArgs())
    const result = ended(child)
    const peer = await subscribed()
    child.stdout!.destroy()
    const flood = setInterval(() => peer.send(publication), 5)
    await peer.expect('disconnect')
    clearInterval(flood)
    expect(await result).toMatchObject({ code: 0, stderr: '' })
  })

  test.skipIf(!existsSync('/dev/full'))('a full disk is told, and is a failure', async () => {
    const full = openSync('/dev/full', 'w')
    const result = ended(start(subscriberArgs(), full))
    closeSync(full)
    const peer = await subscribed()
    peer.send(publication)
    await peer.expect('disconnect')
    expect(await result).toMatchObject({
      code: 1,
      stderr: 'promptmq: standard output: cannot write: no space left on device (ENOSPC)\n',
    })
  })
})
