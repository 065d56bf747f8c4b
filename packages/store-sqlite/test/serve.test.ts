import { once } from 'node:events'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { resolveOptions } from '../src/options.ts'
import { packBatch } from '../src/packing.ts'
import type { Calls, Reply } from '../src/protocol.ts'
import { serve } from '../src/serve.ts'
import { queued, sessionPut, temporaryFolder } from './place.ts'

/** A served Database on this thread, and a way to ask it. */
function served() {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  serve(port2)
  let id = 0
  return {
    port: port1,
    async ask<Name extends keyof Calls>(name: Name, ...parameters: Parameters<Calls[Name]>) {
      port1.postMessage({ id: ++id, name, parameters })
      const [reply] = (await once(port1, 'message')) as [Reply]
      expect(reply.id).toBe(id)
      return reply
    },
  }
}

const storeOptions = () => resolveOptions({ path: join(temporaryFolder(), 'store.db') })

test('a Database is opened, used and closed through the port', async () => {
  const { ask, port } = served()
  const options = storeOptions()
  expect(await ask('open', options)).toEqual({ id: 1, value: undefined })
  await ask('commit', packBatch([sessionPut(1), ...queued(1)]))
  expect((await ask('readQueue', 1, 0, 10)).value).toHaveLength(1)
  expect((await ask('stats')).value).toMatchObject({ sessions: 1, queued: 1 })
  expect((await ask('compact')).failure).toBeUndefined()
  expect((await ask('backup', `${options.path}.copy`)).failure).toBeUndefined()
  const closed = once(port, 'close')
  expect((await ask('close')).failure).toBeUndefined()
  await closed
})

test('a restore is handed out page by page, and begins anew after another request', async () => {
  const { ask } = served()
  await ask('open', storeOptions())
  const sessions = Array.from({ length: 1500 }, (_, index) => sessionPut(index + 1))
  await ask('commit', packBatch(sessions))
  expect((await ask('restore')).value).toMatchObject({ isLast: false, items: { length: 1000 } })
  await ask('stats')
  const sizes: number[] = []
  for (let isLast = false; !isLast; ) {
    const page = (await ask('restore')).value as ReturnType<Calls['restore']>
    sizes.push(page.items.length)
    isLast = page.isLast
  }
  expect(sizes).toEqual([1000, 501, 0])
  await ask('close')
})

test('a request before open, or that nobody serves, is answered with a failure', async () => {
  const { ask } = served()
  const code = 'ERR_PROMPTMQ_STORE_CLOSED'
  expect((await ask('stats')).failure).toMatchObject({ code })
  expect((await ask('restore')).failure).toMatchObject({ code })
  expect((await ask('nonsense' as 'stats')).failure).toMatchObject({
    code: 'ERR_PROMPTMQ_STORE_UNUSABLE',
  })
  await ask('close')
})
