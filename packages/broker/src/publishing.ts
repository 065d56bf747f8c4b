import { isUtf8 } from 'node:buffer'
import { decodePublishHeader, decodePubrel, Fault, PacketType, ReasonCode } from '@promptmq/codec'
import { keepMessage, type Message, type TopicEntry } from '@promptmq/router'
import { shortAcknowledgement } from './acknowledgements.ts'
import type { Connection } from './connection.ts'
import type { Publication } from './hooks.ts'

const PUBACK = PacketType.Puback << 4
const PUBREC = PacketType.Pubrec << 4
const PUBCOMP = PacketType.Pubcomp << 4
const DOLLAR = 0x24

/** A client publishes (§3.3): its topic is resolved, its right is checked, then it is fanned out. */
export function handlePublish(connection: Connection): void {
  const { decoder, context, engine } = connection
  const header = engine.publishHeader
  const { bytes, flags, start, end } = decoder
  const fault = decodePublishHeader(header, context, bytes, flags, start, end)
  if (fault !== Fault.None) {
    connection.fail(fault)
    return
  }
  if (!isSupported(connection)) return
  const topic = resolveTopic(connection)
  if (topic === null) return
  if (header.qos > 0 && !admit(connection)) return
  const refused = refusal(connection, topic)
  if (refused !== ReasonCode.Success) {
    answer(connection, header.qos, header.packetIdentifier, refused, 0)
  } else if (engine.hooks.has('authorizePublish')) {
    publishIfAuthorized(connection, topic)
  } else {
    publish(connection, topic)
  }
}

/** PUBREL: the identifier is free again, whether or not it was held [MQTT-4.3.3-11]. */
export function handlePubrel(connection: Connection): void {
  const { decoder, context, engine } = connection
  const header = engine.acknowledgementHeader
  const fault = decodePubrel(header, context, decoder.bytes, decoder.start, decoder.end)
  if (fault !== Fault.None) {
    connection.fail(fault)
    return
  }
  const { packetIdentifier } = header
  const before = engine.appended
  const wasHeld = connection.entry!.session.letGo(packetIdentifier)
  const code = wasHeld ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound
  const pubcomp = shortAcknowledgement(PUBCOMP, packetIdentifier, code)
  connection.owe(pubcomp, engine.batchSince(before))
}

/** Whether QoS and RETAIN are as CONNACK said they may be. */
function isSupported(connection: Connection): boolean {
  const { publishHeader, settings } = connection.engine
  if (publishHeader.qos > settings.maximumQoS) {
    connection.violate(ReasonCode.QoSNotSupported, 'QoS above the maximum')
    return false
  }
  if (publishHeader.retain && !settings.retainAvailable) {
    connection.violate(ReasonCode.RetainNotSupported, 'retained messages are not available')
    return false
  }
  return true
}

/**
 * The topic that a PUBLISH is on, by name or by alias (§3.3.2.3.4).
 * @returns `null` where the connection had to be ended.
 */
function resolveTopic(connection: Connection): TopicEntry | null {
  const { engine } = connection
  const header = engine.publishHeader
  const { topicAlias } = header
  if (topicAlias > engine.settings.topicAliasMaximum) {
    connection.violate(ReasonCode.TopicAliasInvalid, 'Topic Alias above the maximum')
    return null
  }
  if (header.hasSubscriptionIdentifier) {
    connection.violate(ReasonCode.ProtocolError, 'Subscription Identifier from a client')
    return null
  }
  if (header.topicEnd > header.topicStart) {
    const { bytes, topicStart, topicEnd, topicHash } = header
    const topic = engine.topics.get(bytes, topicStart, topicEnd, topicHash)
    return topicAlias === 0 || setAlias(connection, topicAlias, topic) ? topic : null
  }
  const topic = connection.aliases?.[topicAlias]
  if (topic === undefined) {
    connection.violate(ReasonCode.ProtocolError, 'Topic Alias is not set')
    return null
  }
  return topic
}

/** @returns false where the connection had to be ended: its aliases take too much memory. */
function setAlias(connection: Connection, topicAlias: number, topic: TopicEntry): boolean {
  connection.aliases ??= []
  const former = connection.aliases[topicAlias]
  if (former === topic) return true
  connection.aliasBytes += topic.bytes.length - (former?.bytes.length ?? 0)
  if (connection.aliasBytes > connection.engine.settings.maximumTopicAliasBytes) {
    connection.disconnect(ReasonCode.QuotaExceeded, 'Topic Aliases take too much memory')
    return false
  }
  connection.aliases[topicAlias] = topic
  return true
}

/**
 * Whether a QoS 1 or 2 message is new and may be taken. A repetition of one that is held is answered
 * here; more than the Receive Maximum ends the connection (§4.9).
 */
function admit(connection: Connection): boolean {
  const { engine, context } = connection
  const header = engine.publishHeader
  const { session } = connection.entry!
  if (header.qos === 2 && session.received.has(header.packetIdentifier)) {
    // It is kept, or the first is not answered either: CONNACK waited for what came before.
    connection.owe(shortAcknowledgement(PUBREC, header.packetIdentifier, 0), 0)
    return false
  }
  if (
    context.protocolVersion === 5 &&
    connection.unacknowledgedCount >= engine.settings.receiveMaximum
  ) {
    connection.violate(ReasonCode.ReceiveMaximumExceeded, 'Receive Maximum exceeded')
    return false
  }
  connection.unacknowledgedCount++
  return true
}

/** What the broker itself refuses, whoever asks. */
function refusal(connection: Connection, topic: TopicEntry): number {
  const { engine } = connection
  const header = engine.publishHeader
  // Names that begin with `$` are the server's (§4.7.2).
  if (topic.bytes[0] === DOLLAR) return ReasonCode.NotAuthorized
  if (engine.settings.checkPayloadFormat && header.payloadFormatIndicator === 1) {
    const payload = header.bytes.subarray(header.payloadStart, header.payloadEnd)
    if (!isUtf8(payload)) return ReasonCode.PayloadFormatInvalid
  }
  if ((header.qos > 0 || header.retain) && engine.journal?.failure) return ReasonCode.QuotaExceeded
  if (header.retain) {
    const size = header.payloadEnd - header.propertiesStart + topic.bytes.length
    const isRemoval = header.payloadEnd === header.payloadStart
    if (!isRemoval && !engine.retained.hasRoom(topic.name, size)) return ReasonCode.QuotaExceeded
  }
  return ReasonCode.Success
}

function publishIfAuthorized(connection: Connection, topic: TopicEntry): void {
  const { engine } = connection
  const header = engine.publishHeader
  const { qos, packetIdentifier, retain } = header
  const publication: Publication = {
    topicName: topic.name,
    qos: qos as Publication['qos'],
    retain,
    isWill: false,
  }
  const verdict = engine.hooks.authorizePublish(connection.client, publication)
  if (typeof verdict === 'number') {
    if (connection.phase === 'closed') return // the hook ended it, as it may
    if (verdict < 0x80) publish(connection, topic)
    else answer(connection, qos, packetIdentifier, verdict, 0)
    return
  }
  // The chunk is gone when the answer comes.
  const message = keep(connection, topic)
  connection.wait(verdict, (code) => {
    if (code >= 0x80) {
      answer(connection, qos, packetIdentifier, code, 0)
      return
    }
    publishKept(connection, topic, message, packetIdentifier)
  })
}

function keep({ engine, decoder, writer, client }: Connection, topic: TopicEntry): Message {
  return keepMessage(
    engine.publishHeader,
    decoder.packetStart,
    writer.inboundFormat,
    topic.name,
    topic.bytes,
    client.clientId,
    engine.now(),
  )
}

/** A message of which the chunk is gone, or will be. */
function publishKept(
  connection: Connection,
  topic: TopicEntry,
  message: Message,
  packetIdentifier: number,
): void {
  const { engine } = connection
  const { session } = connection.entry!
  let before = 0
  const begin = () => {
    if (connection.phase === 'closed') return false
    before = engine.appended
    hold(connection, message.qos, packetIdentifier)
    return true
  }
  const published = engine.fanOut.publishMessage(topic, message, session, begin)
  const end = (isMatched: boolean) =>
    finish(connection, message.qos, packetIdentifier, isMatched, before)
  if (typeof published === 'boolean') end(published)
  else connection.wait(published, end)
}

/** The packet that the header was decoded from is fanned out as it lies in the chunk. */
function publish(connection: Connection, topic: TopicEntry): void {
  const { engine, decoder, writer, entry } = connection
  const header = engine.publishHeader
  const { qos, packetIdentifier } = header
  const before = engine.appended
  const isMatched = engine.fanOut.publishPacket(
    topic,
    header,
    decoder.packetStart,
    writer.inboundFormat,
    entry!.session,
  )
  if (isMatched === null) {
    publishKept(connection, topic, keep(connection, topic), packetIdentifier)
    return
  }
  hold(connection, qos, packetIdentifier)
  finish(connection, qos, packetIdentifier, isMatched, before)
}

/**
 * The message is ours: its QoS 2 identifier is held in the same batch as what it is queued for, so
 * that a crash keeps both or neither (§4.3.3).
 */
function hold(connection: Connection, qos: number, packetIdentifier: number): void {
  if (qos === 2) connection.entry!.session.hold(packetIdentifier)
}

/** @param before - how much was in the journal before. */
function finish(
  connection: Connection,
  qos: number,
  packetIdentifier: number,
  isMatched: boolean,
  before: number,
): void {
  const { engine } = connection
  engine.publishedCount++
  if (qos === 0) return
  const code = isMatched ? ReasonCode.Success : ReasonCode.NoMatchingSubscribers
  answer(connection, qos, packetIdentifier, code, engine.batchSince(before))
}

/** PUBACK or PUBREC. Before 5.0 a refusal cannot be told, and is acknowledged as if it were none. */
function answer(
  connection: Connection,
  qos: number,
  packetIdentifier: number,
  reasonCode: number,
  batch: number,
): void {
  if (qos === 0) return
  if (connection.context.protocolVersion !== 5 && reasonCode === ReasonCode.QuotaExceeded) {
    // What could not be kept must not be acknowledged.
    connection.abandon('no room to keep the message')
    return
  }
  connection.owe(
    shortAcknowledgement(qos === 1 ? PUBACK : PUBREC, packetIdentifier, reasonCode),
    batch,
  )
}
