import { matches } from './matches.ts'
import { type Arrived, IdentifierLists, identifiersOf, type SimSubscription } from './message.ts'
import type { RetainedMessages } from './retained-messages.ts'

/** The retained messages that one SUBSCRIBE asked for. */
interface Replay {
  readonly topicFilter: string
  readonly qos: 0 | 1 | 2
  readonly identifiers: IdentifierLists
  /** By Topic Name: what was there, and may come once. What is retained later comes as it is published. */
  readonly found: ReadonlyMap<string, number>
  /** By Topic Name: what of it has to come, unless it is replaced before or expires. */
  readonly owed: Map<string, { readonly number: number; readonly expiresAt: number }>
  /** What came. */
  readonly came: Set<number>
  /** The connection is gone, the rest is in the session's queue. */
  isQueued: boolean
}

/** What one session has coming of retained messages (§3.3.1.3): exactly those that match, once a SUBSCRIBE. */
export class Replays {
  readonly #retained: RetainedMessages
  #replays: Replay[] = []

  constructor(retained: RetainedMessages) {
    this.#retained = retained
  }

  begin(topicFilter: string, subscription: SimSubscription, now: number): void {
    const found = new Map<string, number>()
    const owed: Replay['owed'] = new Map()
    for (const { topicName, number, expiresAt, lastsUntil } of this.#retained) {
      if (!matches(topicFilter, topicName)) continue
      if (lastsUntil > now) found.set(topicName, number)
      if (expiresAt > now) owed.set(topicName, { number, expiresAt })
    }
    const identifiers = new IdentifierLists(identifiersOf([subscription]))
    const { qos } = subscription
    const came = new Set<number>()
    this.#replays.push({ topicFilter, qos, identifiers, found, owed, came, isQueued: false })
  }

  /** Another message is retained on a topic, or none: the broker may have come to the old one, or not. */
  changed(topicName: string): void {
    for (const { owed, isQueued } of this.#replays) if (!isQueued) owed.delete(topicName)
  }

  unsubscribed(topicFilter: string): void {
    for (const replay of this.#replays) {
      if (replay.topicFilter === topicFilter && !replay.isQueued) replay.owed.clear()
    }
  }

  disconnected(isFull: boolean): void {
    for (const replay of this.#replays) {
      if (isFull && !replay.isQueued) replay.owed.clear()
      replay.isQueued = true
      for (const [topicName, { number }] of replay.owed) {
        if (this.#qosOf(replay, number) === 0) replay.owed.delete(topicName)
      }
    }
  }

  /** @returns false where nobody asked for it. */
  take(arrived: Arrived): boolean {
    const { number, topicName, dup } = arrived
    const fitting = this.#fitting(arrived)
    // What came before without identifiers may have been another one's.
    const alike = fitting.length === 0 ? [] : this.#fitting({ ...arrived, identifiers: null })
    if (dup && alike.some(({ came }) => came.has(number))) {
      // Or it is what another one asked for, sent again before it came.
      this.excuse(topicName, number)
      return true
    }
    const isOpen = ({ came }: Replay) => !came.has(number)
    const replay =
      owingLongest(fitting, topicName, number) ?? fitting.find(isOpen) ?? alike.find(isOpen)
    replay?.came.add(number)
    replay?.owed.delete(topicName)
    return replay !== undefined
  }

  owes(arrived: Arrived): boolean {
    const { topicName, number } = arrived
    return this.#fitting(arrived).some(({ owed }) => owed.get(topicName)?.number === number)
  }

  /** Whether one of them may be why it comes. */
  mayBring(arrived: Arrived): boolean {
    return this.#fitting(arrived).length > 0
  }

  /** It may have come. */
  excuse(topicName: string, number: number): void {
    for (const { owed } of this.#replays) {
      if (owed.get(topicName)?.number === number) owed.delete(topicName)
    }
  }

  /** How many messages may come, at most. */
  openAtMost(): number {
    let count = 0
    for (const { found, came } of this.#replays) count += found.size - came.size
    return count
  }

  missing(now: number): number[] {
    const all = this.#replays.flatMap(({ owed }) => [...owed.values()])
    return all.filter(({ expiresAt }) => expiresAt > now).map(({ number }) => number)
  }

  #fitting(arrived: Arrived): Replay[] {
    const { number, topicName, qos } = arrived
    return this.#replays.filter(
      (replay) =>
        matches(replay.topicFilter, topicName) &&
        this.#qosOf(replay, number) === qos &&
        replay.identifiers.has(arrived) &&
        replay.found.get(topicName) === number,
    )
  }

  #qosOf({ qos }: Replay, number: number): number {
    return Math.min(qos, this.#retained.qosOf(number))
  }
}

/** Of those that owe a message the one where it expires last: it may have in the others. */
function owingLongest(
  replays: readonly Replay[],
  topicName: string,
  number: number,
): Replay | undefined {
  const expiryIn = ({ owed }: Replay) => owed.get(topicName)?.expiresAt ?? 0
  let longest: Replay | undefined
  for (const replay of replays) {
    if (replay.owed.get(topicName)?.number !== number) continue
    if (longest === undefined || expiryIn(replay) > expiryIn(longest)) longest = replay
  }
  return longest
}
