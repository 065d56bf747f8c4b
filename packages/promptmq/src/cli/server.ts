import { defineCommand } from './command.ts'
import { UsageError } from './errors.ts'
import {
  choice,
  flag,
  integer,
  type OptionTable,
  one,
  quote,
  text,
  ValueError,
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

const OPTIONS = {
  bind: one(parseBind, {
    long: 'bind',
    placeholder: 'HOST:PORT',
    group: 'Listening',
    help: 'where to listen; also :PORT and [::1]:PORT; 0.0.0.0:1883 is every interface (default 127.0.0.1:1883)',
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
    help: 'longest Keep Alive; clients that ask for more, or for none, are given this',
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
    const { maxPacketSize, maxConnections, maxKeepAlive, maxInflight, maxQueued } = values
    // Only here: publishing and subscribing need neither a broker nor a database.
    const { runServer } = await import('../server.ts')
    return runServer({
      bind: values.bind ?? DEFAULT_BIND,
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
