import { type ParsedTopicFilter, parseTopicFilter, type QoS } from '@promptmq/codec'
import { composeMessage, type Message, type Session, Subscription } from '../src/index.ts'

const encoder = new TextEncoder()

export interface MessageOptions {
  readonly topicName?: string
  readonly qos?: QoS
  readonly retain?: boolean
  /** Milliseconds, default never. */
  readonly expiresAt?: number
}

/** A message that is told from others by its payload. */
export function messageOf(payload: string, options: MessageOptions = {}): Message {
  const { topicName = 't', qos = 2, retain = false, expiresAt = Number.POSITIVE_INFINITY } = options
  return composeMessage(encoder.encode(topicName), {
    topicName,
    qos,
    retain,
    properties: new Uint8Array(0),
    payload: encoder.encode(payload),
    expiresAt,
    publisher: '',
  })
}

export function payloadOf(message: Message): string {
  return new TextDecoder().decode(message.payload)
}

export interface SubscriptionFields {
  readonly qos?: QoS
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
  readonly identifier?: number
}

/** What SUBSCRIBE with this Topic Filter, `$share/NAME/` included, makes. */
export function subscriptionOf(
  session: Session,
  topicFilter: string,
  fields: SubscriptionFields = {},
): Subscription {
  const { qos = 0, noLocal = false, retainAsPublished = false, retainHandling = 0 } = fields
  return new Subscription(
    session,
    parseTopicFilter(topicFilter) as ParsedTopicFilter,
    { qos, noLocal, retainAsPublished, retainHandling },
    fields.identifier ?? 0,
  )
}
