import { testSeeds } from './simulation-seeds.ts'

testSeeds('five clients at random, with a Store that is slow and crashes', true)
