export type { ShareStrategy } from '@promptmq/router'
export {
  Broker,
  type BrokerEvents,
  type PublishOptions,
  type SubscribeOptions,
} from './broker.ts'
export type { Clock } from './clock.ts'
export type {
  ClientInfo,
  ConnectRequest,
  Decision,
  Hooks,
  Publication,
  SubscribeRequest,
} from './hooks.ts'
export type { ReceivedMessage } from './local-subscription.ts'
export type { BrokerOptions, Logger } from './options.ts'
export type { BrokerStats, DropCounts } from './statistics.ts'
export type { Listener, ListenOptions } from './transport/listener.ts'
export type { Transport, TransportReceiver } from './transport/transport.ts'
