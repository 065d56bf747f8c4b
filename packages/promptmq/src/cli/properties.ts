import { PacketType, PROPERTIES, type PropertyRow, PropertyType } from '@promptmq/codec'
import { alternatives, integer, quote, ValueError } from './option-table.ts'

/**
 * `-D PACKET NAME VALUE`: properties of MQTT 5 from the command line. Names are those of the
 * standard in lower case with hyphens, and which packet may carry which comes from the codec's
 * table:
 *
 *   -D publish content-type application/json
 *   -D connect receive-maximum 10
 *   -D publish user-property unit celsius        the one with two values
 */

/** Packets that can be given properties, with the place they have in the codec's table. */
const SCOPES = {
  connect: PacketType.Connect,
  will: 0,
  publish: PacketType.Publish,
  subscribe: PacketType.Subscribe,
  unsubscribe: PacketType.Unsubscribe,
  disconnect: PacketType.Disconnect,
} as const

type Packet = keyof typeof SCOPES

/**
 * What the command settles itself, or what only a server may send. A Subscription Identifier in
 * PUBLISH is the server's [MQTT-3.3.4-6]; enhanced authentication is a conversation.
 */
const LEFT_OUT: Readonly<Partial<Record<Packet, readonly string[]>>> = {
  connect: ['authentication-method', 'authentication-data'],
  publish: ['subscription-identifier'],
  disconnect: ['server-reference'],
}

/** One `-D`. */
export interface PropertyAssignment {
  readonly packet: Packet
  /** The key in the codec's objects; a list for those that may repeat. */
  readonly key: string
  readonly value: unknown
  readonly isList: boolean
}

/** How many words follow `-D`: three, and four for a User Property. */
export function propertyWordCount(words: readonly string[]): number {
  return words[1] === 'user-property' ? 4 : 3
}

/**
 * @param joined - the words, joined by U+0000.
 * @throws ValueError naming the packet, property or value that is not one.
 */
export function parseProperty(joined: string): PropertyAssignment {
  const [packetName = '', name = '', ...values] = joined.split('\0')
  const packet = packetName.toLowerCase() as Packet
  if (!Object.hasOwn(SCOPES, packet)) {
    throw new ValueError(`must name ${alternatives(Object.keys(SCOPES))}, not ${quote(packetName)}`)
  }
  const rows = rowsOf(packet)
  const row = rows.get(name)
  if (row === undefined) {
    throw new ValueError(
      `must name a property of ${packet} (${[...rows.keys()].join(', ')}), not ${quote(name)}`,
    )
  }
  if (values.length < propertyWordCount([packetName, name]) - 2) {
    throw new ValueError(`needs a value for ${name}`)
  }
  if (row.type === PropertyType.StringPair) {
    return { packet, key: 'userProperties', value: [values[0], values[1]], isList: true }
  }
  return { packet, key: row.name, value: parsePropertyValue(row, name, values[0]!), isList: false }
}

function parsePropertyValue(row: PropertyRow, name: string, value: string): unknown {
  if (row.type === PropertyType.String) return value
  if (row.type === PropertyType.BinaryData) return new TextEncoder().encode(value)
  try {
    return integer(row.minimum, row.maximum)(value)
  } catch (error) {
    throw error instanceof ValueError ? new ValueError(`${name} ${error.message}`) : error
  }
}

function rowsOf(packet: Packet): Map<string, PropertyRow> {
  const place = 1 << SCOPES[packet]
  const rows = new Map<string, PropertyRow>()
  for (const row of PROPERTIES) {
    const name = row.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const isOffered = LEFT_OUT[packet]?.includes(name) !== true
    if ((row.allowedIn & place) !== 0 && isOffered) rows.set(name, row)
  }
  return rows
}

/** The properties of one packet, as the codec's encoders take them. */
export function propertiesOf(
  packet: Packet,
  assignments: readonly PropertyAssignment[],
): Record<string, unknown> {
  const properties: Record<string, unknown> = {}
  for (const assignment of assignments) {
    if (assignment.packet !== packet) continue
    const { key, value, isList } = assignment
    const former = (properties[key] ?? []) as unknown[]
    properties[key] = isList ? [...former, value] : value
  }
  return properties
}
