import {
  decodeDisconnect,
  decodePingreq,
  decodePuback,
  decodePubcomp,
  decodePubrec,
  Fault,
  PacketType,
  ReasonCode,
} from '@promptmq/codec'
import type { AcknowledgementResult } from '@promptmq/router'
import { handleAuth } from './authentication.ts'
import type { Connection } from './connection.ts'
import { handleConnect } from './handshake.ts'
import { handlePublish, handlePubrel } from './publishing.ts'
import { handleSubscribe, handleUnsubscribe } from './subscribing.ts'

const PUBREL_FIRST_BYTE = (PacketType.Pubrel << 4) | 0b0010

/** Does what the decoder's current packet asks for. */
export function handlePacket(connection: Connection): void {
  switch (connection.decoder.type) {
    case PacketType.Publish:
      handlePublish(connection)
      break
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubcomp:
      handleAcknowledgement(connection)
      break
    case PacketType.Pubrel:
      handlePubrel(connection)
      break
    case PacketType.Pingreq:
      handlePingreq(connection)
      break
    case PacketType.Subscribe:
      handleSubscribe(connection)
      break
    case PacketType.Unsubscribe:
      handleUnsubscribe(connection)
      break
    case PacketType.Disconnect:
      handleDisconnect(connection)
      break
    case PacketType.Connect:
      handleConnect(connection)
      break
    default:
      handleAuth(connection)
  }
}

const DECODE_ACKNOWLEDGEMENT = {
  [PacketType.Puback]: decodePuback,
  [PacketType.Pubrec]: decodePubrec,
  [PacketType.Pubcomp]: decodePubcomp,
}

/** PUBACK, PUBREC and PUBCOMP: the client answers what the broker sent. */
function handleAcknowledgement(connection: Connection): void {
  const { decoder, context } = connection
  const header = connection.engine.acknowledgementHeader
  const type = decoder.type as keyof typeof DECODE_ACKNOWLEDGEMENT
  const decode = DECODE_ACKNOWLEDGEMENT[type]
  const fault = decode(header, context, decoder.bytes, decoder.start, decoder.end)
  if (fault !== Fault.None) {
    connection.fail(fault)
    return
  }
  const { packetIdentifier } = header
  const result = acknowledge(connection, type, packetIdentifier, header.reasonCode)
  if (result === 'wrong') {
    connection.violate(ReasonCode.ProtocolError, 'acknowledgement of the wrong kind')
    return
  }
  if (result === 'unknown' && type === PacketType.Pubrec && header.reasonCode < 0x80) {
    const code = ReasonCode.PacketIdentifierNotFound
    connection.writer.acknowledge(PUBREL_FIRST_BYTE, packetIdentifier, code)
  }
  connection.proceedSoon()
}

function acknowledge(
  connection: Connection,
  type: PacketType,
  packetIdentifier: number,
  reasonCode: number,
): AcknowledgementResult {
  const { session } = connection.entry!
  if (type === PacketType.Puback) return session.puback(packetIdentifier)
  if (type === PacketType.Pubrec) return session.pubrec(packetIdentifier, reasonCode >= 0x80)
  return session.pubcomp(packetIdentifier)
}

function handlePingreq(connection: Connection): void {
  const { decoder, context } = connection
  const fault = decodePingreq(context, decoder.bytes, decoder.start, decoder.end)
  if (fault !== Fault.None) connection.fail(fault)
  else connection.writer.pingresp() // [MQTT-3.12.4-1]
}

function handleDisconnect(connection: Connection): void {
  const { decoder, context } = connection
  const packet = decodeDisconnect(context, decoder.bytes, decoder.start, decoder.end)
  if (typeof packet === 'number') {
    connection.fail(packet)
    return
  }
  if (connection.entry === null) {
    connection.abandon('disconnected while authenticating')
    return
  }
  const { session } = connection.entry
  const { sessionExpiryInterval } = packet.properties
  if (sessionExpiryInterval !== undefined) {
    if (session.sessionExpiryInterval === 0 && sessionExpiryInterval > 0) {
      connection.violate(ReasonCode.ProtocolError, 'Session Expiry Interval raised from 0')
      return
    }
    session.sessionExpiryInterval = Math.min(
      sessionExpiryInterval,
      connection.engine.settings.maximumSessionExpiry,
    )
  }
  if (packet.reasonCode === ReasonCode.Success) connection.discardWill() // [MQTT-3.14.4-3]
  connection.abandon('disconnected')
}
