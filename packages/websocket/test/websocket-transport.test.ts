/** The Transport contract, over a WebSocket whose other end is bytes. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Clock, TransportReceiver } from '@promptmq/broker'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { WebSocketTransport } from '../src/websocket-transport.ts'
import { LoopClock, listenOn, TLS } from './harness.ts'
import { BINARY, CLOSE, frame, PING, PONG, RawClient, TEXT } from './raw-client.ts'

const IMMEDIATE: Clock = {
  now: () => 0,
  schedule: () => () => {},
  defer: (callback) => void setImmediate(callback),
}

/** Notes what it is told. */
class Receiver implements TransportReceiver {
  readonly chunks: Buffer[] = []
  readonly ending = Promise.withResolvers<Error | undefined>()
  writtenCount = 0
  drainedCount = 0
  #awaited: (() => void)[] = []

  received(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk))
    this.#stir()
  }
  written(): void {
    this.writtenCount++
    this.#stir()
  }
  drained(): void {
    this.drainedCount++
    this.#stir()
  }
  closed(error?: Error): void {
    this.ending.resolve(error)
  }

  /** Waits until something that it is told makes `isSo` true. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#awaited.push(resolve))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  #stir(): void {
    for (const resolve of this.#awaited.splice(0)) resolve()
  }
}

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** A transport that is started, and the client that it serves. */
async function pair({
  clock = IMMEDIATE,
  maximumUnknownBytes = 1_000_000,
  closeTimeout = 100,
} = {}) {
  const server = createServer()
  const endpointOptions = { noServer: true, closeTimeout }
  const endpoint = new WebSocketServer(endpointOptions)
  const receiver = new Receiver()
  const made = Promise.withResolvers<WebSocketTransport>()
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    endpoint.handleUpgrade(request, stream, head, (webSocket) => {
      const transport = new WebSocketTransport(webSocket, stream, { clock, maximumUnknownBytes })
      transport.start(receiver)
      made.resolve(transport)
    })
  })
  const client = await RawClient.open(await listenOn(server))
  ends.push(() => {
    client.destroy()
    server.close()
  })
  return { transport: await made.promise, receiver, client }
}

test('names its peer', async () => {
  const { transport, client } = await pair()
  expect(transport.remoteAddress).toBe(`127.0.0.1:${client.socket.localPort}`)
})

describe('reading', () => {
  test('what comes in frames is one stream of bytes, given for good', async () => {
    const { transport, receiver, client } = await pair()
    expect(transport.givesChunks).toBe(true)
    const kept: Uint8Array[] = []
    const received = receiver.received.bind(receiver)
    receiver.received = (chunk) => {
      kept.push(chunk)
      received(chunk)
    }
    for (let i = 0; i < 300; i++) await client.send(Buffer.alloc(1_000, i))
    await receiver.until(() => receiver.bytes.length === 300_000)
    const sent = Buffer.concat(Array.from({ length: 300 }, (_, i) => Buffer.alloc(1_000, i)))
    expect(receiver.bytes.equals(sent)).toBe(true)
    expect(Buffer.concat(kept).equals(sent)).toBe(true)
  })

  test('before anybody has answered, only a message that does not end is a lot', async () => {
    const { receiver, client } = await pair({ maximumUnknownBytes: 10_000 })
    for (let i = 0; i < 100; i++) {
      await client.send(Buffer.alloc(1_000))
      await receiver.until(() => receiver.bytes.length === 1_000 * (i + 1))
    }
  })

  test('then no more is read, until the answer is out', async () => {
    const { transport, receiver, client } = await pair({ maximumUnknownBytes: 10_000 })
    await client.send(Buffer.of(1))
    await receiver.until(() => receiver.bytes.length === 1)
    let isSent = false
    const sending = client.send(Buffer.alloc(16_000_000)).then(() => {
      isSent = true
    })
    for (let i = 0; i < 50; i++) await new Promise(setImmediate)
    transport.resume()
    for (let i = 0; i < 50; i++) await new Promise(setImmediate)
    expect(isSent).toBe(false)
    expect(receiver.bytes.length).toBe(1)
    transport.write(Buffer.from('x'))
    await receiver.until(() => receiver.bytes.length === 16_000_001)
    await sending
  })

  test('paused, it leaves in the socket what is not read yet', async () => {
    const { transport, receiver, client } = await pair()
    transport.pause()
    let isSent = false
    const sending = client.send(Buffer.alloc(8_000_000, 1)).then(() => {
      isSent = true
    })
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect([receiver.bytes.length, isSent]).toEqual([0, false])
    // That many before it has answered are more than it takes.
    transport.write(Buffer.from('x'))
    await client.frame()
    expect(receiver.bytes.length).toBe(0)
    transport.resume()
    await receiver.until(() => receiver.bytes.length === 8_000_000)
    await sending
  })

  test('many messages wait for the event loop to go round', async () => {
    const clock = new LoopClock()
    const { receiver, client } = await pair({ clock })
    const messages = Array.from({ length: 40_000 }, () => frame(BINARY, Buffer.of(1)))
    const sending = client.sendBytes(Buffer.concat(messages))
    await receiver.until(() => receiver.bytes.length >= 512)
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    // What was read is shown, no more is read.
    const { length } = receiver.bytes
    expect(length).toBeLessThan(20_000)
    expect(clock.deferred).toHaveLength(1)
    while (receiver.bytes.length < 40_000) {
      clock.round()
      await new Promise(setImmediate)
    }
    await sending
  })

  test('so do many frames that hold nothing', async () => {
    const clock = new LoopClock()
    const { client } = await pair({ clock })
    await client.sendBytes(Buffer.concat(Array(512).fill(frame(PONG, Buffer.of()))))
    while (clock.deferred.length === 0) await new Promise(setImmediate)
    clock.round()
    await client.sendBytes(Buffer.concat(Array(511).fill(frame(PONG, Buffer.of()))))
    await client.sendBytes(frame(PING, Buffer.of()))
    expect((await client.frame()).opcode).toBe(PONG)
    expect(clock.deferred).toHaveLength(0)
  })

  test('a round that is over does not make a paused one read', async () => {
    const clock = new LoopClock()
    const { transport, receiver, client } = await pair({ clock })
    await client.sendBytes(Buffer.concat(Array(512).fill(frame(BINARY, Buffer.of(1)))))
    await receiver.until(() => clock.deferred.length === 1)
    transport.pause()
    clock.round()
    await client.send(Buffer.of(2))
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(receiver.bytes.length).toBe(512)
    transport.resume()
    await receiver.until(() => receiver.bytes.length === 513)
  })
})

describe('writing', () => {
  test('each write is one binary frame', async () => {
    const { transport, client } = await pair()
    for (const size of [1, 125, 126, 65_535, 65_536, 200_000]) {
      transport.write(Buffer.alloc(size, size))
      const { opcode, fin, payload } = await client.frame()
      expect([opcode, fin]).toEqual([BINARY, true])
      expect(payload.equals(Buffer.alloc(size, size))).toBe(true)
    }
  })

  test('bytes may be written over only when the socket has taken them all', async () => {
    const { transport, receiver, client } = await pair()
    client.socket.pause()
    const isDone: boolean[] = []
    const bytes = Buffer.alloc(500_000, 1)
    do isDone.push(transport.write(bytes))
    while (isDone.at(-1) && isDone.length < 200)
    expect(isDone.length).toBeLessThan(200)
    isDone.push(transport.write(bytes))
    expect(isDone.slice(-2)).toEqual([false, false])
    expect(transport.pendingBytes).toBeGreaterThan(0)
    expect(transport.writable).toBe(false)
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(receiver.writtenCount).toBe(0)
    const before = receiver.drainedCount
    client.socket.resume()
    await receiver.until(() => receiver.drainedCount > before)
    await receiver.until(() => receiver.writtenCount === 2)
    expect(transport.writable).toBe(true)
    expect(transport.pendingBytes).toBe(0)
  })

  test('over TLS they are written over only when the callback says so', async () => {
    const server = createTlsServer(TLS)
    const endpoint = new WebSocketServer({ server })
    const port = await listenOn(server)
    const socket = new WebSocket(`wss://127.0.0.1:${port}`, { ca: TLS.cert })
    const [webSocket, request] = (await once(endpoint, 'connection')) as [
      WebSocket,
      IncomingMessage,
    ]
    const options = { clock: IMMEDIATE, maximumUnknownBytes: 1000 }
    const transport = new WebSocketTransport(webSocket, request.socket, options)
    const receiver = new Receiver()
    transport.start(receiver)
    const got = once(socket, 'message')
    expect(transport.write(Buffer.from('x'))).toBe(false)
    await receiver.until(() => receiver.writtenCount === 1)
    expect(String((await got)[0])).toBe('x')
    transport.destroy()
    server.close()
    await once(socket, 'close')
  })
})

describe('the end', () => {
  test('sends what is pending, then a close frame; nothing is written or shown after it', async () => {
    const { transport, receiver, client } = await pair()
    client.socket.pause()
    transport.write(Buffer.alloc(8_000_000, 1))
    transport.end()
    expect(transport.write(Buffer.from('x'))).toBe(true)
    client.socket.resume()
    await client.send(Buffer.from('late'))
    expect((await client.frame()).payload.length).toBe(8_000_000)
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([CLOSE, 1000])
    await client.sendBytes(frame(CLOSE, payload))
    expect(await receiver.ending.promise).toBeUndefined()
    expect(receiver.bytes.length).toBe(0)
  })

  test('reads the answer also where it was paused', async () => {
    const { transport, receiver, client } = await pair({ closeTimeout: 60_000 })
    transport.pause()
    transport.end()
    transport.pause()
    const { payload } = await client.frame()
    await client.sendBytes(frame(CLOSE, payload))
    await receiver.ending.promise
    await client.closed
  })

  test('destroy waits for nobody', async () => {
    const { transport, receiver, client } = await pair()
    transport.destroy()
    expect(await receiver.ending.promise).toBeUndefined()
    await client.closed
    transport.destroy()
    transport.end()
    transport.resume()
  })

  test('is told once, with what went wrong', async () => {
    const text = await pair()
    await text.client.sendBytes(frame(TEXT, Buffer.from('hello')))
    expect(await text.client.closeCode()).toBe(1003)
    expect((await text.receiver.ending.promise)?.message).toBe('a text frame')

    const fault = await pair()
    await fault.client.sendBytes(frame(7, Buffer.of()))
    expect(await fault.client.closeCode()).toBe(1002)
    expect((await fault.receiver.ending.promise)?.message).toContain('invalid opcode 7')

    const reset = await pair()
    reset.client.socket.resetAndDestroy()
    expect(await reset.receiver.ending.promise).toMatchObject({ code: 'ECONNRESET' })

    const gone = await pair()
    gone.client.socket.end()
    expect(await gone.receiver.ending.promise).toBeUndefined()
  })

  test('of a first message that is too large is told as well, and nothing more is read', async () => {
    const { receiver, client } = await pair({ maximumUnknownBytes: 10_000 })
    await client.sendBytes(frame(BINARY, Buffer.alloc(20_000)).subarray(0, 19_000))
    expect(await client.closeCode()).toBe(1009)
    expect((await receiver.ending.promise)?.message).toContain('larger than a CONNECT may be')
    expect(receiver.bytes.length).toBe(0)
  })
})
