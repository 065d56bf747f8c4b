import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A frame as the server sent it. */
export interface Frame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly isMasked: boolean
  readonly payload: Buffer
}

/** What an upgrade request was answered with. */
export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  /** All that came before the server ended; of a refused request. */
  readonly body: string
}

export const CONTINUATION = 0
export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78])

/** One frame of a client, masked. */
export function frame(opcode: number, payload: Uint8Array, { fin = true, rsv = 0 } = {}): Buffer {
  const { length } = payload
  const header = [(fin ? 0x80 : 0) | rsv | opcode]
  if (length < 126) header.push(0x80 | length)
  else if (length < 65_536) header.push(0x80 | 126, length >> 8, length & 0xff)
  else header.push(0x80 | 127, 0, 0, 0, 0, ...new Uint8Array(lengthBytes(length)))
  const masked = Buffer.from(payload)
  for (let i = 0; i < length; i++) masked[i]! ^= MASK[i & 3]!
  return Buffer.concat([Buffer.from(header), MASK, masked])
}

function lengthBytes(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

/** A WebSocket client of bytes, which knows nothing of ws: it sends what it is told, frame by frame. */
export class RawClient {
  readonly socket: Socket
  /** Settled when the connection is gone. */
  readonly closed: Promise<void>
  #input = Buffer.alloc(0)
  #isEnded = false
  #wake = Promise.withResolvers<void>()

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host, noDelay: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.socket.on('data', (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk])
      this.#stir()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.#isEnded = true
      this.#stir()
      resolve()
    })
  }

  /** Upgrades; throws where the server does not. */
  static async open(
    port: number,
    options: { path?: string; headers?: readonly string[]; protocols?: string | null } = {},
  ): Promise<RawClient> {
    const client = new RawClient(port)
    const { status, body } = await client.upgrade(options)
    if (status !== 101) throw new Error(`no upgrade but ${status}: ${body}`)
    return client
  }

  /** Sends an upgrade request and reads the answer. */
  async upgrade({
    path = '/mqtt',
    headers = [],
    protocols = 'mqtt',
    behind = new Uint8Array(0),
  }: {
    path?: string
    headers?: readonly string[]
    protocols?: string | null
    /** What is sent in the same segment. */
    behind?: Uint8Array
  } = {}): Promise<Answer> {
    const request = Buffer.from(
      [
        `GET ${path} HTTP/1.1`,
        'Host: 127.0.0.1',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...(protocols === null ? [] : [`Sec-WebSocket-Protocol: ${protocols}`]),
        ...headers,
        '\r\n',
      ].join('\r\n'),
    )
    this.socket.write(Buffer.concat([request, behind]))
    return this.answer()
  }

  /** Reads the head of an HTTP response, and all that follows where it says that it ends with that. */
  async answer(): Promise<Answer> {
    const end = await this.#until(() => {
      const index = this.#input.indexOf('\r\n\r\n')
      return index < 0 ? undefined : index
    })
    const [first = '', ...lines] = this.#input.toString('latin1', 0, end).split('\r\n')
    this.#input = this.#input.subarray(end + 4)
    const status = Number(first.split(' ')[1])
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    if (headers.get('connection') === 'close') await this.closed
    return { status, headers, body: status === 101 ? '' : this.#input.toString() }
  }

  /** Sends bytes as they are, and waits until the system has taken them. */
  async sendBytes(...chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      if (!this.socket.destroyed && !this.socket.write(chunk)) {
        await Promise.race([once(this.socket, 'drain'), this.closed])
      }
    }
  }

  /** One binary frame for each. */
  send(...payloads: readonly Uint8Array[]): Promise<void> {
    return this.sendBytes(...payloads.map((payload) => frame(BINARY, payload)))
  }

  /** The next frame of the server. */
  frame(): Promise<Frame> {
    return this.#until(() => this.#takeFrame())
  }

  /** The status code of the close frame that comes next; other frames before it are dropped. */
  async closeCode(): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.frame()
      if (opcode === CLOSE) return payload.length === 0 ? 0 : payload.readUInt16BE(0)
    }
  }

  /** What comes in binary frames until there are `size` bytes of it. */
  async bytes(size: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let length = 0
    while (length < size) {
      const { opcode, payload } = await this.frame()
      if (opcode !== BINARY && opcode !== CONTINUATION) throw new Error(`a frame of type ${opcode}`)
      chunks.push(payload)
      length += payload.length
    }
    return Buffer.concat(chunks)
  }

  destroy(): void {
    this.socket.destroy()
  }

  #takeFrame(): Frame | undefined {
    const input = this.#input
    if (input.length < 2) return undefined
    const short = input[1]! & 0x7f
    const start = short === 126 ? 4 : short === 127 ? 10 : 2
    if (input.length < start) return undefined
    const size =
      short === 126
        ? input.readUInt16BE(2)
        : short === 127
          ? Number(input.readBigUInt64BE(2))
          : short
    if (input.length < start + size) return undefined
    this.#input = input.subarray(start + size)
    return {
      fin: input[0]! >= 0x80,
      rsv: input[0]! & 0x70,
      opcode: input[0]! & 0x0f,
      isMasked: input[1]! >= 0x80,
      payload: input.subarray(start, start + size),
    }
  }

  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#isEnded) throw new Error('the server ended the connection')
      await this.#wake.promise
    }
  }
}
