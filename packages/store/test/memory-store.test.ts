import { describe, expect, test } from 'vitest'
import { storeConformance } from '../src/conformance/index.ts'
import { messagePut, queueAdd, sessionPut } from '../src/conformance/records.ts'
import { MemoryStore } from '../src/index.ts'

const cases = storeConformance(() => {
  const store = new MemoryStore()
  return { store, reopen: async () => store, dispose: () => store.close() }
})

describe('MemoryStore conforms', () => {
  for (const { name, run } of cases) test(name, run)
})

describe('MemoryStore', () => {
  test('nothing works before open', async () => {
    const error = { name: 'StoreError', code: 'ERR_PROMPTMQ_STORE_CLOSED' }
    const store = new MemoryStore()
    await expect(store.commit([])).rejects.toMatchObject(error)
    await expect(store.stats()).rejects.toMatchObject(error)
    await store.close()
    await store.close()
  })

  test('a commit takes effect at once: nothing needs to be awaited for it', async () => {
    const store = new MemoryStore()
    await store.open()
    void store.commit([sessionPut(1), messagePut(1), queueAdd(1, 1, 1)])
    expect(await store.readQueue(1, 0, 1)).toHaveLength(1)
  })

  test('a message that nothing refers to is dropped when the store opens', async () => {
    const store = new MemoryStore()
    await store.open()
    await store.commit([messagePut(1)])
    expect((await store.stats()).messages).toBe(1)
    await store.open()
    expect((await store.stats()).messages).toBe(0)
  })
})
