import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { duplexPair, PassThrough } from 'node:stream'
import { Broker } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { DuplexTransport } from '../src/transport/duplex-transport.ts'

const CONNECT = wire`10 0d 00 04 "MQTT" 05 02 00 00 00 | 00 00`
const PINGREQ = wire`c0 00`

/** Reads until `size` bytes have come. */
async function read(stream: AsyncIterable<Buffer>, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= size) break
  }
  return Buffer.concat(chunks)
}

describe('listen', () => {
  test('[MQTT-4.2.0-1] [3.1.1 MQTT-7.1.1-1] serves TCP; close() ends it with a DISCONNECT', async () => {
    const broker = await Broker.start({ reasonStrings: false })
    const { port, host } = await broker.listen({ port: 0 })
    expect(host).toBe('127.0.0.1')
    const socket = connect(port, host)
    socket.write(CONNECT)
    const [connack] = (await once(socket, 'data')) as [Buffer]
    expect(connack[0]).toBe(0x20)
    socket.write(PINGREQ)
    expect((await once(socket, 'data'))[0]).toEqual(Buffer.from(wire`d0 00`))
    const rest = once(socket, 'data')
    const ended = once(socket, 'close')
    await broker.close()
    expect((await rest)[0]).toEqual(Buffer.from(wire`e0 01 8b`))
    await ended
    await expect(broker.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_PROMPTMQ_CLOSED' })
  })

  test('a port in use, an address that is not here: said so, with what and where', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await using broker = await Broker.start()
    await expect(broker.listen({ port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    })
    await expect(broker.listen({ port: 0, host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    })
    other.close()
  })

  test('a listener may be closed alone', async () => {
    await using broker = await Broker.start()
    const listener = await broker.listen({ port: 0 })
    await listener.close()
    const socket = connect(listener.port, listener.host)
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })

  test('a peer that resets while it is written to harms nobody', async () => {
    await using broker = await Broker.start()
    const { port } = await broker.listen({ port: 0 })
    const socket = connect(port)
    socket.write(Buffer.concat([CONNECT, wire`82 07 00 01 00 | 00 01 "t" | 00`]))
    await read(socket, 20)
    socket.resetAndDestroy()
    const gone = once(broker, 'clientDisconnect')
    for (let i = 0; i < 10; i++) await broker.publish('t', 'x'.repeat(100_000))
    await gone
    expect(broker.stats().connections).toBe(0)
  })
})

describe('adopt', () => {
  test('a door of another kind closes with the broker, before the clients are told', async () => {
    const broker = await Broker.start()
    const [ours, theirs] = duplexPair()
    broker.handle(theirs)
    ours.write(CONNECT)
    await once(ours, 'data')
    const events: string[] = []
    broker.on('clientDisconnect', () => events.push('client told'))
    const { promise, resolve } = Promise.withResolvers<void>()
    broker.adopt({
      close: () => {
        events.push('door closes')
        return promise
      },
    })
    const letGo = broker.adopt({ close: () => Promise.reject(new Error('was let go')) })
    letGo()
    const closed = broker.close().then(() => events.push('closed'))
    await once(ours, 'end')
    await new Promise(setImmediate)
    expect(events).toEqual(['door closes', 'client told'])
    resolve()
    await closed
    expect(() => broker.adopt({ close: () => Promise.resolve() })).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_CLOSED' }),
    )
  })

  test('a broker that closes while it opens a port leaves none open', async () => {
    const broker = await Broker.start()
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    const { port } = probe.address() as { port: number }
    await new Promise((resolve) => probe.close(resolve))
    const listening = broker.listen({ port })
    const closed = broker.close()
    await expect(listening).rejects.toMatchObject({ code: 'ERR_PROMPTMQ_CLOSED' })
    await closed
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })
})

describe('close', () => {
  test('is over when every stream is, also one whose peer never answers', async () => {
    const broker = await Broker.start({ reasonStrings: false })
    const streams: Socket[] = []
    const server = createServer({ allowHalfOpen: true }, (stream) => {
      streams.push(stream)
      broker.handle(stream)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    peer.write(CONNECT)
    await once(peer, 'data')
    const said = once(peer, 'data')
    await broker.close()
    expect((await said)[0]).toEqual(Buffer.from(wire`e0 01 8b`))
    expect(streams[0]!.destroyed).toBe(true)
    peer.destroy()
    server.close()
  })
})

describe('handle', () => {
  test('serves any Duplex', async () => {
    await using broker = await Broker.start()
    const [ours, theirs] = duplexPair()
    broker.handle(theirs)
    ours.write(CONNECT)
    const [connack] = (await once(ours, 'data')) as [Buffer]
    expect(connack[0]).toBe(0x20)
    const gone = once(broker, 'clientDisconnect')
    ours.end()
    await gone
  })

  test('a stream that is destroyed already is let go', async () => {
    await using broker = await Broker.start()
    const stream = new PassThrough()
    stream.destroy()
    broker.handle(stream)
    await new Promise(setImmediate)
    expect(broker.stats().connections).toBe(0)
  })
})

describe('DuplexTransport', () => {
  /** Both ends of a TCP connection on this machine. */
  async function pair(): Promise<{ near: Socket; far: Socket; end(): void }> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const far = connect((server.address() as { port: number }).port)
    const [near] = await accepted
    return {
      near,
      far,
      end() {
        near.destroy()
        far.destroy()
        server.close()
      },
    }
  }

  test('names its peer', async () => {
    const { near, far, end } = await pair()
    expect(new DuplexTransport(near).remoteAddress).toBe(`127.0.0.1:${far.localPort}`)
    expect(new DuplexTransport(new PassThrough()).remoteAddress).toBe('local')
    end()
  })

  test('bytes may be written over only if the socket has taken them all', async () => {
    const { near, far, end } = await pair()
    const transport = new DuplexTransport(near)
    far.pause()
    let isReusable = true
    let written = 0
    let doneCount = 0
    const drained = new Promise<void>((resolve) => {
      transport.start({
        received() {},
        written: () => {
          doneCount++
        },
        drained: resolve,
        closed() {},
      })
    })
    const chunk = Buffer.alloc(1_000_000, 7)
    while (isReusable && written < 100_000_000) {
      isReusable = transport.write(chunk)
      written += chunk.length
    }
    expect(isReusable).toBe(false)
    expect(transport.pendingBytes).toBeGreaterThan(0)
    expect(transport.writable).toBe(false)
    far.resume()
    await drained
    expect(doneCount).toBe(1)
    expect(transport.writable).toBe(true)
    expect(new DuplexTransport(new PassThrough()).write(chunk)).toBe(false)
    end()
  })

  test('after the end nothing is written, and nothing throws', async () => {
    const { near, end } = await pair()
    const transport = new DuplexTransport(near)
    const closed = new Promise<Error | undefined>((resolve) => {
      transport.start({ received() {}, written() {}, drained() {}, closed: resolve })
    })
    transport.pause()
    transport.resume()
    transport.end()
    expect(transport.write(Buffer.from('x'))).toBe(true)
    transport.destroy()
    expect(await closed).toBeUndefined()
    end()
  })
})
