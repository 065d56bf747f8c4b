import { expect } from 'vitest'
import type { ClientKind, ConnectOptions, InteropClient } from './client.ts'
import type { FeatureName, Version } from './features.ts'
import type { InteropBroker } from './interop-broker.ts'
import type { Tap } from './tap.ts'

/** What one test works with; its names are its own, and what it opens is closed behind it. */
export interface Scene {
  readonly version: Version
  readonly kind: ClientKind
  /** The broker that all tests share. */
  readonly shared: InteropBroker
  /** A topic or a Client Identifier that no other test has. */
  name(what: string): string
  /**
   * A client of the shared broker, or of the one at another door.
   * @param who - its Client Identifier is made of it, unless one is given.
   */
  connect(
    who: string,
    options?: Partial<ConnectOptions>,
    to?: { port: number },
  ): Promise<InteropClient>
  /** A door in front of a broker through which the wire is seen. */
  tap(broker?: InteropBroker): Promise<Tap>
  /** A session that outlives its connection, in the words of each version. */
  lasting(seconds: number): Partial<ConnectOptions>
}

/** Declares the tests of one area. */
export type Area = (
  declare: (name: FeatureName, run: (scene: Scene) => Promise<void>) => void,
  declareAtOnce: (name: FeatureName, run: (scene: Scene) => Promise<void>) => void,
) => void

/** The texts of the next messages. */
export async function texts(client: InteropClient, count: number): Promise<string[]> {
  return (await client.take(count)).map(({ payload }) => payload.toString())
}

/**
 * That a client has nothing else coming: `publisher` says one more thing on the same topic, at the same
 * QoS, and that is what comes next.
 */
export async function expectNothingMore(
  client: InteropClient,
  publisher: InteropClient,
  topic: string,
  qos: 0 | 1 | 2 = 1,
): Promise<void> {
  await publisher.publish(topic, 'nothing before this', { qos })
  expect(await texts(client, 1)).toEqual(['nothing before this'])
}
