/** The statements of §6, with frames byte by byte. */
import { once } from 'node:events'
import type { Broker } from '@promptmq/broker'
import { wire } from '@promptmq/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONNECT, CONNECT_311, PINGREQ, PINGRESP, packet, serve, subscribe } from './harness.ts'
import { BINARY, CLOSE, CONTINUATION, frame, RawClient, TEXT } from './raw-client.ts'

let broker: Broker
let port: number
beforeAll(async () => {
  const served = await serve()
  broker = served.broker
  port = served.port
})
afterAll(() => broker.close())

describe.each([
  { version: 5, connect: CONNECT },
  { version: 4, connect: CONNECT_311 },
] as const)('protocol level $version', ({ version, connect }) => {
  async function join(): Promise<RawClient> {
    const client = await RawClient.open(port)
    await client.send(connect)
    const { payload } = await client.frame()
    expect(payload[0]).toBe(0x20)
    expect(payload[3]).toBe(0)
    return client
  }

  test('[MQTT-6.0.0-1] [3.1.1 MQTT-6.0.0-1] what the server sends is in binary frames', async () => {
    const client = await RawClient.open(port)
    await client.send(connect, subscribe('t', version), PINGREQ)
    const publish = { type: 'publish', topicName: 't', payload: Buffer.alloc(200_000, 7) } as const
    await client.send(packet(publish, version), packet({ type: 'disconnect' }, version))
    let size = 0
    for (;;) {
      const { fin, rsv, opcode, isMasked, payload } = await client.frame()
      expect({ fin, rsv, isMasked }).toEqual({ fin: true, rsv: 0, isMasked: false })
      if (opcode === CLOSE) break
      expect(opcode).toBe(BINARY)
      size += payload.length
    }
    expect(size).toBeGreaterThan(200_000)
    client.destroy()
  })

  test('[MQTT-6.0.0-1] [3.1.1 MQTT-6.0.0-1] a text frame closes the connection', async () => {
    const client = await join()
    const gone = once(broker, 'clientDisconnect')
    await client.sendBytes(frame(TEXT, PINGREQ), frame(BINARY, PINGREQ))
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([CLOSE, 1003])
    await client.sendBytes(frame(CLOSE, payload))
    await client.closed
    const [, reason] = await gone
    expect(reason).toBe('a text frame')
  })

  test('[MQTT-6.0.0-1] [3.1.1 MQTT-6.0.0-1] so does one in place of CONNECT', async () => {
    const client = await RawClient.open(port)
    await client.sendBytes(frame(TEXT, connect))
    const { opcode, payload } = await client.frame()
    expect([opcode, payload.readUInt16BE(0)]).toEqual([CLOSE, 1003])
    client.destroy()
  })

  test('[MQTT-6.0.0-2] [3.1.1 MQTT-6.0.0-2] a packet may lie across frames, of a byte each', async () => {
    const client = await RawClient.open(port)
    await client.send(...Array.from(connect, (byte) => Uint8Array.of(byte)))
    expect((await client.frame()).payload[0]).toBe(0x20)
    await client.send(PINGREQ.subarray(0, 1), Uint8Array.of(), PINGREQ.subarray(1))
    expect((await client.frame()).payload).toEqual(PINGRESP)
    client.destroy()
  })

  test('[MQTT-6.0.0-2] [3.1.1 MQTT-6.0.0-2] a frame may hold several packets, and part of one', async () => {
    const client = await RawClient.open(port)
    await client.send(Buffer.concat([connect, PINGREQ, PINGREQ, PINGREQ.subarray(0, 1)]))
    await client.send(Buffer.concat([PINGREQ.subarray(1), PINGREQ]))
    expect(await behindConnack(client, 8)).toEqual(
      Buffer.concat([PINGRESP, PINGRESP, PINGRESP, PINGRESP]),
    )
    client.destroy()
  })

  test('[MQTT-6.0.0-2] [3.1.1 MQTT-6.0.0-2] a message may come in fragments', async () => {
    const client = await RawClient.open(port)
    const bytes = Buffer.concat([connect, PINGREQ])
    const cut = bytes.length - 1
    await client.sendBytes(
      frame(BINARY, bytes.subarray(0, 3), { fin: false }),
      frame(CONTINUATION, bytes.subarray(3, cut), { fin: false }),
      frame(CONTINUATION, bytes.subarray(cut)),
    )
    expect(await behindConnack(client, 2)).toEqual(PINGRESP)
    client.destroy()
  })
})

/** The `count` bytes that follow CONNACK, which comes first. */
async function behindConnack(client: RawClient, count: number): Promise<Buffer> {
  let bytes = await client.bytes(1)
  expect(bytes[0]).toBe(0x20)
  const size = 2 + bytes[1]! + count
  if (bytes.length < size) {
    bytes = Buffer.concat([bytes, await client.bytes(size - bytes.length)])
  }
  return bytes.subarray(size - count)
}

test.each([
  ['mqtt', 'mqtt'],
  ['mqttv3.1, mqtt', 'mqtt'],
  ['chat,mqtt,superchat', 'mqtt'],
  ['chat , mqtt', 'mqtt'],
])(
  '[MQTT-6.0.0-4] [3.1.1 MQTT-6.0.0-4] of those offered as "%s", mqtt is selected',
  async (protocols, selected) => {
    const client = new RawClient(port)
    const { status, headers } = await client.upgrade({ protocols })
    expect(status).toBe(101)
    expect(headers.get('sec-websocket-protocol')).toBe(selected)
    client.destroy()
  },
)

test('3.1 clients offer mqttv3.1, and get it', async () => {
  const client = new RawClient(port)
  const { status, headers } = await client.upgrade({ protocols: 'mqttv3.1' })
  expect([status, headers.get('sec-websocket-protocol')]).toEqual([101, 'mqttv3.1'])
  await client.send(wire`10 0f 00 06 "MQIsdp" 03 02 00 00 | 00 01 "1"`)
  expect((await client.frame()).payload).toEqual(Buffer.from(wire`20 02 00 00`))
  client.destroy()
})
