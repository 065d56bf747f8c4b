/** Level by level, as §4.7 says it. */
export function matches(filter: string, topicName: string): boolean {
  const levels = topicName.split('/')
  const wanted = filter.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/** Of `$share/NAME/FILTER`; `null`: not shared. */
export function sharedFilter(topicFilter: string): string | null {
  return topicFilter.startsWith('$share/') ? topicFilter.split('/').slice(2).join('/') : null
}
