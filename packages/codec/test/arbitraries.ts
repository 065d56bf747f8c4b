/**
 * Packets in the form in which `decode` gives them, with every key there: what is encoded comes
 * back strictly equal. Strings are well-formed and hold no U+0000; U+FEFF and astral characters
 * come often enough to matter.
 */
import fc from 'fast-check'
import {
  isReasonCodeOf,
  type Packet,
  PacketType,
  type ProtocolVersion,
  Sender,
  type WillProperties,
} from '../src/index.ts'

export const strings = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    { weight: 2, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constantFrom('', '\uFEFF', '\uFEFFa', 'é', '😀', 'a'.repeat(200)) },
  )
  .map((text) => text.replaceAll('\0', ''))

export const binaries = fc.uint8Array({ maxLength: 40 })
export const topicNames = strings.map((text) => text.replace(/[+#]/g, '') || 't')
export const packetIdentifiers = fc.integer({ min: 1, max: 65_535 })
const uint16 = fc.integer({ min: 0, max: 65_535 })
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ffff))
const bit = fc.constantFrom(0, 1)
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const userProperties = fc.array(fc.tuple(strings, strings), { maxLength: 4 })

/** With an ordinary prototype, as the decoder's objects have. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined })
}

/** Every Reason Code that the packet may carry, from either side. */
export function reasonCodes(packetType: PacketType): number[] {
  return Array.from({ length: 256 }, (_, code) => code).filter((code) =>
    isReasonCodeOf(packetType, code, Sender.Any),
  )
}

/** Properties with every key, or, before 5.0, with every key absent. */
function properties<T extends object>(
  version: ProtocolVersion,
  model: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  const full = record(model)
  if (version === 5) return full
  return full.map((all) => {
    const entries = Object.entries(all).map(([key, value]) => [
      key,
      Array.isArray(value) ? [] : undefined,
    ])
    return Object.fromEntries(entries) as T
  })
}

const message = {
  payloadFormatIndicator: maybe(bit),
  messageExpiryInterval: maybe(uint32),
  contentType: maybe(strings),
  responseTopic: maybe(topicNames),
  correlationData: maybe(binaries),
  userProperties,
}

const reasons = { reasonString: maybe(strings), userProperties }

function will(version: ProtocolVersion) {
  return record({
    topicName: topicNames,
    payload: binaries,
    qos,
    retain: fc.boolean(),
    properties: properties<WillProperties>(version, {
      ...message,
      willDelayInterval: maybe(uint32),
    }),
  })
}

/** Whether a client may send an empty Client Identifier. */
export function mayBeNameless(version: ProtocolVersion, cleanStart: boolean): boolean {
  return version === 5 || (version === 4 && cleanStart)
}

function connect(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant('connect' as const),
    protocolVersion: fc.constant(version),
    cleanStart: fc.boolean(),
    keepAlive: uint16,
    clientId: strings,
    userName: maybe(strings),
    password: maybe(binaries),
    will: maybe(will(version)),
    properties: properties<Extract<Packet, { type: 'connect' }>['properties']>(version, {
      sessionExpiryInterval: maybe(uint32),
      authenticationMethod: maybe(strings),
      authenticationData: maybe(binaries),
      requestProblemInformation: maybe(bit),
      requestResponseInformation: maybe(bit),
      receiveMaximum: maybe(packetIdentifiers),
      topicAliasMaximum: maybe(uint16),
      maximumPacketSize: maybe(uint32.map((size) => size || 1)),
      userProperties,
    }),
  }).map((packet) => ({
    ...packet,
    clientId: mayBeNameless(version, packet.cleanStart) ? packet.clientId : packet.clientId || 'c',
    password: version !== 5 && packet.userName === undefined ? undefined : packet.password,
    properties: {
      ...packet.properties,
      authenticationData:
        packet.properties.authenticationMethod === undefined
          ? undefined
          : packet.properties.authenticationData,
    },
  }))
}

function connack(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const codes = version === 5 ? reasonCodes(PacketType.Connack) : [0, 0x84, 0x85, 0x88, 0x86, 0x87]
  return record({
    type: fc.constant('connack' as const),
    sessionPresent: fc.boolean(),
    reasonCode: fc.constantFrom(...codes),
    properties: properties<Extract<Packet, { type: 'connack' }>['properties']>(version, {
      sessionExpiryInterval: maybe(uint32),
      receiveMaximum: maybe(packetIdentifiers),
      maximumQoS: maybe(bit),
      retainAvailable: maybe(bit),
      maximumPacketSize: maybe(uint32.map((size) => size || 1)),
      assignedClientIdentifier: maybe(strings),
      topicAliasMaximum: maybe(uint16),
      reasonString: maybe(strings),
      wildcardSubscriptionAvailable: maybe(bit),
      subscriptionIdentifiersAvailable: maybe(bit),
      sharedSubscriptionAvailable: maybe(bit),
      serverKeepAlive: maybe(uint16),
      responseInformation: maybe(strings),
      serverReference: maybe(strings),
      authenticationMethod: maybe(strings),
      authenticationData: maybe(binaries),
      userProperties,
    }),
  }).map((packet) => ({
    ...packet,
    sessionPresent: packet.sessionPresent && packet.reasonCode === 0 && version !== 3,
  }))
}

function publish(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant('publish' as const),
    topicName: topicNames,
    payload: binaries,
    qos,
    dup: fc.boolean(),
    retain: fc.boolean(),
    packetIdentifier: packetIdentifiers,
    isAliased: fc.boolean(),
    properties: properties<Extract<Packet, { type: 'publish' }>['properties']>(version, {
      ...message,
      topicAlias: maybe(packetIdentifiers),
      subscriptionIdentifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), {
        maxLength: 3,
      }),
    }),
  }).map(({ isAliased, ...packet }) => ({
    ...packet,
    topicName: isAliased && packet.properties.topicAlias !== undefined ? '' : packet.topicName,
    dup: packet.dup && packet.qos > 0,
    packetIdentifier: packet.qos > 0 ? packet.packetIdentifier : undefined,
  }))
}

function acknowledgement<Type extends 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'>(
  version: ProtocolVersion,
  type: Type,
  packetType: PacketType,
) {
  return record({
    type: fc.constant(type),
    packetIdentifier: packetIdentifiers,
    reasonCode: version === 5 ? fc.constantFrom(...reasonCodes(packetType)) : fc.constant(0),
    properties: properties(version, reasons),
  })
}

function subscribe(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const options = record({
    topicFilter: strings,
    qos,
    noLocal: version === 5 ? fc.boolean() : fc.constant(false),
    retainAsPublished: version === 5 ? fc.boolean() : fc.constant(false),
    retainHandling: version === 5 ? qos : fc.constant(0 as const),
  })
  return record({
    type: fc.constant('subscribe' as const),
    packetIdentifier: packetIdentifiers,
    subscriptions: fc.array(options, { minLength: 1, maxLength: 4 }),
    properties: properties<Extract<Packet, { type: 'subscribe' }>['properties']>(version, {
      subscriptionIdentifier: maybe(fc.integer({ min: 1, max: 268_435_455 })),
      userProperties,
    }),
  })
}

function codes(packetType: PacketType) {
  return fc.array(fc.constantFrom(...reasonCodes(packetType)), { minLength: 1, maxLength: 5 })
}

/** Any packet of one version. */
export function packets(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const isV5 = version === 5
  const all: fc.Arbitrary<Packet>[] = [
    connect(version),
    connack(version),
    publish(version),
    acknowledgement(version, 'puback', PacketType.Puback),
    acknowledgement(version, 'pubrec', PacketType.Pubrec),
    acknowledgement(version, 'pubrel', PacketType.Pubrel),
    acknowledgement(version, 'pubcomp', PacketType.Pubcomp),
    subscribe(version),
    record({
      type: fc.constant('suback' as const),
      packetIdentifier: packetIdentifiers,
      reasonCodes: isV5
        ? codes(PacketType.Suback)
        : fc.array(fc.constantFrom(0, 1, 2, 0x80), { minLength: 1 }),
      properties: properties(version, reasons),
    }),
    record({
      type: fc.constant('unsubscribe' as const),
      packetIdentifier: packetIdentifiers,
      topicFilters: fc.array(strings, { minLength: 1, maxLength: 4 }),
      properties: properties(version, { userProperties }),
    }),
    record({
      type: fc.constant('unsuback' as const),
      packetIdentifier: packetIdentifiers,
      reasonCodes: isV5 ? codes(PacketType.Unsuback) : fc.constant([]),
      properties: properties(version, reasons),
    }),
    fc.constant({ type: 'pingreq' as const }),
    fc.constant({ type: 'pingresp' as const }),
    record({
      type: fc.constant('disconnect' as const),
      reasonCode: isV5 ? fc.constantFrom(...reasonCodes(PacketType.Disconnect)) : fc.constant(0),
      properties: properties(version, {
        sessionExpiryInterval: maybe(uint32),
        reasonString: maybe(strings),
        serverReference: maybe(strings),
        userProperties,
      }),
    }),
  ]
  if (isV5) all.push(auth())
  return fc.oneof(...all)
}

function auth(): fc.Arbitrary<Packet> {
  return record({
    type: fc.constant('auth' as const),
    reasonCode: fc.constantFrom(0, 0x18, 0x19),
    properties: record({
      authenticationMethod: strings,
      authenticationData: maybe(binaries),
      ...reasons,
    }),
  })
}
