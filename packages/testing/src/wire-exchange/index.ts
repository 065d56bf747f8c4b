export type { ExpectedPacket, Step, WireExchange } from './exchange.ts'
export { parseExchanges, readExchanges } from './load.ts'
export {
  type Difference,
  formatDifference,
  type Outcome,
  type RunOptions,
  runExchange,
  runExchanges,
} from './run.ts'
export type { BrokerAddress } from './wire-connection.ts'
