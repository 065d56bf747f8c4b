export { TestClient } from './test-client.ts'
export { settle, VirtualClock } from './virtual-clock.ts'
export { VirtualTransport } from './virtual-transport.ts'
export { hex, wire } from './wire.ts'
