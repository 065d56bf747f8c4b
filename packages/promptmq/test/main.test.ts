import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HELP_WIDTH } from '../src/cli/help.ts'
import { main } from '../src/cli/main.ts'
import { parseBind } from '../src/cli/server.ts'
import { FakeIo } from './fake-io.ts'
import { type Peer, ScriptedServer } from './scripted-server.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const folder = mkdtempSync(join(tmpdir(), 'promptmq-main-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let io: FakeIo
beforeEach(() => {
  io = new FakeIo()
})

describe('what one can ask about', () => {
  test.each([
    [['--help'], 'promptmq: an MQTT 5 broker'],
    [['help'], 'promptmq: an MQTT 5 broker'],
    [['help', 'server'], 'promptmq server: '],
    [['help', 'pub'], 'promptmq pub: '],
    [['help', 'sub'], 'promptmq sub: '],
    [['server', '--help'], 'promptmq server: '],
    [['--bind', ':1', '--help'], 'promptmq server: '],
    [['pub', '--help'], 'promptmq pub: '],
    [['sub', '-t', 'a', '--help'], 'promptmq sub: '],
    [['--version'], 'promptmq 0.'],
    [['server', '--version'], 'promptmq 0.'],
    [['pub', '--version'], 'promptmq 0.'],
    [['sub', '--version'], 'promptmq 0.'],
  ])('%j', async (args, beginning) => {
    expect(await main(args, io)).toBe(0)
    const { printed } = io
    expect(printed.startsWith(beginning)).toBe(true)
    expect(printed.endsWith('\n')).toBe(true)
    expect(Math.max(...printed.split('\n').map((line) => line.length))).toBeLessThanOrEqual(
      HELP_WIDTH,
    )
    expect(io.told).toBe('')
  })
})

describe('a command line that is not understood', () => {
  test.each([
    ['foo', "promptmq: unknown command 'foo'"],
    ['help foo', "promptmq: unknown command 'foo'"],
    ['help pub sub', "promptmq: unknown command 'sub'"],
    ['--foo', "promptmq server: unknown option '--foo'"],
    ['toString', "promptmq: unknown command 'toString'"],
    ['server x', "promptmq server: unexpected argument 'x'"],
    [
      'server --bind 1883',
      "promptmq server: option '--bind' must be HOST:PORT, :PORT or [IPV6]:PORT with a port up to 65535, not '1883'",
    ],
    ['--ws-port 1 --ws-bind :2', 'promptmq server: --ws-port and --ws-bind exclude each other'],
    [
      '--ws-origin https://app.example',
      'promptmq server: --ws-origin needs --ws-port or --ws-bind',
    ],
    [
      '--ws-port 65536',
      "promptmq server: option '--ws-port' must be a whole number from 0 to 65535, not '65536'",
    ],
    [
      '--ws-port 1 --ws-origin app.example',
      "promptmq server: option '--ws-origin' must be an origin such as https://app.example, not 'app.example'",
    ],
    ['--memory --data-dir x', 'promptmq server: --memory and --data-dir exclude each other'],
    [
      '--log-level loud',
      "promptmq server: option '--log-level' must be error, warn, info or debug, not 'loud'",
    ],
    [
      '--max-connections 0',
      "promptmq server: option '--max-connections' must be a whole number from 1 to 10000000, not '0'",
    ],
    ['pub --foo', "promptmq pub: unknown option '--foo'"],
    ['pub -m x', 'promptmq pub: there is no topic: -t TOPIC'],
    ['pub -t', "promptmq pub: option '-t' needs a value: -t TOPIC"],
    ['pub -t a', 'promptmq pub: there is no message: one of -m, -f, -s, -l and -n'],
    ['pub -t a -m x -n', 'promptmq pub: -m and -n exclude each other'],
    ['pub -t a -f x -s -l', 'promptmq pub: -f and -s and -l exclude each other'],
    ['pub -t a -l --repeat 2', 'promptmq pub: -l and --repeat exclude each other'],
    [
      'pub -t a/+ -m x',
      "promptmq pub: option '-t' is not valid, Topic Name contains a wildcard: 'a/+'",
    ],
    ['pub -t a -m x -q 3', "promptmq pub: option '-q' must be a whole number from 0 to 2, not '3'"],
    [
      'pub -t a -m x -V 311',
      "promptmq pub: option '-V' must be 5, the only version that this command speaks, not '311'",
    ],
    [
      'pub -t a -m x -D subscribe subscription-identifier 1',
      "promptmq pub: option '-D': there is no subscribe here",
    ],
    ['pub -t a -m x -i a -I b', 'promptmq pub: -i and -I exclude each other'],
    ['pub -t a -m x -c', 'promptmq pub: -c needs a Client Identifier: -i ID'],
    ['pub -t a -m x --will-payload x', 'promptmq pub: a will needs its topic: --will-topic TOPIC'],
    ['pub -t a -m x --will-retain', 'promptmq pub: a will needs its topic: --will-topic TOPIC'],
    [
      'pub -t a -m x -D will content-type x',
      'promptmq pub: a will needs its topic: --will-topic TOPIC',
    ],
    [
      'pub -L nonsense -m x',
      "promptmq pub: option '-L' must be a URL as mqtt://HOST:PORT/TOPIC, not 'nonsense'",
    ],
    [
      'pub -L mqtts://h/a -m x',
      "promptmq pub: option '-L' must begin with mqtt://HOST, not 'mqtts://h/a'",
    ],
    ['pub -L mqtt://h/%zz -m x', "promptmq pub: option '-L' has a bad % sequence: '%zz'"],
    [
      'pub -L mqtt://h/a/+ -m x',
      "promptmq pub: the topic of the URL is not valid, Topic Name contains a wildcard: 'a/+'",
    ],
    ['sub', 'promptmq sub: there is nothing to subscribe to: -t FILTER'],
    ['sub -L mqtt://h/a# -m x', "promptmq sub: unknown option '-m'"],
    ['sub -t a#', "promptmq sub: option '-t' is not valid, # is not a whole last level: 'a#'"],
    [
      'sub -t $share/g/a --no-local',
      'promptmq sub: --no-local and a $share/ subscription exclude each other',
    ],
    ['sub -t a -D publish topic-alias 1', "promptmq sub: option '-D': there is no publish here"],
    ['sub -t a -F %y', "promptmq sub: option '-F' has no meaning for '%y'"],
    [
      'sub -t a -C 0',
      "promptmq sub: option '-C' must be a whole number from 1 to 9007199254740991, not '0'",
    ],
  ])('%s', async (line, message) => {
    expect(await main(line.split(' '), io)).toBe(2)
    const [, name] = /^(promptmq(?: (?:server|pub|sub))?):/.exec(message)!
    expect(io.told).toBe(`${message}. See ${name} --help\n`)
    expect(io.printed).toBe('')
  })
})

describe('--bind', () => {
  test.each([
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['localhost:1883', 'localhost', 1883],
    [':0', '127.0.0.1', 0],
    ['[::1]:1883', '::1', 1883],
    ['[fe80::1%eth0]:1883', 'fe80::1%eth0', 1883],
  ])('%s', (value, host, port) => {
    expect(parseBind(value)).toEqual({ host, port })
  })

  test.each(['', '1883', 'h', 'h:', 'h:x', 'h:65536', '::1:1883', '[::1]', '[x y]:1', 'h:-1'])(
    'not %j',
    (value) => {
      expect(() => parseBind(value)).toThrow('must be HOST:PORT')
    },
  )
})

describe('with a server', () => {
  let server: ScriptedServer
  beforeEach(async () => {
    server = await ScriptedServer.start()
  })
  afterEach(() => server.close())

  /** Runs a command that ends by itself, while `script` plays the server. */
  async function run(
    line: string | string[],
    script: (peer: Peer) => Promise<unknown>,
    connack: object = {},
  ) {
    const args = typeof line === 'string' ? line.split(' ') : line
    const at = args.includes('-L') ? [] : ['-h', '127.0.0.1', '-p', `${server.port}`]
    const code = main([args[0]!, ...at, ...args.slice(1)], io)
    await script(await server.welcome(connack))
    return { code: await code, printed: io.printed, told: io.told }
  }

  describe('promptmq pub', () => {
    test('-m publishes one message and says goodbye', async () => {
      const args = [
        'pub',
        '-t',
        'a/b',
        '-m',
        'hällo',
        '-r',
        '-D',
        'publish',
        'user-property',
        'a',
        'b',
      ]
      const result = await run(args, async (peer) => {
        expect(await peer.expect('publish')).toMatchObject({
          topicName: 'a/b',
          payload: bytes('hällo'),
          qos: 0,
          retain: true,
          properties: { userProperties: [['a', 'b']] },
        })
        expect(await peer.expect('disconnect')).toMatchObject({ reasonCode: 0 })
        expect(await peer.next()).toBe('end')
      })
      expect(result).toEqual({ code: 0, printed: '', told: '' })
    })

    test('-f, -s and -n', async () => {
      const file = join(folder, 'payload')
      writeFileSync(file, Buffer.from([0, 255, 10]))
      const payloadOf = async (args: string[]) => {
        let payload: Uint8Array | undefined
        const { code } = await run(['pub', '-t', 'a', ...args], async (peer) => {
          payload = (await peer.expect('publish')).payload
        })
        expect(code).toBe(0)
        return [...payload!]
      }
      expect(await payloadOf(['-f', file])).toEqual([0, 255, 10])
      expect(await payloadOf(['-n'])).toEqual([])
      io.stdin.end('a\nb\n')
      expect(await payloadOf(['-s'])).toEqual([...bytes('a\nb\n')])
    })

    test('-l publishes a message a line, as far as Receive Maximum lets it', async () => {
      io.stdin.end('one\n\ntwo\nthree')
      const script = async (peer: Peer) => {
        const texts: string[] = []
        for (let i = 0; i < 3; i++) {
          const { payload, packetIdentifier = 0 } = await peer.expect('publish')
          texts.push(Buffer.from(payload).toString())
          peer.send({ type: 'puback', packetIdentifier, reasonCode: 0 })
        }
        expect(texts).toEqual(['one', 'two', 'three'])
        await peer.expect('disconnect')
      }
      expect(await run('pub -t a -l -q 1', script, { receiveMaximum: 1 })).toMatchObject({
        code: 0,
      })
    })

    test('--repeat publishes again, with a delay between', async () => {
      const began = performance.now()
      const { code } = await run('pub -t a -m x --repeat 3 --repeat-delay 0.02', async (peer) => {
        for (let i = 0; i < 3; i++) await peer.expect('publish')
        await peer.expect('disconnect')
      })
      expect(code).toBe(0)
      expect(performance.now() - began).toBeGreaterThanOrEqual(38)
    })

    test('a message that the server refuses is a failure that is named', async () => {
      const result = await run('pub -t a -m x -q 1', async (peer) => {
        const { packetIdentifier = 0 } = await peer.expect('publish')
        peer.send({ type: 'puback', packetIdentifier, reasonCode: 0x87 })
        await peer.expect('disconnect')
      })
      expect(result).toEqual({
        code: 1,
        printed: '',
        told: "promptmq pub: 'a' was refused: Not authorized (0x87)\n",
      })
    })

    test.each(['pub -t a -l -q 1', 'pub -t a -m x -q 1 --repeat 1000000 --repeat-delay 0.001'])(
      '%s: a connection that ends meanwhile is a failure',
      async (line) => {
        io.stdin.write('one\ntwo\n')
        const result = await run(line, async (peer) => {
          await peer.expect('publish')
          peer.send({ type: 'disconnect', reasonCode: 0x8e })
        })
        expect(result.code).toBe(1)
        expect(result.told).toMatch(/ended the connection: Session taken over \(0x8E\)\n$/)
      },
    )

    test('--quiet leaves only the exit code', async () => {
      expect(
        await run('pub -t a -m x -q 2 --quiet', async (peer) => peer.socket.destroy()),
      ).toEqual({
        code: 1,
        printed: '',
        told: '',
      })
    })

    test('interrupted while it reads lines, it ends in good order', async () => {
      io.stdin.write('one\n')
      const { code } = await run('pub -t a -l -q 1', async (peer) => {
        const { packetIdentifier = 0 } = await peer.expect('publish')
        peer.send(
          { type: 'puback', packetIdentifier, reasonCode: 0 },
          { type: 'pubrel', packetIdentifier: 1 },
        )
        await peer.expect('pubcomp')
        io.interrupt()
        await peer.expect('disconnect')
      })
      expect(code).toBe(0)
    })

    test('interrupted with messages not acknowledged or not sent, it says so', async () => {
      const waiting = await run('pub -t a -m x -q 1', async (peer) => {
        await peer.expect('publish')
        io.interrupt()
        await peer.expect('disconnect')
      })
      expect(waiting).toMatchObject({
        code: 1,
        told: 'promptmq pub: ended with 1 messages not acknowledged\n',
      })
      io = new FakeIo()
      const unsent = await run('pub -t a -m x --repeat 3 --repeat-delay 1000', async (peer) => {
        await peer.expect('publish')
        io.interrupt()
        await peer.expect('disconnect')
      })
      expect(unsent).toMatchObject({ code: 1, told: 'promptmq pub: ended after 1 of 3 messages\n' })
    })

    test('a file that cannot be read is told before anybody is disturbed', async () => {
      const missing = join(folder, 'missing')
      expect(await main(['pub', '-t', 'a', '-f', missing], io)).toBe(1)
      expect(io.told).toBe(
        `promptmq pub: cannot open ${missing}: no such file or directory (ENOENT)\n`,
      )
    })
  })

  describe('connecting', () => {
    const connectOf = async (args: string[]) => {
      const at = args.includes('-L') ? [] : ['-h', '127.0.0.1', '-p', `${server.port}`]
      const code = main(['pub', '-t', 't', '-m', 'x', ...at, ...args], io)
      const peer = await server.accept()
      const connect = await peer.expect('connect')
      peer.send({ type: 'connack', reasonCode: 0, sessionPresent: false })
      expect(await code).toBe(0)
      return connect
    }

    test('says what the options say', async () => {
      const args =
        '-i me -u u -P p -k 9 -x 60 -D connect receive-maximum 5 --will-topic w --will-payload gone --will-qos 1 --will-retain -D will will-delay-interval 3'
      expect(await connectOf(args.split(' '))).toMatchObject({
        clientId: 'me',
        cleanStart: true,
        keepAlive: 9,
        userName: 'u',
        password: bytes('p'),
        properties: { sessionExpiryInterval: 60, receiveMaximum: 5 },
        will: {
          topicName: 'w',
          payload: bytes('gone'),
          qos: 1,
          retain: true,
          properties: { willDelayInterval: 3 },
        },
      })
    })

    test('without options: an Identifier of the server, a clean start, Keep Alive 60', async () => {
      const connect = await connectOf([])
      expect(connect).toMatchObject({ clientId: '', cleanStart: true, keepAlive: 60 })
      expect([connect.userName, connect.password, connect.will]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
      expect(connect.properties.sessionExpiryInterval).toBeUndefined()
    })

    test.each([
      [
        ['-i', 'me', '-c'],
        { cleanStart: false, properties: { sessionExpiryInterval: 0xffff_ffff } },
      ],
      [
        ['-i', 'me', '-c', '-x', '9'],
        { cleanStart: false, properties: { sessionExpiryInterval: 9 } },
      ],
      [['-x', '-1'], { cleanStart: true, properties: { sessionExpiryInterval: 0xffff_ffff } }],
      [['-I', 'p-'], { clientId: `p-${process.pid}` }],
      [
        ['--will-topic', 'w'],
        { will: { topicName: 'w', payload: new Uint8Array(0), qos: 0, retain: false } },
      ],
      [['-V', 'mqttv5'], {}],
    ])('%j', async (args, expected) => {
      expect(await connectOf(args)).toMatchObject(expected)
    })

    test('-L says host, port, user, password and topic in one', async () => {
      const code = main(
        ['pub', '-L', `mqtt://us%65r:p%40@127.0.0.1:${server.port}/a/b`, '-m', 'x'],
        io,
      )
      const peer = await server.accept()
      expect(await peer.expect('connect')).toMatchObject({
        userName: 'user',
        password: bytes('p@'),
      })
      peer.send({ type: 'connack', reasonCode: 0, sessionPresent: false })
      expect(await peer.expect('publish')).toMatchObject({ topicName: 'a/b' })
      expect(await code).toBe(0)
    })

    test('a refusal is one line and exit code 1', async () => {
      const code = main(['sub', '-t', 'a', '-h', '127.0.0.1', '-p', `${server.port}`], io)
      const peer = await server.accept()
      await peer.expect('connect')
      peer.send({ type: 'connack', reasonCode: 0x86 })
      expect(await code).toBe(1)
      expect(io.told).toBe(
        `promptmq sub: 127.0.0.1:${server.port} refused the connection: Bad User Name or Password (0x86)\n`,
      )
    })

    test('interrupted while it connects, it just ends', async () => {
      const code = main(['sub', '-t', 'a', '-h', '127.0.0.1', '-p', `${server.port}`], io)
      const peer = await server.accept()
      await peer.expect('connect')
      io.interrupt()
      expect(await code).toBe(0)
      expect(io.told).toBe('')
    })

    test('-d tells which packets go and come', async () => {
      const { told } = await run('pub -t a -m x -d', (peer) => peer.expect('publish'))
      expect(told).toBe(
        "sending CONNECT\nreceived CONNACK\nsending PUBLISH (q0, 'a', 1 bytes)\nsending DISCONNECT\n",
      )
    })
  })

  describe('promptmq sub', () => {
    /** Answers SUBSCRIBE, then sends messages. */
    const serve =
      (messages: object[], ...reasonCodes: number[]) =>
      async (peer: Peer) => {
        const { packetIdentifier, subscriptions } = await peer.expect('subscribe')
        const granted = subscriptions.map((_, index) => reasonCodes[index] ?? 0)
        const publications = messages.map(
          (more) =>
            ({ type: 'publish', topicName: 'a', payload: bytes('x'), qos: 0, ...more }) as const,
        )
        peer.send({ type: 'suback', packetIdentifier, reasonCodes: granted }, ...publications)
        return peer
      }
    const text = (payload: string, more: object = {}) => ({ payload: bytes(payload), ...more })

    test('subscribes as it is told', async () => {
      const line =
        'sub -t a/# -t $share/g/b -q 2 --retain-as-published --retain-handling new -D subscribe subscription-identifier 7 -E'
      const { code } = await run(line, async (peer) => {
        const packet = await peer.expect('subscribe')
        const options = { qos: 2, noLocal: false, retainAsPublished: true, retainHandling: 1 }
        expect(packet).toMatchObject({
          subscriptions: [
            { topicFilter: 'a/#', ...options },
            { topicFilter: '$share/g/b', ...options },
          ],
          properties: { subscriptionIdentifier: 7 },
        })
        peer.send({
          type: 'suback',
          packetIdentifier: packet.packetIdentifier,
          reasonCodes: [2, 2],
        })
        await peer.expect('disconnect')
      })
      expect(code).toBe(0)
    })

    test('prints payloads, a line each, and ends after -C of them', async () => {
      const messages = ['1', '2', '3', '4'].map((payload) => text(payload))
      expect(await run('sub -t a -C 3', serve(messages))).toEqual({
        code: 0,
        printed: '1\n2\n3\n',
        told: '',
      })
    })

    test.each([
      ['-v', 'a 1\na (null)\n'],
      ['-N', '1'],
      ['-F %t=%p;\\t', 'a=1;\t\na=;\t\n'],
      ['-N -F %l', '10'],
    ])('%s', async (options, printed) => {
      const messages = [text('1'), text('')]
      expect(await run(`sub -t a -C 2 ${options}`, serve(messages))).toMatchObject({
        code: 0,
        printed,
      })
    })

    test('-R leaves out retained messages, -T those of a topic, and neither counts', async () => {
      const messages = [
        text('old', { retain: true }),
        text('out', { topicName: 'b/x' }),
        text('1'),
        text('2'),
      ]
      expect(await run('sub -t # -C 2 -R -T b/+', serve(messages))).toMatchObject({
        printed: '1\n2\n',
      })
    })

    test('--retained-only ends at the first message that is not', async () => {
      const messages = [text('old', { retain: true }), text('new'), text('old', { retain: true })]
      expect(await run('sub -t # --retained-only', serve(messages))).toMatchObject({
        code: 0,
        printed: 'old\n',
      })
    })

    test('--remove-retained removes what was printed, and ends when that is acknowledged', async () => {
      const messages = [
        text('a', { topicName: 'x', retain: true }),
        text('b', { topicName: 'y', retain: true }),
        text('c', { topicName: 'z' }),
      ]
      const result = await run('sub -t # -T y -C 2 --remove-retained', async (peer) => {
        await serve(messages)(peer)
        const { packetIdentifier = 0, ...removal } = await peer.expect('publish')
        expect(removal).toMatchObject({
          topicName: 'x',
          payload: new Uint8Array(0),
          qos: 1,
          retain: true,
        })
        peer.send({ type: 'puback', packetIdentifier, reasonCode: 0 })
        await peer.expect('disconnect')
      })
      expect(result).toMatchObject({ code: 0, printed: 'a\nc\n' })
    })

    test('QoS 2 is brought to its end before it disconnects; what comes after -C is left alone', async () => {
      const messages = [
        text('1', { qos: 2, packetIdentifier: 1 }),
        text('2', { qos: 1, packetIdentifier: 2 }),
      ]
      const { code, printed } = await run('sub -t a -q 2 -C 1', async (peer) => {
        await serve(messages)(peer)
        await peer.expect('pubrec')
        peer.send({ type: 'pubrel', packetIdentifier: 1 })
        await peer.expect('pubcomp')
        await peer.expect('disconnect')
      })
      expect({ code, printed }).toEqual({ code: 0, printed: '1\n' })
    })

    test('-W ends with exit code 27, and -D disconnect is said at the end', async () => {
      const { code } = await run(
        'sub -t a -W 0.05 -D disconnect session-expiry-interval 0',
        async (peer) => {
          await serve([])(peer)
          expect(await peer.expect('disconnect')).toMatchObject({
            properties: { sessionExpiryInterval: 0 },
          })
        },
      )
      expect(code).toBe(27)
    })

    test('-U ends a subscription; without -t it is all that is done with -E', async () => {
      const { code } = await run('sub -U a/# -E', async (peer) => {
        const { packetIdentifier, topicFilters } = await peer.expect('unsubscribe')
        expect(topicFilters).toEqual(['a/#'])
        peer.send({ type: 'unsuback', packetIdentifier, reasonCodes: [0] })
        await peer.expect('disconnect')
      })
      expect(code).toBe(0)
    })

    test('a refused subscription is told; when all are, that is a failure', async () => {
      const some = await run('sub -t a -t b -C 1', serve([text('1')], 0x87, 0))
      expect(some).toEqual({
        code: 0,
        printed: '1\n',
        told: "promptmq sub: 'a' was refused: Not authorized (0x87)\n",
      })
      const all = await run('sub -t a', serve([], 0x8f))
      expect(all).toEqual({
        code: 1,
        printed: '',
        told: "promptmq sub: 'a' was refused: Topic Filter invalid (0x8F)\npromptmq sub: no subscription was granted\n",
      })
      expect(await run('sub -t a --quiet', serve([], 0x8f))).toEqual({
        code: 1,
        printed: '',
        told: '',
      })
    })

    test('ends in good order when it is interrupted', async () => {
      const { code, printed } = await run('sub -t a -q 1', async (peer) => {
        await serve([text('1', { qos: 1, packetIdentifier: 1 })])(peer)
        await peer.expect('puback')
        io.interrupt()
        await peer.expect('disconnect')
      })
      expect({ code, printed }).toEqual({ code: 0, printed: '1\n' })
    })

    test('a connection that ends is a failure, after what was received is printed', async () => {
      const result = await run('sub -t a', async (peer) => {
        await serve([text('1')])(peer)
        peer.socket.end()
      })
      expect(result).toEqual({
        code: 1,
        printed: '1\n',
        told: `promptmq sub: 127.0.0.1:${server.port} closed the connection\n`,
      })
    })

    test('-L gives the filter', async () => {
      const line = `sub -L mqtt://127.0.0.1:${server.port}/a/# -E`
      const { code } = await run(line, async (peer) => {
        const { packetIdentifier, subscriptions } = await peer.expect('subscribe')
        expect(subscriptions[0]!.topicFilter).toBe('a/#')
        peer.send({ type: 'suback', packetIdentifier, reasonCodes: [0] })
      })
      expect(code).toBe(0)
    })

    test('when its output is slow, the server is read no further', async () => {
      const total = 300
      const payload = 'y'.repeat(64 * 1024)
      let printedSize = 0
      const { code } = await run(`sub -t a -C ${total}`, async (peer) => {
        await serve([])(peer)
        const publication = {
          type: 'publish',
          topicName: 'a',
          payload: bytes(payload),
          qos: 0,
        } as const
        for (let i = 0; i < total; i++) peer.send(publication)
        // Nobody reads the output: what is on its way stays bounded, and the rest with the server.
        while (io.stdout.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
        for (let i = 0; i < 1000; i++) await new Promise((resolve) => setImmediate(resolve))
        expect(io.stdout.readableLength + io.stdout.writableLength).toBeLessThan(
          payload.length * 30,
        )
        io.stdout.on('data', (chunk: Buffer) => {
          printedSize += chunk.length
        })
      })
      expect(code).toBe(0)
      expect(printedSize).toBe(total * (payload.length + 1))
    })
  })
})
