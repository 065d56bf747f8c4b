export { attachWebSocket } from './attach.ts'
export { listenWebSocket } from './listen.ts'
export type { ListenWebSocketOptions, OriginCheck, WebSocketOptions } from './options.ts'
