import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/decisions.md', root), 'utf8')

test('docs/decisions.md names tests that are there', () => {
  const rows = text.split('\n').filter((line) => line.split('|').length === 7)
  const names = rows.flatMap((row) => [...row.split('|')[5]!.matchAll(/`([^`]+)`/g)])
  expect(names.length).toBeGreaterThan(40)
  for (const [, name] of names) {
    const [folder, ...file] = name!.includes('/') ? name!.split('/') : ['broker', name]
    const path = `packages/${folder}/test/${file.join('/')}.test.ts`
    expect(existsSync(new URL(path, root)), path).toBe(true)
  }
})
