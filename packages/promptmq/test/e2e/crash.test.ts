/** The server process dies by SIGKILL; what it acknowledged is there when it is started again. */
import mqtt from 'mqtt'
import { afterAll, expect, test } from 'vitest'
import { connected, TestServer } from './server.ts'

const COUNT = 10_000
const server = new TestServer()
afterAll(() => server.dispose())

test(`${COUNT} acknowledged messages and the retained ones survive, in order`, async () => {
  await server.start()
  const kept = {
    clientId: 'kept',
    clean: false,
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { sessionExpiryInterval: 3600 },
  } as const
  const first = await mqtt.connectAsync(server.url, kept)
  await first.subscribeAsync('crash/t', { qos: 1 })
  await first.endAsync()

  const publisher = await mqtt.connectAsync(server.url, { protocolVersion: 5, reconnectPeriod: 0 })
  const acknowledged: Promise<unknown>[] = []
  for (let i = 0; i < COUNT; i++)
    acknowledged.push(publisher.publishAsync('crash/t', String(i), { qos: 1 }))
  for (let i = 0; i < 100; i++)
    acknowledged.push(publisher.publishAsync(`crash/r/${i}`, String(i), { qos: 1, retain: true }))
  await Promise.all(acknowledged)
  publisher.on('error', () => {})
  await server.end('SIGKILL')
  await publisher.endAsync(true)

  await server.start()
  const second = mqtt.connect(server.url, kept)
  const seen: number[] = []
  const all = new Promise<void>((resolve) => {
    second.on('message', (_topic, payload) => {
      seen.push(Number(payload.toString()))
      if (seen.length === COUNT) resolve()
    })
  })
  const connack = await connected(second)
  expect(connack.sessionPresent).toBe(true)
  await all
  expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => i))

  const retained = new Set<string>()
  second.removeAllListeners('message')
  const allRetained = new Promise<void>((resolve) => {
    second.on('message', (topic, _payload, { retain }) => {
      if (retain) retained.add(topic)
      if (retained.size === 100) resolve()
    })
  })
  await second.subscribeAsync('crash/r/#', { qos: 1 })
  await allRetained
  await second.endAsync()
}, 60_000)
