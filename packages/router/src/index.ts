export { Budget } from './budget.ts'
export { DeliveryState, Inflight, type InflightDelivery } from './inflight.ts'
export { composeMessage, expiryOf, keepMessage, Message, type MessageParts } from './message.ts'
export { Outbox, type Undelivered, type Waiting } from './outbox.ts'
export { Received } from './received.ts'
export { RetainedIndex } from './retained-index.ts'
export { findRoute, Recipient, Route } from './route.ts'
export {
  type AcknowledgementResult,
  type DropReason,
  type Outlet,
  type QueueLimits,
  Session,
  type SessionHost,
  type SessionJournal,
} from './session.ts'
export {
  SHARE_STRATEGIES,
  SharedGroup,
  type ShareOptions,
  type ShareStrategy,
} from './shared-group.ts'
export {
  identifiersOfShared,
  NO_IDENTIFIERS,
  Subscription,
  sharedFilterOf,
  subscriptionOptions,
} from './subscription.ts'
export { TopicEntry, TopicTable, type TopicTableOptions } from './topic-table.ts'
export { MatchResult, TopicTree } from './topic-tree.ts'
