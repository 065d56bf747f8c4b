import { Broker, type BrokerOptions } from '@promptmq/broker'
import { MemoryStore } from '@promptmq/store'
import { settle, VirtualClock } from '../virtual-clock.ts'
import { Model, NEVER, type QueueBounds } from './model.ts'
import { Random } from './random.ts'
import { SimClient, type SimWorld } from './sim-client.ts'
import type { SimLink } from './sim-link.ts'
import { Committed, SimStore } from './sim-store.ts'
import { CLIENTS, type Step, type StepOf } from './steps.ts'
import { readState } from './stored-state.ts'

/** After so long the broker asks a Store that has failed again. */
const RETRY_MS = 1_000
/** At the end: rounds in which nobody has anything to do. */
const IDLE_ROUNDS = 3

/** A broker, its clients and what they expect of each other. */
export class World implements SimWorld {
  publishedCount = 0
  readonly model: Model
  readonly committed: Committed | null
  /** The addresses of connections that were accepted. */
  readonly #joined = new Set<string>()
  readonly #options: BrokerOptions
  readonly #memory: MemoryStore | null
  readonly #clients: SimClient[]
  #store: SimStore | null = null
  #clock = new VirtualClock()
  #broker: Broker | null = null

  private constructor(options: BrokerOptions & QueueBounds, hasStore: boolean) {
    this.#options = options
    this.#memory = hasStore ? new MemoryStore() : null
    this.committed = hasStore ? new Committed() : null
    this.model = new Model(this.#clock.now(), hasStore, options)
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => new SimClient(this, `c${i}`))
  }

  /** @param options - beside what the seed decides. */
  static async start(seed: number, hasStore: boolean, options: BrokerOptions): Promise<World> {
    const random = new Random(~seed)
    const chosen = {
      maximumInflight: random.pick([1, 3, 100]),
      maximumQueuedMessages: random.pick([3, 100_000, 100_000]),
      whenQueueFull: random.pick(['drop newest', 'drop oldest'] as const),
      maximumHeldMessages: random.pick([2, 1_000]),
      receiveMaximum: random.pick([2, 20, 65_535]),
      topicAliasMaximum: random.pick([0, 1, 4]),
      outboundTopicAliasMaximum: random.pick([0, 2, 32]),
      random: () => random.bits(),
    }
    const world = new World({ ...chosen, ...options }, hasStore)
    await world.#start()
    return world
  }

  get isRefusing(): boolean {
    return this.#store?.hasFailed ?? false
  }

  hasJoined(link: SimLink): boolean {
    return this.#joined.has(link.transport.remoteAddress)
  }

  get broker(): Broker {
    return this.#broker!
  }

  /** @throws Error where the broker broke a rule. */
  async step(step: Step): Promise<void> {
    await this.#advance(1)
    this.#store?.tick()
    await this.#settle()
    const client = this.#clients[step.client]!
    client.random = new Random(step.seed)
    if (step.kind === 'advance') await this.#advance(step.seconds * 1_000)
    else if (step.kind === 'crash') await this.#crash(step.isKept)
    else if (step.kind === 'store' && this.#store !== null) this.#store.delay = step.delay
    else if (step.kind === 'fail' && this.#store !== null) this.#store.failsFor = step.steps
    const isDone = this.#do(client, step)
    if (isDone || step.kind === 'advance' || step.kind === 'crash') await this.#settle()
    this.model.checkDrops()
    const random = new Random(~step.seed)
    // Some look late at what has come.
    for (const each of this.#clients) each.tick(random.chance(80))
  }

  /** Everybody comes back, reads and answers: what had to come has come. */
  async finish(): Promise<void> {
    await this.#advance(1)
    await this.#recover()
    for (const client of this.#clients) client.lag({ up: 0, down: 0 })
    let idleCount = 0
    while (idleCount++ < IDLE_ROUNDS) {
      await this.#settle()
      for (const client of this.#clients) {
        client.tick(false)
        const isBusy = [
          client.unstall(),
          client.session !== undefined && !client.isConnected && client.connect(COME_BACK),
          client.read(),
          client.answer({ count: 1_000 }),
        ].some(Boolean)
        if (isBusy) idleCount = 0
      }
    }
    const missing = this.model.missing()
    if (missing.length > 0) throw new Error(missing.join('; '))
  }

  async close(): Promise<void> {
    if (this.#broker === null) return
    await this.#recover()
    await this.#broker.close()
  }

  /** The Store is fast and sound from now on, and has been asked again for what it failed at. */
  async #recover(): Promise<void> {
    const { hasFailed } = this.#store ?? {}
    this.#store?.hurry()
    await this.#settle()
    if (!hasFailed) return
    await this.#advance(RETRY_MS)
    await this.#settle()
  }

  /** @returns false where there was nothing to do. */
  #do(client: SimClient, step: Step): boolean {
    switch (step.kind) {
      case 'connect':
        return client.connect(step)
      case 'publish': {
        const isDone = client.publish(step)
        if (isDone) this.publishedCount += step.messages.length
        return isDone
      }
      case 'subscribe':
        return client.subscribe(step)
      case 'unsubscribe':
        return client.unsubscribe(step)
      case 'answer':
        return client.answer(step)
      case 'disconnect':
        return client.disconnect(step)
      case 'malformed':
        return client.malformed(step)
      case 'lag':
        return client.lag(step)
      case 'stall':
      case 'unstall':
      case 'drop':
        return client[step.kind]()
      default:
        return false
    }
  }

  /** The clock moves on, and both sides do what is due, each thing at its time. */
  async #advance(milliseconds: number): Promise<void> {
    const clock = this.#clock
    const until = clock.now() + milliseconds
    for (;;) {
      const at = this.model.nextDue(until)
      if (at === null) break
      clock.advance(Math.max(0, at - clock.now()))
      this.model.advance(Math.max(at, clock.now()))
    }
    clock.advance(until - clock.now())
    this.model.now = until
  }

  /** The process dies: what the Store has is all that is left. */
  async #crash(isKept: boolean): Promise<void> {
    if (this.#memory === null) return
    await this.#settle()
    for (const client of this.#clients) client.read()
    const isSettled = !this.#store!.isBusy && !this.#store!.hasFailed
    this.#broker = null
    await this.#store!.crash(isKept)
    const stored = await readState(this.#memory, this.#clock.now())
    const known = new Set<string>()
    const same = new Set<string>()
    for (const client of this.#clients) {
      const session = stored.sessions.get(client.clientId)
      const isStranger = client.isStranger && session !== undefined
      if (client.knows(session) && !isStranger) known.add(client.clientId)
      if (known.has(client.clientId) || isStranger) same.add(client.clientId)
    }
    this.model.restore(stored, (clientId) => same.has(clientId), isSettled)
    for (const client of this.#clients) {
      const { clientId } = client
      client.crashed(stored.sessions.get(clientId), known.has(clientId))
      if (known.has(clientId)) this.#checkUnheld(client, stored)
    }
    await this.#start()
  }

  /** A message is in the Store together with its identifier, or it comes a second time. */
  #checkUnheld(client: SimClient, { sessions }: Awaited<ReturnType<typeof readState>>): void {
    const unheld = new Set(client.unheld())
    for (const { queue } of sessions.values()) {
      const twice = queue.find(({ number, retain }) => !retain && unheld.has(number))
      if (twice !== undefined) throw new Error(`${twice.number} is kept, its identifier is not`)
    }
  }

  async #start(): Promise<void> {
    this.#clock = new VirtualClock(this.#clock.now())
    const base = { ...this.#options, clock: this.#clock }
    if (this.#memory !== null) this.#store = new SimStore(this.#memory, this.committed!)
    const store = this.#store === null ? {} : { store: this.#store }
    const broker = await Broker.start({ ...base, ...store })
    broker.on('drop', ({ clientId, topicName, reason }) => {
      if (reason === 'queue full' && broker === this.#broker)
        this.model.dropped(clientId, topicName)
    })
    broker.on('clientConnect', ({ remoteAddress }) => this.#joined.add(remoteAddress))
    this.#broker = broker
  }

  /** Without a Store nothing takes longer than the call. */
  async #settle(): Promise<void> {
    if (this.#store === null) return
    await settle()
    for (const client of this.#clients) client.checkAlive()
  }
}

/** Everybody comes back with this one: nothing is in the way, and nothing expires. */
const COME_BACK: StepOf<'connect'> = {
  kind: 'connect',
  client: 0,
  seed: 0,
  version: 5,
  cleanStart: false,
  expiry: NEVER,
  receiveMaximum: 100,
  topicAliasMaximum: 2,
  will: null,
  givesChunks: false,
  readsLate: false,
  takesOver: false,
  lag: 0,
}
