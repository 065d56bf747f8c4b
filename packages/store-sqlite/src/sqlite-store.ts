import {
  type QueuedMessage,
  type RestoreSink,
  type Store,
  StoreError,
  type StoreRecord,
  type StoreStats,
} from '@promptmq/store'
import { WorkerLink } from './link.ts'
import {
  type ResolvedOptions,
  resolveOptions,
  resolvePath,
  type SqliteStoreOptions,
} from './options.ts'
import { packBatch } from './packing.ts'
import type { RestoreItem } from './reader.ts'

/**
 * A Store in one SQLite file. A worker thread does all that touches it: no call here waits for a
 * disk, and requests are served in the order in which they were made.
 *
 * @example
 * ```ts
 * const store = new SqliteStore({ path: 'data/promptmq.db', pragmas: { cacheSize: -16_384 } })
 * await store.open()
 * await store.commit([{ kind: 'sessionPut', session: 1, clientId: 'c', owner: '',
 *   sessionExpiryInterval: 3600, expiresAt: null }])
 * await store.close()
 * ```
 */
export class SqliteStore implements Store {
  /** The file's absolute path. */
  readonly description: string
  readonly #options: ResolvedOptions
  /** `null` unless open or being opened. */
  #link: WorkerLink | null = null
  #turn: Promise<void> = Promise.resolve()

  /** @throws TypeError or RangeError with `code: 'ERR_PROMPTMQ_OPTION'`, naming the option. */
  constructor(options: SqliteStoreOptions) {
    this.#options = resolveOptions(options)
    this.description = this.#options.path
  }

  /**
   * Opens the file, or makes it.
   *
   * @throws StoreError `ERR_PROMPTMQ_STORE_UNUSABLE` (a directory, a link, not allowed, another
   *   owner's), `_FOREIGN` (not SQLite, or another application's), `_NEWER` (a later release's),
   *   `_CORRUPT` or `_IN_USE`; the file is as it was.
   */
  open(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#link !== null) {
        const text = `store '${this.description}' is open already`
        throw new StoreError('ERR_PROMPTMQ_STORE_IN_USE', text)
      }
      const link = new WorkerLink(this.description)
      this.#link = link
      try {
        await link.call('open', [this.#options])
      } catch (error) {
        this.#link = null
        await link.kill(this.#closed())
        throw error
      }
    })
  }

  /** As {@link Store.restore}. What the sink throws ends it and is thrown on. */
  async restore(sink: RestoreSink): Promise<void> {
    const link = this.#opened()
    for (;;) {
      const { items, isLast } = await link.call('restore', [])
      for (const { kind, value } of items) {
        // The kind names the method for its own value, which the compiler cannot correlate.
        const tell = sink[kind] as (value: RestoreItem['value']) => void
        tell.call(sink, value)
      }
      if (isLast) return
    }
  }

  /**
   * As {@link Store.commit}: resolves when the transaction is, by `pragmas.synchronous`, on disk. The
   * records are copied before this returns.
   */
  async commit(batch: readonly StoreRecord[]): Promise<void> {
    await this.#post(this.#opened(), batch)
  }

  /** As {@link Store.readQueue}. */
  async readQueue(session: number, after: number, limit: number): Promise<QueuedMessage[]> {
    return this.#opened().call('readQueue', [session, after, limit])
  }

  /** As {@link Store.stats}; `bytes` are those of the file and its WAL. */
  async stats(): Promise<StoreStats> {
    return this.#opened().call('stats', [])
  }

  /** Rewrites the file without its gaps; commits wait meanwhile, and it takes as much room again. */
  async compact(): Promise<void> {
    await this.#opened().call('compact', [])
  }

  /**
   * Writes a copy to `path`, a new file, while commits go on.
   *
   * @throws StoreError `ERR_PROMPTMQ_STORE_UNUSABLE` where there is something at `path` already or
   *   it cannot be written.
   */
  async backup(path: string): Promise<void> {
    await this.#opened().call('backup', [resolvePath(path)])
  }

  /** Finishes what was called before, brings the WAL into the file and ends the thread. */
  close(): Promise<void> {
    // At once, so that what is called from now on rejects; in its turn where it is still to open.
    const open = this.#link
    this.#link = null
    return this.#inTurn(async () => {
      const link = open ?? this.#link
      this.#link = null
      await link?.close()
    })
  }

  /** Ends the thread at once; what is under way rejects with `ERR_PROMPTMQ_STORE_CLOSED`. */
  async kill(): Promise<void> {
    const link = this.#link
    if (link === null) return this.close()
    this.#link = null
    await link.kill(this.#closed())
  }

  /** One of `open` and `close` after the other, whatever became of the one before. */
  #inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(action)
    this.#turn = done.catch(() => {})
    return done
  }

  #post(link: WorkerLink, batch: readonly StoreRecord[]): Promise<void> {
    try {
      const packed = packBatch(batch)
      return link.call('commit', [packed], [packed.bytes.buffer])
    } catch (error) {
      const text = `store '${this.description}' was given a bad batch: ${(error as Error).message}`
      throw new StoreError('ERR_PROMPTMQ_STORE_COMMIT', text, { cause: error })
    }
  }

  #opened(): WorkerLink {
    if (this.#link !== null) return this.#link
    throw this.#closed()
  }

  #closed(): StoreError {
    return new StoreError('ERR_PROMPTMQ_STORE_CLOSED', `store '${this.description}' is not open`)
  }
}
