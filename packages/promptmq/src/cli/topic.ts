import { checkTopicNameString, FAULTS, type Fault, parseTopicFilter } from '@promptmq/codec'
import { quote, ValueError } from './option-table.ts'

/** Levels of a topic that the command takes: more than any server does. */
const MAXIMUM_LEVELS = 65_535

/** @throws ValueError for what is no Topic Name. */
export function topicName(value: string): string {
  return checked(value, checkTopicNameString(value, MAXIMUM_LEVELS))
}

/** @throws ValueError for what is no Topic Filter; `$share/NAME/FILTER` is one. */
export function topicFilter(value: string): string {
  const result = parseTopicFilter(value, MAXIMUM_LEVELS)
  return checked(value, typeof result === 'number' ? result : 0)
}

function checked(value: string, fault: Fault): string {
  if (fault === 0) return value
  throw new ValueError(`is not valid, ${FAULTS[fault]!.text}: ${quote(value)}`)
}

/**
 * Whether a Topic Name matches a Topic Filter (§4.7), as a server would decide it: `#` and `+` at
 * the first level do not match names that begin with `$` [MQTT-4.7.2-1].
 */
export function matchesFilter(filter: string, name: string): boolean {
  if (name.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false
  const filterLevels = filter.split('/')
  const levels = name.split('/')
  for (const [index, filterLevel] of filterLevels.entries()) {
    // `a/#` matches `a` too, so this comes before the name's levels run out.
    if (filterLevel === '#') return true
    if (index >= levels.length) return false
    if (filterLevel !== '+' && filterLevel !== levels[index]) return false
  }
  return filterLevels.length === levels.length
}
