import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Broker } from '@promptmq/broker'
import { describePeer, PeerLog } from '@promptmq/broker/internal'
import { WebSocketServer } from 'ws'
import { type DoorSettings, resolveWebSocketOptions, type WebSocketOptions } from './options.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { WebSocketTransport } from './websocket-transport.ts'

/** What clients of 3.1.1 and 5.0 must offer [MQTT-6.0.0-3], and what those of 3.1 do. */
const MQTT = 'mqtt'
const MQTT_31 = 'mqttv3.1'

/** As long as the broker itself waits for a peer that it has told to go. */
const CLOSE_TIMEOUT_MS = 2_000

/** Judges upgrade requests, and gives the broker a Transport for each that it lets through. */
export class WebSocketDoor {
  readonly #broker: Broker
  readonly #settings: DoorSettings
  readonly #log: PeerLog
  readonly #server: WebSocketServer

  /** @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION`. */
  constructor(broker: Broker, options: WebSocketOptions) {
    this.#broker = broker
    const { logger, clock } = broker.settings
    this.#settings = resolveWebSocketOptions(options, broker.settings)
    this.#log = new PeerLog(logger, () => clock.now())
    const { maximumMessageSize, maximumFragments, maximumChunks } = this.#settings
    // Not written as an argument: the types of ws lack some of its newer options.
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      // Never: a few kilobytes of it can become a gigabyte.
      perMessageDeflate: false,
      maxPayload: maximumMessageSize,
      maxFragments: maximumFragments,
      maxBufferedChunks: maximumChunks,
      // Text is refused whatever it says.
      skipUTF8Validation: true,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: selectProtocol,
    }
    this.#server = new WebSocketServer(serverOptions)
  }

  /** Whether a request is for the path that is served here. */
  isFor({ url = '' }: IncomingMessage): boolean {
    const { path } = this.#settings
    return path === null || url === path || url.startsWith(`${path}?`)
  }

  /**
   * Takes an upgrade, or answers why not.
   * @param head - what the peer sent behind its request.
   */
  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const refuse = (status: number, why: string): void => {
      const remote = describePeer(stream)
      this.#log.debug({ remote, status }, `WebSocket refused: ${why}`)
      refuseUpgrade(stream, status, why)
    }
    if (hasBody(request)) refuse(400, 'an upgrade has no body')
    else if (!offersMqtt(request)) refuse(400, `the subprotocol '${MQTT}' is not offered`)
    else if (!this.#isAllowed(request)) refuse(403, 'the origin is not allowed')
    else this.#upgrade(request, stream, head)
  }

  /** A function that throws, or answers anything but true, denies. */
  #isAllowed(request: IncomingMessage): boolean {
    try {
      return this.#settings.isAllowed(request.headers.origin, request) === true
    } catch (error) {
      this.#log.error({ error }, 'allowedOrigins threw')
      return false
    }
  }

  /** What is wrong with the request as one for WebSocket, ws answers. */
  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { clock, maximumConnectSize } = this.#broker.settings
    this.#server.handleUpgrade(request, stream, head, (webSocket) => {
      const options = { clock, maximumUnknownBytes: maximumConnectSize }
      this.#broker.connect(new WebSocketTransport(webSocket, stream, options))
    })
  }
}

/** Node's versions differ in what they make of it: its bytes might be taken for frames. */
function hasBody({ headers }: IncomingMessage): boolean {
  return 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) !== 0
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
  return offered.includes(MQTT) || offered.includes(MQTT_31)
}

/** 'mqtt' wherever it is offered [MQTT-6.0.0-4]; who offers 'mqttv3.1' alone speaks no later version. */
function selectProtocol(offered: Set<string>): string {
  return offered.has(MQTT) ? MQTT : MQTT_31
}
