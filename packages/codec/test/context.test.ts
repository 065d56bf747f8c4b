import { describe, expect, test } from 'vitest'
import { DecodeContext, type DecodeOptions, Sender } from '../src/index.ts'

describe('DecodeContext', () => {
  test('has defaults that a public server can live with', () => {
    expect({ ...new DecodeContext() }).toEqual({
      protocolVersion: 5,
      sender: Sender.Any,
      maximumUserProperties: 64,
      maximumTopicLevels: 128,
      maximumFilters: 1024,
      refuseDisallowedCodePoints: false,
      topicHashSeed: 0,
    })
  })

  test('takes every option', () => {
    const options = {
      protocolVersion: 4,
      sender: Sender.Client,
      maximumUserProperties: 1,
      maximumTopicLevels: 2,
      maximumFilters: 3,
      refuseDisallowedCodePoints: true,
      topicHashSeed: 5,
    } as const
    expect({ ...new DecodeContext(options) }).toEqual(options)
  })

  test('a seed of 32 bits is taken, whatever its sign becomes', () => {
    expect(new DecodeContext({ topicHashSeed: 0xffff_ffff }).topicHashSeed).toBe(-1)
  })

  test('an option that is undefined is left out', () => {
    expect(new DecodeContext({ maximumFilters: undefined, sender: undefined })).toEqual(
      new DecodeContext(),
    )
  })

  const limits = ['maximumUserProperties', 'maximumTopicLevels', 'maximumFilters'] as const
  const nonsense = [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, '5', null]
  test('0 of them is a limit of User Properties, and of nothing else', () => {
    expect(new DecodeContext({ maximumUserProperties: 0 }).maximumUserProperties).toBe(0)
    for (const field of ['maximumTopicLevels', 'maximumFilters'] as const) {
      expect(() => new DecodeContext({ [field]: 0 })).toThrow(expect.objectContaining({ field }))
    }
  })

  test.each(limits.flatMap((field) => nonsense.map((value) => [field, value] as const)))(
    '%s: %s is refused by name',
    (field, value) => {
      expect(() => new DecodeContext({ [field]: value } as DecodeOptions)).toThrow(
        expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field }),
      )
    },
  )

  test.each([
    ['protocolVersion', 2],
    ['protocolVersion', '5'],
    ['sender', 0],
    ['sender', 4],
    ['refuseDisallowedCodePoints', 1],
    ['topicHashSeed', -1],
    ['topicHashSeed', 2 ** 32],
  ])('%s: %s is refused by name', (field, value) => {
    expect(() => new DecodeContext({ [field]: value } as DecodeOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field }),
    )
  })
})
