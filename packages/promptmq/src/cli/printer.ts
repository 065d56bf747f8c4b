import type { Writable } from 'node:stream'
import type { Publish } from '@promptmq/codec'
import type { Client } from '../client.ts'
import type { OutputFormat } from './output-format.ts'

/**
 * Prints messages: those of one turn of the event loop in one write. When the output is slower than
 * the server, reading from the server waits for it.
 */
export class Printer {
  readonly #output: Writable
  readonly #format: OutputFormat
  readonly #terminator: Uint8Array
  #lines: Uint8Array[] = []
  #flushing: Promise<void> | undefined

  constructor(output: Writable, format: OutputFormat, terminator: string) {
    this.#output = output
    this.#format = format
    this.#terminator = new TextEncoder().encode(terminator)
  }

  print(message: Publish, client: Client): void {
    // The payload is lent for this call: what is kept is a copy.
    this.#lines.push(Uint8Array.from(this.#format(message, new Date())), this.#terminator)
    this.#flushing ??= new Promise((resolve) => {
      process.nextTick(() => this.#flush(client, resolve))
    })
  }

  /** Fulfilled when everything printed so far has left the process. */
  async flushed(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing
  }

  #flush(client: Client, resolve: () => void): void {
    const bytes = Buffer.concat(this.#lines)
    this.#lines = []
    const done = (): void => {
      this.#flushing = undefined
      client.resume()
      resolve()
    }
    // The callback comes when it is written, or when it cannot be.
    if (!this.#output.write(bytes, done)) client.pause()
  }
}
