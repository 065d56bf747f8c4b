import { join } from 'node:path'
import { Broker, type BrokerOptions, type Listener } from '@promptmq/broker'
import { SqliteStore } from '@promptmq/store-sqlite'
import { listenWebSocket } from '@promptmq/websocket'
import { createTextLogger, type LogLevel } from './text-logger.ts'
import { version } from './version.ts'

/** Where to serve WebSocket, and web pages of which origins; default: all. */
export interface WebSocketBind {
  readonly host: string
  readonly port: number
  readonly allowedOrigins?: readonly string[]
}

/** What the server is told to be. */
export interface ServerOptions {
  readonly bind: { readonly host: string; readonly port: number }
  /** Default: no WebSocket. */
  readonly webSocket?: WebSocketBind
  /** Folder of the database; `null`: keep everything in memory. */
  readonly dataDir: string | null
  readonly logLevel: LogLevel
  /** Bytes. */
  readonly maxPacketSize?: number
  readonly maxConnections?: number
  /** Seconds. */
  readonly maxKeepAlive?: number
  /** QoS 1 and 2 messages in flight to one client. */
  readonly maxInflight?: number
  /** Messages that wait for one session. */
  readonly maxQueued?: number
}

const DATABASE = 'promptmq.db'

/**
 * Runs a server until SIGTERM or SIGINT: then every client is told, what was acknowledged is kept,
 * and the database is closed.
 *
 * @returns the exit code.
 * @throws what kept it from starting, with a message that names what and where.
 */
export async function runServer(options: ServerOptions): Promise<number> {
  const toldToEnd = untilToldToEnd()
  const path = options.dataDir === null ? null : join(options.dataDir, DATABASE)
  const broker = await Broker.start(brokerOptions(options, path))
  try {
    const tcp = await broker.listen(options.bind)
    const { webSocket } = options
    const ws = webSocket === undefined ? null : await listenWebSocket(broker, webSocket)
    process.stdout.write(greeting(tcp, ws, path))
    const signal = await toldToEnd
    process.stdout.write(`${signal}: closing\n`)
  } finally {
    await broker.close()
  }
  return 0
}

function brokerOptions(options: ServerOptions, path: string | null): BrokerOptions {
  const { maxPacketSize, maxConnections, maxKeepAlive, maxInflight, maxQueued } = options
  return {
    logger: createTextLogger(options.logLevel, process.stderr),
    ...(path !== null && { store: new SqliteStore({ path }) }),
    ...(maxPacketSize !== undefined && { maximumPacketSize: maxPacketSize }),
    ...(maxConnections !== undefined && { maximumConnections: maxConnections }),
    ...(maxKeepAlive !== undefined && { maximumKeepAlive: maxKeepAlive }),
    ...(maxInflight !== undefined && { maximumInflight: maxInflight }),
    ...(maxQueued !== undefined && { maximumQueuedMessages: maxQueued }),
  }
}

/** Resolves with the first signal that asks for an end. */
function untilToldToEnd(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
}

function greeting(tcp: Listener, ws: Listener | null, path: string | null): string {
  const { host, port } = tcp
  // From a clone of the repository the command has no name of its own yet.
  const command = process.env.npm_lifecycle_event === 'start' ? 'npm run promptmq --' : 'promptmq'
  const at = `${host === '127.0.0.1' ? '' : ` -h ${host}`}${port === 1883 ? '' : ` -p ${port}`}`
  return [
    `PromptMQ ${version} for MQTT 5.0, 3.1.1 and 3.1`,
    `  listens  mqtt://${addressOf(tcp)}`,
    ...(ws === null ? [] : [`           ws://${addressOf(ws)}`]),
    `  stores   ${path ?? 'in memory only: all is gone when it ends'}`,
    `  try it   ${command} sub${at} -t 'hello/#' -v`,
    `           ${command} pub${at} -t hello/world -m 'Hello!'`,
    '  ends     on Ctrl+C',
    '',
  ].join('\n')
}

function addressOf({ host, port }: Listener): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
