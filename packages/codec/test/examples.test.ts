/** Every example, in the README and in TSDoc, runs as it is printed. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Example {
  readonly where: string
  readonly code: string
}

function examplesIn(path: string): Example[] {
  const text = readFileSync(`${root}${path}`, 'utf8').replace(/^ \* ?/gm, '')
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], index) => ({
    where: `${path}, ${index + 1}`,
    code: code!,
  }))
}

const sources = readdirSync(`${root}src`).map((name) => `src/${name}`)
const examples = ['README.md', ...sources].flatMap(examplesIn)

async function run(code: string): Promise<string> {
  const options = ['--conditions=promptmq-source', '--input-type=module-typescript', '-e', code]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: root })
  return stdout
}

describe('examples', () => {
  test('are there', () => {
    expect(examples.filter(({ where }) => where.startsWith('README'))).toHaveLength(3)
    expect(examples.length).toBeGreaterThan(8)
  })

  test.each(examples)('$where', async ({ code }) => {
    await expect(run(code)).resolves.toBeTypeOf('string')
  })

  test('print what they say they print', async () => {
    const inspecting = examples.find(({ code }) => code.includes('0x36'))!
    const printed = await run(inspecting.code)
    expect(printed).toContain('PUBLISH: both QoS bits are set [MQTT-3.3.1-4]')
    expect(printed).toMatch(/a\/b\n$/)
    const building = examples.find(({ code }) => code.includes('plant/#'))!
    const sizes = building.code.replace(
      /^packetSize\((.*)\) \/\/.*$/gm,
      'console.log(packetSize($1))',
    )
    expect(await run(sizes)).toMatch(/^38\n22\n/)
  })
})
