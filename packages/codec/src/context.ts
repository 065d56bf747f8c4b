import { checkInteger, rangeError, typeError } from './misuse.ts'
import { type ProtocolVersion, Sender } from './packet-type.ts'

/** What {@link DecodeContext} takes; every field may be left out. */
export interface DecodeOptions {
  readonly protocolVersion?: ProtocolVersion | undefined
  readonly sender?: Sender | undefined
  readonly maximumUserProperties?: number | undefined
  readonly maximumTopicLevels?: number | undefined
  readonly maximumFilters?: number | undefined
  readonly refuseDisallowedCodePoints?: boolean | undefined
  readonly topicHashSeed?: number | undefined
}

/** The greatest value of a limit: what nobody can exceed. */
const NO_LIMIT = 0xffff_ffff

/**
 * The rules in force on one connection: what the decoders ask for beside the bytes.
 *
 * One object serves a connection for its lifetime. Its owner may change any field between two
 * packets (a server sets `protocolVersion` once CONNECT has told it); decoders only read.
 *
 * @example
 * ```ts
 * import { DecodeContext, Sender } from '@promptmq/codec'
 *
 * const context = new DecodeContext({ sender: Sender.Client, maximumUserProperties: 16 })
 * context.protocolVersion = 4
 * ```
 */
export class DecodeContext {
  protocolVersion: ProtocolVersion = 5
  /** Who wrote the bytes. */
  sender: Sender = Sender.Any
  /** User Properties in one property section; the fault above it is answered with 0x97. */
  maximumUserProperties = 64
  /** Levels of a Topic Name; the fault above it is answered with 0x90. */
  maximumTopicLevels = 128
  /** Topic Filters in one SUBSCRIBE or UNSUBSCRIBE; the fault above it is answered with 0x97. */
  maximumFilters = 1024
  /** Refuse control characters and non-characters in strings, as §1.5.4 allows. */
  refuseDisallowedCodePoints = false
  /** 32 bits that go into `PublishHeader.topicHash`: chance, so that nobody can make names collide. */
  topicHashSeed = 0

  /**
   * @throws RangeError or TypeError with code `ERR_PROMPTMQ_OPTION` for a limit that is no integer
   *   from 1 (User Properties: from 0), a protocol version other than 3, 4, 5, or a sender that is none.
   */
  constructor(options: DecodeOptions = {}) {
    const { protocolVersion, sender, refuseDisallowedCodePoints, topicHashSeed } = options
    if (protocolVersion !== undefined) this.protocolVersion = checkProtocolVersion(protocolVersion)
    if (sender !== undefined) {
      checkInteger('ERR_PROMPTMQ_OPTION', 'sender', sender, Sender.Client, Sender.Any)
      this.sender = sender
    }
    this.maximumUserProperties = limit('maximumUserProperties', options, this.maximumUserProperties)
    this.maximumTopicLevels = limit('maximumTopicLevels', options, this.maximumTopicLevels)
    this.maximumFilters = limit('maximumFilters', options, this.maximumFilters)
    if (refuseDisallowedCodePoints !== undefined) {
      if (typeof refuseDisallowedCodePoints !== 'boolean') {
        throw typeError('ERR_PROMPTMQ_OPTION', 'refuseDisallowedCodePoints', 'must be a boolean')
      }
      this.refuseDisallowedCodePoints = refuseDisallowedCodePoints
    }
    if (topicHashSeed !== undefined) {
      checkInteger('ERR_PROMPTMQ_OPTION', 'topicHashSeed', topicHashSeed, 0, NO_LIMIT)
      this.topicHashSeed = topicHashSeed | 0
    }
  }
}

/**
 * @returns the version, once it is known to be one.
 * @throws RangeError with code `ERR_PROMPTMQ_OPTION` for what is neither 3, 4 nor 5.
 */
export function checkProtocolVersion(version: number): ProtocolVersion {
  if (version === 3 || version === 4 || version === 5) return version
  throw rangeError('ERR_PROMPTMQ_OPTION', 'protocolVersion', 'must be 3, 4 or 5')
}

type LimitName = 'maximumUserProperties' | 'maximumTopicLevels' | 'maximumFilters'

function limit(name: LimitName, options: DecodeOptions, otherwise: number): number {
  const value = options[name]
  if (value === undefined) return otherwise
  // Every name and filter has a level, and every SUBSCRIBE a filter.
  const least = name === 'maximumUserProperties' ? 0 : 1
  checkInteger('ERR_PROMPTMQ_OPTION', name, value, least, NO_LIMIT)
  return value
}
