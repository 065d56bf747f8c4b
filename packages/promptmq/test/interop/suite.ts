/**
 * What every client library is asked to do, one test for each feature and version; a library is
 * whatever implements `ClientKind`. Nothing here waits for time: that nothing comes is shown by what
 * comes next, and the broker's clock is put forward.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import type { ClientKind, InteropClient } from './client.ts'
import { FeatureTests } from './declare.ts'
import type { FeatureName, Version } from './features.ts'
import { InteropBroker } from './interop-broker.ts'
import type { Scene } from './scene.ts'
import { testMessages } from './suite-messages.ts'
import { testSessions } from './suite-sessions.ts'
import { testSubscriptions } from './suite-subscriptions.ts'
import { testWills } from './suite-wills.ts'

/** Declares all tests of a library. */
export function testLibrary(kind: ClientKind): void {
  const features = new FeatureTests(kind.name)
  const opened: { end(): Promise<void> | void }[] = []
  let shared: InteropBroker

  function sceneOf(feature: FeatureName, version: Version): Scene {
    const name = (what: string) => `${what}-${feature.replace(/\W+/g, '-')}-${version}`
    return {
      version,
      kind,
      shared,
      name,
      async connect(who, options = {}, to = shared) {
        const clientId = options.clientId ?? name(who)
        const client = await kind.connect(to.port, version, { ...options, clientId })
        opened.push({ end: () => client.drop() })
        // A library is done when it has sent DISCONNECT; a test goes on when the broker has it.
        const disconnect: InteropClient['disconnect'] = async (how) => {
          await shared.untilGone(clientId, () => client.disconnect(how))
        }
        return { ...client, disconnect }
      },
      async tap(broker = shared) {
        const tap = await broker.tap(version)
        opened.push({ end: () => tap.close() })
        return tap
      },
      lasting: (sessionExpiryInterval) =>
        version === '5.0'
          ? { clean: false, properties: { sessionExpiryInterval } }
          : { clean: false },
    }
  }

  describe.skipIf(!kind.isHere)(kind.name, () => {
    beforeAll(async () => {
      shared = await InteropBroker.start()
    })
    afterEach(async () => {
      for (const one of opened.splice(0).reverse()) await one.end()
    })
    afterAll(async () => {
      await kind.close()
      await shared[Symbol.asyncDispose]()
    })
    for (const area of [testSessions, testMessages, testSubscriptions, testWills]) {
      area(
        (name, run) => features.test(name, (version) => run(sceneOf(name, version))),
        (name, run) => features.testAtOnce(name, (version) => run(sceneOf(name, version))),
      )
    }
  })
  features.complete()
}
