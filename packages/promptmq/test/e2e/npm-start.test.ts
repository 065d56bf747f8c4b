/** `npm start` at the root of the repository: it serves, loses nothing, and ends when it is told. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DecodeContext,
  decodePublishHeader,
  encode,
  PacketDecoder,
  type PacketInput,
  PacketType,
  PublishHeader,
} from '@promptmq/codec'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listeningPort } from './server.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const COUNT = 100_000
const PAYLOAD_SIZE = 64
const folder = mkdtempSync(join(tmpdir(), 'promptmq-start-'))
let npm: ChildProcess
let port: number
let output = ''

beforeAll(async () => {
  const options = ['--bind', '127.0.0.1:0', '--data-dir', folder]
  npm = spawn('npm', ['start', '--', ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  npm.stdout!.on('data', (chunk) => {
    output += chunk
  })
  port = await listeningPort(npm)
})
afterAll(() => {
  npm.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
})

const v5 = { protocolVersion: 5 } as const

async function join5(clientId: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(encode({ type: 'connect', clientId, cleanStart: true, keepAlive: 0 }, v5))
  await once(socket, 'data')
  return socket
}

test(`${COUNT} QoS 0 messages of ${PAYLOAD_SIZE} B arrive, each once, in order`, async () => {
  expect(output).toContain(`stores   ${join(folder, 'promptmq.db')}`)
  const subscriber = await join5('subscriber')
  const subscribe: PacketInput = {
    type: 'subscribe',
    packetIdentifier: 1,
    subscriptions: [{ topicFilter: 'flood/t', qos: 0 }],
  }
  subscriber.write(encode(subscribe, v5))
  await once(subscriber, 'data')

  const decoder = new PacketDecoder(new DecodeContext(v5))
  const header = new PublishHeader()
  let count = 0
  const all = new Promise<void>((resolve, reject) => {
    subscriber.on('data', (chunk: Buffer) => {
      decoder.push(chunk)
      while (decoder.next() === PacketType.Publish) {
        const { bytes, flags, start, end } = decoder
        decodePublishHeader(header, decoder.context, bytes, flags, start, end)
        const number = new DataView(bytes.buffer, bytes.byteOffset + header.payloadStart).getUint32(
          0,
        )
        if (number !== count) reject(new Error(`message ${number} came where ${count} was due`))
        count++
      }
      if (count === COUNT) resolve()
    })
  })
  const publisher = await join5('publisher')
  const packet = encode(
    { type: 'publish', topicName: 'flood/t', payload: new Uint8Array(PAYLOAD_SIZE) },
    v5,
  )
  const flood = Buffer.alloc(packet.length * COUNT)
  for (let i = 0; i < COUNT; i++) {
    flood.set(packet, i * packet.length)
    flood.writeUInt32BE(i, (i + 1) * packet.length - PAYLOAD_SIZE)
  }
  const start = performance.now()
  publisher.write(flood)
  await all
  const seconds = (performance.now() - start) / 1000
  console.log(
    `QoS 0, 1 to 1, ${PAYLOAD_SIZE} B: ${Math.round(COUNT / seconds).toLocaleString('en')} messages a second`,
  )
  expect(count).toBe(COUNT)
  subscriber.destroy()
  publisher.destroy()
}, 60_000)

test('SIGTERM to npm ends it cleanly', async () => {
  const exited = once(npm, 'close')
  npm.kill('SIGTERM')
  await exited
  expect(output).toContain('SIGTERM: closing')
}, 20_000)
