import type { MessagePort } from 'node:worker_threads'
import { Database } from './database.ts'
import { Failure } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import { type PackedBatch, unpackBatch } from './packing.ts'
import type { Calls, FailureData, Reply, Request, RestorePage } from './protocol.ts'
import type { RestoreItem } from './reader.ts'

type Served = {
  [Name in keyof Calls]: (
    ...parameters: Parameters<Calls[Name]>
  ) => ReturnType<Calls[Name]> | Promise<ReturnType<Calls[Name]>>
}

/**
 * Serves one Database over `port` until it is closed. A request runs as far as it can before the
 * next is looked at, so that all but a backup, which takes its time beside them, are in order.
 */
export function serve(port: MessagePort): void {
  const calls = new DatabaseCalls()
  port.on('message', async ({ id, name, parameters }: Request) => {
    port.postMessage(await answer(id, () => calls.call(name, parameters)))
    if (name === 'close') port.close()
  })
}

async function answer(id: number, action: () => unknown): Promise<Reply> {
  try {
    return { id, value: await action() }
  } catch (error) {
    return { id, failure: failureData(error) }
  }
}

class DatabaseCalls implements Served {
  #database: Database | null = null
  #pages: Generator<RestoreItem[]> | null = null

  call(name: keyof Calls, parameters: readonly unknown[]): unknown {
    if (name !== 'restore') this.#endRestore()
    // Name and parameters come from one Request, which the compiler cannot correlate.
    const method = this[name] as (...parameters: readonly unknown[]) => unknown
    return method.apply(this, [...parameters])
  }

  open(options: ResolvedOptions): void {
    this.#database = Database.open(options)
  }

  restore(): RestorePage {
    this.#pages ??= this.#opened.restore()
    const { value, done } = this.#pages.next()
    if (done === true) this.#pages = null
    return { items: value ?? [], isLast: done === true }
  }

  commit(batch: PackedBatch): void {
    this.#opened.commit(unpackBatch(batch))
  }

  readQueue(session: number, after: number, limit: number) {
    return this.#opened.readQueue(session, after, limit)
  }

  stats() {
    return this.#opened.stats()
  }

  compact(): Promise<void> {
    return this.#opened.compact()
  }

  backup(target: string): Promise<void> {
    return this.#opened.backup(target)
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }

  get #opened(): Database {
    if (this.#database !== null) return this.#database
    throw new Failure('ERR_PROMPTMQ_STORE_CLOSED', 'the store is not open')
  }

  /** Its cursors would keep the tables from being rewritten. */
  #endRestore(): void {
    this.#pages?.return([])
    this.#pages = null
  }
}

function failureData(error: unknown): FailureData {
  const { code, message, cause } = error as Failure
  const { message: why, code: causeCode, errcode } = (cause ?? error) as FailureData['cause']
  return {
    code: error instanceof Failure ? code : 'ERR_PROMPTMQ_STORE_UNUSABLE',
    message,
    cause: {
      message: why,
      ...(typeof causeCode === 'string' && { code: causeCode }),
      ...(typeof errcode === 'number' && { errcode }),
    },
  }
}
