import type { IncomingMessage } from 'node:http'
import type { TlsOptions } from 'node:tls'
import type { Settings } from '@promptmq/broker'
import { rangeMisuse, typeMisuse } from '@promptmq/broker/internal'

/** Decides about the Origin of an upgrade; only `true` lets it in. Programs need not send one. */
export type OriginCheck = (origin: string | undefined, request: IncomingMessage) => boolean

/** What both ways to serve WebSocket may be told. */
export interface WebSocketOptions {
  /**
   * The path of the URL, without a query. Default: `/mqtt` on an http server that exists already, any
   * on a port of its own.
   */
  readonly path?: string
  /**
   * Whose web pages may connect: origins as browsers send them (`https://app.example`), or a function
   * that decides. A list lets in who sends no Origin: no browser, which could send any. Default: all.
   */
  readonly allowedOrigins?: readonly string[] | OriginCheck
  /**
   * Bytes of one WebSocket message, all its frames together. Default: the broker's maximumPacketSize
   * and 1 MiB, since a message may hold several packets.
   */
  readonly maximumMessageSize?: number
  /**
   * Frames of one WebSocket message. Default: as many as it takes at 16 KiB each, at least 64; browsers
   * cut what is large into frames of some 128 KiB.
   */
  readonly maximumFragments?: number
}

/** What a port of its own may be told beside that. */
export interface ListenWebSocketOptions extends WebSocketOptions {
  /** 0 to 65,535, 0: any free one. Default 8083. */
  readonly port?: number
  /** Name or address to bind. Default 127.0.0.1: who wants the world says so. */
  readonly host?: string
  /** Key and certificate, for `wss://`. Default: none, `ws://`. */
  readonly tls?: TlsOptions
}

/** {@link WebSocketOptions} with every default filled in. */
export interface DoorSettings {
  /** `null`: any. */
  readonly path: string | null
  readonly isAllowed: OriginCheck
  readonly maximumMessageSize: number
  readonly maximumFragments: number
  /** Pieces of an unfinished frame, as the socket read them. */
  readonly maximumChunks: number
}

const NAMES = ['path', 'allowedOrigins', 'maximumMessageSize', 'maximumFragments']
const MEBIBYTE = 1024 * 1024
/** The most that ws counts to. */
const MESSAGE_SIZE_MAX = 0x7fff_ffff
const FRAGMENT_SIZE = 16 * 1024
const LEAST_FRAGMENTS = 64
/** Each chunk that waits costs memory beside its bytes: smaller ones, on average, are a trickle. */
const CHUNK_SIZE = 512
const LEAST_CHUNKS = 1024

/**
 * Fills in the defaults.
 * @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`, naming the option.
 */
export function resolveWebSocketOptions(
  options: WebSocketOptions,
  { maximumPacketSize }: Settings,
): DoorSettings {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) {
      throw typeMisuse('ERR_PROMPTMQ_OPTION', `'${name}' is not an option of WebSocket`)
    }
  }
  const maximumMessageSize = integer(
    'maximumMessageSize',
    options.maximumMessageSize ?? maximumPacketSize + MEBIBYTE,
    MESSAGE_SIZE_MAX,
  )
  const fragments = Math.max(LEAST_FRAGMENTS, Math.ceil(maximumMessageSize / FRAGMENT_SIZE))
  return {
    path: resolvePath(options.path),
    isAllowed: resolveOrigins(options.allowedOrigins),
    maximumMessageSize,
    maximumFragments: integer(
      'maximumFragments',
      options.maximumFragments ?? fragments,
      MESSAGE_SIZE_MAX,
    ),
    maximumChunks: LEAST_CHUNKS + Math.ceil(maximumMessageSize / CHUNK_SIZE),
  }
}

function integer(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw rangeMisuse(
    'ERR_PROMPTMQ_OPTION',
    `${name} must be an integer from 1 to ${most}, not ${String(value)}`,
  )
}

function resolvePath(path: string | undefined): string | null {
  if (path === undefined) return null
  if (typeof path === 'string' && /^\/[^?#]*$/.test(path)) return path
  throw typeMisuse(
    'ERR_PROMPTMQ_OPTION',
    `path must begin with '/' and have no query, not ${String(path)}`,
  )
}

function resolveOrigins(allowed: WebSocketOptions['allowedOrigins']): OriginCheck {
  if (allowed === undefined) return () => true
  if (typeof allowed === 'function') return allowed
  if (!Array.isArray(allowed)) {
    throw typeMisuse('ERR_PROMPTMQ_OPTION', 'allowedOrigins must be a list or a function')
  }
  const origins = new Set<string>(allowed.map(checkOrigin))
  return (origin) => origin === undefined || origins.has(origin)
}

/** One that is written otherwise than browsers do would never match. */
function checkOrigin(origin: unknown): string {
  if (origin === 'null') return origin
  const parsed = typeof origin === 'string' ? URL.parse(origin) : null
  if (parsed !== null && originOf(parsed) === origin) return origin
  const text = `allowedOrigins: '${String(origin)}' is no origin, such as 'https://app.example'`
  throw typeMisuse('ERR_PROMPTMQ_OPTION', text)
}

/** As browsers write it, also that of an extension or an app, whose schemes a URL gives no origin. */
function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`
}
