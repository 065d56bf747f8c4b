/**
 * What the load can do where there is no broker: `node sink.ts PORT` answers CONNECT and SUBSCRIBE and
 * passes what publishers write on to the subscriber as it came, unread.
 */
import { createServer, type Socket } from 'node:net'

const subscribers: Socket[] = []

createServer({ noDelay: true }, (socket) => {
  socket.once('data', (first: Buffer) => {
    socket.write(Buffer.from([0x20, 2, 0, 0]))
    // A subscriber of the load sends SUBSCRIBE in the same breath.
    const subscribe = first.indexOf(Buffer.from([0x82]))
    if (subscribe < 0) {
      socket.on('data', (chunk: Buffer) => forward(socket, chunk))
      return
    }
    socket.write(Buffer.from([0x90, 3, 0, 1, 0]))
    subscribers.push(socket)
    socket.resume()
  })
  socket.on('error', () => {})
}).listen(Number(process.argv[2]), '127.0.0.1')

function forward(from: Socket, chunk: Buffer): void {
  for (const subscriber of subscribers) {
    if (subscriber.write(chunk)) continue
    from.pause()
    subscriber.once('drain', () => from.resume())
  }
}
