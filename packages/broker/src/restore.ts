import { parseTopicFilter, utf8Size, writeUtf8 } from '@promptmq/codec'
import {
  composeMessage,
  DeliveryState,
  identifiersOfShared,
  type Message,
  type Session,
  Subscription,
  subscriptionOptions,
  type Waiting,
} from '@promptmq/router'
import {
  type QueuedMessage,
  type RestoreSink,
  SESSION_NEVER_EXPIRES,
  type StoredMessage,
  type WillPut,
} from '@promptmq/store'
import type { Engine } from './engine.ts'
import type { SessionEntry } from './sessions.ts'

/** A page of a queue is this long, in messages. */
const PAGE = 500

/** Builds the broker's working state from what its Store kept. */
export async function restoreEngine(engine: Engine): Promise<void> {
  const { store } = engine.settings
  if (store === undefined) return
  const entries = new Map<number, SessionEntry>()
  const messages = new Map<number, Message>()
  await store.restore(sinkOf(engine, entries, messages))
  const now = engine.now()
  for (const entry of entries.values()) {
    const { session, expiry } = entry
    if (engine.sessions.get(session.clientId) !== entry) {
      expiry.set(now) // It had ended: another session has its client.
      continue
    }
    // Who was connected when the process ended has been away since now.
    if (!expiry.isSet && session.sessionExpiryInterval !== SESSION_NEVER_EXPIRES) {
      expiry.set(now + session.sessionExpiryInterval * 1000)
    }
  }
}

/** The next waiting messages of a session, as the Store has them. */
export async function readPage(
  engine: Engine,
  session: Session,
  after: number,
): Promise<Waiting[]> {
  // What is still on its way to the Store would be missing from the page.
  await engine.journal!.settled()
  const page = await engine.settings.store!.readQueue(session.number, after, PAGE)
  return page.map((queued) => ({
    message: messageOf(queued.message),
    qos: queued.qos,
    retain: queued.retain,
    identifiers: identifiersOf(queued),
    position: queued.position,
  }))
}

function sinkOf(
  engine: Engine,
  entries: Map<number, SessionEntry>,
  messages: Map<number, Message>,
): RestoreSink {
  const sessionOf = (number: number): Session => entries.get(number)!.session
  /** A message that several refer to is one object again. */
  const shared = (stored: StoredMessage): Message => {
    const message = messages.get(stored.message) ?? messageOf(stored)
    messages.set(stored.message, message)
    return message
  }
  return {
    highest: (numbers) => engine.journal!.continueFrom(numbers),
    session(stored) {
      const entry = engine.sessions.restore(stored)
      entries.set(stored.session, entry)
      if (stored.expiresAt !== null) engine.sessions.expireAt(entry, stored.expiresAt)
    },
    subscription({ session, topicFilter, options, subscriptionIdentifier }) {
      const parsed = parseTopicFilter(topicFilter, Number.MAX_SAFE_INTEGER)
      if (typeof parsed === 'number') return
      const subscription = new Subscription(
        sessionOf(session),
        parsed,
        subscriptionOptions(options),
        subscriptionIdentifier,
      )
      subscription.session.subscriptions.set(topicFilter, subscription)
      engine.tree.add(subscription)
    },
    inflight(delivery) {
      const { session, packetIdentifier, qos, message, retain, position } = delivery
      const state =
        message === null
          ? DeliveryState.AwaitPubcomp
          : qos === 1
            ? DeliveryState.AwaitPuback
            : DeliveryState.AwaitPubrec
      sessionOf(session).inflight.restore(
        packetIdentifier,
        state,
        message === null ? null : shared(message),
        retain,
        identifiersOf(delivery),
        position,
      )
    },
    waiting: ({ session, count, bytes }) => sessionOf(session).outbox.spill(count, bytes),
    received: ({ session, packetIdentifier }) => {
      sessionOf(session).received.add(packetIdentifier)
    },
    retained: (message) => engine.retained.restore(shared(message)),
    will: (will) => restoreWill(engine, entries.get(will.session)!, will),
  }
}

/** A will whose connection the crash cut counts its delay from now; one that waited goes on. */
function restoreWill(engine: Engine, entry: SessionEntry, stored: Omit<WillPut, 'kind'>): void {
  const { clientId, owner } = entry.session
  const will = {
    client: {
      clientId,
      userName: owner === '' ? undefined : owner,
      protocolVersion: 5 as const,
      remoteAddress: '',
    },
    topicName: stored.topicName,
    payload: stored.payload,
    qos: stored.qos,
    retain: stored.retain,
    properties: stored.properties,
    messageExpiryInterval: stored.messageExpiryInterval ?? undefined,
    willDelayInterval: stored.willDelayInterval,
  }
  engine.wills.waitUntil(
    entry,
    will,
    stored.publishAt ?? engine.now() + will.willDelayInterval * 1000,
  )
}

function identifiersOf({
  subscriptionIdentifiers,
  sharedFilter,
}: Pick<QueuedMessage, 'subscriptionIdentifiers' | 'sharedFilter'>): readonly number[] {
  return sharedFilter === null
    ? subscriptionIdentifiers
    : identifiersOfShared(sharedFilter, subscriptionIdentifiers)
}

function messageOf(stored: StoredMessage): Message {
  const topic = new Uint8Array(utf8Size(stored.topicName))
  writeUtf8(topic, 0, stored.topicName)
  const expiresAt = stored.expiresAt ?? Number.POSITIVE_INFINITY
  const message = composeMessage(topic, { ...stored, expiresAt })
  message.number = stored.message
  return message
}
