import { SHARE_STRATEGIES, type ShareStrategy } from '@promptmq/router'
import type { Store } from '@promptmq/store'
import { type Clock, systemClock } from './clock.ts'
import { rangeMisuse, typeMisuse } from './misuse.ts'

/** Where the broker says what happens; any pino-shaped logger is one. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * What a broker may be told at its start. Everything has a default; every bound is finite.
 *
 * @example
 * ```ts
 * const broker = await Broker.start({ maximumPacketSize: 64 * 1024, maximumConnections: 500 })
 * ```
 */
export interface BrokerOptions {
  /** Where durable state lives. Default: nowhere, sessions last as long as the process. */
  readonly store?: Store
  /** Default: silent. */
  readonly logger?: Logger
  /** The largest packet that is accepted, in bytes, 64 to 268,435,460. Default 16 MiB. */
  readonly maximumPacketSize?: number
  /** The same for CONNECT, from a peer that nobody knows yet. Default 256 KiB. */
  readonly maximumConnectSize?: number
  /**
   * Connections at once, identified or not: beyond, CONNECT is refused with 0x97, and beyond twice as
   * many a connection is closed without a word. Default 100,000.
   */
  readonly maximumConnections?: number
  /**
   * The same of one address: an IPv4 address, or the first 64 bits of an IPv6 address. What has no
   * address, as a stream of your own, is not counted. Default 100,000.
   */
  readonly maximumConnectionsPerAddress?: number
  /** Milliseconds from the first byte's chance to a whole CONNECT. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Milliseconds that a hook may take to decide. Default 5,000. */
  readonly hookTimeoutMs?: number
  /**
   * Seconds: a longer Keep Alive, or none, is answered with this Server Keep Alive. A client before 5.0
   * cannot be told, and is disconnected all the same when it has been silent for one and a half times
   * as long, as §3.1.2.10 lets a server do. 0, the default: no limit.
   */
  readonly maximumKeepAlive?: number
  /** Seconds: a longer Session Expiry Interval is cut to this. Default 4,294,967,295: never. */
  readonly maximumSessionExpiry?: number
  /**
   * Sessions at once: beyond, a CONNECT that would begin one that outlives its connection is refused
   * with 0x97. Those that end with their connection are bounded by `maximumConnections`. Default
   * 1,000,000.
   */
  readonly maximumSessions?: number
  /**
   * The highest QoS that clients may publish at, 0 to 2; subscriptions are granted no more. Default 2.
   */
  readonly maximumQoS?: number
  /** Whether clients may publish retained messages. Default true. */
  readonly retainAvailable?: boolean
  /** Whether Topic Filters may have `+` and `#`. Default true; like the two below, told in CONNACK. */
  readonly wildcardSubscriptionAvailable?: boolean
  /** Whether there are shared subscriptions. Default true. */
  readonly sharedSubscriptionAvailable?: boolean
  /** Whether subscriptions may have a Subscription Identifier. Default true. */
  readonly subscriptionIdentifiersAvailable?: boolean
  /**
   * Whether a payload that a Payload Format Indicator calls UTF-8 has to be: else it is refused with 0x99.
   * Default false: nobody reads payloads.
   */
  readonly checkPayloadFormat?: boolean
  /**
   * Whether a session belongs to the User Name that began it, where somebody authenticates: nobody else
   * resumes it or takes it over. Default true; false: the Client Identifier alone tells.
   */
  readonly bindSessionsToUserName?: boolean
  /** Whether a refusing CONNACK and a DISCONNECT say why in words. Default true. */
  readonly reasonStrings?: boolean
  /** QoS 1 and 2 messages that a client may have unacknowledged, told in CONNACK. Default 65,535. */
  readonly receiveMaximum?: number
  /** Topic Aliases that a client may use, told in CONNACK. Default 32. */
  readonly topicAliasMaximum?: number
  /** Bytes of the Topic Names that one client's Topic Aliases stand for; beyond, 0x97. Default 256 KiB. */
  readonly maximumTopicAliasBytes?: number
  /** Topic Aliases that the broker sets for one client, of those that it takes. Default 32; 0: none. */
  readonly outboundTopicAliasMaximum?: number
  /** QoS 1 and 2 messages in flight to one client. Default 1,024. */
  readonly maximumInflight?: number
  /** Messages that wait for one session. Default 100,000. */
  readonly maximumQueuedMessages?: number
  /** Bytes that wait for one session. Default 256 MiB. */
  readonly maximumQueuedBytes?: number
  /**
   * Bytes that wait in memory for all sessions together. Each may hold as much as is still free; beyond,
   * a stored session leaves its messages in the Store, another one drops them. Default 1 GiB.
   */
  readonly maximumQueuedBytesTotal?: number
  /** Of those, messages kept in memory when there is a Store for the rest. Default 1,000. */
  readonly maximumHeldMessages?: number
  /** What goes when a session's queue is full. Default 'drop newest'. */
  readonly whenQueueFull?: 'drop newest' | 'drop oldest'
  /** Bytes that wait for one socket; beyond, see `whenSlow`. Default 16 MiB. */
  readonly maximumPendingBytes?: number
  /**
   * Bytes that wait for all sockets together. Each may have as much pending as is still free, so that
   * those who do not read leave room for those who do. Default 256 MiB.
   */
  readonly maximumPendingBytesTotal?: number
  /**
   * Bytes that gather for the Store while it is busy. Each publisher may add as much as is still free;
   * who adds more is not read from until the Store has taken them. Default 64 MiB.
   */
  readonly maximumUncommittedBytes?: number
  /**
   * What happens to QoS 0 messages for a client that reads too slowly: they are dropped, the newest or
   * the oldest, or the client is disconnected (Reason Code 0x97). Default 'drop newest'.
   */
  readonly whenSlow?: 'drop newest' | 'drop oldest' | 'disconnect'
  /**
   * Who of a shared subscription gets the next message: see {@link ShareStrategy}. Those that can take
   * it at once come first, whatever the strategy. Default 'round-robin'.
   */
  readonly shareStrategy?: ShareStrategy
  /** Subscriptions of one session; beyond, SUBACK 0x97. Default 10,000. */
  readonly maximumSubscriptions?: number
  /** Retained messages; beyond, PUBLISH with RETAIN is refused with 0x97. Default 1,000,000. */
  readonly maximumRetainedMessages?: number
  /** Bytes of retained messages. Default 256 MiB. */
  readonly maximumRetainedBytes?: number
  /** Levels of a Topic Name or Topic Filter. Default 128. */
  readonly maximumTopicLevels?: number
  /** User Properties of one packet. Default 64. */
  readonly maximumUserProperties?: number
  /**
   * Strings of clients with U+0001 to U+001F, U+007F to U+009F or a non-character, which §1.5.4 lets a
   * receiver refuse: taken and passed on, or Malformed Packets (0x81). Where some of your clients refuse
   * them, so must the broker: such a client would be disconnected by the message of another, again and
   * again (§5.4.9). Default 'allow'.
   */
  readonly disallowedCodePoints?: 'allow' | 'refuse'
  /** Time, for who simulates it. Default: the machine's. */
  readonly clock?: Clock
  /** 32 random bits at each call, for who simulates them. Default: the system's generator. */
  readonly random?: () => number
}

/** The same with every default filled in. */
export type Settings = Required<Omit<BrokerOptions, 'store' | 'logger'>> &
  Pick<BrokerOptions, 'store'> & { readonly logger: Logger }

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const MEBIBYTE = 1024 * 1024
const MILLISECONDS_MAX = 2_147_483_647

/** name: [default, least, most] */
const NUMBERS = {
  maximumPacketSize: [16 * MEBIBYTE, 64, 268_435_460],
  maximumConnectSize: [MEBIBYTE / 4, 64, 268_435_460],
  maximumConnections: [100_000, 1, 10_000_000],
  maximumConnectionsPerAddress: [100_000, 1, 10_000_000],
  connectTimeoutMs: [10_000, 1, MILLISECONDS_MAX],
  hookTimeoutMs: [5_000, 1, MILLISECONDS_MAX],
  maximumKeepAlive: [0, 0, 65_535],
  maximumSessionExpiry: [0xffff_ffff, 0, 0xffff_ffff],
  maximumSessions: [1_000_000, 0, Number.MAX_SAFE_INTEGER],
  maximumQoS: [2, 0, 2],
  receiveMaximum: [65_535, 1, 65_535],
  topicAliasMaximum: [32, 0, 65_535],
  maximumTopicAliasBytes: [256 * 1024, 1, Number.MAX_SAFE_INTEGER],
  outboundTopicAliasMaximum: [32, 0, 65_535],
  maximumInflight: [1_024, 1, 32_767],
  maximumQueuedMessages: [100_000, 1, Number.MAX_SAFE_INTEGER],
  maximumQueuedBytes: [256 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER],
  maximumQueuedBytesTotal: [1024 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER],
  maximumHeldMessages: [1_000, 1, Number.MAX_SAFE_INTEGER],
  maximumPendingBytes: [16 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER],
  maximumPendingBytesTotal: [256 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER],
  maximumUncommittedBytes: [64 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER],
  maximumSubscriptions: [10_000, 1, Number.MAX_SAFE_INTEGER],
  maximumRetainedMessages: [1_000_000, 0, Number.MAX_SAFE_INTEGER],
  maximumRetainedBytes: [256 * MEBIBYTE, 0, Number.MAX_SAFE_INTEGER],
  maximumTopicLevels: [128, 1, 65_536],
  maximumUserProperties: [64, 0, 1_000_000],
} as const satisfies Partial<Record<keyof BrokerOptions, readonly [number, number, number]>>

/** name: default */
const FLAGS = {
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  sharedSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  checkPayloadFormat: false,
  bindSessionsToUserName: true,
  reasonStrings: true,
} as const satisfies Partial<Record<keyof BrokerOptions, boolean>>

const WHEN_QUEUE_FULL = ['drop newest', 'drop oldest'] as const
const WHEN_SLOW = ['drop newest', 'drop oldest', 'disconnect'] as const
const DISALLOWED_CODE_POINTS = ['allow', 'refuse'] as const
const OTHERS = [
  'store',
  'logger',
  'clock',
  'random',
  'whenQueueFull',
  'whenSlow',
  'shareStrategy',
  'disallowedCodePoints',
]

/**
 * Fills in the defaults.
 * @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`, naming the option.
 */
export function resolveOptions(options: BrokerOptions): Settings {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NUMBERS, name) && !Object.hasOwn(FLAGS, name) && !OTHERS.includes(name)) {
      throw typeMisuse('ERR_PROMPTMQ_OPTION', `'${name}' is not an option of Broker`)
    }
  }
  const numbers: Record<string, number> = {}
  for (const [name, [fallback, least, most]] of Object.entries(NUMBERS)) {
    const value: unknown = options[name as keyof BrokerOptions] ?? fallback
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw rangeMisuse(
        'ERR_PROMPTMQ_OPTION',
        `${name} must be an integer from ${least} to ${most}, not ${String(value)}`,
      )
    }
    numbers[name] = value as number
  }
  const flags: Record<string, boolean> = {}
  for (const [name, fallback] of Object.entries(FLAGS)) {
    flags[name] = flag(name, options[name as keyof BrokerOptions], fallback)
  }
  return {
    ...(numbers as Record<keyof typeof NUMBERS, number>),
    ...(flags as Record<keyof typeof FLAGS, boolean>),
    whenQueueFull: policy('whenQueueFull', options.whenQueueFull, WHEN_QUEUE_FULL),
    shareStrategy: policy('shareStrategy', options.shareStrategy, SHARE_STRATEGIES),
    whenSlow: policy('whenSlow', options.whenSlow, WHEN_SLOW),
    disallowedCodePoints: policy(
      'disallowedCodePoints',
      options.disallowedCodePoints,
      DISALLOWED_CODE_POINTS,
    ),
    ...(options.store === undefined ? {} : { store: options.store }),
    logger: options.logger ?? SILENT,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  }
}

/** One of `known`, the first where none is given. */
function policy<T extends string>(name: string, value: T | undefined, known: readonly T[]): T {
  if (value === undefined) return known[0]!
  if (known.includes(value)) return value
  const list = known.map((one) => `'${one}'`).join(', ')
  throw rangeMisuse('ERR_PROMPTMQ_OPTION', `${name} must be one of ${list}, not ${String(value)}`)
}

function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? fallback
  throw typeMisuse('ERR_PROMPTMQ_OPTION', `${name} must be a boolean, not ${String(value)}`)
}

function systemRandom(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}
