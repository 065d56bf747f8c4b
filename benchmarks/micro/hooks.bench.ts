/** Hooks that are not there and one that is, beside an EventEmitter with as many listeners. */
import { strict as assert } from 'node:assert'
import { EventEmitter } from 'node:events'
import { HookChain } from '../../packages/broker/src/hook-chain.ts'
import { TOPIC } from '../harness/packets.ts'
import type { Suite } from '../harness/suite.ts'

const OPERATIONS = 100

const clock = { now: () => 0, schedule: () => () => {}, defer() {} }
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const client = {
  clientId: 'bench',
  userName: undefined,
  protocolVersion: 5,
  remoteAddress: '',
} as const
const publication = { topicName: TOPIC, qos: 0, retain: false, isWill: false } as const

const absent = new HookChain(clock, 5_000, logger)
const present = new HookChain(clock, 5_000, logger)
present.use({ name: 'acl', authorizePublish: () => true })
const deaf = new EventEmitter()
const emitter = new EventEmitter()
let allowed = 0
emitter.on('publish', () => {
  allowed++
})

function askNobody(): number {
  let count = 0
  for (let i = 0; i < OPERATIONS; i++) if (!absent.has('authorizePublish')) count++
  return count
}

function emitToNobody(): number {
  let count = 0
  for (let i = 0; i < OPERATIONS; i++) if (!deaf.emit('publish', client, publication)) count++
  return count
}

function ask(): number {
  let count = 0
  for (let i = 0; i < OPERATIONS; i++) {
    if (present.authorizePublish(client, publication) === 0) count++
  }
  return count
}

function emit(): number {
  allowed = 0
  for (let i = 0; i < OPERATIONS; i++) emitter.emit('publish', client, publication)
  return allowed
}

export default {
  name: 'hooks',
  rival: 'EventEmitter',
  cases: [
    {
      name: 'absent',
      operations: OPERATIONS,
      ours: askNobody,
      rival: emitToNobody,
      assertEqualWork: () => {
        assert.equal(askNobody(), OPERATIONS)
        assert.equal(emitToNobody(), OPERATIONS)
      },
    },
    {
      name: 'present',
      operations: OPERATIONS,
      ours: ask,
      rival: emit,
      assertEqualWork: () => {
        assert.equal(ask(), OPERATIONS)
        assert.equal(emit(), OPERATIONS)
      },
    },
  ],
} satisfies Suite
