import { describe } from 'vitest'
import { testSeeds } from './simulation-harness.ts'

describe('five clients at random, with a Store and a broker that is killed', () => testSeeds(true))
