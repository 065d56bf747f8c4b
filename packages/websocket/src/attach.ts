import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Broker, Door } from '@promptmq/broker'
import { typeMisuse } from '@promptmq/broker/internal'
import { WebSocketDoor } from './door.ts'
import type { WebSocketOptions } from './options.ts'
import { takeUpgrades } from './upgrades.ts'

const DEFAULT_PATH = '/mqtt'

/**
 * Serves MQTT over WebSocket on an http or https server that exists already: upgrades of one path are
 * taken, whatever else listens for upgrades; all other requests go where they went before. It ends
 * with `close()`, or when the broker closes; the server goes on.
 *
 * @returns `close()` takes no more upgrades; connections that came through stay.
 * @throws RangeError or TypeError with a code `ERR_PROMPTMQ_*`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { Broker } from '@promptmq/broker'
 * import { attachWebSocket } from '@promptmq/websocket'
 *
 * const broker = await Broker.start()
 * const server = createServer((_request, response) => response.end('hello'))
 * attachWebSocket(broker, server, { path: '/mqtt' })
 * server.listen(8080)
 * ```
 */
export function attachWebSocket(
  broker: Broker,
  server: HttpServer | HttpsServer,
  options: WebSocketOptions = {},
): Door {
  if (![HttpServer, HttpsServer].some((kind) => (server as object) instanceof kind)) {
    const text = 'attachWebSocket(broker, server): server must be of node:http or node:https'
    throw typeMisuse('ERR_PROMPTMQ_ARGUMENT', text)
  }
  const door = new WebSocketDoor(broker, { ...options, path: options.path ?? DEFAULT_PATH })
  const attachment: Door = {
    close() {
      giveBack()
      letGo()
      return Promise.resolve()
    },
  }
  const letGo = broker.adopt(attachment)
  const giveBack = takeUpgrades(server, door)
  return attachment
}
