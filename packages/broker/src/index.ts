export type { ShareStrategy } from '@promptmq/router'
export type {
  AuthenticationExchange,
  AuthenticationMethod,
  AuthenticationStep,
} from './authentication.ts'
export {
  Broker,
  type BrokerEvents,
  type DisconnectOptions,
  type Door,
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
  Redirection,
  SubscribeRequest,
} from './hooks.ts'
export type { ReceivedMessage } from './local-subscription.ts'
export type { BrokerOptions, Logger, Settings } from './options.ts'
export { type ScramCredentials, type ScramOptions, scramCredentials, scramSha256 } from './scram.ts'
export type { BrokerStats, DropCounts } from './statistics.ts'
export type { Listener, ListenOptions } from './transport/listener.ts'
export type { Transport, TransportReceiver } from './transport/transport.ts'
