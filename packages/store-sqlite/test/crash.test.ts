import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { BATCH_SIZE } from './crash-batches.ts'
import { openDatabase, restoreAll, temporaryFolder } from './place.ts'

const WRITER = fileURLToPath(new URL('crash-writer.ts', import.meta.url))
const ROUNDS = 10

/** Lets a writer commit from batch `first` on and kills it after `count` of them were printed. */
async function writeAndKill(path: string, first: number, count: number): Promise<number> {
  const options = ['--conditions=promptmq-source', WRITER, path, String(first)]
  const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let printed = first
  for await (const line of createInterface(child.stdout)) {
    expect(line).toBe(String(printed))
    printed += 1
    if (printed === first + count) child.kill('SIGKILL')
  }
  const [, signal] = await closed
  expect(signal).toBe('SIGKILL')
  return printed
}

test(`nothing that a commit resolved for is lost by SIGKILL, ${ROUNDS} times over`, async () => {
  const path = join(temporaryFolder(), 'store.db')
  let batches = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const printed = await writeAndKill(path, batches, 1 + round * 7)
    const database = openDatabase(path, { check: 'full' })
    const kinds = restoreAll(database).map(({ kind }) => kind)
    batches = kinds.filter((kind) => kind === 'session').length
    // The last one may have been committed and not printed yet; there is never a part of one.
    expect(batches).toBeGreaterThanOrEqual(printed)
    const { queued, messages } = database.stats()
    expect([queued, messages]).toEqual([batches * BATCH_SIZE, batches * BATCH_SIZE])
    for (let session = 1; session <= batches; session++) {
      const page = database.readQueue(session, 0, BATCH_SIZE + 1)
      expect(page.map(({ message }) => [message.message, message.payload[0]])).toEqual(
        page.map(({ position }) => [position, position % 256]),
      )
    }
    database.close()
  }
}, 60_000)
