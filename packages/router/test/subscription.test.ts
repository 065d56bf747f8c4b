import { describe, expect, test } from 'vitest'
import { subscriptionOptions } from '../src/index.ts'
import { appendTo, removeFrom, replaceIn, type Subscription } from '../src/subscription.ts'
import { sessionWith } from './fakes.ts'
import { subscriptionOf } from './messages.ts'

const { session } = sessionWith()

describe('the Subscription Options byte, §3.8.3.1', () => {
  test.each([
    [0b0000_0000, {}],
    [0b0000_0001, { qos: 1 }],
    [0b0000_0010, { qos: 2 }],
    [0b0000_0100, { noLocal: true }],
    [0b0000_1000, { retainAsPublished: true }],
    [0b0001_0000, { retainHandling: 1 }],
    [0b0010_0000, { retainHandling: 2 }],
    [0b0010_1110, { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
  ] as const)('%i', (byte, fields) => {
    expect(subscriptionOf(session, 'a', fields).options).toBe(byte)
    const all = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...fields }
    expect(subscriptionOptions(byte)).toEqual(all)
  })

  test('every legal one comes back as it was', () => {
    for (let byte = 0; byte < 0x30; byte++) {
      if ((byte & 0b11) === 3) continue
      expect(subscriptionOf(session, 'a', subscriptionOptions(byte)).options).toBe(byte)
    }
  })
})

test('a Topic Filter is kept as sent and as it is matched', () => {
  const shared = subscriptionOf(session, '$share/g//a/+', { identifier: 9 })
  expect(shared).toMatchObject({
    topicFilter: '$share/g//a/+',
    filter: '/a/+',
    shareName: 'g',
    identifier: 9,
  })
  const plain = subscriptionOf(session, 'a/+')
  expect(plain).toMatchObject({ topicFilter: 'a/+', filter: 'a/+', shareName: null, identifier: 0 })
})

test('each knows its place in the list, whatever is put in, replaced and taken out', () => {
  const list: Subscription[] = []
  const [a, b, c, d] = Array.from({ length: 4 }, () => subscriptionOf(session, 'a')) as [
    Subscription,
    Subscription,
    Subscription,
    Subscription,
  ]
  for (const one of [a, b, c]) appendTo(list, one)
  replaceIn(b, d)
  expect(list).toEqual([a, d, c])
  expect(b.place).toBeNull()
  removeFrom(a)
  expect(a.place).toBeNull()
  expect(new Set(list)).toEqual(new Set([c, d]))
  for (const [index, one] of list.entries()) {
    expect(one.index).toBe(index)
    expect(one.place).toBe(list)
  }
  removeFrom(d)
  removeFrom(c)
  expect(list).toEqual([])
})
