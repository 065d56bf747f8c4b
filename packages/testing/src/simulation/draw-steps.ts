import type { Published } from './message.ts'
import { NEVER, type SimWill } from './model.ts'
import { Random } from './random.ts'
import { CLIENTS, type Step } from './steps.ts'

const TOPICS = ['a', 'b', 'c/1', 'c/2', 'c/d/e']
/** Of two groups: one with a wildcard. */
const SHARED_TOPICS = ['sh/a', 'sh/b', 'si/x']
const SHARED_FILTERS = ['$share/g/sh/+', '$share/h/si/x']
const FILTERS = [...TOPICS, '+', 'c/+', 'c/#', '+/1', 'c/+/e', 'w/+']

const SIZES = [4, 5, 60, 60, 60, 60, 60, 60, 60, 400, 400, 3_000]
const LARGE = 20_000

/** In seconds: from nothing to what no timer of the system can wait for. */
const SESSION_EXPIRIES = [0, 0, 5, 60, 3_000_000, NEVER, NEVER, NEVER]
const MESSAGE_EXPIRIES = [2, 30, 3_000_000]
const ADVANCES = [1, 1, 2, 5, 5, 31, 70]
const LONG_ADVANCE = 3_000_001
const TOPIC_ALIAS_MAXIMA = [0, 0, 1, 3]
/** Subscription Identifiers; the same one may stand for several subscriptions. */
const IDENTIFIERS = [0, 0, 1, 2, 268_435_455]
const WILL_DELAYS = [0, 0, 3, 10, 3_000_000]

/** How often of a thousand. */
const WEIGHTS: readonly (readonly [Step['kind'], number])[] = [
  ['connect', 180],
  ['publish', 320],
  ['answer', 186],
  ['subscribe', 110],
  ['unsubscribe', 20],
  ['stall', 35],
  ['unstall', 45],
  ['drop', 28],
  ['disconnect', 14],
  ['malformed', 4],
  ['lag', 20],
  ['advance', 20],
  ['store', 8],
  ['fail', 4],
  ['crash', 6],
]

/** So many steps, the same for the same seed, whatever comes of them. */
export function drawSteps(seed: number, count: number): Step[] {
  const drawer = new Drawer(new Random(seed))
  return Array.from({ length: count }, () => drawer.draw())
}

class Drawer {
  readonly #random: Random
  #number = 0

  constructor(random: Random) {
    this.#random = random
  }

  draw(): Step {
    const random = this.#random
    const client = random.below(CLIENTS)
    const base = { client, seed: random.bits() }
    const kind = this.#kind()
    switch (kind) {
      case 'connect':
        return { ...base, kind, ...this.#connect(client) }
      case 'publish':
        return { ...base, kind, ...this.#publish(client) }
      case 'subscribe':
        return { ...base, kind, ...this.#subscribe() }
      case 'unsubscribe':
        return { ...base, kind, topicFilter: this.#filter() }
      case 'answer':
        return { ...base, kind, count: 1 + random.below(10) }
      case 'disconnect':
        return { ...base, kind, ...this.#disconnect() }
      case 'malformed':
        return { ...base, kind, which: random.bits(), message: this.#message(client) }
      case 'lag':
        return { ...base, kind, up: random.below(6), down: random.below(6) }
      case 'advance':
        return { ...base, kind, seconds: random.chance(4) ? LONG_ADVANCE : random.pick(ADVANCES) }
      case 'store':
        return { ...base, kind, delay: random.below(5) }
      case 'fail':
        return { ...base, kind, steps: 1 + random.below(30) }
      case 'crash':
        return { ...base, kind, isKept: random.chance(50) }
      default:
        return { ...base, kind }
    }
  }

  #kind(): Step['kind'] {
    let at = this.#random.below(1_000)
    for (const [kind, weight] of WEIGHTS) {
      if (at < weight) return kind
      at -= weight
    }
    return 'answer'
  }

  #connect(client: number) {
    const random = this.#random
    const version = random.pick([3, 4, 5, 5] as const)
    const cleanStart = random.chance(20)
    const session5 = {
      expiry: random.pick(SESSION_EXPIRIES),
      receiveMaximum: 1 + random.below(6),
      topicAliasMaximum: random.pick(TOPIC_ALIAS_MAXIMA),
    }
    const expiry3 = cleanStart ? 0 : NEVER
    const session3 = { expiry: expiry3, receiveMaximum: 65_535, topicAliasMaximum: 0 }
    return {
      version,
      cleanStart,
      ...(version === 5 ? session5 : session3),
      will: random.chance(30) ? this.#will(client, version) : null,
      givesChunks: random.chance(50),
      readsLate: random.chance(50),
      takesOver: random.chance(15),
      lag: random.chance(10) ? 1 + random.below(5) : 0,
    }
  }

  #will(client: number, version: number): SimWill {
    const random = this.#random
    const published = {
      ...this.#message(client, version),
      // A topic of its own: at the same moment others' wills are due in any order.
      topicName: `w/c${client}`,
      size: 4,
    }
    return { published, delay: version === 5 ? random.pick(WILL_DELAYS) : 0 }
  }

  #publish(client: number) {
    const random = this.#random
    const count = random.chance(70) ? 1 : 1 + random.below(20)
    const messages = Array.from({ length: count }, () => this.#message(client))
    return { messages, isCut: random.chance(5) }
  }

  #message(client: number, version = 5): Published {
    const random = this.#random
    const isShared = random.chance(20)
    const retain = !isShared && random.chance(15)
    const size = retain && random.chance(20) ? 0 : random.chance(3) ? LARGE : random.pick(SIZES)
    return {
      number: this.#number++,
      topicName: random.pick(isShared ? SHARED_TOPICS : TOPICS),
      publisher: `c${client}`,
      qos: random.below(3) as 0 | 1 | 2,
      retain,
      size,
      expiry: version === 5 && random.chance(10) ? random.pick(MESSAGE_EXPIRIES) : 0,
    }
  }

  #filter(): string {
    return this.#random.pick(this.#random.chance(25) ? SHARED_FILTERS : FILTERS)
  }

  #subscribe() {
    const random = this.#random
    return {
      topicFilter: this.#filter(),
      qos: random.below(3) as 0 | 1 | 2,
      noLocal: random.chance(20),
      retainAsPublished: random.chance(30),
      identifier: random.pick(IDENTIFIERS),
      retainHandling: random.below(3) as 0 | 1 | 2,
    }
  }

  #disconnect() {
    const random = this.#random
    const withWill = random.chance(40)
    return { withWill, expiry: random.chance(40) ? random.pick(SESSION_EXPIRIES) : null }
  }
}
