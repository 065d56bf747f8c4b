import { expect, test } from 'vitest'
import { type ClientName, FEATURES, type FeatureName, featureOf, type Version } from './features.ts'

/**
 * Declares a client's tests by feature: one for each version that the table has for it. What the table
 * promises and nobody tested, and what is tested against the table, fails {@link complete}.
 */
export class FeatureTests {
  readonly #client: ClientName
  readonly #tested = new Set<FeatureName>()

  constructor(client: ClientName) {
    this.#client = client
  }

  /** One test for each version. */
  test(name: FeatureName, run: (version: Version) => Promise<void>): void {
    for (const version of this.#take(name)) test(`${name}, ${version}`, () => run(version))
  }

  /** One test for all versions at once, for what takes a second. */
  testAtOnce(name: FeatureName, run: (version: Version) => Promise<void>): void {
    const versions = this.#take(name)
    test(`${name}, ${versions.join(', ')}`, async () => {
      await Promise.all(versions.map(run))
    })
  }

  /** Declares the test that none is missing; call it behind all others, where it runs in any case. */
  complete(): void {
    test(`${this.#client}: every feature of the table has a test or a reason`, () => {
      const names = Object.keys(FEATURES) as FeatureName[]
      const promised = names.filter((name) => this.#versions(name).length > 0)
      expect([...this.#tested].sort()).toEqual(promised.sort())
    })
  }

  #take(name: FeatureName): readonly Version[] {
    const versions = this.#versions(name)
    // Of what a library cannot do, the suite that it shares with others declares nothing.
    if (versions.length > 0) this.#tested.add(name)
    return versions
  }

  #versions(name: FeatureName): readonly Version[] {
    return featureOf(name).cells[this.#client].versions
  }
}
