/** A clock and a Store for a broker that is to be killed: from then on it cannot do anything. */
import type { Clock } from '@promptmq/broker'
import { MemoryStore, type RestoreSink, type Store, type StoreRecord } from '@promptmq/store'
import type { VirtualClock } from '../virtual-clock.ts'

/** Calls back as long as its broker lives. */
export class MortalClock implements Clock {
  readonly #clock: VirtualClock
  #isDead = false

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.#clock.schedule(delayMs, () => this.#call(callback))
  }

  defer(callback: () => void): void {
    this.#call(callback)
  }

  kill(): void {
    this.#isDead = true
  }

  #call(callback: () => void): void {
    if (!this.#isDead) callback()
  }
}

/** What outlives all brokers of a run, and which messages are in it. */
export class Disk {
  readonly store = new MemoryStore()
  /** Of messages that were committed, by the number in their payload. */
  readonly messages = new Set<number>()

  async apply(batch: readonly StoreRecord[]): Promise<void> {
    await this.store.commit(batch)
    for (const record of batch) {
      if (record.kind !== 'messagePut' || record.payload.length < 4) continue
      this.messages.add(Buffer.from(record.payload).readUInt32LE(0))
    }
  }
}

/** A Store that commits when it is told to, and never more once its broker is dead. */
export class MortalStore implements Store {
  readonly description = 'simulated'
  readonly #disk: Disk
  readonly #held: (() => void)[] = []
  #isDead = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Whether a commit waits. */
  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** Lets the commit that waits go on. */
  release(): void {
    this.#held.shift()?.()
  }

  /** @param isKept - whether a commit that is under way comes to its end, of which nobody learns. */
  die(isKept: boolean): void {
    if (isKept) this.release()
    this.#isDead = true
    this.#held.length = 0
  }

  open(): Promise<void> {
    return this.#disk.store.open()
  }

  restore(sink: RestoreSink): Promise<void> {
    return this.#disk.store.restore(sink)
  }

  async commit(batch: readonly StoreRecord[]): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#held.push(() => {
        // The disk has it at once, whoever lives to see it.
        void this.#disk.apply(batch).then(resolve)
      })
    })
    if (this.#isDead) await new Promise<never>(() => {})
  }

  readQueue(session: number, after: number, limit: number) {
    return this.#disk.store.readQueue(session, after, limit)
  }

  stats() {
    return this.#disk.store.stats()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
