/** `promptmq pub` and `promptmq sub` with real brokers: Debian's mosquitto, and ours. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../src/cli/main.ts'
import { type BrokerKind, mosquitto, promptmq, type RunningBroker } from './brokers.ts'
import { FakeIo } from './fake-io.ts'

const KINDS: readonly BrokerKind[] = [mosquitto, promptmq]

describe.each(KINDS.filter(({ isHere }) => isHere))('with $name', (kind) => {
  let broker: RunningBroker
  beforeAll(async () => {
    broker = await kind.start()
  })
  afterAll(() => broker?.stop())

  /** Runs a command to its end. */
  async function run(line: string, input?: string) {
    const io = new FakeIo()
    if (input !== undefined) io.stdin.end(input)
    const [name = '', ...args] = line.split(' ')
    const code = await main([name, '-h', '127.0.0.1', '-p', `${broker.port}`, ...args], io)
    return { code, printed: io.printed, told: io.told }
  }

  /** Starts a subscriber; `result` is there when it has ended, after `ready` that it is heard. */
  function subscriber(line: string) {
    const io = new FakeIo()
    const [name = '', ...args] = line.split(' ')
    const ready = new Promise<void>((resolve) => {
      let told = ''
      io.stderr.on('data', (chunk) => {
        told += chunk
        if (told.includes('received SUBACK')) resolve()
      })
    })
    const at = ['-h', '127.0.0.1', '-p', `${broker.port}`, '-d']
    const result = main([name, ...at, ...args], io).then((code) => ({ code, printed: io.printed }))
    return { ready, result, interrupt: () => io.interrupt() }
  }

  const numbers = (count: number) =>
    Array.from({ length: count }, (_, index) => `${index}\n`).join('')

  test.each([0, 1, 2])('a thousand lines arrive at QoS %d, in order', async (qos) => {
    const { ready, result } = subscriber(`sub -t lines/${qos} -q ${qos} -C 1000`)
    await ready
    expect(await run(`pub -t lines/${qos} -q ${qos} -l`, numbers(1000))).toMatchObject({
      code: 0,
      told: '',
    })
    expect(await result).toEqual({ code: 0, printed: numbers(1000) })
  })

  test('wildcards, and what a message carries', async () => {
    const { ready, result } = subscriber(
      'sub -t plant/+/temp -t other/# -q 1 -C 2 -F %t|%p|%q|%r|%C|%R|%D|%P',
    )
    await ready
    const properties =
      '-D publish content-type text/plain -D publish response-topic re/ply -D publish correlation-data c1 -D publish user-property a b'
    await run(`pub -t plant/3/temp -m 21.5 -q 1 ${properties}`)
    await run('pub -t plant/3/pressure -m no')
    await run('pub -t other -m yes -q 2')
    expect(await result).toEqual({
      code: 0,
      printed: 'plant/3/temp|21.5|1|0|text/plain|re/ply|c1|a:b\nother|yes|1|0||||\n',
    })
  })

  test('a message of a mebibyte goes through unchanged', async () => {
    const { ready, result } = subscriber('sub -t big -q 1 -C 1 -F %l')
    await ready
    expect(await run('pub -t big -q 1 -s', 'y'.repeat(1024 * 1024))).toMatchObject({ code: 0 })
    expect(await result).toMatchObject({ printed: '1048576\n' })
  })

  test('retained: kept, sent on subscribe, removed', async () => {
    await run('pub -t kept/a -m one -r -q 1')
    await run('pub -t kept/b -m two -r -q 2')
    const all = await run('sub -t kept/# -v -C 2')
    expect(all.printed.split('\n').sort()).toEqual(['', 'kept/a one', 'kept/b two'])
    expect(await run('sub -t kept/# -W 0.2 --retain-handling never')).toMatchObject({
      code: 27,
      printed: '',
    })
    expect(await run('sub -t kept/# -C 1 --remove-retained -T kept/b')).toMatchObject({
      printed: 'one\n',
    })
    await run('pub -t kept/b -n -r -q 1')
    expect(await run('sub -t kept/# -W 0.2')).toMatchObject({ code: 27, printed: '' })
  })

  test('a kept session receives what came while it was away', async () => {
    const session = '-i away -c -q 1 -t away'
    expect(await run(`sub ${session} -E`)).toMatchObject({ code: 0 })
    expect(await run('pub -t away -q 1 -l', numbers(50))).toMatchObject({ code: 0 })
    expect(await run(`sub ${session} -C 20`)).toEqual({ code: 0, printed: numbers(20), told: '' })
    const rest = numbers(50).slice(numbers(20).length)
    expect(await run(`sub ${session} -C 30`)).toEqual({ code: 0, printed: rest, told: '' })
    expect(await run('sub -i away -U away -x 0 -E')).toMatchObject({ code: 0 })
  })

  test('a shared subscription divides the messages', async () => {
    const first = subscriber('sub -t $share/g/shared -q 1')
    const second = subscriber('sub -t $share/g/shared -q 1')
    await Promise.all([first.ready, second.ready])
    const all = subscriber('sub -t shared -q 1 -C 100')
    await all.ready
    await run('pub -t shared -q 1 -l', numbers(100))
    expect((await all.result).printed).toBe(numbers(100))
    first.interrupt()
    second.interrupt()
    const shares = [(await first.result).printed, (await second.result).printed]
    const got = shares.flatMap((share) => share.split('\n').slice(0, -1)).map(Number)
    expect(shares.every((share) => share.length > 0)).toBe(true)
    expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })
})
