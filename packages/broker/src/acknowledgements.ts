import type { Suback, Unsuback } from '@promptmq/codec'

/**
 * The acknowledgements that one connection owes, in the order of what they answer. One whose promise
 * is not kept yet waits for its batch of the journal, and all behind it wait too: PUBACKs leave in
 * the order of their PUBLISHes [MQTT-4.6.0-2].
 *
 *   owe(PUBACK 1, batch 7)  owe(PUBACK 2, nothing to keep)  owe(PUBREC 3, batch 8)
 *   kept(7) --> PUBACK 1, PUBACK 2
 */
export class Acknowledgements {
  readonly #send: (owed: Owed) => void
  #owed: { readonly owed: Owed; readonly batch: number }[] = []

  constructor(send: (owed: Owed) => void) {
    this.#send = send
  }

  get count(): number {
    return this.#owed.length
  }

  /**
   * Sends an acknowledgement, now or when its turn comes.
   * @param batch - what has to be kept first, 0: nothing.
   * @returns true where it waits for `batch`: the caller has {@link Acknowledgements.kept} called.
   */
  owe(owed: Owed, batch: number): boolean {
    if (batch === 0 && this.#owed.length === 0) {
      this.#send(owed)
      return false
    }
    const isNewBatch = batch !== 0 && batch !== this.#owed.findLast((one) => one.batch > 0)?.batch
    this.#owed.push({ owed, batch })
    return isNewBatch
  }

  /** All batches up to `batch` are kept. */
  kept(batch: number): void {
    const owed = this.#owed
    let count = 0
    while (count < owed.length && owed[count]!.batch <= batch) count++
    this.#owed = owed.slice(count)
    for (let i = 0; i < count; i++) this.#send(owed[i]!.owed)
  }

  clear(): void {
    this.#owed = []
  }
}

/** A short one as a number, so that it costs no object: see {@link shortAcknowledgement}. */
export type Owed = number | Suback | Unsuback

/** PUBACK, PUBREC, PUBREL or PUBCOMP in 32 bits: first byte, Packet Identifier, Reason Code. */
export function shortAcknowledgement(
  firstByte: number,
  packetIdentifier: number,
  reasonCode: number,
): number {
  return ((firstByte << 24) | (packetIdentifier << 8) | reasonCode) >>> 0
}
