import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  Fault,
  PROPERTIES,
  PropertyIdentifier,
  propertyRow,
  Sender,
} from '../src/index.ts'
import { decodeSection, SECTIONS, type Section } from './sections.ts'
import { wire } from './wire.ts'

const REASONS = 'CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH'

/** Table 2-4: identifier, name, where allowed, an encoded one, what it says. */
const TABLE: readonly [number, string, string, Uint8Array, unknown][] = [
  [0x01, 'payloadFormatIndicator', 'PUBLISH Will', wire`01 01`, 1],
  [0x02, 'messageExpiryInterval', 'PUBLISH Will', wire`02 ff ff ff ff`, 0xffff_ffff],
  [0x03, 'contentType', 'PUBLISH Will', wire`03 00 02 "ct"`, 'ct'],
  [0x08, 'responseTopic', 'PUBLISH Will', wire`08 00 03 "r/t"`, 'r/t'],
  [0x09, 'correlationData', 'PUBLISH Will', wire`09 00 02 00 ff`, wire`00 ff`],
  [0x0b, 'subscriptionIdentifier', 'PUBLISH SUBSCRIBE', wire`0b ff ff ff 7f`, 268_435_455],
  [0x11, 'sessionExpiryInterval', 'CONNECT CONNACK DISCONNECT', wire`11 00 01 00 00`, 65_536],
  [0x12, 'assignedClientIdentifier', 'CONNACK', wire`12 00 01 "i"`, 'i'],
  [0x13, 'serverKeepAlive', 'CONNACK', wire`13 00 00`, 0],
  [0x15, 'authenticationMethod', 'CONNECT CONNACK AUTH', wire`15 00 01 "m"`, 'm'],
  [0x16, 'authenticationData', 'CONNECT CONNACK AUTH', wire`16 00 01 80`, wire`80`],
  [0x17, 'requestProblemInformation', 'CONNECT', wire`17 00`, 0],
  [0x18, 'willDelayInterval', 'Will', wire`18 00 00 00 05`, 5],
  [0x19, 'requestResponseInformation', 'CONNECT', wire`19 01`, 1],
  [0x1a, 'responseInformation', 'CONNACK', wire`1a 00 01 "r"`, 'r'],
  [0x1c, 'serverReference', 'CONNACK DISCONNECT', wire`1c 00 01 "s"`, 's'],
  [0x1f, 'reasonString', REASONS, wire`1f 00 02 "é"`, 'é'],
  [0x21, 'receiveMaximum', 'CONNECT CONNACK', wire`21 00 01`, 1],
  [0x22, 'topicAliasMaximum', 'CONNECT CONNACK', wire`22 ff ff`, 65_535],
  [0x23, 'topicAlias', 'PUBLISH', wire`23 00 01`, 1],
  [0x24, 'maximumQoS', 'CONNACK', wire`24 01`, 1],
  [0x25, 'retainAvailable', 'CONNACK', wire`25 00`, 0],
  [0x26, 'userProperty', SECTIONS.join(' '), wire`26 00 01 "k" 00 01 "v"`, ['k', 'v']],
  [0x27, 'maximumPacketSize', 'CONNECT CONNACK', wire`27 00 00 00 01`, 1],
  [0x28, 'wildcardSubscriptionAvailable', 'CONNACK', wire`28 01`, 1],
  [0x29, 'subscriptionIdentifiersAvailable', 'CONNACK', wire`29 00`, 0],
  [0x2a, 'sharedSubscriptionAvailable', 'CONNACK', wire`2a 00`, 0],
]

const METHOD = wire`15 00 01 "m"`

/** The property with what the packet demands beside it, and behind it. */
function complete(section: Section, identifier: number, property: Uint8Array): Uint8Array {
  const needsMethod = section === 'AUTH' || identifier === 0x16
  const hasMethod = identifier === 0x15 || !needsMethod || section === 'CONNACK'
  return hasMethod ? property : Uint8Array.of(...property, ...METHOD)
}

/** Every section with every property. */
const MATRIX = SECTIONS.flatMap((section) =>
  TABLE.map(([identifier, name, where, bytes, value]) => ({
    section,
    identifier,
    name,
    isAllowed: where.split(' ').includes(section),
    bytes,
    value,
  })),
)
const ALLOWED = MATRIX.filter(({ isAllowed }) => isAllowed)

describe('Table 2-4', () => {
  test('is the table of properties', () => {
    expect(PROPERTIES.map((row) => [row.identifier, row.name])).toEqual(
      TABLE.map(([identifier, name]) => [identifier, name]),
    )
    expect(Object.values(PropertyIdentifier)).toEqual(TABLE.map(([identifier]) => identifier))
    expect(propertyRow(0x11)).toMatchObject({ title: 'Session Expiry Interval' })
    expect(propertyRow(0x04)).toBeUndefined()
  })

  test.each(ALLOWED)('$section carries $name', ({ section, identifier, name, bytes, value }) => {
    const packet = decodeSection(section, complete(section, identifier, bytes))
    if (typeof packet === 'number') expect.fail(`fault ${packet}`)
    const holder = (section === 'Will' ? (packet as { will: object }).will : packet) as {
      properties: Record<string, unknown>
    }
    const isList = name === 'userProperty' || (section === 'PUBLISH' && identifier === 0x0b)
    const key =
      name === 'userProperty' ? 'userProperties' : isList ? 'subscriptionIdentifiers' : name
    expect(holder.properties[key]).toStrictEqual(isList ? [value] : value)
  })

  test.each(MATRIX.filter(({ isAllowed }) => !isAllowed))(
    '$section does not carry $name',
    ({ section, bytes }) => {
      expect(decodeSection(section, bytes)).toBe(Fault.PropertyNotAllowed)
    },
  )

  test.each(ALLOWED)('$section carries $name once, unless it may repeat', (row) => {
    const { section, identifier, name, bytes } = row
    const twice = complete(section, identifier, Uint8Array.of(...bytes, ...bytes))
    const mayRepeat = name === 'userProperty' || (section === 'PUBLISH' && identifier === 0x0b)
    if (mayRepeat) expect(decodeSection(section, twice)).toBeTypeOf('object')
    else expect(decodeSection(section, twice)).toBe(Fault.PropertyRepeated)
  })

  test.each(ALLOWED)('$section with $name cut at any byte is refused', ({ section, bytes }) => {
    for (let size = 1; size < bytes.length; size++) {
      expect(decodeSection(section, bytes.slice(0, size))).toBe(Fault.PacketTruncated)
    }
  })
})

describe('a property section, §2.2.2', () => {
  test('an identifier that the standard has not is refused', () => {
    const known = new Set(TABLE.map(([identifier]) => identifier))
    for (let identifier = 0; identifier < 256; identifier++) {
      if (known.has(identifier)) continue
      const properties = Uint8Array.of(identifier, 0, 0, 0, 0, 0)
      expect(decodeSection('CONNACK', properties)).toBe(Fault.PropertyUnknown)
    }
  })

  test('an identifier spelled with more bytes than it needs is refused', () => {
    expect(decodeSection('CONNACK', wire`a4 00 01`)).toBe(Fault.PropertyUnknown)
  })

  test.each(SECTIONS)('%s: a Property Length past the packet’s end is refused', (section) => {
    expect(decodeSection(section, wire`26 00 00 00 00`, { length: 100 })).toBe(
      Fault.PacketTruncated,
    )
  })

  test('[MQTT-1.5.5-1] a Property Length longer than it need be is refused', () => {
    expect(decodeSection('PUBLISH', wire`00`, { length: 0x80 })).toBe(
      Fault.VariableByteIntegerMalformed,
    )
    expect(decodeSection('CONNACK', wire`00`, { length: 0x80 })).toBe(
      Fault.VariableByteIntegerMalformed,
    )
    expect(decodeSection('PUBACK', wire`00`, { length: 0x80 })).toBe(
      Fault.VariableByteIntegerMalformed,
    )
  })

  test.each([
    ['payloadFormatIndicator 2', 'PUBLISH', wire`01 02`],
    ['requestProblemInformation 2', 'CONNECT', wire`17 02`],
    ['requestResponseInformation 2', 'CONNECT', wire`19 02`],
    ['receiveMaximum 0', 'CONNECT', wire`21 00 00`],
    ['receiveMaximum 0', 'CONNACK', wire`21 00 00`],
    ['maximumPacketSize 0', 'CONNECT', wire`27 00 00 00 00`],
    ['maximumQoS 2', 'CONNACK', wire`24 02`],
    ['retainAvailable 2', 'CONNACK', wire`25 02`],
    ['wildcardSubscriptionAvailable 2', 'CONNACK', wire`28 02`],
    ['subscriptionIdentifiersAvailable 2', 'CONNACK', wire`29 02`],
    ['sharedSubscriptionAvailable 2', 'CONNACK', wire`2a 02`],
  ] as const)('%s in %s is refused', (_what, section, properties) => {
    expect(decodeSection(section, properties)).toBe(Fault.PropertyValueInvalid)
  })

  test.each([
    ['MQTT-3.3.2-8', 'Topic Alias 0', 'PUBLISH', wire`23 00 00`, Fault.TopicAliasZero],
    [
      'MQTT-3.3.2-14',
      '# in the Response Topic',
      'PUBLISH',
      wire`08 00 03 "a/#"`,
      Fault.ResponseTopicWildcard,
    ],
    [
      'MQTT-3.3.2-14',
      '+ in a will’s Response Topic',
      'Will',
      wire`08 00 01 "+"`,
      Fault.ResponseTopicWildcard,
    ],
    [
      'MQTT-4.7.3-1',
      'an empty Response Topic',
      'PUBLISH',
      wire`08 00 00`,
      Fault.ResponseTopicEmpty,
    ],
    [
      'MQTT-3.3.2-13',
      'an ill-formed Response Topic',
      'PUBLISH',
      wire`08 00 01 ff`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-3.3.2-19',
      'an ill-formed Content Type',
      'PUBLISH',
      wire`03 00 02 c0 80`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-1.5.7-1',
      'an ill-formed User Property name',
      'PUBLISH',
      wire`26 00 01 ff 00 00`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-1.5.7-1',
      'an ill-formed User Property value',
      'PUBLISH',
      wire`26 00 00 00 01 ff`,
      Fault.Utf8IllFormed,
    ],
    [
      'MQTT-1.5.4-2',
      'U+0000 in a User Property',
      'CONNECT',
      wire`26 00 01 00 00 00`,
      Fault.Utf8Nul,
    ],
    [
      'MQTT-1.5.5-1',
      'an over-long Subscription Identifier',
      'SUBSCRIBE',
      wire`0b 81 00`,
      Fault.VariableByteIntegerMalformed,
    ],
  ] as const)('[%s] %s is refused', (_statement, _what, section, properties, fault) => {
    expect(decodeSection(section, properties)).toBe(fault)
  })

  test.each(['PUBLISH', 'SUBSCRIBE'] as const)(
    'Subscription Identifier 0 in %s is refused',
    (section) => {
      expect(decodeSection(section, wire`0b 00`)).toBe(Fault.SubscriptionIdentifierZero)
    },
  )

  test('disallowed code points are refused on request', () => {
    const context = new DecodeContext({ refuseDisallowedCodePoints: true })
    expect(decodeSection('PUBLISH', wire`03 00 01 01`)).toBeTypeOf('object')
    expect(decodeSection('PUBLISH', wire`03 00 01 01`, { context })).toBe(
      Fault.Utf8DisallowedCodePoint,
    )
  })

  test('User Properties are counted, in each section by itself', () => {
    const context = new DecodeContext({ maximumUserProperties: 2 })
    const one = wire`26 00 00 00 00`
    const two = Uint8Array.of(...one, ...one)
    for (const section of SECTIONS) {
      const rest = section === 'AUTH' ? METHOD : wire``
      const allowed = Uint8Array.of(...two, ...rest)
      expect(decodeSection(section, allowed, { context })).toBeTypeOf('object')
      const tooMany = Uint8Array.of(...two, ...one, ...rest)
      expect(decodeSection(section, tooMany, { context })).toBe(Fault.UserPropertiesTooMany)
    }
  })
})

describe('who may send which property', () => {
  const { Client, Server, Any } = Sender
  test.each([
    ['MQTT-3.3.4-6', 'PUBLISH', wire`0b 01`, Client, Fault.SubscriptionIdentifierFromClient],
    [
      'MQTT-3.14.2-2',
      'DISCONNECT',
      wire`11 00 00 00 00`,
      Server,
      Fault.SessionExpiryIntervalFromServer,
    ],
    ['§3.14.2.2.5', 'DISCONNECT', wire`1c 00 01 "s"`, Client, Fault.PropertyNotAllowed],
  ] as const)(
    '[%s] in %s the wrong side’s is refused',
    (_id, section, properties, sender, fault) => {
      expect(decodeSection(section, properties, { sender })).toBe(fault)
      const other = sender === Client ? Server : Client
      expect(decodeSection(section, properties, { sender: other })).toBeTypeOf('object')
      expect(decodeSection(section, properties, { sender: Any })).toBeTypeOf('object')
    },
  )

  test('a client’s SUBSCRIBE may carry a Subscription Identifier', () => {
    expect(decodeSection('SUBSCRIBE', wire`0b 01`, { sender: Client })).toBeTypeOf('object')
  })
})
