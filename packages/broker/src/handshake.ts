import { isUtf8 } from 'node:buffer'
import {
  type ConnackProperties,
  type Connect,
  decodeConnect,
  encodePublishProperties,
  FAULTS,
  Fault,
  isReasonCodeOf,
  PacketType,
  ReasonCode,
  Sender,
} from '@promptmq/codec'
import { SESSION_NEVER_EXPIRES } from '@promptmq/store'
import { beginAuthentication } from './authentication.ts'
import type { Connection } from './connection.ts'
import type { Verdict } from './hook-chain.ts'
import type { ConnectRequest } from './hooks.ts'
import type { Journal } from './journal.ts'
import type { StoredWill } from './wills.ts'

/**
 * From CONNECT to CONNACK (§3.1.4): format, then who it is, then what it may; only when all of that
 * is decided is anything touched that belongs to an existing session or connection.
 */
export function handleConnect(connection: Connection): void {
  if (connection.phase === 'connected') {
    connection.violate(ReasonCode.ProtocolError, 'a second CONNECT') // [MQTT-3.1.0-2]
    return
  }
  const { decoder, context, engine } = connection
  const connect = decodeConnect(context, decoder.bytes, decoder.start, decoder.end)
  if (typeof connect === 'number') {
    refuseConnect(connection, connect)
    return
  }
  connection.phase = 'deciding'
  useVersion(connection, connect.protocolVersion)
  connection.writer.maximumPacketSize =
    connect.properties.maximumPacketSize ?? Number.POSITIVE_INFINITY
  connection.wantsReasons = connect.properties.requestProblemInformation !== 0
  connection.writer.useAliases(
    Math.min(
      connect.properties.topicAliasMaximum ?? 0, // [MQTT-3.1.2-27]
      engine.settings.outboundTopicAliasMaximum,
    ),
  )
  const refused = checkConnect(connection, connect)
  if (refused !== ReasonCode.Success) {
    refuse(connection, refused)
    return
  }
  connection.client = {
    clientId: connect.clientId === '' ? assignClientId(connection) : connect.clientId,
    userName: connect.userName,
    protocolVersion: connect.protocolVersion,
    remoteAddress: connection.transport.remoteAddress,
  }
  const request: ConnectRequest = {
    ...connection.client,
    password: connect.password,
    cleanStart: connect.cleanStart,
    keepAlive: connect.keepAlive,
  }
  const isInSteps = connect.properties.authenticationMethod !== undefined
  if (isInSteps) authenticateInSteps(connection, connect, request)
  else authenticate(connection, connect, request)
}

function authenticate(connection: Connection, connect: Connect, request: ConnectRequest): void {
  let serverReference: string | undefined
  const verdict = connection.engine.hooks.authenticate(request, (reference) => {
    serverReference = reference
  })
  const refuseOrRedirect = (code: number) => refuse(connection, code, { serverReference })
  decide(connection, verdict, () => authorize(connection, connect), refuseOrRedirect)
}

/** Enhanced authentication (§4.12): by the method that CONNECT names. */
function authenticateInSteps(
  connection: Connection,
  connect: Connect,
  request: ConnectRequest,
): void {
  const { authenticationMethod, authenticationData } = connect.properties
  const method = connection.engine.hooks.authenticationMethod(authenticationMethod!)
  if (method === undefined) {
    refuse(connection, ReasonCode.BadAuthenticationMethod) // [MQTT-4.12.0-1]
    return
  }
  beginAuthentication(connection, method, request, authenticationData, (step) => {
    if (step.kind === 'failure') {
      refuse(connection, step.reasonCode ?? ReasonCode.NotAuthorized)
      return
    }
    const { userName = connection.client.userName } = step
    connection.client = { ...connection.client, userName }
    authorize(connection, connect, {
      authenticationMethod: method.name, // [MQTT-4.12.0-5]
      authenticationData: step.data,
    })
  })
}

/** @param properties - of a CONNACK that accepts. */
function authorize(
  connection: Connection,
  connect: Connect,
  properties: Partial<ConnackProperties> = {},
): void {
  const verdict = authorizeWill(connection, connect)
  decide(connection, verdict, () => accept(connection, connect, properties))
}

/** Goes on where the verdict allows it; refuses the CONNECT where it does not. */
function decide(
  connection: Connection,
  verdict: Verdict,
  then: () => void,
  otherwise = (code: number) => refuse(connection, code),
): void {
  const go = (code: number) => {
    if (connection.phase === 'closed') return // while a hook decided, at once or later
    if (code === ReasonCode.Success) then()
    else otherwise(code)
  }
  if (typeof verdict === 'number') go(verdict)
  else connection.wait(verdict, go)
}

/** A CONNECT that cannot be read, or that is too large: answered where its version has an answer. */
export function refuseConnect(connection: Connection, fault: Fault): void {
  const { text, reasonCode } = FAULTS[fault]!
  const { engine, decoder, client } = connection
  engine.protocolErrorCount++
  engine.log.info({ remote: client.remoteAddress }, `CONNECT: ${text}`)
  const level = claimedLevel(decoder.bytes, decoder.start, decoder.end)
  if (level === null) {
    connection.abandon(text) // what is no MQTT is told nothing
  } else if (fault === Fault.ProtocolVersionUnsupported) {
    useVersion(connection, level > 5 ? 5 : 4)
    refuse(connection, reasonCode, { reasonString: connection.reasonString(text) })
  } else if (level === 5) {
    refuse(connection, reasonCode, { reasonString: connection.reasonString(text) })
  } else {
    connection.abandon(text) // 3.1.1 closes without a CONNACK [MQTT-3.1.4-1]
  }
}

/** The Protocol Version byte of what begins like a CONNECT; `null`: it does not. */
function claimedLevel(bytes: Uint8Array, start: number, end: number): number | null {
  const nameSize = start + 2 <= end ? (bytes[start]! << 8) | bytes[start + 1]! : 0
  const levelAt = start + 2 + nameSize
  if ((nameSize !== 4 && nameSize !== 6) || levelAt >= end) return null
  const name = String.fromCharCode(...bytes.subarray(start + 2, levelAt))
  return name === 'MQTT' || name === 'MQIsdp' ? bytes[levelAt]! : null
}

function useVersion(connection: Connection, version: 3 | 4 | 5): void {
  connection.context.protocolVersion = version
  connection.writer.protocolVersion = version
}

/** @param properties - of the CONNACK, where its version has any. */
function refuse(
  connection: Connection,
  reasonCode: number,
  properties: Partial<ConnackProperties> = {},
): void {
  const isLegal =
    isReasonCodeOf(PacketType.Connack, reasonCode, Sender.Server) && reasonCode >= 0x80
  const code = isLegal ? reasonCode : ReasonCode.NotAuthorized
  connection.writer.connack({ type: 'connack', reasonCode: code, properties })
  connection.abandon(`CONNECT refused with 0x${reasonCode.toString(16)}`)
}

/** What may be refused before anybody is asked. */
function checkConnect(connection: Connection, connect: Connect): number {
  const { engine } = connection
  if (connect.clientId === '') {
    // [MQTT-3.1.3-8]: 3.1.1 allows no name only with a clean session, 3.1 not at all.
    const mayBeAssigned =
      connect.protocolVersion === 5 || (connect.protocolVersion === 4 && connect.cleanStart)
    if (!mayBeAssigned) return ReasonCode.ClientIdentifierNotValid
  }
  if (engine.hasTooMany(connection)) return ReasonCode.QuotaExceeded
  const wantsStore = sessionExpiryOf(connection, connect) > 0
  if (wantsStore && engine.journal?.failure) return ReasonCode.ServerUnavailable
  const { will } = connect
  const { maximumQoS, retainAvailable, checkPayloadFormat } = engine.settings
  if (will !== undefined && will.qos > maximumQoS) return ReasonCode.QoSNotSupported // [MQTT-3.2.2-12]
  // [MQTT-3.2.2-13]
  if (will?.retain && !retainAvailable) return ReasonCode.RetainNotSupported
  if (
    checkPayloadFormat &&
    will?.properties.payloadFormatIndicator === 1 &&
    !isUtf8(will.payload)
  ) {
    return ReasonCode.PayloadFormatInvalid
  }
  // Names that begin with `$` are the server's (§4.7.2).
  return will?.topicName.startsWith('$') ? ReasonCode.NotAuthorized : ReasonCode.Success
}

function authorizeWill(connection: Connection, { will }: Connect): Verdict {
  const { hooks } = connection.engine
  if (will === undefined || !hooks.has('authorizePublish')) return ReasonCode.Success
  const { topicName, qos, retain } = will
  return hooks.authorizePublish(connection.client, { topicName, qos, retain, isWill: true })
}

/**
 * The CONNECT is good: takes the session over, and answers when the Store has what that changed: a session
 * that the client was told is gone does not come back after a crash. It has then all that earlier
 * connections of the session asked for, too.
 */
function accept(
  connection: Connection,
  connect: Connect,
  properties: Partial<ConnackProperties>,
): void {
  const { engine, client } = connection
  const isBound = engine.settings.bindSessionsToUserName && engine.hooks.authenticates
  const owner = isBound ? (client.userName ?? '') : ''
  const former = engine.sessions.claim(client.clientId)
  if (former !== undefined && former.session.owner !== owner) {
    refuse(connection, ReasonCode.NotAuthorized)
    return
  }
  const sessionExpiryInterval = sessionExpiryOf(connection, connect)
  const isFull = engine.sessions.count >= engine.settings.maximumSessions
  if (former === undefined && sessionExpiryInterval > 0 && isFull) {
    refuse(connection, ReasonCode.QuotaExceeded)
    return
  }
  const keepAlive = keepAliveOf(connection, connect)
  const connack = {
    type: 'connack',
    reasonCode: ReasonCode.Success,
    properties: { ...agreed(connection, connect, sessionExpiryInterval, keepAlive), ...properties },
  } as const
  if (!connection.writer.canSayConnack(connack)) {
    connection.abandon('Maximum Packet Size leaves no room for CONNACK') // [MQTT-3.1.2-24]
    return
  }
  const before = engine.appended
  former?.connection?.takeOver() // [MQTT-3.1.4-3]
  const { entry, isPresent } = engine.sessions.open(
    client.clientId,
    owner,
    connect.cleanStart,
    sessionExpiryInterval,
  )
  const will = willOf(connection, connect)
  connection.takes(entry, will)
  engine.wills.connected(entry, will)
  const begin = () => {
    connection.accepted(keepAlive)
    connection.writer.connack({ ...connack, sessionPresent: isPresent })
    entry.session.attach(connection.writer, connect.properties.receiveMaximum ?? 65_535)
    connection.proceed()
    engine.joined(connection)
  }
  const batch = engine.batchSince(before) || engine.sessions.endingOf(client.clientId)
  if (batch === 0) begin()
  else connection.wait(kept(engine.journal!, batch), (error) => beginIf(connection, error, begin))
}

function beginIf(connection: Connection, error: Error | null, begin: () => void): void {
  if (error === null) {
    begin()
    return
  }
  connection.discardWill()
  refuse(connection, ReasonCode.ServerUnavailable)
}

/** Resolves when a batch is kept, with the error where it was not. */
function kept(journal: Journal, batch: number): Promise<Error | null> {
  const { promise, resolve } = Promise.withResolvers<Error | null>()
  journal.whenKept(batch, resolve)
  return promise
}

/** What the server says of itself; what is as the standard assumes it is left out. */
function agreed(
  connection: Connection,
  connect: Connect,
  sessionExpiryInterval: number,
  keepAlive: number,
): Partial<ConnackProperties> {
  const { engine } = connection
  const { settings } = engine
  const asked = connect.properties.sessionExpiryInterval ?? 0
  const wantsInformation = connect.properties.requestResponseInformation === 1 // [MQTT-3.1.2-28]
  return {
    ...(wantsInformation && {
      responseInformation: engine.hooks.responseInformation(connection.client),
    }),
    ...(connect.clientId === '' && { assignedClientIdentifier: connection.client.clientId }),
    ...(sessionExpiryInterval !== asked && { sessionExpiryInterval }),
    ...(keepAlive !== connect.keepAlive && { serverKeepAlive: keepAlive }),
    ...(settings.maximumQoS < 2 && { maximumQoS: settings.maximumQoS }),
    ...(!settings.retainAvailable && { retainAvailable: 0 }),
    ...(!settings.wildcardSubscriptionAvailable && { wildcardSubscriptionAvailable: 0 }),
    ...(!settings.sharedSubscriptionAvailable && { sharedSubscriptionAvailable: 0 }),
    ...(!settings.subscriptionIdentifiersAvailable && { subscriptionIdentifiersAvailable: 0 }),
    ...(settings.receiveMaximum < 65_535 && { receiveMaximum: settings.receiveMaximum }),
    ...(settings.topicAliasMaximum > 0 && { topicAliasMaximum: settings.topicAliasMaximum }),
    maximumPacketSize: settings.maximumPacketSize,
  }
}

/** Clean Session 0 of MQTT 3.x is a session that never expires, 1 is one that ends at once. */
function sessionExpiryOf(connection: Connection, connect: Connect): number {
  const asked =
    connect.protocolVersion === 5
      ? (connect.properties.sessionExpiryInterval ?? 0)
      : connect.cleanStart
        ? 0
        : SESSION_NEVER_EXPIRES
  return Math.min(asked, connection.engine.settings.maximumSessionExpiry)
}

/** Seconds, as it is in force: what was asked for, or less. Only 5.0 can be told. */
function keepAliveOf(connection: Connection, { keepAlive }: Connect): number {
  const { maximumKeepAlive } = connection.engine.settings
  const isTooLong = keepAlive === 0 || keepAlive > maximumKeepAlive
  return maximumKeepAlive > 0 && isTooLong ? maximumKeepAlive : keepAlive
}

function willOf({ client }: Connection, { will }: Connect): StoredWill | null {
  if (will === undefined) return null
  const { willDelayInterval = 0, messageExpiryInterval, ...forwarded } = will.properties
  return {
    client,
    topicName: will.topicName,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    properties: encodePublishProperties(forwarded), // [MQTT-3.1.3-10]
    messageExpiryInterval,
    willDelayInterval,
  }
}

/** 128 random bits: nobody guesses the name of somebody else's session [MQTT-3.1.3-6]. */
function assignClientId({ engine }: Connection): string {
  const words = Array.from({ length: 4 }, () => engine.settings.random() >>> 0)
  return `auto-${words.map((word) => word.toString(16).padStart(8, '0')).join('')}`
}
