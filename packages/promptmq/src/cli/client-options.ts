import type { QoS } from '@promptmq/codec'
import type { ConnectOptions, WillMessage } from '../client/connect-options.ts'
import { UsageError } from './errors.ts'
import {
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
import {
  type PropertyAssignment,
  parseProperty,
  propertiesOf,
  propertyWordCount,
} from './properties.ts'
import { topicName } from './topic.ts'

const U16 = 0xffff
const U32 = 0xffff_ffff
const qos = (value: string): QoS => integer(0, 2)(value) as QoS

/** The options that `pub` and `sub` share: where to connect, as whom, and with what will. */
export const CLIENT_OPTIONS = {
  host: withDefault(text, 'localhost', {
    short: 'h',
    long: 'host',
    placeholder: 'HOST',
    group: 'Connection',
    help: 'host of the server',
  }),
  port: withDefault(integer(1, U16), 1883, {
    short: 'p',
    long: 'port',
    placeholder: 'PORT',
    group: 'Connection',
    help: 'port of the server',
  }),
  unixPath: one(text, {
    long: 'unix',
    placeholder: 'PATH',
    group: 'Connection',
    help: 'connect to a unix socket instead',
  }),
  url: one(parseUrl, {
    short: 'L',
    long: 'url',
    placeholder: 'URL',
    group: 'Connection',
    help: 'all in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC',
  }),
  clientId: one(text, {
    short: 'i',
    long: 'id',
    placeholder: 'ID',
    group: 'Connection',
    help: 'Client Identifier; the server makes one if it is not given',
  }),
  clientIdPrefix: one(text, {
    short: 'I',
    long: 'id-prefix',
    placeholder: 'PREFIX',
    group: 'Connection',
    help: 'Client Identifier that is PREFIX and the process id',
  }),
  userName: one(text, {
    short: 'u',
    long: 'username',
    placeholder: 'USER',
    group: 'Connection',
    help: 'User Name',
  }),
  password: one(text, {
    short: 'P',
    long: 'pw',
    alias: 'password',
    placeholder: 'PASSWORD',
    group: 'Connection',
    help: 'Password',
  }),
  keepAlive: withDefault(integer(0, U16), 60, {
    short: 'k',
    long: 'keep-alive',
    alias: 'keepalive',
    placeholder: 'SECONDS',
    group: 'Connection',
    help: 'Keep Alive; 0 turns it off',
  }),
  keepsSession: flag({
    short: 'c',
    long: 'no-clean-start',
    alias: 'disable-clean-session',
    group: 'Connection',
    help: 'go on with the session of this Client Identifier (needs -i), and keep it for good unless -x says how long',
  }),
  sessionExpiryInterval: one(parseSessionExpiry, {
    short: 'x',
    long: 'session-expiry',
    alias: 'session-expiry-interval',
    placeholder: 'SECONDS',
    group: 'Connection',
    help: 'how long the server keeps the session afterwards; -1: for good',
  }),
  protocolVersion: one(parseProtocolVersion, {
    short: 'V',
    long: 'protocol-version',
    placeholder: '5',
    group: 'Connection',
    help: 'MQTT version: this command speaks 5 only',
  }),
  willTopic: one(topicName, {
    long: 'will-topic',
    placeholder: 'TOPIC',
    group: 'Will',
    help: 'what the server publishes if this client dies: its topic',
  }),
  willPayload: one(text, {
    long: 'will-payload',
    placeholder: 'MESSAGE',
    group: 'Will',
    help: 'its payload; empty if not given',
  }),
  willQos: one(qos, { long: 'will-qos', placeholder: 'QOS', group: 'Will', help: 'its QoS' }),
  willRetain: flag({ long: 'will-retain', group: 'Will', help: 'retain it' }),
  properties: many(parseProperty, {
    short: 'D',
    long: 'property',
    placeholder: 'PACKET NAME VALUE',
    group: 'MQTT 5',
    help: 'a property of a packet: -D publish content-type text/plain, -D connect user-property NAME VALUE',
    wordCount: propertyWordCount,
  }),
  isDebug: flag({
    short: 'd',
    long: 'debug',
    group: 'Output',
    help: 'tell on stderr what happens',
  }),
  isQuiet: flag({ long: 'quiet', group: 'Output', help: 'print no error messages' }),
} satisfies OptionTable

/** What {@link CLIENT_OPTIONS} come out as. */
export type ClientValues = ValuesOf<typeof CLIENT_OPTIONS>

/** `-q`, which means one thing to a publisher and another to a subscriber. */
export function qosOption(group: string, help: string) {
  return withDefault<QoS>(qos, 0, { short: 'q', long: 'qos', placeholder: 'QOS', group, help })
}

/** What `-L` says. */
export interface ServerUrl {
  readonly host: string
  readonly port: number | undefined
  readonly userName: string | undefined
  readonly password: string | undefined
  readonly topic: string | undefined
}

/** @throws ValueError for what is no `mqtt://` URL. */
export function parseUrl(value: string): ServerUrl {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw new ValueError(`must be a URL as mqtt://HOST:PORT/TOPIC, not ${quote(value)}`)
  }
  if (url.protocol !== 'mqtt:' || url.hostname === '') {
    throw new ValueError(`must begin with mqtt://HOST, not ${quote(value)}`)
  }
  const part = (raw: string): string | undefined => {
    try {
      return raw === '' ? undefined : decodeURIComponent(raw)
    } catch {
      throw new ValueError(`has a bad % sequence: ${quote(raw)}`)
    }
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    userName: part(url.username),
    password: part(url.password),
    // Not its path: '#' and '?' end that, and may be in a topic.
    topic: part(/^mqtt:\/\/[^/]*\/(.*)$/.exec(url.href)?.[1] ?? ''),
  }
}

/**
 * The topic of `-L`, if it has one.
 *
 * @param check - {@link topicName} or another parser of values.
 * @throws UsageError when the check does not let it pass.
 */
export function urlTopic(
  { url }: Pick<ClientValues, 'url'>,
  check: (topic: string) => string,
): string | undefined {
  try {
    return url?.topic === undefined ? undefined : check(url.topic)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    throw new UsageError(`the topic of the URL ${error.message}`)
  }
}

function parseSessionExpiry(value: string): number {
  return value === '-1' || value === '∞' ? U32 : integer(0, U32)(value)
}

function parseProtocolVersion(value: string): 5 {
  if (value === '5' || value === 'mqttv5') return 5
  throw new ValueError(`must be 5, the only version that this command speaks, not ${quote(value)}`)
}

/**
 * What CONNECT says, from the options.
 *
 * @throws UsageError where options contradict each other.
 */
export function connectOptionsOf(
  values: ClientValues,
  log: (line: string) => void,
): ConnectOptions {
  const { url, keepsSession, clientId, clientIdPrefix } = values
  if (clientId !== undefined && clientIdPrefix !== undefined) {
    throw new UsageError('-i and -I exclude each other')
  }
  const id = clientId ?? (clientIdPrefix === undefined ? '' : `${clientIdPrefix}${process.pid}`)
  if (keepsSession && id === '') throw new UsageError('-c needs a Client Identifier: -i ID')
  // Without an expiry, keeping the session would end with the connection.
  const expiry = values.sessionExpiryInterval ?? (keepsSession ? U32 : undefined)
  const properties = propertiesOf('connect', values.properties)
  return {
    address:
      values.unixPath === undefined
        ? { host: url?.host ?? values.host, port: url?.port ?? values.port }
        : { path: values.unixPath },
    clientId: id,
    cleanStart: !keepsSession,
    keepAlive: values.keepAlive,
    userName: values.userName ?? url?.userName,
    password: values.password ?? url?.password,
    will: willOf(values),
    properties:
      expiry === undefined ? properties : { sessionExpiryInterval: expiry, ...properties },
    connectTimeoutMs: 30_000,
    log,
  }
}

function willOf(values: ClientValues): WillMessage | undefined {
  const { willTopic, willPayload, willQos, willRetain } = values
  const properties = propertiesOf('will', values.properties)
  if (willTopic !== undefined) {
    return {
      topicName: willTopic,
      payload: new TextEncoder().encode(willPayload ?? ''),
      qos: willQos ?? 0,
      retain: willRetain,
      properties,
    }
  }
  const isMentioned =
    willPayload !== undefined ||
    willQos !== undefined ||
    willRetain ||
    Object.keys(properties).length > 0
  if (isMentioned) throw new UsageError('a will needs its topic: --will-topic TOPIC')
  return undefined
}

/**
 * Refuses properties of packets that a command never sends.
 *
 * @throws UsageError for the first one, `-D subscribe` in `pub` for instance.
 */
export function refuseProperties(
  assignments: readonly PropertyAssignment[],
  ...packets: readonly PropertyAssignment['packet'][]
): void {
  for (const { packet } of assignments) {
    if (packets.includes(packet)) throw new UsageError(`option '-D': there is no ${packet} here`)
  }
}
