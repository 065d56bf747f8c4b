/**
 * Which feature which client can express, in which versions of MQTT, and why not where it cannot. The
 * tests run what stands here, a feature without its test fails, and `docs/interop.md` is made of it.
 */

/** Of MQTT, as they are spoken of. */
export type Version = '3.1' | '3.1.1' | '5.0'

export const CLIENTS = ['MQTT.js', 'mosquitto', 'paho'] as const
export type ClientName = (typeof CLIENTS)[number]

/** The versions in which a client's tests run a feature. */
export interface Cell {
  readonly versions: readonly Version[]
  /** Why these and no more, or what the client makes of it. */
  readonly note?: string
}

/** One row: the versions that have the feature, and what each client does with it. */
export interface Feature {
  readonly versions: readonly Version[]
  readonly cells: Readonly<Record<ClientName, Cell>>
}

const ALL: readonly Version[] = ['3.1', '3.1.1', '5.0']
const SINCE_311: readonly Version[] = ['3.1.1', '5.0']
const V5: readonly Version[] = ['5.0']

type Exceptions = Partial<Record<ClientName, Cell>>

/** Every client does it in all versions that have it, but for those that are named. */
function feature(versions: readonly Version[], exceptions: Exceptions = {}): Feature {
  const cell: Cell = { versions }
  return { versions, cells: { 'MQTT.js': cell, mosquitto: cell, paho: cell, ...exceptions } }
}

const but = (note: string, versions: readonly Version[]): Cell => ({ versions, note })
const cannot = (note: string): Cell => ({ versions: [], note })

export const FEATURES = {
  'Clean Session, Clean Start': feature(ALL),
  'Session Present': feature(SINCE_311, {
    mosquitto: but('does not show it: seen on the wire', SINCE_311),
  }),
  'queue of a session whose client is away': feature(ALL),
  'Session Expiry Interval': feature(V5),
  'Session Expiry Interval changed by DISCONNECT': feature(V5),
  'take-over of a session': feature(ALL, {
    paho: but('drops Reason Code 0x8E: seen on the wire', ALL),
  }),
  'Assigned Client Identifier': feature(SINCE_311),
  'user name and password': feature(ALL),
  'enhanced authentication, SCRAM-SHA-256': feature(V5, {
    mosquitto: cannot('has no option for it'),
    paho: cannot('does not hand on AUTH'),
  }),
  'Keep Alive: PINGREQ and PINGRESP': feature(ALL, {
    mosquitto: but('takes no Keep Alive below 5 s but from the server', V5),
  }),
  'Server Keep Alive': feature(V5, {
    paho: but('shows it, but keeps to its own', V5),
  }),
  'server shutting down': feature(ALL, {
    mosquitto: but('tells it only in 5.0', V5),
    paho: but('drops Reason Code 0x8B: seen on the wire', ALL),
  }),

  'QoS 0, 1 and 2 both ways': feature(ALL),
  'QoS 2 to the server, once over broken connections': feature(ALL, {
    mosquitto: cannot('mosquitto_pub waits a second before it connects again'),
  }),
  'QoS 2 from the server, once over broken connections': feature(ALL, {
    mosquitto: cannot('mosquitto_sub waits a second before it connects again'),
  }),
  'order of messages': feature(ALL),
  'payload of 1 MiB': feature(ALL),
  'binary payload': feature(ALL),
  'topics beyond ASCII': feature(ALL),
  'properties of a message': feature(V5),
  'request and response': feature(ALL, {
    'MQTT.js': but('earlier versions have no Response Topic', V5),
    paho: but('earlier versions have no Response Topic', V5),
    mosquitto: but('before 5.0 the response topic is agreed on', ALL),
  }),
  'Message Expiry Interval': feature(V5),
  'Topic Alias from the client': feature(V5),
  'Topic Alias from the server': feature(V5, {
    mosquitto: cannot('takes an alias for an error, even where it asked for them'),
    paho: but('leaves the look-up to the program', V5),
  }),
  'Receive Maximum of the client': feature(V5),
  'Receive Maximum of the server': feature(V5, {
    'MQTT.js': cannot('does not keep to it'),
    paho: cannot('does not keep to it'),
  }),
  'Maximum Packet Size of the client': feature(V5),
  'Maximum Packet Size of the server': feature(V5),
  'Maximum QoS and Retain Available': feature(V5),
  'refused PUBLISH': feature(ALL, {
    paho: but('drops Reason Code 0x87: seen on the wire', ALL),
  }),

  'retained message: set, replaced, deleted': feature(ALL),
  'Retain Handling 0, 1 and 2': feature(V5, {
    mosquitto: cannot('has no option for it'),
  }),
  'Retain As Published': feature(V5),
  'No Local': feature(V5, { mosquitto: cannot('has no option for it') }),
  'Subscription Identifier': feature(V5),
  'shared subscription': feature(ALL),
  'refused SUBSCRIBE': feature(SINCE_311),
  UNSUBSCRIBE: feature(ALL),

  'Will Message': feature(ALL),
  'Will Delay Interval': feature(V5),
  'properties of a will': feature(V5),
  'DISCONNECT with Will Message': feature(V5),
} as const satisfies Record<string, Feature>

export type FeatureName = keyof typeof FEATURES

/** The row of a feature. */
export function featureOf(name: FeatureName): Feature {
  return FEATURES[name]
}
