/** The table of features holds together, and `docs/interop.md` is what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { interopDocument, OLDEST } from './document.ts'
import { CLIENTS, FEATURES, type Feature } from './features.ts'
import { mosquittoVersion } from './mosquitto.ts'
import { pahoVersion } from './paho.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const ROWS: [string, Feature][] = Object.entries(FEATURES)

test('docs/interop.md is made of the table', async () => {
  await expect(interopDocument()).toMatchFileSnapshot(join(ROOT, 'docs/interop.md'))
})

test('a version that a client leaves out has a reason, and none is tested that is not there', () => {
  for (const [name, { versions, cells }] of ROWS) {
    for (const client of CLIENTS) {
      const { versions: tested, note = '' } = cells[client]
      const left = versions.filter((version) => !tested.includes(version))
      if (left.length > 0) expect(note, `${name}, ${client}: ${left}`).not.toBe('')
      expect(versions, `${name}, ${client}`).toEqual(expect.arrayContaining([...tested]))
    }
  }
})

test('the version of MQTT.js is the one that is installed', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'node_modules/mqtt/package.json'), 'utf8'))
  expect(manifest.version).toMatch(new RegExp(`^${OLDEST['MQTT.js'].version}\\.`))
})

test.each([
  ['mosquitto', mosquittoVersion()],
  ['paho', pahoVersion()],
] as const)('%s, where it is here, is no older than the table says', (name, version) => {
  const order = (version ?? '9999').localeCompare(OLDEST[name].version, 'en', { numeric: true })
  expect(order, version).toBeGreaterThanOrEqual(0)
})
