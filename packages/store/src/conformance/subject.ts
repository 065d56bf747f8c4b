import assert from 'node:assert/strict'
import { type QueuedMessage, type Store, StoreError, type StoreRecord } from '../store.ts'
import { collectRestored, plainPage, type Restored } from './restored.ts'

/** A Store in a place of its own, and the ways to come back to that place. */
export interface StoreFixture {
  /** Not opened yet, at an empty place. */
  readonly store: Store
  /** A Store at the same place, not opened yet; the one before has been closed. */
  reopen(): Promise<Store>
  /**
   * Kills the Store without `close`, and gives one at the same place, not opened yet. Left out where
   * nothing can survive a death: the crash cases then pass without looking.
   */
  crash?(): Promise<Store>
  /** Closes what is open and removes the place. */
  dispose(): Promise<void>
}

/** The Store under test, opened and restored, in the hands of one case. */
export class Subject {
  readonly fixture: StoreFixture
  store: Store

  private constructor(fixture: StoreFixture) {
    this.fixture = fixture
    this.store = fixture.store
  }

  static async open(fixture: StoreFixture): Promise<Subject> {
    const subject = new Subject(fixture)
    await subject.#start()
    return subject
  }

  commit(...batch: StoreRecord[]): Promise<void> {
    return this.store.commit(batch)
  }

  async readQueue(session: number, after = 0, limit = 1000): Promise<QueuedMessage[]> {
    return plainPage(await this.store.readQueue(session, after, limit))
  }

  /** Closes, opens and restores: the only way to see what is kept. */
  async restart(): Promise<Restored> {
    await this.store.close()
    this.store = await this.fixture.reopen()
    return this.#start()
  }

  /** As {@link restart}, after a death without `close`. */
  async crash(): Promise<Restored> {
    assert.ok(this.fixture.crash !== undefined)
    this.store = await this.fixture.crash()
    return this.#start()
  }

  async #start(): Promise<Restored> {
    await this.store.open()
    return collectRestored(this.store)
  }
}

/** One promise of the contract and how it is tried. */
export interface Case {
  readonly name: string
  readonly run: (subject: Subject) => Promise<void>
}

/** Asserts that `promise` rejects with a {@link StoreError} of `code`. */
export async function rejectsWith(promise: Promise<unknown>, code: StoreError['code']) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof StoreError, `${error} is no StoreError`)
    assert.equal(error.code, code)
    return true
  })
}
