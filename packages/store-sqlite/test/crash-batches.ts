import type { StoreRecord } from '@promptmq/store'

/** Messages in a batch. */
export const BATCH_SIZE = 20

/** The batch of that number, from 0: a session of its own, and messages in its queue. */
export function queuedFrom(batch: number): StoreRecord[] {
  const session = batch + 1
  const records: StoreRecord[] = [
    {
      kind: 'sessionPut',
      session,
      clientId: `client-${session}`,
      owner: '',
      sessionExpiryInterval: 60,
      expiresAt: null,
    },
  ]
  for (let index = 1; index <= BATCH_SIZE; index++) {
    const number = batch * BATCH_SIZE + index
    const payload = new Uint8Array(100 * index).fill(number)
    const common = { qos: 1, retain: false } as const
    records.push(
      {
        ...common,
        kind: 'messagePut',
        message: number,
        topicName: 'a/b',
        payload,
        properties: new Uint8Array(0),
        expiresAt: null,
        publisher: '',
      },
      {
        ...common,
        kind: 'queueAdd',
        session,
        position: number,
        message: number,
        subscriptionIdentifiers: [],
        sharedFilter: null,
      },
    )
  }
  return records
}
