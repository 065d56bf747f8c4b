import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** A clone in which `npx` is a script that notes its arguments and ends with $FAKE_STATUS. */
describe.skipIf(process.platform === 'win32')('bootstrap.mjs', () => {
  let root = ''

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'promptmq-bootstrap-'))
    for (const folder of ['scripts', 'bin', 'node_modules', 'packages/codec']) {
      mkdirSync(join(root, folder), { recursive: true })
    }
    copyFileSync(join(import.meta.dirname, '../bootstrap.mjs'), join(root, 'scripts/bootstrap.mjs'))
    for (const path of ['package.json', 'packages/codec/package.json', 'pnpm-lock.yaml']) {
      writeFileSync(join(root, path), '{}')
    }
    const npx = join(root, 'bin/npx')
    writeFileSync(npx, `#!/bin/sh\necho "$CI $@" >> ${root}/calls\necho told\nexit $FAKE_STATUS\n`)
    chmodSync(npx, 0o755)
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  function bootstrap(status = 0, nodeOptions: string[] = []) {
    const script = join(root, 'scripts/bootstrap.mjs')
    return spawnSync(process.execPath, [...nodeOptions, script], {
      encoding: 'utf8',
      env: {
        PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}`,
        FAKE_STATUS: `${status}`,
      },
    })
  }

  function callCount(): number {
    const path = join(root, 'calls')
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0
  }

  test('installs what the lock file says, asking nothing, and says so in two lines', () => {
    const { status, stdout, stderr } = bootstrap()
    expect(status).toBe(0)
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(2)
    expect(readFileSync(join(root, 'calls'), 'utf8')).toMatch(
      /^true --yes .*pnpm@\d+ install --frozen-lockfile/,
    )
  })

  test('does nothing and says nothing the second time', () => {
    bootstrap()
    const { status, stdout, stderr } = bootstrap()
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(callCount()).toBe(1)
  })

  test.each([
    'pnpm-lock.yaml',
    'package.json',
    'packages/codec/package.json',
    'pnpm-workspace.yaml',
  ])('installs again when %s has changed', (path) => {
    bootstrap()
    appendFileSync(join(root, path), ' ')
    bootstrap()
    expect(callCount()).toBe(2)
    bootstrap()
    expect(callCount()).toBe(2)
  })

  test('passes on what a failed installation said, and tries again the next time', () => {
    const { status, stderr } = bootstrap(7)
    expect(status).toBe(1)
    expect(stderr).toContain('told\n')
    expect(stderr).toMatch(/promptmq: setting up failed \(exit code 7\): npx .*\n$/)
    expect(bootstrap().status).toBe(0)
    expect(callCount()).toBe(2)
  })

  test('refuses an older Node in one line', () => {
    const older = `data:text/javascript,${encodeURIComponent(
      "Object.defineProperty(process, 'versions', { value: { node: '18.20.0' } })",
    )}`
    const { status, stderr } = bootstrap(0, ['--import', older])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^promptmq: Node 20 or newer is needed to set up, this is v\S+\n$/)
    expect(callCount()).toBe(0)
  })
})
