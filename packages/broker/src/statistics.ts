import type { DropReason } from '@promptmq/router'

/** Why a message was not delivered, and how often. */
export type DropCounts = Readonly<Record<DropReason, number>>

/** What a broker counts; totals since its start, unless it is named for what is there now. */
export interface BrokerStats {
  /** Connected now. */
  readonly connections: number
  /** Of any peer, also one that has not said who it is, or has been told to go and is not gone. */
  readonly openTransports: number
  /** Kept now, connected or not. */
  readonly sessions: number
  readonly subscriptions: number
  readonly retainedMessages: number
  readonly retainedBytes: number
  /** Of messages that wait in memory for a session; one that waits for several counts for each. */
  readonly queuedBytes: number
  /** Written, and not yet taken by a peer. */
  readonly pendingBytes: number
  /** Messages accepted from clients and from the embedder. */
  readonly published: number
  /** Connections that ended because the peer broke a rule of the standard. */
  readonly protocolErrors: number
  /** Hooks that threw, rejected, did not answer in time or answered with what is no decision. */
  readonly hookFailures: number
  readonly dropped: DropCounts
}
