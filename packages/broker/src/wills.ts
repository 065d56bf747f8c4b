import type { QoS } from '@promptmq/codec'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { ClientInfo } from './hooks.ts'
import type { Journal } from './journal.ts'
import type { SessionEntry } from './sessions.ts'

/** A Will Message (§3.1.2.5) as CONNECT gave it. */
export interface StoredWill {
  readonly client: ClientInfo
  readonly topicName: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  /** As PUBLISH carries them: without Will Delay Interval and Message Expiry Interval. */
  readonly properties: Uint8Array
  /** Seconds from publication, `undefined`: never expires. */
  readonly messageExpiryInterval: number | undefined
  /** Seconds. */
  readonly willDelayInterval: number
}

/** A will whose connection is gone and whose delay runs. */
export interface PendingWill {
  readonly will: StoredWill
  readonly deadline: Deadline
}

/**
 * When a Will Message is published [MQTT-3.1.2-8]: after the connection was lost, once its delay is
 * over or the session ends, whichever is first, unless the session is resumed before.
 *
 *   connected --lost--> delay runs --over, or session ends--> published
 *       |                    `--resumed--> forgotten [MQTT-3.1.3-9]
 *       `--DISCONNECT 0x00--> forgotten [MQTT-3.1.2-10]
 */
export class Wills {
  readonly #deadlines: Deadlines
  readonly #journal: Journal | null
  readonly #now: () => number
  readonly #publish: (will: StoredWill) => void

  constructor(
    deadlines: Deadlines,
    journal: Journal | null,
    now: () => number,
    publish: (will: StoredWill) => void,
  ) {
    this.#deadlines = deadlines
    this.#journal = journal
    this.#now = now
    this.#publish = publish
  }

  /** A connection begins; a will that waited for it is forgotten, but for one that is due already. */
  connected(entry: SessionEntry, will: StoredWill | null): void {
    const former = entry.pendingWill
    if (former !== null) {
      const isDue = former.deadline.isDue(this.#now())
      former.deadline.cancel()
      entry.pendingWill = null
      if (isDue) this.#publish(former.will)
    }
    if (will !== null) this.#keep(entry, will, null)
    else if (former !== null) this.#forget(entry)
  }

  /** DISCONNECT 0x00 came: there is no will any more. */
  discard(entry: SessionEntry): void {
    this.#forget(entry)
  }

  /** The connection was lost. */
  connectionLost(entry: SessionEntry, will: StoredWill): void {
    const delay = Math.min(will.willDelayInterval, entry.session.sessionExpiryInterval)
    if (delay === 0) this.#release(entry, will)
    else this.waitUntil(entry, will, this.#now() + delay * 1000)
  }

  /** @param at - milliseconds on the broker's clock. */
  waitUntil(entry: SessionEntry, will: StoredWill, at: number): void {
    const deadline = this.#deadlines.create(() => {
      entry.pendingWill = null
      this.#release(entry, will)
    })
    deadline.set(at)
    entry.pendingWill = { will, deadline }
    this.#keep(entry, will, at)
  }

  /** The session ends: what waits is published at once. */
  sessionEnded(entry: SessionEntry): void {
    const pending = entry.pendingWill
    if (pending === null) return
    pending.deadline.cancel()
    entry.pendingWill = null
    this.#release(entry, pending.will)
  }

  #release(entry: SessionEntry, will: StoredWill): void {
    this.#forget(entry)
    this.#publish(will)
  }

  #keep({ session }: SessionEntry, will: StoredWill, publishAt: number | null): void {
    if (session.journal === null) return
    const { topicName, payload, properties, qos, retain, willDelayInterval } = will
    this.#journal!.append({
      kind: 'willPut',
      session: session.number,
      topicName,
      payload,
      properties,
      qos,
      retain,
      messageExpiryInterval: will.messageExpiryInterval ?? null,
      willDelayInterval,
      publishAt,
    })
  }

  #forget({ session }: SessionEntry): void {
    if (session.journal !== null) {
      this.#journal!.append({ kind: 'willDelete', session: session.number })
    }
  }
}
