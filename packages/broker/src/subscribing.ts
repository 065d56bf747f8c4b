import {
  decodeSubscribe,
  decodeUnsubscribe,
  FAULTS,
  type ParsedTopicFilter,
  parseTopicFilter,
  type QoS,
  ReasonCode,
  type Subscribe,
  type Subscription as SubscriptionRequest,
} from '@promptmq/codec'
import { Subscription } from '@promptmq/router'
import type { Connection } from './connection.ts'
import type { Verdict } from './hook-chain.ts'

/** SUBSCRIBE (§3.8): one decision a Topic Filter, then all of them in order, then one SUBACK. */
export function handleSubscribe(connection: Connection): void {
  const { decoder, context } = connection
  const packet = decodeSubscribe(context, decoder.bytes, decoder.start, decoder.end)
  if (typeof packet === 'number') {
    connection.fail(packet)
    return
  }
  const unavailable = unavailableOf(connection, packet)
  if (unavailable !== ReasonCode.Success && context.protocolVersion === 5) {
    connection.violate(unavailable, 'CONNACK said that this is not available')
    return
  }
  if (!canAnswer(connection, packet.subscriptions.length)) return
  const verdicts = packet.subscriptions.map((request) => judge(connection, request))
  if (verdicts.every((verdict) => typeof verdict === 'number')) {
    subscribe(connection, packet, verdicts)
  } else {
    connection.wait(Promise.all(verdicts), (codes) => subscribe(connection, packet, codes))
  }
}

/** UNSUBSCRIBE (§3.10). */
export function handleUnsubscribe(connection: Connection): void {
  const { decoder, context, engine } = connection
  const packet = decodeUnsubscribe(context, decoder.bytes, decoder.start, decoder.end)
  if (typeof packet === 'number') {
    connection.fail(packet)
    return
  }
  if (!canAnswer(connection, packet.topicFilters.length)) return
  const { session } = connection.entry!
  const before = engine.appended
  const reasonCodes = packet.topicFilters.map((topicFilter) =>
    engine.sessions.unsubscribe(session, topicFilter)
      ? ReasonCode.Success
      : unsubscribeFailure(connection, topicFilter),
  )
  connection.owe(
    {
      type: 'unsuback',
      packetIdentifier: packet.packetIdentifier,
      reasonCodes,
      properties: NO_PROPERTIES,
    },
    engine.batchSince(before),
  )
}

/** Who could not be answered is told so, and nothing is done that it would not know of. */
function canAnswer(connection: Connection, filterCount: number): boolean {
  if (connection.writer.canAnswer(filterCount)) return true
  connection.disconnect(
    ReasonCode.PacketTooLarge,
    'Maximum Packet Size leaves no room for the answer',
  )
  return false
}

const NO_PROPERTIES = { reasonString: undefined, userProperties: [] } as const

function unsubscribeFailure(connection: Connection, topicFilter: string): number {
  const parsed = parseTopicFilter(topicFilter, connection.engine.settings.maximumTopicLevels)
  return typeof parsed === 'number' ? FAULTS[parsed]!.reasonCode : ReasonCode.NoSubscriptionExisted
}

/** What CONNACK said there is not, 0: nothing of it (§3.2.2.3.11 and the two behind it). */
function unavailableOf(connection: Connection, packet: Subscribe): ReasonCode {
  if (
    packet.properties.subscriptionIdentifier !== undefined &&
    !connection.engine.settings.subscriptionIdentifiersAvailable
  ) {
    return ReasonCode.SubscriptionIdentifiersNotSupported
  }
  for (const { topicFilter } of packet.subscriptions) {
    const code = unavailableFilter(connection, topicFilter)
    if (code !== ReasonCode.Success) return code
  }
  return ReasonCode.Success
}

function unavailableFilter({ engine }: Connection, topicFilter: string): ReasonCode {
  const { sharedSubscriptionAvailable, wildcardSubscriptionAvailable } = engine.settings
  if (!sharedSubscriptionAvailable && topicFilter.startsWith('$share/')) {
    return ReasonCode.SharedSubscriptionsNotSupported
  }
  return !wildcardSubscriptionAvailable && /[+#]/.test(topicFilter)
    ? ReasonCode.WildcardSubscriptionsNotSupported
    : ReasonCode.Success
}

/** The QoS that one Topic Filter is granted, or the Reason Code that refuses it. */
function judge(connection: Connection, request: SubscriptionRequest): Verdict {
  const { engine, client } = connection
  // A hook that decided about a filter before this one may have ended the connection.
  if (connection.phase === 'closed') return ReasonCode.UnspecifiedError
  const parsed = parseTopicFilter(request.topicFilter, engine.settings.maximumTopicLevels)
  if (typeof parsed === 'number') return ReasonCode.TopicFilterInvalid
  const unavailable = unavailableFilter(connection, request.topicFilter)
  if (unavailable !== ReasonCode.Success) return unavailable
  if (engine.journal?.failure && connection.entry!.session.journal !== null) {
    return ReasonCode.UnspecifiedError
  }
  const qos = Math.min(request.qos, engine.settings.maximumQoS) as QoS // [MQTT-3.2.2-10]
  if (!engine.hooks.has('authorizeSubscribe')) return qos
  return engine.hooks.authorizeSubscribe(client, {
    topicFilter: parsed.filter,
    shareName: parsed.shareName ?? undefined,
    qos,
  })
}

function subscribe(connection: Connection, packet: Subscribe, verdicts: readonly number[]): void {
  const { engine } = connection
  if (connection.phase === 'closed') return // a hook ended it, as it may
  const { session } = connection.entry!
  const before = engine.appended
  const replayed: Subscription[] = []
  const reasonCodes = packet.subscriptions.map((request, index) => {
    const verdict = verdicts[index]!
    if (verdict >= 0x80) return verdict
    const isKnown = session.subscriptions.has(request.topicFilter)
    if (!isKnown && session.subscriptions.size >= engine.settings.maximumSubscriptions) {
      return ReasonCode.QuotaExceeded
    }
    const subscription = new Subscription(
      session,
      parseTopicFilter(
        request.topicFilter,
        engine.settings.maximumTopicLevels,
      ) as ParsedTopicFilter,
      { ...request, qos: verdict as SubscriptionRequest['qos'] },
      packet.properties.subscriptionIdentifier ?? 0,
    )
    const isNew = engine.sessions.subscribe(subscription)
    if (wantsRetained(subscription, isNew)) replayed.push(subscription)
    return verdict
  })
  connection.owe(
    {
      type: 'suback',
      packetIdentifier: packet.packetIdentifier,
      reasonCodes,
      properties: NO_PROPERTIES,
    },
    engine.batchSince(before),
  )
  for (const subscription of replayed) {
    connection.replays.push(engine.retained.replay(subscription))
  }
  if (replayed.length > 0) connection.proceed()
}

/** Retain Handling [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; never for a shared one. */
function wantsRetained({ shareName, retainHandling }: Subscription, isNew: boolean): boolean {
  return shareName === null && (retainHandling === 0 || (retainHandling === 1 && isNew))
}
