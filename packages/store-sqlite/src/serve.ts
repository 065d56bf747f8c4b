import type { MessagePort } from 'node:worker_threads'
import { Database } from './database.ts'
import { Failure } from './failure.ts'
import type { ResolvedOptions } from './options.ts'
import { type PackedBatch, unpackBatch } from './packing.ts'
import type { Calls, FailureData, Reply, Request, RestorePage } from './protocol.ts'
import type { RestoreItem } from './reader.ts'

/** Requests that a backup does not let pass. */
const ALONE: ReadonlySet<keyof Calls> = new Set(['backup', 'compact', 'close'])

/** Serves one Database over `port`, which is closed with it. */
export function serve(port: MessagePort): void {
  const server = new Server(port)
  port.on('message', (request: Request) => server.take(request))
}

/**
 * Answers requests in the order in which they came. A backup takes its time beside them:
 *
 *   requests    c c B     c c c     c
 *   answered    c c    |  c c  |  c c  |    B
 *   pages copied   ----       --      ----
 *
 * What comes during a backup waits for the end of its step, and those in `ALONE` for its own.
 */
class Server {
  readonly #port: MessagePort
  readonly #calls = new DatabaseCalls(() => this.#serveWaiting('between'))
  readonly #waiting: Request[] = []
  #isCopying = false

  constructor(port: MessagePort) {
    this.#port = port
  }

  take(request: Request): void {
    this.#waiting.push(request)
    if (!this.#isCopying) this.#serveWaiting('all')
  }

  #serveWaiting(which: 'all' | 'between'): void {
    for (;;) {
      const request = this.#waiting[0]
      if (request === undefined || (which === 'between' && ALONE.has(request.name))) return
      this.#waiting.shift()
      if (request.name === 'backup') {
        void this.#copy(request)
        return
      }
      this.#answer(request)
    }
  }

  #answer({ id, name, parameters }: Request): void {
    let reply: Reply
    try {
      reply = { id, value: this.#calls.call(name, parameters) }
    } catch (error) {
      reply = { id, failure: failureData(error) }
    }
    this.#port.postMessage(reply)
    if (name === 'close') this.#port.close()
  }

  async #copy({ id, name, parameters }: Request): Promise<void> {
    this.#isCopying = true
    let reply: Reply = { id }
    try {
      await this.#calls.call(name, parameters)
    } catch (error) {
      reply = { id, failure: failureData(error) }
    }
    this.#isCopying = false
    this.#port.postMessage(reply)
    this.#serveWaiting('all')
  }
}

type Served = {
  [Name in keyof Calls]: (
    ...parameters: Parameters<Calls[Name]>
  ) => ReturnType<Calls[Name]> | (Name extends 'backup' ? Promise<void> : never)
}

class DatabaseCalls implements Served {
  #database: Database | null = null
  #pages: Generator<RestoreItem[]> | null = null
  readonly #between: () => void

  /** @param between - what to do after each step of a backup. */
  constructor(between: () => void) {
    this.#between = between
  }

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

  compact(): void {
    this.#opened.compact()
  }

  backup(target: string): Promise<void> {
    return this.#opened.backup(target, this.#between)
  }

  close(): void {
    this.#database?.close()
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
