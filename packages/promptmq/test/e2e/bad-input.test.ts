/** What is wrong gets a clear answer over real sockets, and the server goes on. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { encode } from '@promptmq/codec'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestServer } from './server.ts'

const server = new TestServer()
beforeAll(() => server.start('--max-packet-size', '1000', '--log-level', 'error'))
afterAll(() => server.dispose())

const CONNECT = encode(
  { type: 'connect', clientId: 'x', cleanStart: true, keepAlive: 10 },
  { protocolVersion: 5 },
)

/** Sends bytes, ends its side if told so, and gives what came by the time that the server closed. */
async function exchange(bytes: Uint8Array, isEnded: boolean): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  if (isEnded) socket.end(bytes)
  else socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('hex')
}

async function expectAlive(): Promise<void> {
  const pingreq = Uint8Array.of(0xc0, 0)
  const answer = await exchange(Buffer.concat([CONNECT, pingreq]), true)
  expect(answer.startsWith('20')).toBe(true)
  expect(answer.endsWith('d000')).toBe(true)
}

test.each([
  ['zeros', new Uint8Array(100)],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a TLS hello', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)],
  ['an announcement of 256 MB', Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f)],
  ['a CONNECT announced with 256 MB', Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f, 0)],
])('%s is closed without a word', async (_what, bytes) => {
  expect(await exchange(bytes, false)).toBe('')
  await expectAlive()
})

test('a CONNECT cut at every byte', async () => {
  const answers = await Promise.all(
    Array.from({ length: CONNECT.length }, (_, cut) => exchange(CONNECT.subarray(0, cut), true)),
  )
  expect(new Set(answers)).toEqual(new Set(['']))
  await expectAlive()
})

test('a packet above the size limit: DISCONNECT 0x95', async () => {
  const large = encode(
    { type: 'publish', topicName: 't', payload: new Uint8Array(1000) },
    { protocolVersion: 5 },
  )
  const answer = await exchange(Buffer.concat([CONNECT, large]), false)
  // The Reason Code, and a Reason String.
  expect(answer).toMatch(/e0[0-9a-f]{2}95[0-9a-f]{2}1f00/)
  await expectAlive()
})
