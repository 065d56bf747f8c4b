import { Broker, type BrokerOptions } from '@promptmq/broker'
import type { Publish } from '@promptmq/codec'
import { TestClient } from '../test-client.ts'
import { settle, VirtualClock } from '../virtual-clock.ts'
import type { Published } from './expectations.ts'
import { Ledger } from './ledger.ts'
import { Disk, MortalClock, MortalStore } from './mortal.ts'
import { Random } from './random.ts'
import { SimClient, type SimWorld } from './sim-client.ts'
import type { Step } from './steps.ts'

/** Clients of one run. */
export const CLIENT_COUNT = 5
/** A Store answers a few rounds later. */
const IDLE_ROUNDS = 10
/** Milliseconds: what no timer of Node takes. */
const LONG = 2 ** 31 + 1_000

/** What a run is decided by, beside its steps. */
export interface WorldOptions {
  readonly seed: number
  readonly isStored: boolean
  readonly broker?: BrokerOptions
}

/**
 * A broker and its clients on a virtual clock and, where they are stored, on a disk that outlives the
 * broker: it is killed and started again.
 */
export class World implements SimWorld {
  readonly isStored: boolean
  readonly ledger: Ledger
  /** Of the step; the broker has one of its own. */
  readonly random: Random
  /** What was done, a line each. */
  readonly story: string[] = []
  readonly #options: WorldOptions
  readonly #brokerRandom: Random
  readonly #clock = new VirtualClock()
  readonly #disk = new Disk()
  readonly #clients: SimClient[]
  #broker: Broker | null = null
  #mortalClock: MortalClock | null = null
  #store: MortalStore | null = null

  private constructor(options: WorldOptions) {
    this.#options = options
    this.isStored = options.isStored
    this.random = new Random(options.seed)
    this.#brokerRandom = new Random(~options.seed)
    this.#clients = Array.from({ length: CLIENT_COUNT }, (_, i) => new SimClient(this, `c${i}`))
    this.ledger = new Ledger(this.#clients, options.isStored)
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options)
    await world.#startBroker()
    return world
  }

  get broker(): Broker {
    return this.#broker!
  }

  now(): number {
    return this.#clock.now()
  }

  tell(what: string): void {
    this.story.push(what)
  }

  checkKept({ number }: Published): void {
    if (!this.isStored || this.#disk.messages.has(number)) return
    const owner = this.#clients.find((one) => one.isStored && one.session.mustGet(number))
    if (owner !== undefined) throw new Error(`${number} is not kept for ${owner.clientId}`)
  }

  /** @throws Error where somebody gets what is against the rules. */
  async step({ number, client: index, action, seed }: Step): Promise<void> {
    this.random.reseed(seed)
    const client = this.#clients[index]!
    this.tell(`step ${number}: ${client.clientId}, ${client.presence}: ${action}`)
    const isAway = client.presence === 'away'
    if (action === 'crash') await this.#crash()
    else if (action === 'commit') this.#store?.release()
    else if (action === 'advance') this.#advance()
    else if (isAway || action === 'connect') await this.#connect(client)
    else await this.#act(client, action)
    await settle()
    for (const each of this.#clients) {
      // Some read late, some never until they have to.
      if (each.presence === 'reads' && this.random.chance(80)) each.read()
    }
  }

  /** Everybody comes back, reads and answers: what had to come has come. */
  async finish(): Promise<void> {
    this.random.reseed(this.#options.seed)
    this.tell('in the end')
    for (const client of this.#clients) {
      client.arrive()
      if (client.presence === 'away' && client.isKept) client.connect(true)
      client.unstall()
    }
    await this.#drain()
    for (const client of this.#clients) {
      client.read()
      client.resend()
    }
    for (let idleCount = 0; idleCount < IDLE_ROUNDS; idleCount++) {
      await this.#drain()
      for (const client of this.#clients) {
        client.read()
        if (client.answer(1_000) > 0) idleCount = 0
      }
    }
    for (const { clientId, session, presence } of this.#clients) {
      const missing = session.missing()
      if (presence !== 'away' && missing.length > 0) {
        throw new Error(`${clientId} never got ${missing.join(', ')}`)
      }
    }
    const lost = this.ledger.groups.missing()
    if (lost.length > 0) throw new Error(`no member of a group got ${lost.join(', ')}`)
    this.ledger.retained.check(await this.#retained())
  }

  async close(): Promise<void> {
    const closed = this.broker.close()
    await this.#drain()
    await closed
  }

  async #act(client: SimClient, action: Step['action']): Promise<void> {
    switch (action) {
      case 'publish':
        client.publish(false)
        if (client.presence === 'away') await this.#drain()
        break
      case 'retain':
        client.publish(true)
        break
      case 'subscribe':
        client.subscribe()
        await this.#drain()
        break
      case 'unsubscribe':
        client.unsubscribe()
        await this.#drain()
        break
      case 'stall':
        client.stall()
        break
      case 'unstall':
        client.unstall()
        break
      case 'lag':
        client.lag()
        break
      case 'arrive':
        client.arrive()
        await this.#drain()
        break
      case 'drop':
        client.drop()
        await this.#drain()
        break
      case 'disconnect':
        client.disconnect()
        await this.#drain()
        break
      case 'corrupt':
        client.corrupt()
        await this.#drain()
        break
      default:
        client.answer(1 + this.random.below(10))
    }
  }

  async #connect(client: SimClient): Promise<void> {
    client.connect()
    await this.#drain()
    client.read()
    client.resend()
  }

  #advance(): void {
    const isLong = this.random.chance(10) && !this.isStored
    this.#clock.advance(isLong ? LONG : this.random.below(10_000))
    for (const client of this.#clients) client.passed()
  }

  /** All that waits for the Store is kept: sessions, subscriptions and their ends are certain. */
  async #drain(): Promise<void> {
    await settle()
    while (this.#store?.isHolding) {
      this.#store.release()
      await settle()
    }
  }

  /** The process is killed. A commit that is under way may be on the disk, or not. */
  async #crash(): Promise<void> {
    if (this.#store === null) return
    this.#store.die(this.random.chance(50))
    this.#mortalClock!.kill()
    for (const client of this.#clients) client.crashed()
    this.ledger.crashed()
    await this.#startBroker()
  }

  async #startBroker(): Promise<void> {
    const settings = new Random(this.#options.seed)
    this.#mortalClock = new MortalClock(this.#clock)
    this.#store = this.isStored ? new MortalStore(this.#disk) : null
    this.#broker = await Broker.start({
      clock: this.#mortalClock,
      random: () => this.#brokerRandom.bits(),
      maximumInflight: settings.pick([1, 3, 100]),
      maximumHeldMessages: settings.pick([2, 1_000]),
      reasonStrings: false,
      ...(this.#store !== null && { store: this.#store }),
      ...this.#options.broker,
    })
  }

  /** What a new subscriber to all topics gets. */
  async #retained(): Promise<Map<string, number>> {
    const probe = await TestClient.join(this.broker, { clientId: 'probe' })
    await probe.send({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: '#', qos: 0 }],
    })
    await this.#drain()
    const retained = probe.take().filter((packet): packet is Publish => packet.type === 'publish')
    return new Map(
      retained.map(({ topicName, payload }) => [topicName, Buffer.from(payload).readUInt32LE(0)]),
    )
  }
}
