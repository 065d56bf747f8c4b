import { Broker } from '@promptmq/broker'
import { hex, TestClient, VirtualClock, VirtualTransport, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'

describe('wire', () => {
  test('reads hex pairs and quoted text, and hex writes them', () => {
    expect(hex(wire`30 07 | 00 03 "a/b" | ff`)).toBe('30 07 00 03 61 2f 62 ff')
    expect(() => wire`3`).toThrow("wire: '3' is neither")
  })
})

describe('VirtualClock', () => {
  test('calls back at its time, in order, and not what was cancelled', () => {
    const clock = new VirtualClock(0)
    const seen: string[] = []
    clock.schedule(20, () => seen.push(`late ${clock.now()}`))
    clock.schedule(10, () => seen.push(`first ${clock.now()}`))
    clock.schedule(10, () => seen.push(`second ${clock.now()}`))
    clock.schedule(5, () => seen.push('cancelled'))()
    clock.advance(10)
    expect(seen).toEqual(['first 10', 'second 10'])
    clock.advance(10)
    expect(seen.at(-1)).toBe('late 20')
    expect(clock.pendingCount).toBe(0)
  })
})

describe('VirtualTransport', () => {
  test('a chunk is lent: it is overwritten after the call', () => {
    const transport = new VirtualTransport()
    let kept = new Uint8Array(0)
    transport.start({
      received: (chunk) => {
        kept = chunk as Uint8Array<ArrayBuffer>
      },
      written() {},
      drained() {},
      closed() {},
    })
    transport.send(Uint8Array.of(1, 2))
    expect(kept).toEqual(Uint8Array.of(0xa5, 0xa5))
  })

  test('while paused bytes wait, after the end nothing is sent or written', () => {
    const transport = new VirtualTransport()
    let size = 0
    let closings = 0
    transport.start({
      received: (chunk) => {
        size += chunk.length
      },
      written() {},
      drained() {},
      closed: () => {
        closings++
      },
    })
    transport.pause()
    transport.send(Uint8Array.of(1))
    expect(size).toBe(0)
    transport.resume()
    expect(size).toBe(1)
    transport.end()
    transport.end()
    transport.send(Uint8Array.of(1))
    transport.unstall()
    expect(transport.write(Uint8Array.of(9))).toBe(true)
    expect([size, transport.taken().length]).toEqual([1, 0])
    transport.destroy()
    transport.close()
    expect(closings).toBe(1)
  })

  test('without a receiver nothing happens', () => {
    const transport = new VirtualTransport('peer')
    transport.send(Uint8Array.of(1))
    transport.unstall()
    transport.close()
    expect([transport.remoteAddress, transport.isEnded]).toEqual(['peer', true])
  })
})

describe('TestClient', () => {
  test('says what it got where it expected something else', async () => {
    const broker = await Broker.start()
    broker.use({
      name: 'no',
      authenticate: ({ clientId }) => clientId === 'ok',
      authorizeSubscribe: () => false,
    })
    await expect(TestClient.join(broker, { clientId: 'x' })).rejects.toThrow(
      'no CONNACK with Success',
    )
    const client = await TestClient.join(broker, { clientId: 'ok' })
    await expect(client.subscribe('t', 1)).rejects.toThrow('SUBACK')
    await broker.close()
  })

  test('a fault that is sent to it is found', async () => {
    const broker = await Broker.start()
    const client = await TestClient.join(broker)
    client.transport.write(Uint8Array.of(0, 0))
    expect(() => client.take()).toThrow('the broker sent a fault')
    const silent = new TestClient(broker)
    silent.transport.close()
    expect(silent.take()).toEqual([])
    await broker.close()
  })
})
