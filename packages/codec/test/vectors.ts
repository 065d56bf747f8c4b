import { type PacketInput, type ProtocolVersion, Sender } from '../src/index.ts'
import { wire } from './wire.ts'

/** A packet in both its forms. */
export interface Vector {
  readonly what: string
  readonly version: ProtocolVersion
  readonly bytes: Uint8Array
  readonly packet: PacketInput
  /** A form that is accepted and never written: there is a shorter one. */
  readonly isLong?: true
}

/** What an independent parser has read so. */
export const VECTORS: readonly Vector[] = [
  {
    what: 'CONNECT clean, Keep Alive 60',
    version: 5,
    bytes: wire`10 0e | 00 04 "MQTT" 05 02 00 3c | 00 | 00 01 "a"`,
    packet: { type: 'connect', cleanStart: true, keepAlive: 60, clientId: 'a' },
  },
  {
    what: 'CONNECT empty id, session expiry 100',
    version: 5,
    bytes: wire`10 12 | 00 04 "MQTT" 05 00 00 0a | 05 11 00 00 00 64 | 00 00`,
    packet: {
      type: 'connect',
      cleanStart: false,
      keepAlive: 10,
      properties: { sessionExpiryInterval: 100 },
    },
  },
  {
    what: 'CONNECT with a will, User Name and Password',
    version: 5,
    bytes: wire`10 22 | 00 04 "MQTT" 05 ee 00 0a | 00 | 00 01 "c" | 05 18 00 00 00 05 | 00 01 "w" | 00 03 "bye" | 00 01 "u" | 00 01 "p"`,
    packet: {
      type: 'connect',
      cleanStart: true,
      keepAlive: 10,
      clientId: 'c',
      userName: 'u',
      password: wire`"p"`,
      will: {
        topicName: 'w',
        payload: wire`"bye"`,
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 5 },
      },
    },
  },
  {
    what: 'CONNECT clean, Keep Alive 60',
    version: 4,
    bytes: wire`10 0d | 00 04 "MQTT" 04 02 00 3c | 00 01 "a"`,
    packet: { type: 'connect', cleanStart: true, keepAlive: 60, clientId: 'a' },
  },
  {
    what: 'CONNECT MQIsdp',
    version: 3,
    bytes: wire`10 0f | 00 06 "MQIsdp" 03 02 00 3c | 00 01 "a"`,
    packet: { type: 'connect', cleanStart: true, keepAlive: 60, clientId: 'a' },
  },
  {
    what: 'CONNACK accepted',
    version: 5,
    bytes: wire`20 03 | 00 00 | 00`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 0 },
  },
  {
    what: 'CONNACK assigned id, Topic Alias Maximum 10',
    version: 5,
    bytes: wire`20 0a | 00 00 | 07 12 00 01 "x" 22 00 0a`,
    packet: {
      type: 'connack',
      properties: { assignedClientIdentifier: 'x', topicAliasMaximum: 10 },
    },
  },
  {
    what: 'CONNACK refused 0x86',
    version: 5,
    bytes: wire`20 03 | 00 86 | 00`,
    packet: { type: 'connack', reasonCode: 0x86 },
  },
  {
    what: 'CONNACK refused 2',
    version: 4,
    bytes: wire`20 02 | 00 02`,
    packet: { type: 'connack', reasonCode: 0x85 },
  },
  {
    what: 'PUBLISH QoS 0',
    version: 5,
    bytes: wire`30 08 | 00 03 "a/b" | 00 | "hi"`,
    packet: { type: 'publish', topicName: 'a/b', payload: 'hi' },
  },
  {
    what: 'PUBLISH QoS 1 RETAIN, empty payload',
    version: 5,
    bytes: wire`33 08 | 00 03 "a/b" | 00 0a | 00`,
    packet: { type: 'publish', topicName: 'a/b', qos: 1, retain: true, packetIdentifier: 10 },
  },
  {
    what: 'PUBLISH QoS 2 DUP with expiry and a User Property',
    version: 5,
    bytes: wire`3c 13 | 00 01 "t" | 00 01 | 0c 02 00 00 00 3c 26 00 01 "k" 00 01 "v" | "x"`,
    packet: {
      type: 'publish',
      topicName: 't',
      payload: 'x',
      qos: 2,
      dup: true,
      packetIdentifier: 1,
      properties: { messageExpiryInterval: 60, userProperties: [['k', 'v']] },
    },
  },
  {
    what: 'PUBLISH that sets Topic Alias 1',
    version: 5,
    bytes: wire`30 0a | 00 03 "a/b" | 03 23 00 01 | "1"`,
    packet: { type: 'publish', topicName: 'a/b', payload: '1', properties: { topicAlias: 1 } },
  },
  {
    what: 'PUBLISH that uses Topic Alias 1',
    version: 5,
    bytes: wire`30 07 | 00 00 | 03 23 00 01 | "2"`,
    packet: { type: 'publish', topicName: '', payload: '2', properties: { topicAlias: 1 } },
  },
  {
    what: 'PUBLISH with Subscription Identifiers',
    version: 5,
    bytes: wire`30 0a | 00 01 "t" | 05 0b 01 0b c8 01 | "x"`,
    packet: {
      type: 'publish',
      topicName: 't',
      payload: 'x',
      properties: { subscriptionIdentifiers: [1, 200] },
    },
  },
  {
    what: 'PUBLISH QoS 0',
    version: 4,
    bytes: wire`30 07 | 00 03 "a/b" | "hi"`,
    packet: { type: 'publish', topicName: 'a/b', payload: 'hi' },
  },
  ...([3, 4, 5] as const).flatMap((version): Vector[] => [
    {
      what: 'PUBACK short',
      version,
      bytes: wire`40 02 | 00 0a`,
      packet: { type: 'puback', packetIdentifier: 10 },
    },
    {
      what: 'PUBREL',
      version,
      bytes: wire`62 02 | 00 0a`,
      packet: { type: 'pubrel', packetIdentifier: 10 },
    },
    {
      what: 'PUBCOMP',
      version,
      bytes: wire`70 02 | 00 0a`,
      packet: { type: 'pubcomp', packetIdentifier: 10 },
    },
    { what: 'PINGREQ', version, bytes: wire`c0 00`, packet: { type: 'pingreq' } },
    { what: 'PINGRESP', version, bytes: wire`d0 00`, packet: { type: 'pingresp' } },
    { what: 'DISCONNECT', version, bytes: wire`e0 00`, packet: { type: 'disconnect' } },
  ]),
  {
    what: 'PUBACK without Property Length',
    version: 5,
    bytes: wire`40 03 | 00 0a | 10`,
    packet: { type: 'puback', packetIdentifier: 10, reasonCode: 0x10 },
  },
  {
    what: 'PUBREC with a Reason String',
    version: 5,
    bytes: wire`50 08 | 00 0a | 97 | 04 1f 00 01 "q"`,
    packet: {
      type: 'pubrec',
      packetIdentifier: 10,
      reasonCode: 0x97,
      properties: { reasonString: 'q' },
    },
  },
  {
    what: 'PUBCOMP 0x92',
    version: 5,
    bytes: wire`70 03 | 00 0a | 92`,
    packet: { type: 'pubcomp', packetIdentifier: 10, reasonCode: 0x92 },
  },
  {
    what: 'SUBSCRIBE with options',
    version: 5,
    bytes: wire`82 0f | 00 0a | 00 | 00 03 "a/b" 01 | 00 03 "c/d" 2e`,
    packet: {
      type: 'subscribe',
      packetIdentifier: 10,
      subscriptions: [
        { topicFilter: 'a/b', qos: 1 },
        { topicFilter: 'c/d', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      ],
    },
  },
  {
    what: 'SUBSCRIBE shared, with a Subscription Identifier',
    version: 5,
    bytes: wire`82 13 | 00 0b | 03 0b c8 01 | 00 0a "$share/g/a" 01`,
    packet: {
      type: 'subscribe',
      packetIdentifier: 11,
      subscriptions: [{ topicFilter: '$share/g/a', qos: 1 }],
      properties: { subscriptionIdentifier: 200 },
    },
  },
  {
    what: 'SUBSCRIBE',
    version: 4,
    bytes: wire`82 08 | 00 0a | 00 03 "a/b" 01`,
    packet: {
      type: 'subscribe',
      packetIdentifier: 10,
      subscriptions: [{ topicFilter: 'a/b', qos: 1 }],
    },
  },
  {
    what: 'SUBACK',
    version: 5,
    bytes: wire`90 06 | 00 0a | 00 | 01 02 87`,
    packet: { type: 'suback', packetIdentifier: 10, reasonCodes: [1, 2, 0x87] },
  },
  {
    what: 'SUBACK',
    version: 4,
    bytes: wire`90 04 | 00 0a | 01 80`,
    packet: { type: 'suback', packetIdentifier: 10, reasonCodes: [1, 0x80] },
  },
  {
    what: 'UNSUBSCRIBE',
    version: 5,
    bytes: wire`a2 08 | 00 0c | 00 | 00 03 "a/b"`,
    packet: { type: 'unsubscribe', packetIdentifier: 12, topicFilters: ['a/b'] },
  },
  {
    what: 'UNSUBACK',
    version: 5,
    bytes: wire`b0 05 | 00 0c | 00 | 00 11`,
    packet: { type: 'unsuback', packetIdentifier: 12, reasonCodes: [0, 0x11] },
  },
  {
    what: 'UNSUBACK',
    version: 4,
    bytes: wire`b0 02 | 00 0c`,
    packet: { type: 'unsuback', packetIdentifier: 12 },
  },
  {
    what: 'DISCONNECT with will',
    version: 5,
    bytes: wire`e0 01 | 04`,
    packet: { type: 'disconnect', reasonCode: 4 },
  },
  {
    what: 'DISCONNECT with Session Expiry Interval 0',
    version: 5,
    bytes: wire`e0 07 | 00 | 05 11 00 00 00 00`,
    packet: { type: 'disconnect', properties: { sessionExpiryInterval: 0 } },
  },
  {
    what: 'DISCONNECT of a server, Property Length 0',
    version: 5,
    bytes: wire`e0 02 | 8e | 00`,
    packet: { type: 'disconnect', reasonCode: 0x8e },
    isLong: true,
  },
  {
    what: 'AUTH with data',
    version: 5,
    bytes: wire`f0 0a | 18 | 08 15 00 01 "m" 16 00 01 01`,
    packet: {
      type: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: 'm', authenticationData: wire`01` },
    },
  },
]

export interface Refusal {
  readonly what: string
  readonly bytes: Uint8Array
  readonly reasonCode: number
  readonly statement: string | null
  readonly sender?: Sender
}

/** What must be refused, in 5.0. */
export const REFUSALS: readonly Refusal[] = [
  refusal('a Remaining Length of five bytes', wire`30 80 80 80 80 01`, 0x81, 'MQTT-1.5.5-1'),
  refusal('an over-long Remaining Length', wire`c0 80 00`, 0x81, 'MQTT-1.5.5-1'),
  refusal(
    'the reserved Connect Flag',
    wire`10 0e 00 04 "MQTT" 05 03 00 3c 00 00 01 "a"`,
    0x81,
    'MQTT-3.1.2-3',
  ),
  refusal(
    'Will QoS 1 without the Will Flag',
    wire`10 0e 00 04 "MQTT" 05 0a 00 3c 00 00 01 "a"`,
    0x81,
    'MQTT-3.1.2-11',
  ),
  refusal(
    'a Client Identifier with U+0000',
    wire`10 0e 00 04 "MQTT" 05 02 00 3c 00 00 01 00`,
    0x81,
    'MQTT-1.5.4-2',
  ),
  refusal(
    'a Client Identifier with a surrogate',
    wire`10 10 00 04 "MQTT" 05 02 00 3c 00 00 03 ed a0 80`,
    0x81,
    'MQTT-1.5.4-1',
  ),
  refusal(
    'Receive Maximum 0',
    wire`10 11 00 04 "MQTT" 05 02 00 3c 03 21 00 00 00 01 "a"`,
    0x82,
    null,
  ),
  refusal('PUBLISH at QoS 3', wire`36 07 00 01 "t" 00 01 00 "x"`, 0x81, 'MQTT-3.3.1-4'),
  refusal('Packet Identifier 0', wire`32 06 00 01 "t" 00 00 00`, 0x82, 'MQTT-2.2.1-3'),
  refusal('an empty topic without alias', wire`30 04 00 00 00 "x"`, 0x82, null),
  {
    ...refusal(
      'a Subscription Identifier from a client',
      wire`30 06 00 01 "t" 02 0b 01`,
      0x82,
      'MQTT-3.3.4-6',
    ),
    sender: Sender.Client,
  },
  refusal('SUBSCRIBE with flags 0000', wire`80 07 00 01 00 00 01 "a" 00`, 0x81, 'MQTT-2.1.3-1'),
  refusal('SUBSCRIBE without filters', wire`82 03 00 01 00`, 0x82, 'MQTT-3.8.3-2'),
  refusal('a reserved option bit', wire`82 07 00 01 00 00 01 "a" 40`, 0x81, 'MQTT-3.8.3-5'),
  refusal('SUBSCRIBE without the options byte', wire`82 06 00 01 00 00 01 "a"`, 0x81, null),
  refusal('a Property Length past the end', wire`e0 02 00 20`, 0x81, null),
]

function refusal(
  what: string,
  bytes: Uint8Array,
  reasonCode: number,
  statement: string | null,
): Refusal {
  return { what, bytes, reasonCode, statement }
}

/** Packets rich in fields, beside the vectors: every property stands in one of them. */
export const RICH: readonly Vector[] = [
  {
    what: 'CONNECT with every property',
    version: 5,
    bytes: wire`10 71 | 00 04 "MQTT" 05 f6 ff ff
      | 24 11 ff ff ff ff 15 00 01 "m" 16 00 02 00 ff 17 00 19 01 21 00 14 22 00 05 26 00 01 "k" 00 01 "v" 27 00 01 00 00
      | 00 02 "id"
      | 30 01 01 02 00 00 00 09 03 00 0a "text/plain" 08 00 03 "r/t" 09 00 02 01 02 18 00 00 00 07 26 00 00 00 00 26 00 01 "a" 00 01 "b"
      | 00 03 "w/t" | 00 01 "!" | 00 01 "u" | 00 00`,
    packet: {
      type: 'connect',
      cleanStart: true,
      keepAlive: 65_535,
      clientId: 'id',
      userName: 'u',
      password: new Uint8Array(0),
      will: {
        topicName: 'w/t',
        payload: wire`"!"`,
        qos: 2,
        retain: true,
        properties: {
          payloadFormatIndicator: 1,
          messageExpiryInterval: 9,
          contentType: 'text/plain',
          responseTopic: 'r/t',
          correlationData: wire`01 02`,
          willDelayInterval: 7,
          userProperties: [
            ['', ''],
            ['a', 'b'],
          ],
        },
      },
      properties: {
        sessionExpiryInterval: 0xffff_ffff,
        authenticationMethod: 'm',
        authenticationData: wire`00 ff`,
        requestProblemInformation: 0,
        requestResponseInformation: 1,
        receiveMaximum: 20,
        topicAliasMaximum: 5,
        userProperties: [['k', 'v']],
        maximumPacketSize: 65_536,
      },
    },
  },
  {
    what: 'CONNACK with every property',
    version: 5,
    bytes: wire`20 51 | 01 00
      | 4e 11 00 00 00 01 12 00 01 "i" 13 00 1e 15 00 01 "m" 16 00 01 00 1a 00 01 "r" 1c 00 01 "s" 1f 00 01 "w"
        21 00 0a 22 00 0b 24 01 25 00 26 00 01 "k" 00 01 "v" 27 00 00 10 00 28 00 29 00 2a 00
        26 00 01 "k" 00 0c "second value"`,
    packet: {
      type: 'connack',
      sessionPresent: true,
      properties: {
        sessionExpiryInterval: 1,
        assignedClientIdentifier: 'i',
        serverKeepAlive: 30,
        authenticationMethod: 'm',
        authenticationData: wire`00`,
        responseInformation: 'r',
        serverReference: 's',
        reasonString: 'w',
        receiveMaximum: 10,
        topicAliasMaximum: 11,
        maximumQoS: 1,
        retainAvailable: 0,
        userProperties: [
          ['k', 'v'],
          ['k', 'second value'],
        ],
        maximumPacketSize: 4096,
        wildcardSubscriptionAvailable: 0,
        subscriptionIdentifiersAvailable: 0,
        sharedSubscriptionAvailable: 0,
      },
    },
    // The second User Property stands apart from the first: accepted, never written so.
    isLong: true,
  },
  {
    what: 'PUBLISH with every property',
    version: 5,
    bytes: wire`35 2e | 00 03 "a/b" | 12 34
      | 24 01 01 02 00 00 00 3c 03 00 01 "c" 08 00 01 "r" 09 00 01 ff 0b 01 0b ff ff ff 7f 23 ff ff 26 00 01 "k" 00 01 "v"
      | "xy"`,
    packet: {
      type: 'publish',
      topicName: 'a/b',
      payload: 'xy',
      qos: 2,
      retain: true,
      packetIdentifier: 0x1234,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: 'c',
        responseTopic: 'r',
        correlationData: wire`ff`,
        subscriptionIdentifiers: [1, 268_435_455],
        topicAlias: 65_535,
        userProperties: [['k', 'v']],
      },
    },
  },
  {
    what: 'SUBACK with properties',
    version: 5,
    bytes: wire`90 0f | 00 01 | 0b 1f 00 01 "r" 26 00 01 "k" 00 01 "v" | 00`,
    packet: {
      type: 'suback',
      packetIdentifier: 1,
      reasonCodes: [0],
      properties: { reasonString: 'r', userProperties: [['k', 'v']] },
    },
  },
  {
    what: 'UNSUBSCRIBE with a User Property',
    version: 5,
    bytes: wire`a2 0d | 00 01 | 07 26 00 01 "k" 00 01 "v" | 00 01 "a"`,
    packet: {
      type: 'unsubscribe',
      packetIdentifier: 1,
      topicFilters: ['a'],
      properties: { userProperties: [['k', 'v']] },
    },
  },
  {
    what: 'UNSUBACK with a Reason String',
    version: 5,
    bytes: wire`b0 08 | 00 01 | 04 1f 00 01 "r" | 11`,
    packet: {
      type: 'unsuback',
      packetIdentifier: 1,
      reasonCodes: [0x11],
      properties: { reasonString: 'r' },
    },
  },
  {
    what: 'DISCONNECT with every property',
    version: 5,
    bytes: wire`e0 16 | 9d | 14 11 00 00 00 00 1c 00 01 "s" 1f 00 01 "r" 26 00 01 "k" 00 01 "v"`,
    packet: {
      type: 'disconnect',
      reasonCode: 0x9d,
      properties: {
        sessionExpiryInterval: 0,
        serverReference: 's',
        reasonString: 'r',
        userProperties: [['k', 'v']],
      },
    },
  },
  ...([3, 4] as const).flatMap((version): Vector[] => [
    {
      what: 'SUBSCRIBE with two filters',
      version,
      bytes: wire`82 0a | 00 01 | 00 01 "a" 02 | 00 01 "#" 00`,
      packet: {
        type: 'subscribe',
        packetIdentifier: 1,
        subscriptions: [
          { topicFilter: 'a', qos: 2 },
          { topicFilter: '#', qos: 0 },
        ],
      },
    },
    {
      what: 'UNSUBSCRIBE with two filters',
      version,
      bytes: wire`a2 08 | 00 01 | 00 01 "a" | 00 01 "#"`,
      packet: { type: 'unsubscribe', packetIdentifier: 1, topicFilters: ['a', '#'] },
    },
    {
      what: 'PUBLISH QoS 2',
      version,
      bytes: wire`34 06 | 00 01 "t" | 00 09 | "x"`,
      packet: { type: 'publish', topicName: 't', payload: 'x', qos: 2, packetIdentifier: 9 },
    },
    {
      what: 'PUBREC',
      version,
      bytes: wire`50 02 | 00 0a`,
      packet: { type: 'pubrec', packetIdentifier: 10 },
    },
    {
      what: 'CONNACK refused 5',
      version,
      bytes: wire`20 02 | 00 05`,
      packet: { type: 'connack', reasonCode: 0x87 },
    },
  ]),
  {
    what: 'CONNECT with a will, User Name and Password',
    version: 4,
    bytes: wire`10 1b | 00 04 "MQTT" 04 ce 00 0a | 00 01 "c" | 00 01 "w" | 00 03 "bye" | 00 01 "u" | 00 01 "p"`,
    packet: {
      type: 'connect',
      cleanStart: true,
      keepAlive: 10,
      clientId: 'c',
      userName: 'u',
      password: wire`"p"`,
      will: { topicName: 'w', payload: wire`"bye"`, qos: 1 },
    },
  },
]
