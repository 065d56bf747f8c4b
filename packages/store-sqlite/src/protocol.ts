import type { QueuedMessage, StoreErrorCode, StoreStats } from '@promptmq/store'
import type { ResolvedOptions } from './options.ts'
import type { PackedBatch } from './packing.ts'
import type { RestoreItem } from './reader.ts'

/**
 * What passes between the two threads.
 *
 *   store --- Request { id, name, parameters } ---> worker      served in the order of posting
 *         <-- Reply   { id, value | failure } -----
 *
 * A backup lets those that come after it pass, but for `backup`, `compact` and `close`.
 * `open` is the first request and `close` the last. `restore` gives a page a call; any other request
 * ends a restore that is not through.
 */
export interface Calls {
  open(options: ResolvedOptions): void
  restore(): RestorePage
  commit(batch: PackedBatch): void
  readQueue(session: number, after: number, limit: number): QueuedMessage[]
  stats(): StoreStats
  compact(): void
  backup(target: string): void
  close(): void
}

/** Some of what `restore` streams back. */
export interface RestorePage {
  readonly items: readonly RestoreItem[]
  readonly isLast: boolean
}

/** A call, as it is posted to the worker. */
export type Request = {
  [Name in keyof Calls]: { id: number; name: Name; parameters: Parameters<Calls[Name]> }
}[keyof Calls]

/** The answer to the {@link Request} of the same id. */
export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly failure?: FailureData
}

/** A Failure as data: a cloned Error keeps neither its `code` nor the `errcode` of its cause. */
export interface FailureData {
  readonly code: StoreErrorCode
  readonly message: string
  readonly cause: { readonly message: string; readonly code?: string; readonly errcode?: number }
}
