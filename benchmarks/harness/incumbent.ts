/** mqtt-packet, the rival of every codec benchmark: parser and generator of MQTT 5.0. */
import { createRequire } from 'node:module'

export type IncumbentPacket = Record<string, unknown> & { readonly cmd: string }

const mqttPacket = createRequire(import.meta.url)('mqtt-packet')
const options = { protocolVersion: 5 }

/**
 * A parser that hands each packet over, and has nothing else to do.
 *
 * @returns what parses a chunk.
 */
export function incumbentParser(
  deliver: (packet: IncumbentPacket) => void,
): (chunk: Buffer) => void {
  const parser = mqttPacket.parser(options)
  parser.on('packet', deliver)
  parser.on('error', (error: Error) => {
    throw error
  })
  return (chunk) => parser.parse(chunk)
}

export function incumbentEncode(packet: IncumbentPacket): Buffer {
  return mqttPacket.generate(packet, options)
}
