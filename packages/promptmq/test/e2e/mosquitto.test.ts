/** Debian's mosquitto_pub and mosquitto_sub, in all three versions, against the server over TCP. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasMosquitto, TestServer } from './server.ts'

const server = new TestServer()
beforeAll(() => server.start())
afterAll(() => server.dispose())

/** Runs one of the clients; `-d` has it say when it is subscribed. */
function run(program: string, version: string, ...args: string[]): ChildProcess {
  const common = ['-p', String(server.port), '-h', '127.0.0.1', '-V', version]
  // Into a pipe they would print only at their end.
  return spawn('stdbuf', ['-oL', program, ...common, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function publish(version: string, ...args: string[]): Promise<void> {
  const [code] = await once(run('mosquitto_pub', version, ...args), 'exit')
  expect(code).toBe(0)
}

/** A subscriber: `subscribed` when its SUBACK came, `lines` what it printed by its end. */
function subscribe(version: string, ...args: string[]) {
  const child = run('mosquitto_sub', version, '-d', '-v', ...args)
  let output = ''
  const subscribed = new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (chunk) => {
      output += chunk
      if (output.includes('Subscribed (mid')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)))
  })
  subscribed.catch(() => {})
  const lines = once(child, 'close').then(() =>
    output
      .split('\n')
      .filter((line) => /^[\w$]+(\/\w+)* [\w-]+$/.test(line) && !line.startsWith('Client ')),
  )
  return { child, subscribed, lines }
}

describe.skipIf(!hasMosquitto).each(['5', '311', '31'])(
  'mosquitto clients with -V %s',
  (version) => {
    const topic = (name: string) => `m${version}/${name}`

    test('publish and receive at QoS 0, 1 and 2', async () => {
      const { subscribed, lines } = subscribe(version, '-t', topic('qos'), '-q', '2', '-C', '3')
      await subscribed
      for (const qos of ['0', '1', '2'])
        await publish(version, '-t', topic('qos'), '-m', `q${qos}`, '-q', qos)
      expect(await lines).toEqual(['q0', 'q1', 'q2'].map((text) => `${topic('qos')} ${text}`))
    })

    test('retained messages come on subscribing, by wildcard', async () => {
      for (const name of ['a', 'b'])
        await publish(version, '-t', topic(`r/${name}/t`), '-m', name, '-r', '-q', '1')
      const { lines } = subscribe(version, '-t', topic('r/+/t'), '-C', '2')
      expect((await lines).sort()).toEqual([`${topic('r/a/t')} a`, `${topic('r/b/t')} b`])
    })

    test('the will of a client that is killed is published', async () => {
      const watcher = subscribe(version, '-t', topic('will'), '-q', '1', '-C', '1')
      await watcher.subscribed
      const dying = subscribe(
        version,
        '-t',
        topic('x'),
        '--will-topic',
        topic('will'),
        '--will-payload',
        'gone',
        '--will-qos',
        '1',
      )
      await dying.subscribed
      dying.child.kill('SIGKILL')
      expect(await watcher.lines).toEqual([`${topic('will')} gone`])
    })

    test('a persistent session gets what was queued while it was away', async () => {
      const kept = [
        '-i',
        `kept${version}`,
        '-c',
        '-q',
        '1',
        '-t',
        topic('queue'),
        ...(version === '5' ? ['-x', '3600'] : []),
      ]
      const first = subscribe(version, ...kept)
      await first.subscribed
      first.child.kill('SIGTERM')
      await first.lines
      for (const text of ['one', 'two', 'three'])
        await publish(version, '-t', topic('queue'), '-m', text, '-q', '1')
      const second = subscribe(version, ...kept, '-C', '3')
      expect(await second.lines).toEqual(
        ['one', 'two', 'three'].map((text) => `${topic('queue')} ${text}`),
      )
    })

    test('a shared subscription divides the messages over two clients', async () => {
      const members = [1, 2].map(() =>
        subscribe(version, '-t', `$share/g/${topic('work')}`, '-q', '1', '-C', '2'),
      )
      await Promise.all(members.map(({ subscribed }) => subscribed))
      for (const text of ['1', '2', '3', '4'])
        await publish(version, '-t', topic('work'), '-m', text, '-q', '1')
      const shares = await Promise.all(members.map(({ lines }) => lines))
      expect(shares.flat().sort()).toEqual(
        ['1', '2', '3', '4'].map((text) => `${topic('work')} ${text}`),
      )
    })
  },
)
