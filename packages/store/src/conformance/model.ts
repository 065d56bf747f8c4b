import assert from 'node:assert/strict'
import { MemoryStore } from '../memory-store.ts'
import type { MessagePut, StoreRecord } from '../store.ts'
import {
  messagePut,
  queueAdd,
  queueDelete,
  queueReleased,
  queueSent,
  receivedAdd,
  retainedPut,
  sessionPut,
  subscriptionPut,
  willPut,
} from './records.ts'
import { collectRestored } from './restored.ts'
import type { Case } from './subject.ts'

const ROUNDS = 12
const BATCHES = 25
const RECORDS = 40
/** Few, so that records meet. */
const SESSIONS = 6

/** The message of that number: it has its topic from there. */
function message(number: number): MessagePut {
  return messagePut(number, { topicName: `t/${number % 4}` })
}

/** Records at random and yet the same for the same seed; some of them refer to nothing. */
class RandomRecords {
  #state: number
  #message = 0
  #position = 0

  constructor(seed: number) {
    this.#state = seed
  }

  batch(): StoreRecord[] {
    return Array.from({ length: this.#below(RECORDS) }, () => this.#record())
  }

  #record(): StoreRecord {
    const session = 1 + this.#below(SESSIONS)
    const position = Math.max(1, this.#position - this.#below(30))
    const packetIdentifier = 1 + this.#below(5)
    switch (this.#below(16)) {
      case 0:
        return sessionPut(session, { expiresAt: this.#below(1000) })
      case 1:
        // Rare, or there would never be anything to compare.
        return this.#below(4) > 0 ? sessionPut(session) : { kind: 'sessionDelete', session }
      case 2:
        return subscriptionPut(session, `f/${this.#below(4)}`, { options: this.#below(64) })
      case 3:
        return { kind: 'subscriptionDelete', session, topicFilter: `f/${this.#below(4)}` }
      case 4:
      case 5:
        return message(++this.#message)
      case 6:
      case 7:
      case 8:
        return queueAdd(session, ++this.#position, this.#recent(), { qos: this.#qos() })
      case 9:
        return queueSent(session, position, packetIdentifier)
      case 10:
        return queueReleased(session, position)
      case 11:
        return queueDelete(session, position)
      case 12:
        return receivedAdd(session, packetIdentifier)
      case 13:
        return { kind: 'receivedDelete', session, packetIdentifier }
      case 14:
        return this.#retained()
      default:
        return this.#below(2) > 0 ? willPut(session) : { kind: 'willDelete', session }
    }
  }

  #retained(): StoreRecord {
    const put = message(this.#recent())
    if (this.#below(3) > 0) return retainedPut(put)
    return { kind: 'retainedDelete', topicName: put.topicName }
  }

  #recent(): number {
    return Math.max(1, this.#message - this.#below(5))
  }

  #qos(): 1 | 2 {
    return this.#below(2) > 0 ? 2 : 1
  }

  /** An integer of 0 to `bound - 1`: xorshift, whose low bits are good enough for this. */
  #below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % bound
  }
}

/** The Store against the reference, under histories that nobody thought of. */
export const modelCases: readonly Case[] = [
  {
    name: 'random batches leave what they leave in the reference store',
    async run(subject) {
      const model = new MemoryStore()
      await model.open()
      const records = new RandomRecords(0x9e37)
      for (let round = 0; round < ROUNDS; round++) {
        for (let index = 0; index < BATCHES; index++) {
          const batch = records.batch()
          await Promise.all([model.commit(batch), subject.store.commit(batch)])
        }
        await model.close()
        await model.open()
        const expected = await collectRestored(model)
        assert.deepEqual(await subject.restart(), expected, `round ${round}`)
        for (let session = 1; session <= SESSIONS; session++) {
          const page = await subject.readQueue(session)
          assert.deepEqual(page, await model.readQueue(session, 0, 1000), `queue ${session}`)
        }
      }
    },
  },
]
