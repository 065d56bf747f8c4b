import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { Broker } from '@promptmq/broker'
import { attachWebSocket, listenWebSocket, type WebSocketOptions } from '@promptmq/websocket'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OriginCheck, resolveWebSocketOptions } from '../src/options.ts'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start({ maximumPacketSize: 1024 * 1024 })
})
afterAll(() => broker.close())

const resolve = (options: WebSocketOptions) => resolveWebSocketOptions(options, broker.settings)

describe('defaults', () => {
  test('follow from the packets that the broker takes', () => {
    expect(resolve({})).toMatchObject({
      path: null,
      maximumMessageSize: 2 * 1024 * 1024,
      maximumFragments: 128,
    })
    expect(resolve({ maximumMessageSize: 1000 })).toMatchObject({
      maximumMessageSize: 1000,
      maximumFragments: 64,
      maximumChunks: 1026,
    })
    expect(resolve({ maximumFragments: 1 })).toMatchObject({ maximumFragments: 1 })
  })
})

describe('misuse is thrown at the door', () => {
  test.each<[string, object]>([
    ['pfad', { pfad: '/mqtt' }],
    ['path', { path: 'mqtt' }],
    ['path', { path: '/mqtt?a' }],
    ['path', { path: 1 }],
    ['maximumMessageSize', { maximumMessageSize: 0 }],
    ['maximumMessageSize', { maximumMessageSize: Number.NaN }],
    ['maximumMessageSize', { maximumMessageSize: 2 ** 31 }],
    ['maximumFragments', { maximumFragments: 1.5 }],
    ['maximumFragments', { maximumFragments: -1 }],
    ['allowedOrigins', { allowedOrigins: 'https://app.example' }],
    ['allowedOrigins', { allowedOrigins: ['app.example'] }],
    ['allowedOrigins', { allowedOrigins: ['https://app.example/'] }],
    ['allowedOrigins', { allowedOrigins: ['https://App.example'] }],
    ['allowedOrigins', { allowedOrigins: ['https://app.example:443'] }],
    ['allowedOrigins', { allowedOrigins: [7] }],
  ])('%s: %o', async (name, options) => {
    const server = createServer()
    const error = { code: 'ERR_PROMPTMQ_OPTION', message: expect.stringContaining(name) }
    expect(() => attachWebSocket(broker, server, options)).toThrow(expect.objectContaining(error))
    await expect(listenWebSocket(broker, { port: 0, ...options })).rejects.toMatchObject(error)
    expect(server.listenerCount('upgrade')).toBe(0)
  })

  test('tls must be an object', async () => {
    const options = { port: 0, tls: true as unknown as object }
    await expect(listenWebSocket(broker, options)).rejects.toMatchObject({
      code: 'ERR_PROMPTMQ_OPTION',
    })
  })

  test('only an http server can be attached to', () => {
    const server = createTcpServer() as unknown as Parameters<typeof attachWebSocket>[1]
    expect(() => attachWebSocket(broker, server)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_ARGUMENT' }),
    )
  })
})

describe('allowedOrigins', () => {
  const allows = (allowedOrigins: WebSocketOptions['allowedOrigins'], origin?: string): boolean => {
    const { isAllowed } = resolve(allowedOrigins === undefined ? {} : { allowedOrigins })
    return isAllowed(origin, {} as Parameters<OriginCheck>[1])
  }

  test('left out: everybody', () => {
    expect(allows(undefined, 'https://evil.example')).toBe(true)
  })

  test('a list: those in it, and who sends none', () => {
    const list = ['https://app.example', 'http://localhost:3000', 'capacitor://localhost', 'null']
    expect(list.map((origin) => allows(list, origin))).toEqual([true, true, true, true])
    expect(allows(list)).toBe(true)
    for (const origin of ['https://evil.example', 'http://app.example', 'https://app.example.evil'])
      expect(allows(list, origin)).toBe(false)
    expect(allows([], 'https://app.example')).toBe(false)
  })

  test('a function decides, about none as well', () => {
    const isNone: OriginCheck = (origin) => origin === undefined
    expect([allows(isNone), allows(isNone, 'https://app.example')]).toEqual([true, false])
  })
})
