/**
 * Puts one handler before all others that an http server has for upgrades.
 *
 *   request --> shouldUpgradeCallback --> emit('upgrade') --> ours: taken, and nobody else is told
 *                    |                          `-- else: the other listeners, as if we were not there
 *                    `-- nobody's: an ordinary request, as if we were not there
 *
 * A listener of our own would not do, for two reasons. All listeners of 'upgrade' get every upgrade,
 * and a WebSocketServer of ws that was given a server and a path answers 400 to every other path: it
 * would write that into connections that are ours. And a server with a listener takes each request
 * with an Upgrade header for one, `Upgrade: h2c` of some http clients included, which nobody would
 * answer then.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { refuseUpgrade } from './refuse-upgrade.ts'

/** Who takes upgrades. */
export interface UpgradeHandler {
  isFor(request: IncomingMessage): boolean
  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void
}

/** What Node asks whether a request is to be an upgrade; from Node 24.9 on. */
interface HasUpgradeCallback {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean
}

/** What is put before the listeners of each server, while anybody takes its upgrades. */
const interceptions = new WeakMap<Server, Interception>()

/** Makes `handler` one of the first to get a server's upgrades. @returns ends that. */
export function takeUpgrades(server: Server, handler: UpgradeHandler): () => void {
  let interception = interceptions.get(server)
  if (interception === undefined) {
    interception = new Interception(server)
    interceptions.set(server, interception)
  }
  const { handlers } = interception
  handlers.add(handler)
  return () => {
    if (!handlers.delete(handler) || handlers.size > 0) return
    interceptions.delete(server)
    interception.undo()
  }
}

class Interception {
  readonly handlers = new Set<UpgradeHandler>()
  readonly #server: Server & HasUpgradeCallback
  readonly #theirEmit: Server['emit']
  readonly #theirCallback: HasUpgradeCallback['shouldUpgradeCallback']

  constructor(server: Server) {
    this.#server = server
    this.#theirEmit = server.emit
    this.#theirCallback = this.#server.shouldUpgradeCallback
    server.emit = this.#emit as Server['emit']
    if (this.#theirCallback !== undefined) this.#server.shouldUpgradeCallback = this.#shouldUpgrade
    // Without a listener Node makes no upgrade of anything.
    server.on('upgrade', this.#listener)
  }

  /** Who has put something before ours since keeps it: ours lets everything through then. */
  undo(): void {
    const server = this.#server
    server.off('upgrade', this.#listener)
    if (server.emit === this.#emit) server.emit = this.#theirEmit
    if (server.shouldUpgradeCallback === this.#shouldUpgrade) {
      server.shouldUpgradeCallback = this.#theirCallback!
    }
  }

  readonly #emit = (event: string, ...args: unknown[]): boolean => {
    if (event === 'upgrade') {
      const [request, stream, head] = args as [IncomingMessage, Duplex, Buffer]
      const handler = this.#handlerOf(request)
      if (handler !== undefined) {
        handler.accept(request, stream, head)
        return true
      }
    }
    return Reflect.apply(this.#theirEmit, this.#server, [event, ...args])
  }

  readonly #shouldUpgrade = (request: IncomingMessage): boolean => {
    if (this.#handlerOf(request) !== undefined) return true
    return this.#isAlone ? false : this.#theirCallback!.call(this.#server, request)
  }

  /** Where Node does not ask, what nobody takes ends here. */
  readonly #listener = (_request: IncomingMessage, stream: Duplex): void => {
    if (this.#isAlone) refuseUpgrade(stream, 404, 'no upgrade is served here')
  }

  get #isAlone(): boolean {
    return this.#server.listeners('upgrade').every((listener) => listener === this.#listener)
  }

  #handlerOf(request: IncomingMessage): UpgradeHandler | undefined {
    for (const handler of this.handlers) if (handler.isFor(request)) return handler
    return undefined
  }
}
