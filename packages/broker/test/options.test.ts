import { Broker, type BrokerOptions } from '@promptmq/broker'
import { TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../src/options.ts'
import { startBroker } from './harness.ts'

const NUMBERS = [
  'maximumPacketSize',
  'maximumConnectSize',
  'maximumConnections',
  'maximumConnectionsPerAddress',
  'connectTimeoutMs',
  'hookTimeoutMs',
  'maximumKeepAlive',
  'maximumSessionExpiry',
  'maximumSessions',
  'maximumQoS',
  'receiveMaximum',
  'topicAliasMaximum',
  'maximumTopicAliasBytes',
  'outboundTopicAliasMaximum',
  'maximumInflight',
  'maximumQueuedMessages',
  'maximumQueuedBytes',
  'maximumQueuedBytesTotal',
  'maximumHeldMessages',
  'maximumPendingBytes',
  'maximumPendingBytesTotal',
  'maximumUncommittedBytes',
  'maximumSubscriptions',
  'maximumRetainedMessages',
  'maximumRetainedBytes',
  'maximumTopicLevels',
  'maximumUserProperties',
] as const

describe('options', () => {
  test('everything has a default', () => {
    const settings = resolveOptions({})
    for (const name of NUMBERS) expect(settings[name]).toBeTypeOf('number')
    expect(settings.whenQueueFull).toBe('drop newest')
    expect(settings.random()).not.toBe(settings.random())
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      expect(settings.logger[level]({}, '')).toBeUndefined()
    }
  })

  test('a broker tells what it goes by', async () => {
    await using broker = await Broker.start({ maximumPacketSize: 1000 })
    const { maximumPacketSize, connectTimeoutMs } = broker.settings
    expect({ maximumPacketSize, connectTimeoutMs }).toEqual({
      maximumPacketSize: 1000,
      connectTimeoutMs: 10_000,
    })
  })

  test.each(NUMBERS)('%s takes no nonsense', (name) => {
    for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, 1.5, '1', {}]) {
      expect(() => resolveOptions({ [name]: value } as BrokerOptions)).toThrow(
        expect.objectContaining({
          code: 'ERR_PROMPTMQ_OPTION',
          message: expect.stringContaining(name),
        }),
      )
    }
  })

  test.each(NUMBERS)(
    '%s: with the least and the most that it may be, a client is served',
    async (name) => {
      const bounds: number[] = []
      for (const value of [-1, Number.POSITIVE_INFINITY]) {
        try {
          resolveOptions({ [name]: value })
        } catch (error) {
          bounds.push(...[...(error as Error).message.matchAll(/\d+/g)].slice(0, 2).map(Number))
        }
      }
      for (const value of new Set(bounds)) {
        const { broker } = await startBroker({ [name]: value })
        const client = await TestClient.connect(broker, { clientId: 'c' })
        const packets = client.take()
        // A limit may be as low as to refuse everybody, in words.
        expect(packets[0]).toMatchObject({ type: 'connack' })
        client.transport.close()
        await broker.close()
      }
    },
  )

  test('an unknown option and an unknown policy are named', async () => {
    await expect(Broker.start({ maxPacketSize: 1 } as BrokerOptions)).rejects.toThrow(
      "'maxPacketSize'",
    )
    await expect(
      Broker.start({ whenQueueFull: 'wait' } as unknown as BrokerOptions),
    ).rejects.toThrow('whenQueueFull')
    expect(() => resolveOptions({ retainAvailable: 1 } as unknown as BrokerOptions)).toThrow(
      'retainAvailable must be a boolean, not 1',
    )
    expect(() => resolveOptions({ shareStrategy: 'fair' } as unknown as BrokerOptions)).toThrow(
      'shareStrategy must be one of',
    )
    expect(() =>
      resolveOptions({ disallowedCodePoints: false } as unknown as BrokerOptions),
    ).toThrow("disallowedCodePoints must be one of 'allow', 'refuse', not false")
    expect(() => resolveOptions({ whenSlow: 'wait' } as unknown as BrokerOptions)).toThrow(
      "whenSlow must be one of 'drop newest', 'drop oldest', 'disconnect', not wait",
    )
  })
})
