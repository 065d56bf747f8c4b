/** The server as `promptmq` starts it: what it prints, where it listens, how it ends or cannot start. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from '../src/cli/main.ts'
import { runServer, type ServerOptions } from '../src/server.ts'
import { FakeIo } from './fake-io.ts'

const CLI = join(import.meta.dirname, '../src/cli.ts')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'promptmq-server-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that ends by itself: its exit code and what it wrote. */
async function ended(child: ChildProcess) {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr!.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=promptmq-source', CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

describe('the process', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'says what it does, and ends cleanly on %s',
    async (signal) => {
      const child = start('--bind', '127.0.0.1:0', '--data-dir', folder)
      const result = ended(child)
      await once(child.stdout!, 'data')
      child.kill(signal)
      const { code, stdout, stderr } = await result
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stdout).toMatch(/listens {2}mqtt:\/\/127\.0\.0\.1:\d+\n/)
      expect(stdout).toContain(join(folder, 'promptmq.db'))
      expect(existsSync(join(folder, 'promptmq.db'))).toBe(true)
    },
  )

  test('a port in use is named', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, stdout, stderr } = await ended(
      start('--bind', `127.0.0.1:${port}`, '--data-dir', folder),
    )
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^promptmq server: [^\n]+\n$/)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).toContain('the port is in use')
  })

  test('a data folder that cannot be made is named', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, '')
    const { code, stderr } = await ended(
      start('--bind', '127.0.0.1:0', '--data-dir', join(path, 'data')),
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(/^promptmq server: [^\n]+\n$/)
    expect(stderr).toContain(path)
  })

  test.each([
    [
      'of another kind',
      Buffer.from('this is not a database, but it is long enough to look at\n'.repeat(40)),
    ],
    ['damaged', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8192, 0xff)])],
  ])('a file %s where the database should be is named, and left alone', async (_what, content) => {
    const path = join(folder, 'promptmq.db')
    writeFileSync(path, content)
    const { mtimeMs, size } = statSync(path)
    const { code, stderr } = await ended(start('--bind', '127.0.0.1:0', '--data-dir', folder))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^promptmq server: [^\n]+\n$/)
    expect(stderr).toContain(path)
    expect(statSync(path)).toMatchObject({ mtimeMs, size })
  })
})

describe('runServer', () => {
  /** Runs one in this process until it has greeted, then ends it. */
  async function greetingOf(options: Partial<ServerOptions>): Promise<string> {
    const greeted = Promise.withResolvers<string>()
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      if (String(text).includes('listens')) greeted.resolve(String(text))
      return true
    })
    try {
      const bind = { host: '127.0.0.1', port: 0 }
      const code = runServer({ bind, dataDir: null, logLevel: 'error', ...options })
      const greeting = await Promise.race([greeted.promise, code.then(String)])
      process.emit('SIGTERM')
      expect(await code).toBe(0)
      return greeting
    } finally {
      write.mockRestore()
    }
  }

  test('tells how to try it, at the address that it has', async () => {
    const greeting = await greetingOf({})
    const [, port] = /mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(greeting)!
    expect(greeting).toContain(`sub -p ${port} -t 'hello/#'`)
    expect(greeting).toContain('in memory only')
  })

  test('takes limits, a folder that it makes, and other addresses', async () => {
    const dataDir = join(folder, 'made', 'here')
    mkdirSync(join(folder, 'made'))
    const limits = {
      maxPacketSize: 1024,
      maxConnections: 5,
      maxKeepAlive: 60,
      maxInflight: 9,
      maxQueued: 7,
    }
    const greeting = await greetingOf({ dataDir, bind: { host: '::1', port: 0 }, ...limits })
    expect(greeting).toContain('mqtt://[::1]:')
    expect(greeting).toContain('-h ::1')
    expect(existsSync(join(dataDir, 'promptmq.db'))).toBe(true)
  })
})

/** What a page of an origin is answered when it asks for a WebSocket. */
function upgradeStatus(place: string, origin: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': 'mqtt',
      Origin: origin,
    }
    get(`http:${place}`, { headers })
      .on('upgrade', ({ statusCode }, socket) => {
        socket.destroy()
        resolve(statusCode)
      })
      .on('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      .on('error', reject)
  })
}

describe('WebSocket', () => {
  test('is served where --ws-port says so, and said', async () => {
    const child = start('--bind', '127.0.0.1:0', '--ws-port', '0', '--memory')
    const result = ended(child)
    const [greeting] = (await once(child.stdout!, 'data')) as [Buffer]
    const [, port] = /^ {11}ws:\/\/127\.0\.0\.1:(\d+)$/m.exec(String(greeting))!
    const client = await mqtt.connectAsync(`ws://127.0.0.1:${port}`)
    const received = new Promise<string>((resolve) => {
      client.once('message', (_topic, payload) => resolve(payload.toString()))
    })
    await client.subscribeAsync('t')
    await client.publishAsync('t', 'over WebSocket')
    expect(await received).toBe('over WebSocket')
    await client.endAsync()
    child.kill('SIGTERM')
    expect(await result).toMatchObject({ code: 0, stderr: '' })
  })

  test('pages of other origins are kept out', async () => {
    const child = start(
      ...['--bind', '127.0.0.1:0', '--memory'],
      ...['--ws-bind', '127.0.0.1:0', '--ws-origin', 'https://app.example'],
    )
    const result = ended(child)
    const [greeting] = (await once(child.stdout!, 'data')) as [Buffer]
    const [, url] = / ws:(\/\/\S+)/.exec(String(greeting))!
    expect(await upgradeStatus(url!, 'https://app.example')).toBe(101)
    expect(await upgradeStatus(url!, 'https://evil.example')).toBe(403)
    child.kill('SIGTERM')
    expect((await result).code).toBe(0)
  })

  test('a port in use is named', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const args = ['--bind', '127.0.0.1:0', '--ws-port', String(port), '--data-dir', folder]
    const { code, stdout, stderr } = await ended(start(...args))
    other.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`cannot listen on 127.0.0.1:${port}: the port is in use`)
  })

  test('there is none by default', async () => {
    const child = start('--bind', '127.0.0.1:0', '--memory')
    const result = ended(child)
    await once(child.stdout!, 'data')
    child.kill('SIGTERM')
    expect((await result).stdout).not.toContain('ws:')
  })
})

describe('the options', () => {
  const seen: ServerOptions[] = []

  beforeEach(() => {
    vi.doMock('../src/server.ts', () => ({
      runServer: (options: ServerOptions) => {
        seen.push(options)
        return Promise.resolve(0)
      },
    }))
  })
  afterEach(() => {
    vi.doUnmock('../src/server.ts')
    seen.length = 0
  })

  const defaults = { bind: { host: '127.0.0.1', port: 1883 }, dataDir: './data', logLevel: 'info' }

  test.each([
    ['', {}],
    ['server', {}],
    ['--bind :18830', { bind: { host: '127.0.0.1', port: 18_830 } }],
    ['server --data-dir x --log-level debug', { dataDir: 'x', logLevel: 'debug' }],
    ['--memory', { dataDir: null }],
    ['--ws-port 8083', { webSocket: { host: '127.0.0.1', port: 8083 } }],
    [
      '--bind [::1]:1 --ws-port 0',
      { bind: { host: '::1', port: 1 }, webSocket: { host: '::1', port: 0 } },
    ],
    [
      '--ws-bind 0.0.0.0:80 --ws-origin https://app.example --ws-origin null',
      {
        webSocket: { host: '0.0.0.0', port: 80, allowedOrigins: ['https://app.example', 'null'] },
      },
    ],
    [
      '--max-packet-size 1024 --max-connections 5 --max-keep-alive 60 --max-inflight 9 --max-queued 7',
      { maxPacketSize: 1024, maxConnections: 5, maxKeepAlive: 60, maxInflight: 9, maxQueued: 7 },
    ],
  ])('promptmq %s', async (line, expected) => {
    const io = new FakeIo()
    expect(await main(line === '' ? [] : line.split(' '), io)).toBe(0)
    expect(seen).toEqual([{ ...defaults, ...expected }])
  })
})
