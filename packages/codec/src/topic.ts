/**
 * Topic Names and Topic Filters (§4.7), and the form of Shared Subscriptions (§4.8.2).
 *
 *   name     plant/3/temp        levels between '/'; an empty level is a level
 *   filter   plant/+/temp/#      '+' is a whole level, '#' a whole level and the last
 *   shared   $share/NAME/FILTER  NAME has at least one character and no '/', '+', '#'
 *
 * Names are checked as bytes, in the packet, once per PUBLISH. Filters are checked as strings: they
 * come seldom and are kept.
 */
import { Fault } from './fault.ts'
import { checkUtf8, utf8Size } from './utf8.ts'
import { TopicScan } from './words.ts'

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const SHARE = '$share/'

/** The longest string the format carries, in bytes [MQTT-4.7.3-3]. */
const STRING_MAXIMUM = 65_535

/** The limit where the caller names none; as in `DecodeContext`. */
export const DEFAULT_MAXIMUM_TOPIC_LEVELS = 128

/** One for the module: a pass is over before the function that began it returns. */
const scan = new TopicScan()

/**
 * Checks the Topic Name in `bytes[start..end)`. Never throws, never allocates.
 *
 * @param maximumLevels - levels above it are refused.
 * @param refuseDisallowed - as for `checkUtf8`.
 * @returns {@link Fault.None}, or what is wrong with the name.
 */
export function checkTopicName(
  bytes: Uint8Array,
  start: number,
  end: number,
  maximumLevels: number,
  refuseDisallowed = false,
): Fault {
  if (start >= end) return Fault.TopicNameEmpty // [MQTT-4.7.3-1]
  const isPlain = scan.over(bytes, start, end, 0)
  return checkScannedName(isPlain, bytes, start, end, maximumLevels, refuseDisallowed)
}

/**
 * The same of a name that is not empty and has been scanned already.
 *
 * @param isPlain - what the scan said.
 */
export function checkScannedName(
  isPlain: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
  maximumLevels: number,
  refuseDisallowed: boolean,
): Fault {
  // Levels are more than slashes by one: a short name cannot be too deep.
  if (isPlain && end - start < maximumLevels && !refuseDisallowed) return Fault.None
  return checkClosely(bytes, start, end, maximumLevels, refuseDisallowed)
}

/**
 * One loop does for ASCII, which names nearly always are: every byte of a multi-byte UTF-8 sequence
 * is 0x80 or above, so none can be mistaken for `+`, `#`, `/` or U+0000.
 */
function checkClosely(
  bytes: Uint8Array,
  start: number,
  end: number,
  maximumLevels: number,
  refuseDisallowed: boolean,
): Fault {
  let seen = 0
  let levels = 1
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === SLASH) levels++
    else if (byte === PLUS || byte === HASH)
      return Fault.TopicNameWildcard // [MQTT-3.3.2-2]
    else if (byte === 0) return Fault.Utf8Nul // [MQTT-4.7.3-2]
    seen |= byte
  }
  if (levels > maximumLevels) return Fault.TopicNameTooDeep
  if (seen < 0x80 && !refuseDisallowed) return Fault.None
  return checkUtf8(bytes, start, end, refuseDisallowed)
}

/**
 * Checks a Topic Name that an embedder passes as a string: not empty, no wildcard, no U+0000, no
 * lone surrogate, at most 65,535 bytes as UTF-8.
 *
 * @param maximumLevels - levels above it are refused.
 * @returns {@link Fault.None}, or what is wrong with the name.
 */
export function checkTopicNameString(
  topicName: string,
  maximumLevels: number = DEFAULT_MAXIMUM_TOPIC_LEVELS,
): Fault {
  if (topicName.length === 0) return Fault.TopicNameEmpty // [MQTT-4.7.3-1]
  let levels = 1
  for (let i = 0; i < topicName.length; i++) {
    const unit = topicName.charCodeAt(i)
    if (unit === SLASH) levels++
    else if (unit === PLUS || unit === HASH)
      return Fault.TopicNameWildcard // [MQTT-4.7.0-1]
    else if (unit === 0) return Fault.Utf8Nul // [MQTT-4.7.3-2]
  }
  if (levels > maximumLevels) return Fault.TopicNameTooDeep
  if (!topicName.isWellFormed()) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
  return utf8Size(topicName) > STRING_MAXIMUM ? Fault.TopicNameTooLong : Fault.None
}

/** A Topic Filter, taken apart. */
export interface ParsedTopicFilter {
  /** As it was sent, and as UNSUBSCRIBE compares it. */
  readonly topicFilter: string
  /** The ShareName of a Shared Subscription, `null` for an ordinary filter. */
  readonly shareName: string | null
  /** What is matched against Topic Names: `topicFilter` without `$share/NAME/`. */
  readonly filter: string
}

/**
 * Takes a Topic Filter apart and checks it against the grammar of §4.7 and §4.8.2.
 *
 * @param maximumLevels - levels of the filter proper, without `$share/NAME/`; above it, refused.
 * @returns the parts, or the {@link Fault} (a number) that says what is wrong.
 *
 * @example
 * ```ts
 * import { parseTopicFilter } from '@promptmq/codec'
 *
 * parseTopicFilter('$share/workers/plant/+/temp')
 * // { topicFilter: '$share/workers/plant/+/temp', shareName: 'workers', filter: 'plant/+/temp' }
 * typeof parseTopicFilter('plant/a#') // 'number': a Fault
 * ```
 */
export function parseTopicFilter(
  topicFilter: string,
  maximumLevels: number = DEFAULT_MAXIMUM_TOPIC_LEVELS,
): ParsedTopicFilter | Fault {
  if (topicFilter.length === 0) return Fault.TopicFilterEmpty // [MQTT-4.7.3-1]
  if (!topicFilter.isWellFormed()) return Fault.Utf8IllFormed // [MQTT-1.5.4-1]
  if (utf8Size(topicFilter) > STRING_MAXIMUM) return Fault.TopicFilterTooLong // [MQTT-4.7.3-3]
  if (topicFilter.includes('\0')) return Fault.Utf8Nul // [MQTT-4.7.3-2]

  let shareName: string | null = null
  let filter = topicFilter
  if (topicFilter.startsWith(SHARE)) {
    const slash = topicFilter.indexOf('/', SHARE.length)
    shareName = topicFilter.slice(SHARE.length, slash < 0 ? undefined : slash)
    if (shareName.length === 0) return Fault.ShareNameEmpty // [MQTT-4.8.2-1]
    if (slash < 0 || /[+#]/.test(shareName)) return Fault.ShareNameInvalid // [MQTT-4.8.2-2]
    filter = topicFilter.slice(slash + 1)
    if (filter.length === 0) return Fault.TopicFilterEmpty // [MQTT-4.8.2-2]
  }
  const fault = checkFilterLevels(filter, maximumLevels)
  return fault === Fault.None ? { topicFilter, shareName, filter } : fault
}

/** Wildcards fill whole levels, and `#` the last one; the number of levels is bounded. */
function checkFilterLevels(filter: string, maximumLevels: number): Fault {
  const last = filter.length - 1
  let levels = 1
  for (let i = 0; i <= last; i++) {
    const unit = filter.charCodeAt(i)
    if (unit === SLASH) levels++
    else if (unit === HASH || unit === PLUS) {
      const beginsLevel = i === 0 || filter.charCodeAt(i - 1) === SLASH
      if (unit === HASH) {
        if (!beginsLevel || i !== last) return Fault.TopicFilterMultiLevelWildcard // [MQTT-4.7.1-1]
      } else if (!beginsLevel || (i !== last && filter.charCodeAt(i + 1) !== SLASH)) {
        return Fault.TopicFilterSingleLevelWildcard // [MQTT-4.7.1-2]
      }
    }
  }
  return levels > maximumLevels ? Fault.TopicFilterTooDeep : Fault.None
}
