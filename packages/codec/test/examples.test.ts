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
    expect(examples.filter(({ where }) => where.startsWith('README'))).toHaveLength(5)
    expect(examples.length).toBeGreaterThan(8)
  })

  test.each(examples)('$where', async ({ code }) => {
    await expect(run(code)).resolves.toBeTypeOf('string')
  })

  test('print what they say they print', async () => {
    const printed = async (part: string) =>
      run(examples.find(({ code }) => code.includes(part))!.code)
    const capture = await printed('36000174')
    expect(capture).toMatch(/^CONNECT \{[\s\S]*SUBSCRIBE \{[\s\S]*PINGREQ \{/)
    expect(capture).toContain(
      'PUBLISH: both QoS bits are set [MQTT-3.3.1-4] ERR_MQTT_PUBLISH_QOS_3 129',
    )
    expect(await printed('new BufferPool({ bufferSize: 65_536')).toBe('63\n')
    expect(await printed('const names = new StringCache')).toBe('a/b\n0\n60\n')
  })

  test('tell sizes that are those', async () => {
    const building = examples.find(({ code }) => code.includes('plant/#'))!
    const sizes = building.code.replace(
      /^packetSize\((.*)\) \/\/.*$/gm,
      'console.log(packetSize($1))',
    )
    expect(await run(sizes)).toMatch(/^38\n22\n/)
  })
})
