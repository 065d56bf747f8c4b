import fc from 'fast-check'

/**
 * §4.7 as one would write it without a thought of speed: the reference for the topic tree and the
 * retained index.
 */
export function matches(filter: string, topicName: string): boolean {
  if (/^[+#]/.test(filter) && topicName.startsWith('$')) return false // [MQTT-4.7.2-1]
  return levelsMatch(filter.split('/'), topicName.split('/'))
}

function levelsMatch(filter: readonly string[], name: readonly string[]): boolean {
  const [level, ...rest] = filter
  if (level === undefined) return name.length === 0
  if (level === '#') return true
  if (name.length === 0) return false
  return (level === '+' || level === name[0]) && levelsMatch(rest, name.slice(1))
}

/** The non-normative examples of §4.7 and what follows from the rules: filter, name, does it match? */
export const MATCHES: readonly (readonly [filter: string, topicName: string, matches: boolean])[] =
  [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/tennis/player1/#', 'sport/tennis/player2', false],
    ['sport/tennis/player1/#', 'sport/tennis', false],
    ['sport/#', 'sport', true],
    ['sport/#', 'sport/', true],
    ['sport/#', 'sports', false],
    ['#', 'a', true],
    ['#', '/', true],
    ['#', 'a/b/c/d/e', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+', 'finance', true],
    ['+', '/finance', false],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['/+', '/', true],
    ['+/+', '/', true],
    ['+/tennis/#', 'sport/tennis', true],
    ['+/tennis/#', 'sport/tennis/player1', true],
    ['+/tennis/#', 'sport/football', false],
    ['sport/+/player1', 'sport/tennis/player1', true],
    ['sport/+/player1', 'sport//player1', true],
    ['sport/+/player1', 'sport/player1', false],
    ['+/#', 'a', true],
    ['a/+/#', 'a/b', true],
    ['a/+/#', 'a', false],
    ['a//b', 'a//b', true],
    ['a//b', 'a/b', false],
    ['/a', 'a', false],
    ['a/', 'a', false],
    ['a', 'a/', false],
    ['//', '//', true],
    ['//', '/', false],
    ['#', '$SYS/uptime', false],
    ['+', '$SYS', false],
    ['+/#', '$SYS', false],
    ['+/uptime', '$SYS/uptime', false],
    ['$SYS/#', '$SYS', true],
    ['$SYS/#', '$SYS/uptime', true],
    ['$SYS/+', '$SYS/uptime', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['a/+', 'a/$b', true],
    ['a/#', 'a/$b/c', true],
    ['ACCOUNTS', 'accounts', false],
    ['Accounts payable', 'Accounts payable', true],
    ['\u00e9', '\u0065\u0301', false],
  ]

/** Few levels over few names, empty and `$` ones too, so that random ones often meet. */
const name = fc.constantFrom('', 'a', 'b', '$', '$a')

export const topicNames = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((topicName) => topicName !== '')

export const filters = fc
  .tuple(
    fc.array(fc.oneof({ weight: 2, arbitrary: name }, fc.constant('+')), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([levels, hasHash]) => [...levels, ...(hasHash ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '')
