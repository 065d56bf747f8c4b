import type { WebSocketBind } from '../server.ts'
import { defineCommand } from './command.ts'
import { UsageError } from './errors.ts'
import {
  choice,
  flag,
  integer,
  many,
  type OptionTable,
  one,
  quote,
  text,
  ValueError,
  type ValuesOf,
  withDefault,
} from './option-table.ts'

const DEFAULT_DATA_DIR = './data'

/** Where to listen. */
export interface Bind {
  readonly host: string
  readonly port: number
}

const DEFAULT_BIND: Bind = { host: '127.0.0.1', port: 1883 }

/**
 * `HOST:PORT`, `:PORT` or `[IPV6]:PORT`.
 *
 * @throws ValueError for anything else; port 0 means any free one.
 */
export function parseBind(value: string): Bind {
  const [, address6, host, port = ''] =
    /^(?:\[([\da-fA-F:.%\w]+)\]|([^:[\]]*)):(\d+)$/.exec(value) ?? []
  if (port === '' || Number(port) > 65_535) {
    throw new ValueError(
      `must be HOST:PORT, :PORT or [IPV6]:PORT with a port up to 65535, not ${quote(value)}`,
    )
  }
  return { host: address6 ?? (host === '' ? DEFAULT_BIND.host : host!), port: Number(port) }
}

/**
 * An origin as browsers write it: `https://app.example`, with a port unless it is the scheme's own.
 *
 * @throws ValueError for anything else, which no browser would ever send.
 */
export function parseOrigin(value: string): string {
  const url = URL.parse(value)
  if (value === 'null' || (url !== null && `${url.protocol}//${url.host}` === value)) return value
  throw new ValueError(`must be an origin such as https://app.example, not ${quote(value)}`)
}

const OPTIONS = {
  bind: one(parseBind, {
    long: 'bind',
    placeholder: 'HOST:PORT',
    group: 'Listening',
    help: 'where to listen; also :PORT and [::1]:PORT; 0.0.0.0:1883 is every interface (default 127.0.0.1:1883)',
  }),
  wsPort: one(integer(0, 65_535), {
    long: 'ws-port',
    placeholder: 'PORT',
    group: 'Listening',
    help: 'serve WebSocket, for browsers, on this port of the same host (default: not at all)',
  }),
  wsBind: one(parseBind, {
    long: 'ws-bind',
    placeholder: 'HOST:PORT',
    group: 'Listening',
    help: 'serve WebSocket there, as --bind does TCP',
  }),
  wsOrigins: many(parseOrigin, {
    long: 'ws-origin',
    placeholder: 'ORIGIN',
    group: 'Listening',
    help: 'let in web pages of this origin only, such as https://app.example',
  }),
  dataDir: one(text, {
    long: 'data-dir',
    placeholder: 'DIR',
    group: 'Storage',
    help: `folder of the database; made where there is none (default ${DEFAULT_DATA_DIR})`,
  }),
  isMemory: flag({
    long: 'memory',
    group: 'Storage',
    help: 'keep everything in memory: nothing survives the end of the process',
  }),
  maxPacketSize: one(integer(16, 268_435_460), {
    long: 'max-packet-size',
    placeholder: 'BYTES',
    group: 'Limits',
    help: 'largest packet that a client may send',
  }),
  maxConnections: one(integer(1, 10_000_000), {
    long: 'max-connections',
    placeholder: 'COUNT',
    group: 'Limits',
    help: 'clients that may be connected at a time',
  }),
  maxKeepAlive: one(integer(1, 65_535), {
    long: 'max-keep-alive',
    placeholder: 'SECONDS',
    group: 'Limits',
    help: 'longest Keep Alive; clients that ask for more, or for none, are held to this',
  }),
  maxInflight: one(integer(1, 32_767), {
    long: 'max-inflight',
    placeholder: 'COUNT',
    group: 'Limits',
    help: 'QoS 1 and 2 messages that a client may be sent before it acknowledges one (default 1024)',
  }),
  maxQueued: one(integer(1, Number.MAX_SAFE_INTEGER), {
    long: 'max-queued',
    placeholder: 'COUNT',
    group: 'Limits',
    help: 'messages that may wait for one session (default 100000)',
  }),
  logLevel: withDefault(choice('error', 'warn', 'info', 'debug'), 'info', {
    long: 'log-level',
    placeholder: 'LEVEL',
    group: 'Other',
    help: 'error, warn, info or debug',
  }),
} satisfies OptionTable

/** Where to serve WebSocket and whom, `undefined`: not at all. */
function webSocketOf(
  { wsPort, wsBind, wsOrigins }: ValuesOf<typeof OPTIONS>,
  { host }: Bind,
): WebSocketBind | undefined {
  if (wsPort !== undefined && wsBind !== undefined) {
    throw new UsageError('--ws-port and --ws-bind exclude each other')
  }
  const bind = wsPort === undefined ? wsBind : { host, port: wsPort }
  if (bind === undefined) {
    if (wsOrigins.length === 0) return undefined
    throw new UsageError('--ws-origin needs --ws-port or --ws-bind')
  }
  return wsOrigins.length === 0 ? bind : { ...bind, allowedOrigins: wsOrigins }
}

/** `promptmq server`, and `promptmq` alone. */
export const serverCommand = defineCommand({
  name: 'promptmq server',
  summary: 'the broker, durable in one SQLite file',
  usage: ['[options]'],
  table: OPTIONS,
  notes: [
    'The broker speaks MQTT 5.0, 3.1.1 and 3.1 and ends cleanly on SIGTERM and SIGINT. To try it:',
    "  promptmq sub -v -t 'plant/#'",
    '  promptmq pub -t plant/3/temp -m 21.5',
  ],
  async main(values) {
    if (values.isMemory && values.dataDir !== undefined) {
      throw new UsageError('--memory and --data-dir exclude each other')
    }
    const bind = values.bind ?? DEFAULT_BIND
    const webSocket = webSocketOf(values, bind)
    const { maxPacketSize, maxConnections, maxKeepAlive, maxInflight, maxQueued } = values
    // Only here: publishing and subscribing need neither a broker nor a database.
    const { runServer } = await import('../server.ts')
    return runServer({
      bind,
      ...(webSocket === undefined ? {} : { webSocket }),
      dataDir: values.isMemory ? null : (values.dataDir ?? DEFAULT_DATA_DIR),
      logLevel: values.logLevel,
      ...(maxPacketSize === undefined ? {} : { maxPacketSize }),
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(maxKeepAlive === undefined ? {} : { maxKeepAlive }),
      ...(maxInflight === undefined ? {} : { maxInflight }),
      ...(maxQueued === undefined ? {} : { maxQueued }),
    })
  },
})
