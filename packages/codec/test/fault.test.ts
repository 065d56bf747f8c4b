import { describe, expect, test } from 'vitest'
import {
  FAULTS,
  Fault,
  isReasonCodeOf,
  PACKET_NAMES,
  PacketType,
  ProtocolError,
  Sender,
} from '../src/index.ts'

describe('the table of faults', () => {
  test('has a row for every fault, in order', () => {
    expect(Object.values(Fault)).toEqual(FAULTS.map((_, i) => i))
  })

  test('names no code twice', () => {
    expect(new Set(FAULTS.map((row) => row.code)).size).toBe(FAULTS.length)
    for (const { code } of FAULTS) expect(code).toMatch(/^ERR_MQTT_[A-Z0-9_]+$/)
  })

  test('answers each with a Reason Code that a CONNACK, DISCONNECT or SUBACK may carry', () => {
    for (const { reasonCode } of FAULTS) {
      const packetTypes = [PacketType.Connack, PacketType.Disconnect, PacketType.Suback]
      expect(packetTypes.some((type) => isReasonCodeOf(type, reasonCode, Sender.Server))).toBe(true)
    }
  })
})

describe('ProtocolError', () => {
  test('says what broke which rule in which packet', () => {
    const error = new ProtocolError(Fault.PublishQos3, 'PUBLISH')
    expect(error.message).toBe('PUBLISH: both QoS bits are set [MQTT-3.3.1-4]')
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'ProtocolError',
      code: 'ERR_MQTT_PUBLISH_QOS_3',
      reasonCode: 0x81,
      statement: 'MQTT-3.3.1-4',
      packetName: 'PUBLISH',
    })
  })

  test('names no statement where there is none', () => {
    const error = new ProtocolError(Fault.PropertyRepeated, 'CONNECT')
    expect(error.message).toBe('CONNECT: property is there more than once')
    expect(error.statement).toBeNull()
  })
})

test('every packet type has a name', () => {
  for (const [key, type] of Object.entries(PacketType)) {
    expect(PACKET_NAMES[type]).toBe(key.toUpperCase())
  }
  expect(PACKET_NAMES.length).toBe(16)
})
