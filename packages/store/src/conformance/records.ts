import type {
  MessagePut,
  QueueAdd,
  QueuedMessage,
  RetainedPut,
  SessionPut,
  StoredMessage,
  SubscriptionPut,
  WillPut,
} from '../store.ts'

/**
 * Records with everything filled in, so that a case names only what it is about. The bytes differ
 * from message to message: a Store that mixes two up is found out.
 */

const encoder = new TextEncoder()

/** The text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text)
}

/** A session that expires in an hour. */
export function sessionPut(session: number, rest: Partial<SessionPut> = {}): SessionPut {
  return {
    kind: 'sessionPut',
    session,
    clientId: `client-${session}`,
    owner: `owner-${session}`,
    sessionExpiryInterval: 3600,
    expiresAt: null,
    ...rest,
  }
}

/** A subscription at QoS 1. */
export function subscriptionPut(
  session: number,
  topicFilter: string,
  rest: Partial<SubscriptionPut> = {},
): SubscriptionPut {
  return {
    kind: 'subscriptionPut',
    session,
    topicFilter,
    options: 1,
    subscriptionIdentifier: 0,
    ...rest,
  }
}

/** A message with payload and properties of its own. */
export function messagePut(message: number, rest: Partial<MessagePut> = {}): MessagePut {
  return {
    kind: 'messagePut',
    message,
    topicName: `topic/${message}`,
    payload: bytes(`payload ${message}`),
    // Content Type `t<message>`, as an opaque run of bytes.
    properties: Uint8Array.of(0x03, 0x00, 0x02, 0x74, 0x30 + (message % 10)),
    qos: 1,
    retain: false,
    expiresAt: null,
    publisher: 'publisher',
    ...rest,
  }
}

/** A place in a queue at QoS 1. */
export function queueAdd(
  session: number,
  position: number,
  message: number,
  rest: Partial<QueueAdd> = {},
): QueueAdd {
  return {
    kind: 'queueAdd',
    session,
    position,
    message,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: null,
    ...rest,
  }
}

/** The queue entry has gone out under this Packet Identifier. */
export function queueSent(session: number, position: number, packetIdentifier: number) {
  return { kind: 'queueSent', session, position, packetIdentifier } as const
}

/** The queue entry is past its PUBREC. */
export function queueReleased(session: number, position: number) {
  return { kind: 'queueReleased', session, position } as const
}

/** The queue entry is done. */
export function queueDelete(session: number, position: number) {
  return { kind: 'queueDelete', session, position } as const
}

/** An inbound QoS 2 Packet Identifier is held. */
export function receivedAdd(session: number, packetIdentifier: number) {
  return { kind: 'receivedAdd', session, packetIdentifier } as const
}

/** The message is retained now. */
export function retainedPut(put: MessagePut): RetainedPut {
  return { kind: 'retainedPut', topicName: put.topicName, message: put.message }
}

/** A will that its session published last. */
export function willPut(session: number, rest: Partial<WillPut> = {}): WillPut {
  return {
    kind: 'willPut',
    session,
    topicName: `will/${session}`,
    payload: bytes(`will of ${session}`),
    properties: Uint8Array.of(0x01, 0x01),
    qos: 1,
    retain: false,
    messageExpiryInterval: null,
    willDelayInterval: 0,
    publishAt: null,
    ...rest,
  }
}

/** A record as `restore` hands it back. */
export function withoutKind<T extends { kind: string }>(record: T): Omit<T, 'kind'> {
  const { kind: _, ...rest } = record
  return rest
}

/** What `readQueue` owes for a delivery of `put`. */
export function queued(add: QueueAdd, put: MessagePut): QueuedMessage {
  const { position, qos, retain, subscriptionIdentifiers, sharedFilter } = add
  const message: StoredMessage = withoutKind(put)
  return { position, qos, retain, subscriptionIdentifiers, sharedFilter, message }
}
