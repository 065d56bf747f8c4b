/** What the packages beside the broker share with it. Not for others: it changes without notice. */
export { type MisuseCode, rangeMisuse, typeMisuse } from './misuse.ts'
export { PeerLog } from './peer-log.ts'
export { describePeer } from './transport/duplex-transport.ts'
export { openListener } from './transport/listener.ts'
