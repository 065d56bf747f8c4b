import type { RestoreSink, Store } from '@promptmq/store'
import type { SimSubscription, StoredDelivery } from './message.ts'

/** A session as the Store has it. */
export interface StoredSession {
  /** The broker's number of it: a later session of the same client has a higher one. */
  readonly number: number
  readonly expiry: number
  readonly expiresAt: number | null
  readonly subscriptions: Map<string, SimSubscription>
  readonly queue: StoredDelivery[]
  /** Of empty messages in the queue. */
  unnumberedCount: number
  readonly received: Set<number>
  will: {
    readonly number: number
    readonly delay: number
    readonly publishAt: number | null
  } | null
}

/** All that a Store has, by Client Identifier and Topic Name. */
export interface StoredState {
  readonly sessions: Map<string, StoredSession>
  readonly retained: Map<string, number>
  /** What sessions have that ended, and that others of their groups are to get. */
  readonly left: readonly StoredDelivery[]
}

/** Reads it the way a broker would that starts on it at `now`. */
export async function readState(store: Store, now: number): Promise<StoredState> {
  const sessions: Sessions = new Map()
  const retained = new Map<string, number>()
  await store.restore(sinkOf(sessions, retained))
  for (const { number: session, queue } of sessions.values()) {
    const waiting = await store.readQueue(session, 0, Number.MAX_SAFE_INTEGER)
    for (const { qos, retain, message, subscriptionIdentifiers: identifiers } of waiting) {
      const number = numberOf(message.payload)
      if (number === null) sessions.get(session)!.unnumberedCount++
      else queue.push({ number, identifiers, qos, retain, isSent: false })
    }
  }
  const all = [...sessions.values()].sort((a, b) => a.number - b.number)
  const latest = new Map<string, StoredSession>(all.map((one) => [one.clientId, one]))
  const hasEnded = ({ expiresAt, will }: StoredSession) =>
    expiresAt !== null && expiresAt <= now && will === null
  const ended = all.filter((one) => latest.get(one.clientId) !== one || hasEnded(one))
  for (const [clientId, one] of latest) if (hasEnded(one)) latest.delete(clientId)
  return { sessions: latest, retained, left: ended.flatMap(({ queue }) => queue) }
}

type Sessions = Map<number, StoredSession & { readonly clientId: string }>

function sinkOf(sessions: Sessions, retained: Map<string, number>): RestoreSink {
  const sessionOf = (number: number) => sessions.get(number)!
  return {
    highest() {},
    session({ session, clientId, sessionExpiryInterval, expiresAt }) {
      const nothing = { subscriptions: new Map(), queue: [], received: new Set<number>() }
      const expiry = sessionExpiryInterval
      sessions.set(session, {
        number: session,
        clientId,
        expiry,
        expiresAt,
        ...nothing,
        unnumberedCount: 0,
        will: null,
      })
    },
    subscription({ session, topicFilter, options, subscriptionIdentifier }) {
      const subscription = {
        qos: (options & 0b11) as 0 | 1 | 2,
        noLocal: (options & 0b100) !== 0,
        retainAsPublished: (options & 0b1000) !== 0,
        identifier: subscriptionIdentifier,
      }
      sessionOf(session).subscriptions.set(topicFilter, subscription)
    },
    inflight({ session, qos, retain, message, subscriptionIdentifiers: identifiers }) {
      const number = message === null ? null : numberOf(message.payload)
      if (number === null) return
      sessionOf(session).queue.push({ number, identifiers, qos, retain, isSent: true })
    },
    waiting() {},
    received: ({ session, packetIdentifier }) => {
      sessionOf(session).received.add(packetIdentifier)
    },
    retained: ({ topicName, payload }) => {
      retained.set(topicName, numberOf(payload)!)
    },
    will({ session, payload, willDelayInterval, publishAt }) {
      const number = numberOf(payload)!
      sessionOf(session).will = { number, delay: willDelayInterval, publishAt }
    },
  }
}

/** What a payload begins with; `null`: it is empty. */
export function numberOf(payload: Uint8Array): number | null {
  if (payload.length === 0) return null
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0, true)
}
