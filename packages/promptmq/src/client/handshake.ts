import { type Connack, type Packet, type PacketInput, ReasonCode } from '@promptmq/codec'
import { ClientError, describeReason } from './client-error.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { Connection } from './connection.ts'

/**
 * CONNECT and its answer. Leaves the connection paused, for its user to take over.
 *
 * @param signal - aborted: do not go on waiting.
 * @throws ClientError when the server refuses, answers with something else or not at all.
 */
export async function shakeHands(
  connection: Connection,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<Connack> {
  const answer = new Promise<Packet>((resolve) => {
    // What follows CONNACK in the same chunk waits until somebody is there to take it.
    connection.onPacket = (packet) => {
      connection.pause()
      resolve(packet)
    }
  })
  const abort = (): void => {
    connection.fail(new ClientError(`${connection.place} did not answer CONNECT in time`))
  }
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  connection.send(connectPacket(options)) // [MQTT-3.1.0-1]
  const first = await Promise.race([answer, connection.closed])
  signal.removeEventListener('abort', abort)
  if (first === undefined) throw new ClientError('the connection was ended')
  if (first instanceof ClientError) throw first
  checkConnack(connection, first, options)
  return first
}

function connectPacket(options: ConnectOptions): PacketInput {
  const { clientId, cleanStart, keepAlive, userName, password, will, properties } = options
  return {
    type: 'connect',
    protocolVersion: 5,
    clientId,
    cleanStart,
    keepAlive,
    userName,
    password: password === undefined ? undefined : new TextEncoder().encode(password),
    will,
    properties,
  }
}

/** @throws ClientError unless the first packet is a CONNACK that lets us in. */
function checkConnack(
  connection: Connection,
  packet: Packet,
  options: ConnectOptions,
): asserts packet is Connack {
  const fail = (text: string, reasonCode?: number): never => {
    const error = new ClientError(`${connection.place} ${text}`)
    connection.fail(error, reasonCode)
    throw error
  }
  if (packet.type !== 'connack') {
    fail(`answered CONNECT with ${packet.type.toUpperCase()}`, ReasonCode.ProtocolError)
  } else if (packet.reasonCode >= 0x80) {
    const reason = describeReason(packet.reasonCode, packet.properties.reasonString)
    fail(`refused the connection: ${reason}`)
  } else if (packet.sessionPresent && options.cleanStart) {
    fail('says that it has a session, but none was asked for', ReasonCode.ProtocolError) // [MQTT-3.2.2-4]
  }
}
