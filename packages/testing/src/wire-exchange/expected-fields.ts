import { PROPERTIES } from '@promptmq/codec'
import type { ExpectedPacket } from './exchange.ts'
import type { Names } from './names.ts'

/** Fields that an expected packet must name, and others that it may. */
interface Fields {
  readonly must: readonly string[]
  readonly may: readonly string[]
}

const ACKNOWLEDGEMENT: Fields = { must: ['packetIdentifier'], may: ['reasonCode', 'properties'] }

/** What a server sends. */
const FIELDS: Readonly<Partial<Record<string, Fields>>> = {
  connack: { must: ['sessionPresent', 'reasonCode'], may: ['properties'] },
  publish: {
    must: ['topicName', 'payload'],
    may: ['qos', 'dup', 'retain', 'packetIdentifier', 'properties'],
  },
  puback: ACKNOWLEDGEMENT,
  pubrec: ACKNOWLEDGEMENT,
  pubrel: ACKNOWLEDGEMENT,
  pubcomp: ACKNOWLEDGEMENT,
  suback: { must: ['packetIdentifier', 'reasonCodes'], may: ['properties'] },
  unsuback: { must: ['packetIdentifier', 'reasonCodes'], may: ['properties'] },
  pingresp: { must: [], may: [] },
  disconnect: { must: ['reasonCode'], may: ['properties'] },
  auth: { must: ['reasonCode'], may: ['properties'] },
}

const PROPERTY_NAMES = new Set([
  ...PROPERTIES.map(({ name }) => name),
  'userProperties',
  'subscriptionIdentifiers',
])

const FORMS = ['$bytes', '$new', '$oneOf', '$advised', '$anyOrder', '$between']

/**
 * @param names - gets the names that the packet gives, each with a value to go on with.
 * @returns the packet, once it is one that a broker could send and `tellMismatch` understands.
 */
export function checkExpected(packet: unknown, names: Names): ExpectedPacket {
  if (packet === null || typeof packet !== 'object') throw new Error(`expects ${String(packet)}`)
  const { type, ...fields } = packet as Readonly<Record<string, unknown>>
  const known = FIELDS[String(type)]
  if (known === undefined) throw new Error(`'${String(type)}' is no packet that a server sends`)
  const missing = known.must.find((name) => !(name in fields))
  if (missing !== undefined) throw new Error(`${type} names no ${missing}`)
  if (type === 'publish' && (fields.qos ?? 0) !== 0 && fields.packetIdentifier === undefined) {
    throw new Error('publish names no packetIdentifier')
  }
  for (const [name, value] of Object.entries(fields)) {
    if (![...known.must, ...known.may].includes(name)) throw new Error(`${type} has no ${name}`)
    if (name !== 'properties') checkValue(name, value, names)
  }
  for (const [name, value] of Object.entries(fields.properties ?? {})) {
    if (!PROPERTY_NAMES.has(name)) throw new Error(`'${name}' is no property`)
    checkValue(name, value, names)
  }
  return packet as ExpectedPacket
}

function checkValue(field: string, value: unknown, names: Names): void {
  if (typeof value === 'string' && /^\$\w+$/.test(value)) names.set(value.slice(1), 1)
  if (value === null || typeof value !== 'object') return
  if (Array.isArray(value)) {
    for (const item of value) checkValue(field, item, names)
    return
  }
  const [form, ...others] = Object.keys(value)
  if (form === undefined || others.length > 0 || !FORMS.includes(form)) {
    throw new Error(`${field} is ${JSON.stringify(value)}, which means nothing`)
  }
  checkValue(field, (value as Readonly<Record<string, unknown>>)[form], names)
}
