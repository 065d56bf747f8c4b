import { createServer, type Server, type Socket } from 'node:net'

/** Where a broker listens. */
export interface ListenOptions {
  /** 0 to 65,535, 0: any free one. Default 1883. */
  readonly port?: number
  /** Name or address to bind. Default 127.0.0.1: who wants the world says so. */
  readonly host?: string
}

/** A door that is open. */
export interface Listener {
  readonly host: string
  /** The port in use, also where 0 was asked for. */
  readonly port: number
  /** Accepts no more; connections that came through stay. */
  close(): Promise<void>
}

/**
 * Opens a TCP port.
 * @throws the system's error (`code` EADDRINUSE, EACCES ...) with a message that says where.
 */
export function listenTcp(
  { port = 1883, host = '127.0.0.1' }: ListenOptions,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const server = createServer({ noDelay: true, highWaterMark: 64 * 1024 }, accept)
  return openListener(server, host, port)
}

/**
 * Has a server of any kind listen.
 * @throws as {@link listenTcp}.
 */
export async function openListener(server: Server, host: string, port: number): Promise<Listener> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, host, backlog: 4096 }, resolve)
  try {
    await promise
  } catch (error) {
    throw describeListenError(error as NodeJS.ErrnoException, host, port)
  }
  server.off('error', reject)
  return { host, port: portOf(server), close: () => closeServer(server) }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

const LISTEN_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'not permitted',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is unknown',
}

function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const what = LISTEN_ERRORS[error.code ?? ''] ?? error.message
  return Object.assign(new Error(`cannot listen on ${host}:${port}: ${what}`, { cause: error }), {
    code: error.code,
  })
}
