import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** Answers an upgrade request with an error, and closes. */
export function refuseUpgrade(stream: Duplex, status: number, why: string): void {
  // Http has let go of the stream: nobody else hears of an error, which would end the process.
  stream.on('error', () => stream.destroy())
  stream.once('finish', () => stream.destroy())
  const body = `${why}\n`
  stream.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
