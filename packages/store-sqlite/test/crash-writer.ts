import { SqliteStore } from '../src/index.ts'
import { queuedFrom } from './crash-batches.ts'

/**
 * Run as a process of its own, to be killed: commits without end, and prints each batch once its
 * commit has resolved.
 */
const [path = '', first = ''] = process.argv.slice(2)
const store = new SqliteStore({ path })
await store.open()
for (let batch = Number(first); ; batch++) {
  await store.commit(queuedFrom(batch))
  process.stdout.write(`${batch}\n`)
}
