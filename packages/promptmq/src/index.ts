/** The library in one piece: the broker, its SQLite store and WebSocket. */
export * from '@promptmq/broker'
export { type SqlitePragmas, SqliteStore, type SqliteStoreOptions } from '@promptmq/store-sqlite'
export {
  attachWebSocket,
  type ListenWebSocketOptions,
  listenWebSocket,
  type OriginCheck,
  type WebSocketOptions,
} from '@promptmq/websocket'
