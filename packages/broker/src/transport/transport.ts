/**
 * What a connection needs of whatever carries its bytes. The files of this folder are the only ones
 * that touch sockets; a test drives a broker through a Transport of its own.
 */
export interface Transport {
  /** For hooks and log lines: address and port, or another name of the peer. */
  readonly remoteAddress: string
  /** Bytes handed over and not yet gone. */
  readonly pendingBytes: number
  /** False from a write that found the peer slow until {@link TransportReceiver.drained}. */
  readonly writable: boolean
  /** Chunks are the receiver's for good: nobody changes them. */
  readonly givesChunks: boolean

  /** Bytes and events go to `receiver` from now on. Called once. */
  start(receiver: TransportReceiver): void

  /**
   * Sends, in order.
   * @returns true where `bytes` may be written over at once; else {@link TransportReceiver.written}
   *   tells when, once for each such write, in order.
   */
  write(bytes: Uint8Array): boolean

  /** Reads no more until {@link Transport.resume}. What is already read may still come. */
  pause(): void
  resume(): void

  /** Sends what is pending, then closes. */
  end(): void

  /** Closes now. */
  destroy(): void
}

/** Whom a Transport tells what comes from its peer. */
export interface TransportReceiver {
  /**
   * Never called from within a call of the broker's: a hook, an event, a method of the transport.
   * @param chunk - lent for the call; given, where the transport says so.
   */
  received(chunk: Uint8Array): void
  /** The oldest write that was not done at once is done. */
  written(): void
  /** Writable again. */
  drained(): void
  /** Called once, last. @param error - what went wrong, `undefined`: the peer closed. */
  closed(error?: Error): void
}
