import { describe, expect, test } from 'vitest'
import {
  ConnectReturnCode,
  connectReturnCode,
  isReasonCodeOf,
  PacketType,
  REASON_CODE_NAMES,
  ReasonCode,
  reasonCodeOfReturnCode,
  Sender,
} from '../src/index.ts'

/** `80-83` and single codes in hex, as the standard's tables list them. */
function codes(list: string): number[] {
  return list.split(' ').flatMap((part) => {
    const [first, last = first] = part.split('-').map((hex) => Number.parseInt(hex, 16))
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
  })
}

function codesOf(packetType: PacketType, sender: Sender): number[] {
  return Array.from({ length: 256 }, (_, code) => code).filter((code) =>
    isReasonCodeOf(packetType, code, sender),
  )
}

describe('which Reason Code stands where, §2.4', () => {
  const { Client, Server, Any } = Sender
  test.each([
    ['MQTT-3.2.2-8', 'CONNACK', PacketType.Connack, Server, '00 80-8a 8c 90 95 97 99-9d 9f'],
    ['MQTT-3.4.2-1', 'PUBACK', PacketType.Puback, Server, '00 10 80 83 87 90 91 97 99'],
    ['MQTT-3.4.2-1', 'a client’s PUBACK', PacketType.Puback, Client, '00 80 83 87 90 91 97 99'],
    ['MQTT-3.5.2-1', 'PUBREC', PacketType.Pubrec, Server, '00 10 80 83 87 90 91 97 99'],
    ['MQTT-3.6.2-1', 'PUBREL', PacketType.Pubrel, Client, '00 92'],
    ['MQTT-3.7.2-1', 'PUBCOMP', PacketType.Pubcomp, Client, '00 92'],
    ['MQTT-3.9.3-2', 'SUBACK', PacketType.Suback, Server, '00-02 80 83 87 8f 91 97 9e a1 a2'],
    ['MQTT-3.11.3-2', 'UNSUBACK', PacketType.Unsuback, Server, '00 11 80 83 87 8f 91'],
    [
      'MQTT-3.14.2-1',
      'a client’s DISCONNECT',
      PacketType.Disconnect,
      Client,
      '00 04 80-83 90 93-99',
    ],
    [
      'MQTT-3.14.2-1',
      'a server’s DISCONNECT',
      PacketType.Disconnect,
      Server,
      '00 80-83 87 89 8b 8d-90 93-a2',
    ],
    ['MQTT-3.15.2-1', 'a client’s AUTH', PacketType.Auth, Client, '18 19'],
    ['MQTT-3.15.2-1', 'a server’s AUTH', PacketType.Auth, Server, '00 18'],
    ['MQTT-3.15.2-1', 'anybody’s AUTH', PacketType.Auth, Any, '00 18 19'],
  ])('[%s] %s has its own', (_statement, _what, packetType, sender, list) => {
    expect(codesOf(packetType, sender)).toEqual(codes(list))
  })

  test('a packet without Reason Codes has none', () => {
    for (const packetType of [PacketType.Publish, PacketType.Pingreq, PacketType.Connect]) {
      expect(codesOf(packetType, Sender.Any)).toEqual([])
    }
  })

  test('a number that is no byte is no Reason Code', () => {
    for (const code of [-1, 256, 0x100, Number.NaN]) {
      expect(isReasonCodeOf(PacketType.Connack, code, Sender.Any)).toBe(false)
    }
  })

  test('every code has a name and a place', () => {
    for (const code of Object.values(ReasonCode)) {
      expect(REASON_CODE_NAMES.get(code)).toBeTypeOf('string')
      const places = Object.values(PacketType).filter((type) =>
        isReasonCodeOf(type, code, Sender.Any),
      )
      expect(places).not.toEqual([])
    }
    expect(REASON_CODE_NAMES.size).toBe(Object.values(ReasonCode).length)
    expect(REASON_CODE_NAMES.get(0x87)).toBe('Not authorized')
  })
})

describe('return codes of 3.1.1', () => {
  test.each([
    [ReasonCode.Success, ConnectReturnCode.Accepted],
    [ReasonCode.UnsupportedProtocolVersion, ConnectReturnCode.UnacceptableProtocolVersion],
    [ReasonCode.ClientIdentifierNotValid, ConnectReturnCode.IdentifierRejected],
    [ReasonCode.ServerUnavailable, ConnectReturnCode.ServerUnavailable],
    [ReasonCode.BadUserNameOrPassword, ConnectReturnCode.BadUserNameOrPassword],
    [ReasonCode.NotAuthorized, ConnectReturnCode.NotAuthorized],
  ])('Reason Code %i and return code %i say the same', (reasonCode, returnCode) => {
    expect(connectReturnCode(reasonCode)).toBe(returnCode)
    expect(reasonCodeOfReturnCode(returnCode)).toBe(reasonCode)
  })

  test('Banned is "not authorized", and what has no counterpart is "server unavailable"', () => {
    expect(connectReturnCode(ReasonCode.Banned)).toBe(ConnectReturnCode.NotAuthorized)
    for (const code of [ReasonCode.ServerBusy, ReasonCode.QuotaExceeded, 0x80, 0x9f]) {
      expect(connectReturnCode(code)).toBe(ConnectReturnCode.ServerUnavailable)
    }
  })

  test('there is no return code 6', () => {
    expect(reasonCodeOfReturnCode(6)).toBeUndefined()
  })
})
