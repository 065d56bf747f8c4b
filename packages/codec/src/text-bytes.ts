import { Fault } from './fault.ts'
import { checkTopicNameString } from './topic.ts'
import { asciiSize, utf8Size, writeUtf8 } from './utf8.ts'

const MOST_TEXTS = 8192
const LONGEST = 256

/**
 * Texts as UTF-8, remembered: who publishes does so on the same topics again and again, and a name that
 * was checked and encoded once is found in 6 ns, where both take 120 (`publish-encode`).
 *
 * Bounded in texts and in the size of each; a full one is emptied, and fills again with what is in use.
 */
class TextBytes {
  readonly #known = new Map<string, Uint8Array>()
  readonly #isAllowed: (text: string) => boolean

  constructor(isAllowed: (text: string) => boolean) {
    this.#isAllowed = isAllowed
  }

  /** The bytes of a text, not to be changed, or `null` where it is not allowed. */
  get(text: string): Uint8Array | null {
    return this.#known.get(text) ?? this.#encode(text)
  }

  #encode(text: string): Uint8Array | null {
    if (!this.#isAllowed(text)) return null
    const bytes = new Uint8Array(utf8Size(text))
    writeUtf8(bytes, 0, text)
    if (bytes.length <= LONGEST) {
      if (this.#known.size >= MOST_TEXTS) this.#known.clear()
      this.#known.set(text, bytes)
    }
    return bytes
  }
}

/** Topic Names and Response Topics; how many levels there may be is the receiver's limit. */
export const topicNames = new TextBytes(
  (text) => checkTopicNameString(text, Number.POSITIVE_INFINITY) === Fault.None,
)

/** Content Types, of which there are few. */
export const contentTypes = new TextBytes((text) => text.length <= LONGEST && asciiSize(text) >= 0)
