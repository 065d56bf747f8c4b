/** Sessions and subscriptions for the suites of the router. */
import { type ParsedTopicFilter, parseTopicFilter } from '@promptmq/codec'
import {
  Budget,
  composeMessage,
  type Outlet,
  Session,
  type SessionHost,
  Subscription,
} from '@promptmq/router'
import { PAYLOAD, TOPIC } from './packets.ts'

const host: SessionHost = {
  queueLimits: {
    maximumInflight: 32_767,
    maximumMessages: 1_000_000,
    maximumBytes: Number.MAX_SAFE_INTEGER,
    maximumHeldMessages: 1_000_000,
    whenFull: 'drop newest',
  },
  heldBudget: new Budget({ total: Number.MAX_SAFE_INTEGER }),
  now: () => 0,
  dropped() {},
  readQueue() {},
}

/** Takes whatever it is sent. */
const outlet: Outlet = {
  writable: true,
  wireFormat: 5,
  maximumPacketSize: Number.POSITIVE_INFINITY,
  fits: () => true,
  publish() {},
  forward() {},
  forwardAs() {},
  pubrel() {},
}

/** A session that is connected to nobody in particular. */
export function connectedSession(clientId: string): Session {
  const session = new Session(0, clientId, host)
  session.attach(outlet, 65_535)
  return session
}

export function subscriptionTo(session: Session, topicFilter: string): Subscription {
  const parsed = parseTopicFilter(topicFilter, 128) as ParsedTopicFilter
  const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  return new Subscription(session, parsed, options, 0)
}

export const MESSAGE = composeMessage(Buffer.from(TOPIC), {
  topicName: TOPIC,
  qos: 1,
  retain: false,
  properties: new Uint8Array(0),
  payload: PAYLOAD,
  expiresAt: Number.POSITIVE_INFINITY,
  publisher: '',
})
