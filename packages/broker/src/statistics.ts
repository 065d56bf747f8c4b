import type { DropReason } from '@promptmq/router'

/** Why a message was not delivered, and how often. */
export type DropCounts = Readonly<Record<DropReason, number>>

/** What a broker counts; totals since its start, unless it is named for what is there now. */
export interface BrokerStats {
  /** Connected now. */
  readonly connections: number
  /** Kept now, connected or not. */
  readonly sessions: number
  readonly subscriptions: number
  readonly retainedMessages: number
  readonly retainedBytes: number
  /** Messages accepted from clients and from the embedder. */
  readonly published: number
  /** Connections that ended because the peer broke a rule of the standard. */
  readonly protocolErrors: number
  /** Hooks that threw, rejected, did not answer in time or answered with what is no decision. */
  readonly hookFailures: number
  readonly dropped: DropCounts
}
