import { Broker, type BrokerOptions } from '@promptmq/broker'
import type { Packet } from '@promptmq/codec'
import { MemoryStore, type StoreRecord } from '@promptmq/store'
import { VirtualClock } from '@promptmq/testing'

export interface Bench {
  readonly broker: Broker
  readonly clock: VirtualClock
}

/** A broker on a virtual clock, with chance that is always the same. */
export async function startBroker(options: BrokerOptions = {}): Promise<Bench> {
  const clock = new VirtualClock()
  let seed = 1
  const random = () => {
    seed = Math.imul(seed, 48_271) >>> 0
    return seed
  }
  const broker = await Broker.start({ clock, random, ...options })
  return { broker, clock }
}

/** The packets of one type. */
export function only<Type extends Packet['type']>(
  packets: readonly Packet[],
  type: Type,
): Extract<Packet, { type: Type }>[] {
  return packets.filter((packet): packet is Extract<Packet, { type: Type }> => packet.type === type)
}

/** The payloads of what was published to a client, as text. */
export function payloads(packets: readonly Packet[]): string[] {
  return only(packets, 'publish').map(({ payload }) => Buffer.from(payload).toString())
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A MemoryStore whose commits wait until they are let go, or fail when they are told to. */
export class HeldStore extends MemoryStore {
  isHolding = true
  failure: Error | null = null
  readonly batches: (readonly StoreRecord[])[] = []
  #held: (() => void)[] = []

  override async commit(batch: readonly StoreRecord[]): Promise<void> {
    this.batches.push(batch)
    if (this.isHolding) await new Promise<void>((resolve) => this.#held.push(resolve))
    if (this.failure !== null) throw this.failure
    await super.commit(batch)
  }

  /** Lets the commit that is under way go on. */
  letGo(): void {
    const held = this.#held
    this.#held = []
    for (const resolve of held) resolve()
  }
}

/** A clock whose loop goes round when it is told to. */
export class LoopClock extends VirtualClock {
  deferred: (() => void)[] = []

  override defer(callback: () => void): void {
    this.deferred.push(callback)
  }

  round(): void {
    for (const callback of this.deferred.splice(0)) callback()
  }
}
