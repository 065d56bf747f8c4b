import { CLIENTS, type ClientName, FEATURES, type Feature } from './features.ts'

/** The oldest that the tests are known to pass with, and what is tested of each. */
export const OLDEST: Readonly<
  Record<ClientName, { readonly version: string; readonly what: string }>
> = {
  'MQTT.js': { version: '5.16', what: '`mqtt` of npm' },
  mosquitto: {
    version: '2.0.11',
    what: '`mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr` of Debian',
  },
  paho: { version: '1.6.1', what: '`python3-paho-mqtt` of Debian' },
}

/** `docs/interop.md`. */
export function interopDocument(): string {
  const head = [
    '# Clients that are tested',
    '',
    'Each of these clients does what the table says with a broker that listens, in each version of MQTT that',
    'stands there; **yes** is every version that has the feature. Made of',
    '`packages/promptmq/test/interop/features.ts`, which says as well what the tests have to run:',
    '`npm run vitest -- packages/promptmq/test/interop -u` writes it.',
    '',
    '| client | from version | what |',
    '| --- | --- | --- |',
    ...CLIENTS.map((name) => `| ${name} | ${OLDEST[name].version} | ${OLDEST[name].what} |`),
    '',
    `| feature | MQTT | ${CLIENTS.join(' | ')} |`,
    `| --- | --- |${CLIENTS.map(() => ' --- |').join('')}`,
  ]
  return `${[...head, ...Object.entries(FEATURES).map(rowOf)].join('\n')}\n`
}

function rowOf([name, { versions, cells }]: [string, Feature]): string {
  const texts = CLIENTS.map((client) => {
    const { versions: tested, note } = cells[client]
    if (tested.length === 0) return `no: ${note}`
    const which = tested.length === versions.length ? 'yes' : tested.join(', ')
    return note === undefined ? which : `${which}; ${note}`
  })
  return `| ${[name, versions.join(', '), ...texts].join(' | ')} |`
}
