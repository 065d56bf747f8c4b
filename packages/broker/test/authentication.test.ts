import type { AuthenticationMethod, AuthenticationStep, Hooks } from '@promptmq/broker'
import type { Auth, PacketInput } from '@promptmq/codec'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test, vi } from 'vitest'
import { only, payloads, startBroker, text } from './harness.ts'

const METHOD = 'M'

const auth = (
  reasonCode: number,
  data?: string,
  authenticationMethod: string | undefined = METHOD,
): PacketInput => ({
  type: 'auth',
  reasonCode,
  properties: {
    authenticationMethod,
    authenticationData: data === undefined ? undefined : text(data),
  },
})

const withMethod = (data?: string, authenticationMethod = METHOD) => ({
  properties: {
    authenticationMethod,
    ...(data !== undefined && { authenticationData: text(data) }),
    sessionExpiryInterval: 100,
  },
})

/** A method that says what it is told by `answer`, and notes what it was asked. */
function methodOf(
  answer: (data: string | undefined) => AuthenticationStep | Promise<AuthenticationStep>,
): AuthenticationMethod {
  return {
    name: METHOD,
    begin: () => ({
      next: (data) => answer(data === undefined ? undefined : Buffer.from(data).toString()),
    }),
  }
}

/** Anybody who says `please` twice is who it says. */
const polite = methodOf((data) => {
  if (data === 'please') return { kind: 'continue', data: text('again?') }
  if (data?.startsWith('I am ')) {
    return { kind: 'success', userName: data.slice(5), data: text('welcome') }
  }
  return { kind: 'failure' }
})

async function startWith(...methods: AuthenticationMethod[]) {
  const bench = await startBroker()
  bench.broker.use({ name: 'test', authenticationMethods: methods })
  return bench
}

async function authenticated() {
  const bench = await startWith(polite)
  const client = await TestClient.connect(bench.broker, { clientId: 'c', ...withMethod('please') })
  await client.send(auth(0x18, 'I am ada'))
  client.take()
  return { ...bench, client }
}

const dataOf = (packet: Auth) => Buffer.from(packet.properties.authenticationData ?? []).toString()

describe('enhanced authentication with CONNECT', () => {
  test('[MQTT-4.12.0-2] [MQTT-4.12.0-5] AUTH 0x18 to and fro, then CONNACK, of one method', async () => {
    const { broker } = await startWith(polite)
    const authorizePublish = vi.fn(() => true)
    broker.use({ name: 'spy', authorizePublish })
    const client = await TestClient.connect(broker, { clientId: 'c', ...withMethod('please') })
    const [challenge, ...others] = only(client.take(), 'auth')
    expect(others).toEqual([])
    expect(challenge).toMatchObject({
      reasonCode: 0x18,
      properties: { authenticationMethod: METHOD },
    })
    expect(dataOf(challenge!)).toBe('again?')
    expect(broker.stats().connections).toBe(0)
    await client.send(auth(0x18, 'I am ada'), {
      type: 'publish',
      topicName: 't',
      payload: text('x'),
    })
    const [connack] = only(client.take(), 'connack')
    expect(connack).toMatchObject({
      reasonCode: 0,
      properties: { authenticationMethod: METHOD, authenticationData: text('welcome') },
    })
    expect(authorizePublish).toHaveBeenCalledWith(
      expect.objectContaining({ userName: 'ada' }),
      expect.anything(),
    )
  })

  test('[MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH has no Reason String and no User Property', async () => {
    const { broker } = await startWith(polite)
    const properties = { ...withMethod('please').properties, maximumPacketSize: 18 }
    const client = await TestClient.connect(broker, { properties })
    const [challenge] = only(client.take(), 'auth')
    expect(challenge!.properties).toMatchObject({ reasonString: undefined, userProperties: [] })
  })

  test('an AUTH that the client cannot take ends the connection', async () => {
    const { broker } = await startWith(polite)
    const properties = { ...withMethod('please').properties, maximumPacketSize: 10 }
    const client = await TestClient.connect(broker, { properties })
    expect(client.take()).toEqual([])
    expect(client.isClosed).toBe(true)
  })

  test('[MQTT-4.12.0-1] an unknown method is refused with 0x8C', async () => {
    const { broker } = await startWith(polite)
    const client = await TestClient.connect(broker, withMethod('please', 'N'))
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x8c }])
    expect(client.isClosed).toBe(true)
  })

  const failures: [string, AuthenticationMethod, number][] = [
    ['a failure', methodOf(() => ({ kind: 'failure' })), 0x87],
    ['a failure with a code', methodOf(() => ({ kind: 'failure', reasonCode: 0x8a })), 0x8a],
    ['a code of no CONNACK', methodOf(() => ({ kind: 'failure', reasonCode: 0x8d })), 0x87],
    [
      'a step that throws',
      methodOf(() => {
        throw new Error('broken')
      }),
      0x87,
    ],
    [
      'a beginning that throws',
      {
        name: METHOD,
        begin: () => {
          throw new Error('broken')
        },
      },
      0x87,
    ],
    ['a step that rejects', methodOf(() => Promise.reject(new Error('broken'))), 0x87],
    ['junk', methodOf(() => true as never), 0x87],
    ['the promise of junk', methodOf(() => Promise.resolve(null as never)), 0x87],
  ]
  test.each(failures)('[MQTT-4.12.0-4] %s refuses', async (_what, method, reasonCode) => {
    const { broker } = await startWith(method)
    const client = await TestClient.connect(broker, withMethod('x'))
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false }])
    expect(client.isClosed).toBe(true)
    expect(broker.stats().sessions).toBe(0)
  })

  test('[MQTT-4.12.0-4] a method that hangs refuses in time', async () => {
    const { broker, clock } = await startWith(methodOf(() => new Promise(() => {})))
    const client = await TestClient.connect(broker, withMethod('x'))
    clock.advance(5_001)
    await settle()
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
  })

  test('a client that does not go on is closed in time, however slow the method was', async () => {
    const { promise, resolve } = Promise.withResolvers<AuthenticationStep>()
    const { broker, clock } = await startBroker({ connectTimeoutMs: 1_000, hookTimeoutMs: 10_000 })
    broker.use({ name: 'slow', authenticationMethods: [methodOf(() => promise)] })
    const client = await TestClient.connect(broker, withMethod('x'))
    clock.advance(1_500)
    expect(client.isClosed).toBe(false)
    resolve({ kind: 'continue' })
    await settle()
    expect(only(client.take(), 'auth')).toHaveLength(1)
    clock.advance(1_000)
    expect(client.isClosed).toBe(true)
  })

  const intruders: [string, PacketInput][] = [
    ['[MQTT-3.1.2-30] PINGREQ', { type: 'pingreq' }],
    ['[MQTT-4.12.0-3] AUTH 0x19', auth(0x19, 'I am ada')],
    ['[MQTT-4.12.0-5] another method', auth(0x18, 'I am ada', 'N')],
    ['[MQTT-3.1.0-2] CONNECT', { type: 'connect', clientId: 'x', cleanStart: true, keepAlive: 0 }],
  ]
  test.each(intruders)('%s in the midst of it is refused', async (_what, packet) => {
    const { broker } = await startWith(polite)
    const client = await TestClient.connect(broker, withMethod('please'))
    client.take()
    await client.send(packet)
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x82 }])
    expect(client.isClosed).toBe(true)
    expect(broker.stats()).toMatchObject({ sessions: 0, connections: 0 })
  })

  test('DISCONNECT in the midst of it is quiet', async () => {
    const { broker } = await startWith(polite)
    const client = await TestClient.connect(broker, withMethod('please'))
    client.take()
    await client.send({ type: 'disconnect' })
    expect(client.take()).toEqual([])
    expect(client.isClosed).toBe(true)
  })

  test('it does not go on for ever', async () => {
    const { broker } = await startWith(methodOf(() => ({ kind: 'continue' })))
    const client = await TestClient.connect(broker, withMethod('x'))
    for (let step = 0; step < 20 && !client.isClosed; step++) await client.send(auth(0x18))
    const packets = client.take()
    expect(only(packets, 'auth')).toHaveLength(16)
    expect(packets.at(-1)).toMatchObject({ type: 'connack', reasonCode: 0x82 })
  })

  test('a session belongs to who began it', async () => {
    const { broker, client } = await authenticated()
    await client.drop()
    const other = await TestClient.connect(broker, { clientId: 'c', ...withMethod('please') })
    await other.send(auth(0x18, 'I am bob'))
    expect(only(other.take(), 'connack')).toMatchObject([{ reasonCode: 0x87 }])
    const again = await TestClient.connect(broker, {
      clientId: 'c',
      cleanStart: false,
      ...withMethod('please'),
    })
    await again.send(auth(0x18, 'I am ada'))
    expect(only(again.take(), 'connack')).toMatchObject([{ reasonCode: 0, sessionPresent: true }])
  })

  test('where methods are all there is, a CONNECT that names none is refused', async () => {
    const { broker } = await startWith(polite)
    const client = await TestClient.connect(broker)
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }])
    broker.use({ name: 'passwords', authenticate: ({ userName }) => userName === 'ada' })
    await TestClient.join(broker, { userName: 'ada' })
  })
})

describe('re-authentication, §4.12.1', () => {
  test('[MQTT-4.12.0-2] AUTH 0x19, 0x18 to and fro, AUTH 0x00; other packets go on meanwhile', async () => {
    const { client } = await authenticated()
    await client.subscribe('t', 0)
    await client.send(auth(0x19, 'please'))
    expect(only(client.take(), 'auth')).toMatchObject([{ reasonCode: 0x18 }])
    await client.send({ type: 'publish', topicName: 't', payload: text('x') })
    expect(payloads(client.take())).toEqual(['x'])
    await client.send(auth(0x18, 'I am ada'))
    const [done] = only(client.take(), 'auth')
    expect(done).toMatchObject({ reasonCode: 0, properties: { authenticationMethod: METHOD } })
    expect(dataOf(done!)).toBe('welcome')
    await client.send({ type: 'pingreq' })
    expect(client.take()).toMatchObject([{ type: 'pingresp' }])
  })

  const wrong: [string, PacketInput[], number][] = [
    ['[MQTT-4.12.1-2] a failure', [auth(0x19, 'no')], 0x87],
    ['[MQTT-4.12.1-2] another identity', [auth(0x19, 'please'), auth(0x18, 'I am bob')], 0x87],
    ['[MQTT-4.12.1-1] another method', [auth(0x19, 'please', 'N')], 0x82],
    ['a step that nobody asked for', [auth(0x18, 'I am ada')], 0x82],
    ['a second beginning', [auth(0x19, 'please'), auth(0x19, 'please')], 0x82],
  ]
  test.each(wrong)(
    '%s ends the connection, and its will is published',
    async (_, packets, code) => {
      const { broker } = await startWith(polite)
      const witness = await TestClient.connect(broker, { clientId: 'w', ...withMethod('please') })
      await witness.send(auth(0x18, 'I am witness'))
      witness.take()
      await witness.subscribe('will', 0)
      const will = { topicName: 'will', payload: text('gone') }
      const client = await TestClient.connect(broker, { ...withMethod('please'), will })
      await client.send(auth(0x18, 'I am ada'))
      client.take()
      await client.send(...packets)
      expect(client.take().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: code })
      expect(client.isClosed).toBe(true)
      expect(payloads(witness.take())).toEqual(['gone'])
    },
  )

  test('a code of no DISCONNECT is told as 0x87', async () => {
    let isFirst = true
    const method = methodOf(() => {
      if (!isFirst) return { kind: 'failure', reasonCode: 0x86 }
      isFirst = false
      return { kind: 'success' }
    })
    const { broker } = await startWith(method)
    const client = await TestClient.join(broker, withMethod('x'))
    await client.send(auth(0x19, 'y'))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x87 }])
  })

  test('a method that ends the connection has the last word', async () => {
    const { broker } = await startBroker()
    let isFirst = true
    const method = methodOf(() => {
      if (!isFirst) broker.disconnect('c')
      isFirst = false
      return { kind: 'success' }
    })
    broker.use({ name: 'strict', authenticationMethods: [method] })
    const client = await TestClient.join(broker, { clientId: 'c', ...withMethod('x') })
    const write = vi.spyOn(client.transport, 'write')
    await client.send(auth(0x19, 'y'))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98 }])
    expect(write).toHaveBeenCalledOnce()
  })

  test('who does not go on with it is closed in time', async () => {
    const { client, clock } = await authenticated()
    await client.send(auth(0x19, 'please'))
    clock.advance(10_000)
    expect(client.take().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x87 })
    expect(client.isClosed).toBe(true)
  })

  test('who has gone on, or is gone, has no deadline left', async () => {
    const { client, clock } = await authenticated()
    await client.send(auth(0x19, 'please'), auth(0x18, 'I am ada'))
    clock.advance(20_000)
    expect(client.isClosed).toBe(false)
    await client.send(auth(0x19, 'please'))
    await client.drop()
    clock.advance(20_000)
  })

  test('[MQTT-4.12.0-6] [MQTT-4.12.0-7] without a method AUTH is a Protocol Error', async () => {
    const { broker } = await startBroker()
    const client = await TestClient.join(broker)
    await client.send(auth(0x19, 'please'))
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }])
  })
})

test.each([
  ['no name', { begin: () => ({ next: () => ({ kind: 'failure' }) }) }],
  ['no begin()', { name: 'M' }],
])('use() refuses a method with %s', async (_what, method) => {
  const { broker } = await startBroker()
  const hooks = { name: 'x', authenticationMethods: [method] } as unknown as Hooks
  expect(() => broker.use(hooks)).toThrow(/authenticationMethods\[0\]/)
})
