import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Broker, Door, Listener } from '@promptmq/broker'
import { describePeer, openListener, typeMisuse } from '@promptmq/broker/internal'
import { WebSocketDoor } from './door.ts'
import type { ListenWebSocketOptions } from './options.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'

/** How often Node looks for requests that take too long. */
const CHECK_MS = 1_000

/**
 * Accepts MQTT over WebSocket on a port of its own. It closes with the broker. Who has not sent a whole
 * upgrade request within the broker's connectTimeoutMs is cut off; for CONNECT that time begins anew.
 *
 * @throws RangeError or TypeError with a code `ERR_PROMPTMQ_*`; the system's error with a message that
 *   says where, its `code` kept.
 *
 * @example
 * ```ts
 * import { Broker } from '@promptmq/broker'
 * import { listenWebSocket } from '@promptmq/websocket'
 *
 * await using broker = await Broker.start()
 * await listenWebSocket(broker, { port: 8083 })
 * ```
 */
export async function listenWebSocket(
  broker: Broker,
  options: ListenWebSocketOptions = {},
): Promise<Listener> {
  const { port = 8083, host = '127.0.0.1', tls, ...others } = options
  const door = new WebSocketDoor(broker, others)
  const server = createUpgradeServer(broker.settings.connectTimeoutMs, tls)
  const closeStrangers = tls === undefined ? () => {} : watchHandshakes(server)
  server.on('upgrade', (request, stream, head) => {
    if (door.isFor(request)) door.accept(request, stream, head)
    else refuseUpgrade(stream, 404, 'MQTT is not served on this path')
  })
  const { close: closePort, ...where } = await openListener(server, host, port)
  const listener: Listener = {
    ...where,
    close() {
      letGo()
      const closed = closePort()
      // What came through is not http's any more, and stays.
      server.closeAllConnections()
      closeStrangers()
      return closed
    },
  }
  const letGo = await adoptOrClose(broker, listener, closePort)
  return listener
}

/** The broker may have closed while the port was opened. */
async function adoptOrClose(
  broker: Broker,
  listener: Door,
  closePort: () => Promise<void>,
): Promise<() => void> {
  try {
    return broker.adopt(listener)
  } catch (error) {
    await closePort()
    throw error
  }
}

function createUpgradeServer(timeoutMs: number, tls: TlsOptions | undefined): Server {
  const options = {
    noDelay: true,
    highWaterMark: 64 * 1024,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.min(timeoutMs, CHECK_MS),
  }
  if (tls === undefined) return createServer(options, answerRequest)
  if (typeof tls !== 'object' || tls === null) {
    throw typeMisuse('ERR_PROMPTMQ_OPTION', 'tls must be an object')
  }
  return createTlsServer({ handshakeTimeout: timeoutMs, ...tls, ...options }, answerRequest)
}

/** There is nothing here but upgrades. */
function answerRequest(_request: IncomingMessage, response: ServerResponse): void {
  const headers = { Upgrade: 'websocket', Connection: 'Upgrade, close' }
  response.writeHead(426, headers).end('MQTT over WebSocket\n')
}

/**
 * Knows the sockets whose TLS handshake is not over: http does not, and a server is not closed before
 * its last socket is. @returns closes them.
 */
function watchHandshakes(server: Server): () => void {
  const strangers = new Map<string, Socket>()
  server.on('connection', (socket) => {
    const name = describePeer(socket)
    strangers.set(name, socket)
    socket.once('close', () => strangers.delete(name))
  })
  server.on('secureConnection', (socket) => strangers.delete(describePeer(socket)))
  return () => {
    for (const socket of strangers.values()) socket.destroy()
  }
}
