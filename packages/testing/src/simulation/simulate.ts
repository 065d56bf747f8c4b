import { Broker, type BrokerOptions } from '@promptmq/broker'
import { settle, VirtualClock } from '../virtual-clock.ts'
import type { Published } from './expectations.ts'
import { Random } from './random.ts'
import { SimClient } from './sim-client.ts'

const CLIENTS = 5
const TOPICS = ['a', 'b', 'c/1', 'c/2', 'c/d/e']
/** A Store answers a few rounds later. */
const IDLE_ROUNDS = 10
const FILTERS = [...TOPICS, '+', 'c/+', 'c/#', '+/1', 'c/+/e']

/** What a run is decided by. */
export interface SimulationOptions {
  readonly seed: number
  readonly steps: number
  /** Beside a virtual clock and chance by the seed. */
  readonly broker?: BrokerOptions
}

/**
 * A broker and five clients of all versions, who connect, subscribe, publish, stall, vanish and take
 * their own sessions over, by chance; a model says after each step what each of them may and must get.
 *
 * @returns how many messages were published.
 * @throws Error with the seed, the step and the last things that were done.
 */
export async function simulate({
  seed,
  steps,
  broker: options,
}: SimulationOptions): Promise<number> {
  const world = await World.start(seed, options)
  try {
    for (let step = 0; step < steps; step++) await world.step()
    await world.finish()
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${world.trace()}`, { cause: error })
  } finally {
    await world.broker.close()
  }
  return world.publishedCount
}

class World {
  readonly broker: Broker
  readonly #random: Random
  readonly #clock: VirtualClock
  readonly #clients: SimClient[]
  readonly #done: string[] = []
  #number = 0

  private constructor(broker: Broker, random: Random, clock: VirtualClock) {
    this.broker = broker
    this.#random = random
    this.#clock = clock
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, i) =>
        new SimClient(broker, `c${i}`, random, (published, isAgain) =>
          this.#published(published, isAgain),
        ),
    )
  }

  static async start(seed: number, options: BrokerOptions = {}): Promise<World> {
    const random = new Random(seed)
    const clock = new VirtualClock()
    const maximumInflight = random.pick([1, 3, 100])
    const maximumHeldMessages = random.pick([2, 1_000])
    const broker = await Broker.start({
      clock,
      random: () => random.bits(),
      maximumInflight,
      maximumHeldMessages,
      ...options,
    })
    return new World(broker, random, clock)
  }

  get publishedCount(): number {
    return this.#number
  }

  trace(): string {
    return this.#done.slice(-30).join('\n')
  }

  async step(): Promise<void> {
    const random = this.#random
    const client = random.pick(this.#clients)
    const action = client.presence === 'away' ? 'connect' : this.#choose()
    this.#done.push(`${this.#done.length}: ${client.clientId} ${action}`)
    switch (action) {
      case 'connect':
        client.connect()
        await settle()
        client.read()
        client.resend()
        break
      case 'publish': {
        const count = random.chance(70) ? 1 : 1 + random.below(20)
        const messages = Array.from({ length: count }, () => this.#message(client))
        this.#done.push(
          `   ${messages.map(({ number, topicName, qos }) => `${number} ${topicName} q${qos}`).join(', ')}`,
        )
        client.publish(messages, random.chance(5))
        break
      }
      case 'subscribe':
        client.subscribe(random.pick(FILTERS), random.below(3) as 0 | 1 | 2)
        break
      case 'unsubscribe':
        client.unsubscribe(random.pick(FILTERS))
        break
      case 'stall':
        client.stall()
        break
      case 'unstall':
        client.unstall()
        break
      case 'drop':
        client.drop()
        break
      case 'disconnect':
        client.disconnect()
        break
      case 'answer':
        client.answer(1 + random.below(10))
        break
      default:
        this.#clock.advance(random.below(10_000))
    }
    await settle()
    for (const each of this.#clients) {
      // Some read late, some never until they have to.
      if (each.presence === 'reads' && random.chance(80)) each.read()
    }
  }

  /** Everybody comes back, reads and answers: what had to come has come. */
  async finish(): Promise<void> {
    for (const client of this.#clients) {
      this.#done.push(`finish: ${client.clientId} ${client.presence}`)
      if (client.presence === 'away' && client.isKept) client.connect(true)
      client.unstall()
    }
    await settle()
    for (const client of this.#clients) {
      client.read()
      client.resend()
    }
    for (let idleCount = 0; idleCount < IDLE_ROUNDS; idleCount++) {
      await settle()
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
  }

  #choose(): string {
    const at = this.#random.below(100)
    if (at < 40) return 'publish'
    if (at < 60) return 'answer'
    if (at < 72) return 'subscribe'
    if (at < 75) return 'unsubscribe'
    if (at < 80) return 'stall'
    if (at < 88) return 'unstall'
    if (at < 92) return 'drop'
    if (at < 94) return 'disconnect'
    return at < 97 ? 'connect' : 'advance'
  }

  #message({ clientId }: SimClient): Published {
    const qos = this.#random.below(3) as 0 | 1 | 2
    return {
      number: this.#number++,
      topicName: this.#random.pick(TOPICS),
      publisher: clientId,
      qos,
    }
  }

  #published(published: Published, isAgain: boolean): void {
    for (const { session, presence } of this.#clients) {
      session.published(published, presence, isAgain)
    }
  }
}
