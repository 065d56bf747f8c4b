import mqtt, {
  type IClientOptions,
  type IClientPublishOptions,
  type IConnackPacket,
  type IPublishPacket,
  type ISubscriptionGrant,
  type MqttClient,
} from 'mqtt'
import type {
  ClientKind,
  ConnectOptions,
  InteropClient,
  Message,
  MessageProperties,
  ServerProperties,
} from './client.ts'
import { Inbox, within } from './events.ts'
import type { Version } from './features.ts'
import { ScramClient } from './scram-client.ts'

const MODES = {
  '3.1': { protocolVersion: 3, protocolId: 'MQIsdp' },
  '3.1.1': { protocolVersion: 4 },
  '5.0': { protocolVersion: 5 },
} as const satisfies Record<Version, IClientOptions>

/** MQTT.js, in this process. */
export const mqttJs: ClientKind = {
  name: 'MQTT.js',
  isHere: true,
  tellsReasonCodes: true,
  async connect(port, version, options) {
    const scram = options.scram === undefined ? null : new ScramClient(options.scram)
    const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, clientOptions(version, options, scram))
    if (scram !== null) answerWith(client, scram)
    const inbox = new Inbox<Message>()
    client.on('message', (topic, payload, packet) => inbox.push(messageOf(topic, payload, packet)))
    let seen: number | undefined
    client.on('disconnect', ({ reasonCode }) => {
      seen = reasonCode
    })
    // What the library has to say of a connection that ends is said by its end.
    client.on('error', () => {})
    const ended = new Promise<void>((resolve) => client.once('close', resolve)).then(() => seen)
    const connack = await within(connackOf(client, scram), () => 'CONNACK')
    return clientOf(client, connack, inbox, ended)
  },
  close: () => Promise.resolve(),
}

function clientOf(
  client: MqttClient,
  connack: InteropClient['connack'],
  inbox: Inbox<Message>,
  ended: Promise<number | undefined>,
): InteropClient {
  return {
    connack,
    ended,
    take: (count) => inbox.take(count),
    async subscribe(topicFilter, { qos = 0, subscriptionIdentifier, ...rest } = {}) {
      const { noLocal: nl = false, retainAsPublished: rap = false, retainHandling: rh = 0 } = rest
      const properties = subscriptionIdentifier === undefined ? {} : { subscriptionIdentifier }
      const granted = client.subscribeAsync(topicFilter, { qos, nl, rap, rh, properties })
      return within(codeOf(granted.then(([grant]) => grant as ISubscriptionGrant)), () => 'SUBACK')
    },
    async unsubscribe(topicFilter) {
      const answer = client.unsubscribeAsync(topicFilter)
      const packet = (await within(answer, () => 'UNSUBACK')) as { granted?: number[] } | undefined
      return packet?.granted?.[0] ?? 0
    },
    async publish(topic, payload, { qos = 0, retain = false, properties = {} } = {}) {
      const bytes = typeof payload === 'string' ? payload : Buffer.from(payload)
      const options = { qos, retain, properties: outward(properties) } as IClientPublishOptions
      const sent = client.publishAsync(topic, bytes, options).then(() => ({ qos: 0 }))
      return within(codeOf(sent), () => 'the acknowledgement')
    },
    async disconnect({ reasonCode = 0, sessionExpiryInterval } = {}) {
      const properties = sessionExpiryInterval === undefined ? {} : { sessionExpiryInterval }
      await client.endAsync(false, { reasonCode, properties })
    },
    drop: () => client.endAsync(true),
  }
}

function clientOptions(
  version: Version,
  options: ConnectOptions,
  scram: ScramClient | null,
): IClientOptions {
  const { clientId, clean = true, keepAlive = 60, userName, password, will } = options
  return {
    ...MODES[version],
    clientId,
    clean,
    keepalive: keepAlive,
    reconnectPeriod: options.reconnects === true ? 1 : 0,
    ...(userName !== undefined && { username: userName }),
    ...(password !== undefined && { password }),
    ...(options.properties !== undefined && { properties: { ...options.properties } }),
    ...(scram !== null && {
      properties: {
        ...options.properties,
        authenticationMethod: SCRAM,
        authenticationData: scram.first(),
      },
    }),
    ...(will !== undefined && {
      will: {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: will.qos ?? 0,
        retain: will.retain ?? false,
        ...(will.properties !== undefined && {
          properties: {
            ...outward(will.properties),
            ...(will.properties.willDelayInterval !== undefined && {
              willDelayInterval: will.properties.willDelayInterval,
            }),
          },
        }),
      },
    }),
  } as IClientOptions
}

const SCRAM = 'SCRAM-SHA-256'

/** Answers the challenge. */
function answerWith(client: MqttClient, scram: ScramClient): void {
  client.handleAuth = ({ properties }, callback) => {
    const authenticationData = scram.final(properties!.authenticationData!)
    callback(undefined, {
      cmd: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: SCRAM, authenticationData },
    })
  }
}

/** The first CONNACK, whatever it says. */
function connackOf(
  client: MqttClient,
  scram: ScramClient | null,
): Promise<InteropClient['connack']> {
  return new Promise((resolve, reject) => {
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'connack') return
      const connack: IConnackPacket = packet
      resolve({
        sessionPresent: connack.sessionPresent,
        code: (connack.reasonCode ?? connack.returnCode)!,
        properties: connackProperties(connack.properties),
        isProved: scram?.isServer(connack.properties?.authenticationData) === true,
      })
    })
    client.once('close', () => reject(new Error('closed without CONNACK')))
  })
}

function connackProperties(properties: IConnackPacket['properties'] = {}): ServerProperties {
  const { assignedClientIdentifier, serverKeepAlive, maximumPacketSize, ...rest } = properties
  const { topicAliasMaximum, maximumQoS, retainAvailable } = rest
  return {
    assignedClientIdentifier,
    serverKeepAlive,
    maximumPacketSize,
    topicAliasMaximum,
    maximumQoS,
    retainAvailable: numberOf(retainAvailable),
  }
}

/** The Reason Code with which the library fails what was refused. */
async function codeOf(answer: Promise<{ qos: number }>): Promise<number> {
  try {
    return (await answer).qos
  } catch (error) {
    const { code, packet } = error as { code?: unknown; packet?: { granted?: number[] } }
    const refused = code ?? packet?.granted?.[0]
    if (typeof refused === 'number') return refused
    throw error
  }
}

function outward(properties: MessageProperties): NonNullable<IPublishPacket['properties']> {
  const { payloadFormatIndicator, correlationData, userProperties, ...rest } = properties
  const { messageExpiryInterval, topicAlias, responseTopic, contentType } = rest
  const pairs: Record<string, string[]> = {}
  for (const [key, value] of userProperties ?? []) pairs[key] = [...(pairs[key] ?? []), value]
  return Object.fromEntries(
    Object.entries({
      payloadFormatIndicator:
        payloadFormatIndicator === undefined ? undefined : payloadFormatIndicator === 1,
      correlationData: correlationData === undefined ? undefined : Buffer.from(correlationData),
      userProperties: userProperties === undefined ? undefined : pairs,
      messageExpiryInterval,
      topicAlias,
      responseTopic,
      contentType,
    }).filter(([, value]) => value !== undefined),
  )
}

function messageOf(topic: string, payload: Buffer, packet: IPublishPacket): Message {
  const { qos, retain, properties = {} } = packet
  const { payloadFormatIndicator, correlationData, userProperties, ...rest } = properties
  const { subscriptionIdentifier, ...others } = rest
  const pairs = Object.entries(userProperties ?? {}).flatMap(([key, value]) =>
    [value].flat().map((one): [string, string] => [key, one]),
  )
  return {
    topic,
    payload,
    qos,
    retain,
    properties: {
      ...others,
      ...(payloadFormatIndicator !== undefined && {
        payloadFormatIndicator: numberOf(payloadFormatIndicator)!,
      }),
      ...(correlationData !== undefined && { correlationData: Uint8Array.from(correlationData) }),
      ...(pairs.length > 0 && { userProperties: pairs }),
      ...(subscriptionIdentifier !== undefined && {
        subscriptionIdentifiers: [subscriptionIdentifier].flat(),
      }),
    },
  }
}

/** The library makes booleans of properties that are 0 or 1. */
function numberOf(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}
