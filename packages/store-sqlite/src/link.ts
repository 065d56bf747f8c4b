import { type Transferable, Worker } from 'node:worker_threads'
import { StoreError } from '@promptmq/store'
import type { Calls, FailureData, Reply } from './protocol.ts'

/**
 * The store's end of the thread: calls that become requests, replies that settle them.
 *
 *   call() --> #pending id -> { resolve, reject } --> Reply: one of them settles
 *                                                 --> exit: all that are left reject
 *
 * The process stays alive while a call is pending, and not for the worker's sake otherwise.
 */
export class WorkerLink {
  readonly #worker: Worker
  readonly #path: string
  readonly #pending = new Map<number, Pending>()
  readonly #exited: Promise<void>
  #lastId = 0
  /** Once set, what every call gets, and the pending ones when the worker has exited. */
  #gone: StoreError | null = null
  #isEnding = false

  constructor(path: string) {
    this.#path = path
    // The sources run as they are, and so does what is built from them.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const url = new URL(`./worker.${extension}`, import.meta.url)
    // Of the process's own options most mean its entry point, and `--input-type` refuses a file.
    const execArgv = process.execArgv.filter((one) =>
      /^--(no-warnings$|disable-warning=)/.test(one),
    )
    this.#worker = new Worker(url, { name: 'promptmq-store', execArgv })
    this.#worker.on('message', (reply: Reply) => this.#settle(reply))
    this.#worker.on('error', (error) => {
      this.#gone ??= this.#ended({ cause: error })
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#rejectAll()
        resolve()
      })
    })
  }

  /**
   * Posts a request at once.
   *
   * @throws DataCloneError, synchronously, when a parameter cannot be posted.
   */
  call<Name extends keyof Calls>(
    name: Name,
    parameters: Parameters<Calls[Name]>,
    transfer: readonly Transferable[] = [],
  ): Promise<ReturnType<Calls[Name]>> {
    if (this.#gone !== null) return Promise.reject(this.#gone)
    const id = ++this.#lastId
    this.#worker.postMessage({ id, name, parameters }, transfer)
    if (this.#pending.size === 0) this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject })
    })
  }

  /** Serves what was called before, closes the file and ends the thread. */
  async close(): Promise<void> {
    this.#keepAlive()
    try {
      if (this.#gone === null) await this.call('close', [])
    } finally {
      await this.#exited
    }
  }

  /** Ends the thread where it stands; pending calls reject with `reason`. */
  async kill(reason: StoreError): Promise<void> {
    this.#keepAlive()
    this.#gone ??= reason
    await this.#worker.terminate()
    await this.#exited
  }

  /** Until the thread has ended: somebody awaits it. */
  #keepAlive(): void {
    this.#isEnding = true
    this.#worker.ref()
  }

  #settle({ id, value, failure }: Reply): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    if (this.#pending.size === 0 && !this.#isEnding) this.#worker.unref()
    if (failure === undefined) pending.resolve(value)
    else pending.reject(storeError(failure))
  }

  #rejectAll(): void {
    this.#gone ??= this.#ended()
    for (const { reject } of this.#pending.values()) reject(this.#gone)
    this.#pending.clear()
  }

  #ended(options?: ErrorOptions): StoreError {
    return new StoreError(
      'ERR_PROMPTMQ_STORE_UNUSABLE',
      `store '${this.#path}': its thread has ended; close the store and open it again`,
      options,
    )
  }
}

interface Pending {
  resolve(value: unknown): void
  reject(error: StoreError): void
}

function storeError({ code, message, cause: { message: why, ...details } }: FailureData) {
  return new StoreError(code, message, { cause: Object.assign(new Error(why), details) })
}
