import { describe, expect, test } from 'vitest'
import { parseProperty, propertiesOf, propertyWordCount } from '../src/cli/properties.ts'

const parse = (words: string) => parseProperty(words.split(' ').join('\0'))
const bytes = (text: string) => new TextEncoder().encode(text)

describe('-D', () => {
  test.each([
    ['connect receive-maximum 10', { receiveMaximum: 10 }],
    ['connect session-expiry-interval 4294967295', { sessionExpiryInterval: 4_294_967_295 }],
    ['connect request-problem-information 0', { requestProblemInformation: 0 }],
    ['will will-delay-interval 5', { willDelayInterval: 5 }],
    ['will content-type a', { contentType: 'a' }],
    ['publish payload-format-indicator 1', { payloadFormatIndicator: 1 }],
    ['publish response-topic r', { responseTopic: 'r' }],
    ['publish correlation-data xyz', { correlationData: bytes('xyz') }],
    ['PUBLISH topic-alias 3', { topicAlias: 3 }],
    ['publish user-property a b', { userProperties: [['a', 'b']] }],
    ['subscribe subscription-identifier 7', { subscriptionIdentifier: 7 }],
    ['unsubscribe user-property a b', { userProperties: [['a', 'b']] }],
    ['disconnect session-expiry-interval 0', { sessionExpiryInterval: 0 }],
    ['disconnect reason-string bye', { reasonString: 'bye' }],
  ])('%s', (words, properties) => {
    const assignment = parse(words)
    expect(assignment.packet).toBe(words.split(' ')[0]!.toLowerCase())
    expect(propertiesOf(assignment.packet, [assignment])).toEqual(properties)
  })

  test.each([
    [
      'puback x 1',
      "must name connect, will, publish, subscribe, unsubscribe or disconnect, not 'puback'",
    ],
    ['toString x 1', 'must name connect'],
    [
      'disconnect foo 1',
      'must name a property of disconnect (session-expiry-interval, reason-string, user-property)',
    ],
    ['connect authentication-method x', "not 'authentication-method'"],
    ['connect content-type x', "not 'content-type'"],
    ['publish subscription-identifier 1', "not 'subscription-identifier'"],
    ['publish topic-alias 0', "topic-alias must be a whole number from 1 to 65535, not '0'"],
    ['publish topic-alias', 'needs a value for topic-alias'],
    ['publish user-property a', 'needs a value for user-property'],
    ['publish', 'must name a property of publish'],
  ])('%s is refused', (words, message) => {
    expect(() => parse(words)).toThrow(message)
  })

  test('User Properties add up in order, others replace each other, packets are kept apart', () => {
    const assignments = [
      'publish user-property b 1',
      'publish content-type x',
      'publish user-property a 2',
      'publish content-type y',
      'connect user-property c 3',
    ].map(parse)
    expect(propertiesOf('publish', assignments)).toEqual({
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ],
      contentType: 'y',
    })
    expect(propertiesOf('will', assignments)).toEqual({})
  })

  test('a User Property takes a word more than the others', () => {
    expect(propertyWordCount(['publish', 'content-type'])).toBe(3)
    expect(propertyWordCount(['publish', 'user-property'])).toBe(4)
  })
})
