/** Who is who: twins, those that are refused, and hooks that do not decide. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ClientInfo, Hooks } from '@promptmq/broker'
import { settle, TestClient, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { text } from '../harness.ts'
import { bytesOf, connectBytes, Peer, Siege, scaled, until } from './attack.ts'

const subscription = (topicFilter: string, qos: 0 | 1 | 2 = 0) =>
  ({ type: 'subscribe', packetIdentifier: 1, subscriptions: [{ topicFilter, qos }] }) as const

describe('twins', () => {
  /**
   * What the two share, as one client would: the QoS 2 identifiers that it holds. Bytes of a connection
   * that has been taken over mean nothing any more, whenever they are read.
   */
  class Twins {
    readonly got = new Map<string, number>()
    readonly #held = new Set<number>()
    /** The port of the one that has the session, as the broker tells it. */
    current = 0

    attach(peer: Peer): void {
      let done = 0
      peer.socket.on('data', () => {
        for (; done < peer.packets.length; done++) {
          if (peer.socket.localPort === this.current) this.#handle(peer, done)
        }
      })
    }

    #handle(peer: Peer, index: number): void {
      const packet = peer.packets[index]!
      if (packet.type === 'publish') {
        const packetIdentifier = packet.packetIdentifier!
        if (!this.#held.has(packetIdentifier)) {
          this.#held.add(packetIdentifier)
          const payload = Buffer.from(packet.payload).toString()
          this.got.set(payload, (this.got.get(payload) ?? 0) + 1)
        }
        peer.sendPackets({ type: 'pubrec', packetIdentifier })
      } else if (packet.type === 'pubrel') {
        this.#held.delete(packet.packetIdentifier)
        peer.sendPackets({ type: 'pubcomp', packetIdentifier: packet.packetIdentifier })
      }
    }
  }

  const session = { cleanStart: false, keepAlive: 0, properties: { sessionExpiryInterval: 600 } }
  const CONNECT = bytesOf({ type: 'connect', clientId: 'twin', ...session })

  test(`row 45: [MQTT-3.1.4-3] ${scaled(500, 10_000)} races (of 10,000) for one id: one is live, all comes once`, {
    timeout: 300_000,
  }, async () => {
    await using siege = await Siege.lay()
    const twins = new Twins()
    siege.broker.on('clientConnect', ({ clientId, remoteAddress }: ClientInfo) => {
      if (clientId === 'twin') twins.current = Number(remoteAddress.split(':').at(-1))
    })
    const first = await siege.join('twin', session)
    first.sendPackets(subscription('t', 2))
    await first.await('suback')
    twins.attach(first)
    let live = first
    let published = 0
    for (let round = 0; round < scaled(500, 10_000); round++) {
      const pair = await Promise.all([siege.open(), siege.open()])
      for (const peer of pair) {
        twins.attach(peer)
        peer.send(CONNECT)
      }
      for (let i = 0; i < 3; i++) void siege.broker.publish('t', String(published++), { qos: 2 })
      for (const peer of pair) await peer.await('connack')
      await until(() => pair.some(({ isClosed }) => isClosed) && live.isClosed)
      const gone = [live, ...pair].filter(({ isEnded }) => isEnded)
      expect(gone).toHaveLength(2)
      for (const peer of gone) {
        expect(peer.packets.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x8e })
      }
      live = pair.find(({ isEnded }) => !isEnded)!
    }
    await until(() => twins.got.size === published)
    await siege.exchange()
    expect([...twins.got.values()].every((count) => count === 1)).toBe(true)
    live.sendPackets({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
    await siege.over()
  })

  test('row 45: twins whose hook is asked meanwhile: who was decided about last has it', async () => {
    const answers: (() => void)[] = []
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'slow',
        authenticate: ({ clientId }) =>
          clientId === 'witness' || new Promise((resolve) => answers.push(() => resolve(true))),
      })
    })
    const peers = await Promise.all(Array.from({ length: 10 }, () => siege.open()))
    for (const peer of peers) peer.send(CONNECT)
    await until(() => answers.length === peers.length)
    await siege.exchange()
    for (const answer of answers.toReversed()) answer()
    for (const peer of peers) await peer.await('connack')
    await until(() => peers.filter(({ isClosed }) => isClosed).length === peers.length - 1)
    expect(siege.broker.stats()).toMatchObject({ connections: 2, sessions: 2 })
    for (const peer of peers) {
      peer.sendPackets({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
    }
    await siege.over()
  })
})

describe('a CONNECT that is refused', () => {
  const REST = Buffer.concat([
    bytesOf({ type: 'publish', topicName: 'a', payload: text('x'), retain: true }),
    bytesOf(subscription('#', 1)),
    bytesOf({ type: 'pingreq' }),
  ])

  test('row 46: [MQTT-3.1.4-6] what came behind it in the segment is not done, now or later', async () => {
    const answers: ((decision: boolean) => void)[] = []
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'slow',
        authenticate: ({ clientId }) =>
          clientId === 'witness' ||
          clientId === 'other' ||
          new Promise((resolve) => answers.push(resolve)),
      })
    })
    const other = await siege.join('other')
    other.sendPackets(subscription('a', 1))
    await other.await('suback')
    const bad = await siege.open()
    bad.send(connectBytes('bad'), REST)
    const unsure = await siege.open()
    unsure.send(connectBytes('unsure'), REST)
    await until(() => answers.length === 2)
    siege.clock.advance(500)
    await siege.exchange()
    expect([...bad.packets, ...unsure.packets]).toEqual([])
    answers[0]!(false)
    await bad.closed()
    expect(bad.received.toString('hex')).toBe('2003008700')
    // The other one never gets an answer: that is a refusal when its time is over.
    siege.clock.advance(4_500)
    await unsure.closed()
    expect(unsure.received.toString('hex')).toBe('2003008700')
    await siege.broker.publish('a', 'end')
    await other.await('publish')
    expect(other.only('publish')).toHaveLength(1)
    expect(siege.broker.stats()).toMatchObject({ retainedMessages: 0, hookFailures: 1 })
    other.destroy()
    await siege.over()
  })

  test('row 46: what comes while a hook decides waits in the socket, not in the broker', async () => {
    let answer = (_decision: boolean) => {}
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'slow',
        authenticate: ({ clientId }) =>
          clientId === 'witness' ||
          new Promise((resolve) => {
            answer = resolve
          }),
      })
    })
    const flood = await siege.open()
    flood.send(connectBytes('flood'))
    const payload = new Uint8Array(64 * 1024)
    const publish = bytesOf({ type: 'publish', topicName: 'a', payload })
    // Until the kernel's buffers are full and nothing has moved for a while.
    let stillFor = 0
    let lastPending = -1
    while (stillFor < 100) {
      if (flood.socket.writableLength < 8 * payload.length) flood.send(publish)
      await settle()
      stillFor = flood.socket.writableLength === lastPending ? stillFor + 1 : 0
      lastPending = flood.socket.writableLength
    }
    expect(flood.socket.bytesWritten).toBeGreaterThan(payload.length)
    expect(flood.socket.writableLength).toBeGreaterThanOrEqual(4 * payload.length)
    await siege.exchange()
    expect(siege.broker.stats().published).toBe(2)
    answer(false)
    await flood.ended()
    // What it has not sent yet is nobody's.
    siege.clock.advance(2_000)
    await flood.closed()
    expect(siege.broker.stats().published).toBe(2)
    await siege.over()
  })

  test('row 46: nothing after DISCONNECT is done either', async () => {
    await using siege = await Siege.lay()
    const answer = await siege.answerTo(connectBytes('a'), wire`e0 00`, REST)
    expect(answer[0]).toBe(0x20)
    expect(answer).toHaveLength(answer[1]! + 2)
    expect(siege.broker.stats().retainedMessages).toBe(0)
    await siege.over()
  })
})

describe('a hook that does not decide', () => {
  const FAILURES: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['throws nothing', () => Promise.reject()],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['returns nothing', () => undefined],
    ['returns null', () => null],
    ['returns 3', () => 3],
    ['returns NaN', () => Number.NaN],
    ['returns 0x80 and a half', () => 128.5],
    ['returns a code of another packet', () => 0x8e],
    ['returns "true"', () => 'true'],
    ['returns an object', () => ({ allow: true })],
    ['returns an array', () => [true]],
    ['returns a function', () => () => true],
    ['resolves with nothing', () => Promise.resolve()],
    ['resolves with "yes"', () => Promise.resolve('yes')],
    ['resolves with a function', () => Promise.resolve(() => true)],
    [
      'has a then() that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tried
        then() {
          throw new Error('broken')
        },
      }),
    ],
    [
      'has a then that cannot be read',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tried
        get then() {
          throw new Error('broken')
        },
      }),
    ],
    [
      'denies, then changes its mind',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tried
        then(resolve: (value: boolean) => void) {
          resolve(false)
          resolve(true)
        },
      }),
    ],
    [
      'resolves with what cannot be read',
      () =>
        Promise.resolve({
          get serverReference() {
            throw new Error('broken')
          },
          get kind() {
            throw new Error('broken')
          },
        }),
    ],
    ['never answers', () => new Promise(() => {})],
  ]
  const KINDS = ['authenticate', 'authorizePublish', 'authorizeSubscribe'] as const

  test.each(FAILURES)('row 47: one that %s denies, whatever it is asked', async (_what, fail) => {
    for (const kind of KINDS) {
      const hooks: Hooks = {
        name: 'failing',
        [kind]: (client: ClientInfo) => client.clientId === 'witness' || fail(),
      }
      await using siege = await Siege.lay({}, (broker) => broker.use(hooks))
      const peer = await siege.open()
      peer.send(connectBytes('peer'))
      if (kind === 'authenticate') {
        await until(() => siege.broker.stats().openTransports === 2)
        await siege.exchange()
        siege.clock.advance(5_000)
        await peer.closed()
        expect(peer.received.toString('hex')).toBe('2003008700')
      } else {
        await peer.await('connack')
        const packet =
          kind === 'authorizePublish'
            ? ({
                type: 'publish',
                topicName: 'a',
                payload: text(''),
                qos: 1,
                packetIdentifier: 1,
              } as const)
            : subscription('a', 1)
        peer.sendPackets(packet)
        await siege.exchange()
        siege.clock.advance(5_000)
        if (kind === 'authorizePublish') {
          expect((await peer.await('puback')).reasonCode).toBe(0x87)
        } else {
          expect((await peer.await('suback')).reasonCodes).toEqual([0x87])
        }
        expect(siege.broker.stats().subscriptions).toBe(1)
      }
      peer.destroy()
      await siege.over()
    }
  })

  test('row 47: it is counted; and one that fails for a will keeps that from being published', async () => {
    for (const [what, fail] of FAILURES) {
      await using siege = await Siege.lay({}, (broker) => {
        let askedCount = 0
        broker.use({
          name: 'failing',
          // At CONNECT it still allows.
          authorizePublish: (client, { isWill }) => {
            if (client.clientId === 'witness' || (isWill && askedCount++ === 0)) return true
            return fail() as boolean
          },
        })
      })
      const other = await siege.join('other')
      other.sendPackets(subscription('w'))
      await other.await('suback')
      const dying = await siege.join('dying', {
        will: { topicName: 'w', payload: text('x'), qos: 0, retain: false },
      })
      dying.destroy()
      await until(() => siege.broker.stats().connections === 2)
      siege.clock.advance(5_000)
      await siege.exchange()
      expect([what, other.only('publish')]).toEqual([what, []])
      const isFailure = what !== 'denies, then changes its mind'
      expect([what, siege.broker.stats().hookFailures]).toEqual([what, isFailure ? 1 : 0])
      other.destroy()
      await siege.over()
    }
  })

  test('row 47: a thousand questions that hang hold up nobody else, and end', async () => {
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'hangs',
        authorizePublish: ({ clientId }) => clientId === 'witness' || new Promise(() => {}),
      })
    })
    const clients: TestClient[] = []
    for (let i = 0; i < 1_000; i++) {
      const client = await TestClient.join(siege.broker, { clientId: String(i) })
      const publish = { type: 'publish', topicName: 'a', payload: text(''), qos: 1 } as const
      client.transport.send(bytesOf({ ...publish, packetIdentifier: 1 }))
      clients.push(client)
    }
    await siege.exchange()
    siege.clock.advance(5_000)
    for (const client of clients) {
      await until(() => client.transport.writeCount === 2)
      expect(client.take()).toMatchObject([{ type: 'puback', reasonCode: 0x87 }])
      client.transport.close()
    }
    expect(siege.broker.stats().hookFailures).toBe(1_000)
    await siege.over()
  })
})

test('row 45: a socket that is taken over and does not read is gone all the same', async () => {
  await using siege = await Siege.lay()
  const socket: Socket = connect({ port: siege.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  socket.pause()
  socket.write(connectBytes('twin'))
  await until(() => siege.broker.stats().connections === 2)
  const twin = await Peer.open(siege.port)
  twin.send(connectBytes('twin'))
  await twin.await('connack')
  siege.clock.advance(2_000)
  await until(() => siege.broker.stats().openTransports === 2)
  twin.destroy()
  socket.destroy()
  await siege.over()
})
