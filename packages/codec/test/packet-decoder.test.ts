import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DecodeContext,
  decodePacket,
  encode,
  Fault,
  type Packet,
  PacketDecoder,
  PacketType,
  type ProtocolVersion,
} from '../src/index.ts'
import { packets } from './arbitraries.ts'
import { wire } from './wire.ts'

function decoderOf(
  options: { protocolVersion?: ProtocolVersion; maximumPacketSize?: number } = {},
): PacketDecoder {
  const { protocolVersion, maximumPacketSize } = options
  return new PacketDecoder(new DecodeContext({ protocolVersion }), { maximumPacketSize })
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** The packet that a decoder shows, as bytes of one's own. */
function shown(decoder: PacketDecoder): Uint8Array {
  return decoder.bytes.slice(decoder.packetStart, decoder.end)
}

/** Pushes a chunk, spoils it afterwards as a socket would, and returns what was found in it. */
function feed(decoder: PacketDecoder, chunk: Uint8Array): Uint8Array[] {
  const lent = chunk.slice()
  decoder.push(lent)
  const found: Uint8Array[] = []
  while (decoder.next() !== 0) found.push(shown(decoder))
  lent.fill(0xee)
  return found
}

describe('a stream of packets', () => {
  test('packets are shown where they lie in the chunk', () => {
    const decoder = decoderOf()
    const chunk = wire`30 08 | 00 03 "a/b" | 00 | "hi" || c0 00`
    decoder.push(chunk)
    expect(decoder.next()).toBe(PacketType.Publish)
    expect(decoder).toMatchObject({ type: 3, flags: 0, packetStart: 0, start: 2, end: 10 })
    expect(decoder.bytes).toBe(chunk)
    expect(decoder.next()).toBe(PacketType.Pingreq)
    expect(decoder).toMatchObject({ type: 12, packetStart: 10, start: 12, end: 12 })
    expect(decoder.next()).toBe(0)
    expect(decoder).toMatchObject({ type: 0, fault: Fault.None, unreadSize: 0, keptSize: 0 })
  })

  test.each([3, 4, 5] as const)('level %i: any chunking gives the same packets', (version) => {
    const streams = fc.array(packets(version), { minLength: 1, maxLength: 6 })
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(streams, sizes, fc.boolean(), (list, cuts, keepsAlways) => {
        const encoded = list.map((packet) => encode(packet, { protocolVersion: version }))
        const stream = concat(encoded)
        const decoder = decoderOf({ protocolVersion: version })
        const read: (Packet | Fault)[] = []
        let at = 0
        for (let i = 0; at < stream.length; i++) {
          const lent = stream.slice(at, at + cuts[i % cuts.length]!)
          at += lent.length
          decoder.push(lent)
          if (keepsAlways) decoder.keep()
          for (let type = decoder.next(); type !== 0; type = decoder.next()) {
            const { context, flags, bytes, start, end } = decoder
            read.push(decodePacket(context, type as PacketType, flags, bytes.slice(), start, end))
          }
          lent.fill(0xee)
        }
        expect(decoder.fault).toBe(Fault.None)
        expect(decoder.unreadSize).toBe(0)
        expect(read).toStrictEqual(list)
      }),
    )
  })

  test('one-byte chunks give the same packets', () => {
    const stream = concat([
      wire`c0 00`,
      wire`30 84 01 | 00 01 "t" | 00`,
      new Uint8Array(128).fill(7),
    ])
    const decoder = decoderOf()
    const found = [...stream].flatMap((byte) => feed(decoder, Uint8Array.of(byte)))
    expect(found).toEqual([stream.slice(0, 2), stream.slice(2)])
  })

  test('one-byte chunks cost linear work', () => {
    // Per byte, a parser that begins anew would read all bytes before it: 10^10 reads here.
    const size = 200_000
    const packet = new Uint8Array(4 + size).fill(0x61)
    packet.set(wire`30 c0 9a 0c | 00 01`)
    const decoder = decoderOf()
    const chunk = new Uint8Array(1)
    let found = 0
    for (const byte of packet) {
      chunk[0] = byte
      decoder.push(chunk)
      while (decoder.next() !== 0) found += decoder.end - decoder.packetStart
    }
    expect(found).toBe(packet.length)
  }, 5000)

  test('an empty chunk changes nothing', () => {
    const decoder = decoderOf()
    expect(feed(decoder, wire``)).toEqual([])
    expect(feed(decoder, wire`c0`)).toEqual([])
    expect(feed(decoder, wire``)).toEqual([])
    expect(feed(decoder, wire`00`)).toEqual([wire`c0 00`])
  })

  test('next without a chunk finds nothing', () => {
    expect(decoderOf().next()).toBe(0)
  })
})

describe('a chunk is lent', () => {
  test('nothing refers to it once all of it is read', () => {
    const decoder = decoderOf()
    decoder.push(wire`c0 00`)
    decoder.next()
    expect(decoder.next()).toBe(0)
    expect(decoder.bytes.length).toBe(0)
  })

  test('another before it is read is a bug of the caller', () => {
    const decoder = decoderOf()
    decoder.push(wire`c0 00 c0 00`)
    decoder.next()
    expect(() => decoder.push(wire`d0 00`)).toThrow(
      expect.objectContaining({ code: 'ERR_PROMPTMQ_STATE' }),
    )
  })

  test('who stops in mid-chunk keeps the rest, and order holds', () => {
    const decoder = decoderOf()
    const chunk = wire`40 02 00 01 || 40 02 00 02 || 40 02 00`
    decoder.push(chunk)
    expect(decoder.next()).toBe(PacketType.Puback)
    expect(decoder.unreadSize).toBe(7)
    decoder.keep()
    chunk.fill(0xee)
    expect(decoder.unreadSize).toBe(7)
    decoder.push(wire`03 || 40 02 00 04`)
    const found: Uint8Array[] = []
    while (decoder.next() !== 0) found.push(shown(decoder))
    expect(found).toEqual([wire`40 02 00 02`, wire`40 02 00 03`, wire`40 02 00 04`])
  })

  test('keeping again and again loses nothing', () => {
    const decoder = decoderOf()
    const found: number[] = []
    for (let i = 1; i <= 200; i++) {
      const lent = Uint8Array.of(0x40, 0x02, 0x00, i, 0x40, 0x02, 0x01, i)
      decoder.push(lent)
      if (i % 3 !== 0 && decoder.next() !== 0) found.push(decoder.bytes[decoder.start + 1]!)
      decoder.keep()
      lent.fill(0xee)
    }
    while (decoder.next() !== 0) found.push(decoder.bytes[decoder.start + 1]!)
    expect(found).toEqual(Array.from({ length: 200 }, (_, i) => [i + 1, i + 1]).flat())
  })

  test('a packet shown from own memory survives keep', () => {
    const decoder = decoderOf()
    expect(feed(decoder, wire`40 02`)).toEqual([])
    decoder.push(wire`12 34 || 50 02 00 09 || 70`)
    expect(decoder.next()).toBe(PacketType.Puback)
    decoder.keep()
    expect(shown(decoder)).toEqual(wire`40 02 12 34`)
    expect(decoder.next()).toBe(PacketType.Pubrec)
    expect(decoder.next()).toBe(0)
    expect(feed(decoder, wire`02 00 09`)).toEqual([wire`70 02 00 09`])
  })
})

describe('own memory', () => {
  test('grows with the bytes that arrive, not with those announced', () => {
    const decoder = decoderOf()
    expect(feed(decoder, wire`30 ff ff ff 7f 00`)).toEqual([])
    expect(decoder.keptSize).toBeLessThanOrEqual(64)
    expect(feed(decoder, new Uint8Array(1000))).toEqual([])
    expect(decoder.keptSize).toBeLessThanOrEqual(2 * 1006)
    expect(decoder.unreadSize).toBe(1006)
  })

  test('is let go once most of what was kept in mid-chunk has been shown', () => {
    const decoder = decoderOf()
    const pings = new Uint8Array(60_000).map((_, i) => (i % 2 === 0 ? 0xc0 : 0))
    decoder.push(concat([pings, wire`30 40 00 01 "t" 00`]))
    expect(decoder.next()).toBe(PacketType.Pingreq)
    decoder.keep()
    expect(decoder.keptSize).toBeGreaterThan(59_000)
    let count = 1
    while (decoder.next() !== 0) count++
    expect(count).toBe(30_000)
    expect(decoder.unreadSize).toBe(6)
    expect(decoder.keptSize).toBeLessThanOrEqual(64)
    expect(feed(decoder, new Uint8Array(60).fill(0x61))).toHaveLength(1)
  })

  test('is let go when the packet that needed much of it is over', () => {
    const decoder = decoderOf()
    const body = new Uint8Array(100_000).fill(0x61)
    expect(
      feed(decoder, concat([wire`30 a4 8d 06 | 00 01 "t" | 00`, body.slice(0, 70_000)])),
    ).toEqual([])
    expect(decoder.keptSize).toBeGreaterThan(70_000)
    expect(feed(decoder, body.slice(70_000)).map((packet) => packet.length)).toEqual([100_008])
    expect(decoder.keptSize).toBe(0)
    expect(feed(decoder, wire`c0 00`)).toEqual([wire`c0 00`])
  })

  test('is used again while large packets follow each other, and let go after the last', () => {
    const decoder = decoderOf()
    const packet = concat([wire`30 f4 8d 06 | 00 01 "t" | 00`, new Uint8Array(100_080)])
    const memory = new Set<ArrayBufferLike>()
    decoder.push(packet.slice(0, 60_000))
    expect(decoder.next()).toBe(0)
    for (let i = 0; i < 10; i++) {
      decoder.push(concat([packet.slice(60_000), packet.slice(0, 60_000)]))
      expect(decoder.next()).toBe(PacketType.Publish)
      expect(shown(decoder)).toEqual(packet)
      memory.add(decoder.bytes.buffer)
      expect(decoder.next()).toBe(0)
    }
    expect(memory.size).toBe(1)
    expect(feed(decoder, packet.slice(60_000))).toEqual([packet])
    expect(decoder.keptSize).toBe(0)
  })

  test('a little of it is used again', () => {
    const decoder = decoderOf()
    feed(decoder, wire`40 02 00`)
    const size = decoder.keptSize
    const memory = new Set<ArrayBufferLike>()
    for (let i = 0; i < 1000; i++) {
      decoder.push(wire`01 40 02 00`)
      expect(decoder.next()).toBe(PacketType.Puback)
      memory.add(decoder.bytes.buffer)
      expect(decoder.next()).toBe(0)
      expect(decoder.keptSize).toBe(size)
    }
    expect(memory.size).toBe(1)
  })

  test('a packet that is cut is copied by itself: the rest of the chunk is shown in place', () => {
    const decoder = decoderOf()
    feed(decoder, wire`40`)
    const chunk = wire`02 00 01 || 50 02 00 02`
    decoder.push(chunk)
    expect(decoder.next()).toBe(PacketType.Puback)
    expect(decoder.bytes).not.toBe(chunk)
    expect(decoder.next()).toBe(PacketType.Pubrec)
    expect(decoder.bytes).toBe(chunk)
  })

  test('of a packet that ends with its header not a byte more is copied', () => {
    const decoder = decoderOf()
    feed(decoder, wire`c0`)
    const chunk = wire`00 || d0 00`
    decoder.push(chunk)
    expect(decoder.next()).toBe(PacketType.Pingreq)
    expect(decoder.next()).toBe(PacketType.Pingresp)
    expect(decoder.bytes).toBe(chunk)
  })
})

describe('the Fixed Header is judged before a body is waited for', () => {
  const faultOf = (bytes: Uint8Array, version: ProtocolVersion = 5) => {
    const decoder = decoderOf({ protocolVersion: version })
    expect(feed(decoder, bytes)).toEqual([])
    return decoder.fault
  }

  const EXPECTED_FLAGS: Readonly<Record<number, number>> = { 6: 2, 8: 2, 10: 2 }
  test('[MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1] every first byte is judged by itself', () => {
    for (const version of [3, 4, 5] as const) {
      for (let byte = 0; byte < 256; byte++) {
        const type = byte >> 4
        const flags = byte & 0x0f
        let expected: Fault = Fault.None
        if (type === 0 || (type === 15 && version !== 5)) expected = Fault.PacketTypeReserved
        else if (type === 3) {
          if ((flags & 6) === 6)
            expected = Fault.PublishQos3 // [MQTT-3.3.1-4]
          else if (flags === 8 || flags === 9) expected = Fault.PublishDupAtQos0 // [MQTT-3.3.1-2]
        } else if (flags !== (EXPECTED_FLAGS[type] ?? 0)) {
          const isOldRetry = version === 3 && [0x6a, 0x8a, 0xaa].includes(byte)
          if (!isOldRetry) expected = Fault.FixedHeaderFlags
        }
        expect([version, byte, faultOf(Uint8Array.of(byte), version)]).toEqual([
          version,
          byte,
          expected,
        ])
      }
    }
  })

  test.each([
    [wire`30 80 80 80 80`],
    [wire`30 ff ff ff ff`],
    [wire`c0 80 00`],
    [wire`10 ff 80 00`],
  ])('[MQTT-1.5.5-1] a malformed Remaining Length is not read on', (bytes) => {
    expect(faultOf(bytes)).toBe(Fault.VariableByteIntegerMalformed)
    const decoder = decoderOf()
    for (const byte of bytes) feed(decoder, Uint8Array.of(byte))
    expect(decoder.fault).toBe(Fault.VariableByteIntegerMalformed)
  })

  test('[MQTT-3.2.2-15] a packet above the maximum is refused on its header, an equal one is not', () => {
    const decoder = decoderOf({ maximumPacketSize: 10 })
    expect(feed(decoder, wire`30 08 | 00 01 "t" | 00 | "four"`)).toHaveLength(1)
    expect(feed(decoder, wire`30 09`)).toEqual([])
    expect(decoder).toMatchObject({ fault: Fault.PacketTooLarge, type: PacketType.Publish })
  })

  test('the maximum counts the header, and may change for the next packet', () => {
    const decoder = decoderOf({ maximumPacketSize: 130 })
    decoder.maximumPacketSize = 131
    expect(feed(decoder, wire`30 80 01`)).toEqual([])
    expect(decoder.fault).toBe(Fault.None)
    // Judged already: the new limit is for the header after it.
    decoder.maximumPacketSize = 10
    const body = new Uint8Array(128).fill(0x61)
    expect(feed(decoder, body)).toHaveLength(1)
    expect(feed(decoder, wire`30 09`)).toEqual([])
    expect(decoder.fault).toBe(Fault.PacketTooLarge)
  })

  test('all that the format allows is allowed by default', () => {
    expect(faultOf(wire`30 ff ff ff 7f`)).toBe(Fault.None)
    expect(new PacketDecoder(new DecodeContext()).maximumPacketSize).toBe(268_435_460)
  })

  test('a type that is not accepted is refused on its first byte', () => {
    const decoder = decoderOf()
    decoder.acceptedTypes = 1 << PacketType.Connect
    expect(feed(decoder, wire`30`)).toEqual([])
    expect(decoder).toMatchObject({ fault: Fault.PacketTypeNotAccepted, type: 3, flags: 0 })
  })

  test('what is accepted may change between packets of one chunk', () => {
    const decoder = decoderOf()
    decoder.acceptedTypes = 1 << PacketType.Pingreq
    decoder.push(wire`c0 00 d0 00`)
    expect(decoder.next()).toBe(PacketType.Pingreq)
    decoder.acceptedTypes = 1 << PacketType.Pingresp
    expect(decoder.next()).toBe(PacketType.Pingresp)
  })

  const IMPOSSIBLE_5 = [
    wire`10 0b`,
    wire`20 02`,
    wire`30 02`,
    wire`32 04`,
    wire`40 01`,
    wire`50 01`,
    wire`62 01`,
    wire`70 01`,
    wire`82 02`,
    wire`90 02`,
    wire`a2 02`,
    wire`b0 02`,
    wire`c0 01`,
    wire`d0 01`,
  ]
  const IMPOSSIBLE_4 = [
    wire`10 0b`,
    wire`20 01`,
    wire`20 03`,
    wire`30 01`,
    wire`34 03`,
    wire`40 01`,
    wire`40 03`,
    wire`50 03`,
    wire`62 03`,
    wire`70 03`,
    wire`82 01`,
    wire`90 01`,
    wire`a2 01`,
    wire`b0 01`,
    wire`b0 03`,
    wire`c0 01`,
    wire`d0 01`,
    wire`e0 01`,
  ]
  test.each([
    ...IMPOSSIBLE_5.map((bytes) => [5 as const, bytes] as const),
    ...IMPOSSIBLE_4.map((bytes) => [4 as const, bytes] as const),
    ...IMPOSSIBLE_4.map((bytes) => [3 as const, bytes] as const),
  ])('level %i: %o announces what no packet of its type has', (version, bytes) => {
    expect(faultOf(bytes, version)).toBe(Fault.RemainingLengthImpossible)
  })

  test('in 5.0 the shortest of each is waited for', () => {
    for (const bytes of [
      wire`20 03`,
      wire`30 03`,
      wire`32 05`,
      wire`40 02`,
      wire`82 03`,
      wire`90 03`,
      wire`a2 03`,
      wire`b0 03`,
    ]) {
      expect(faultOf(bytes)).toBe(Fault.None)
    }
  })
})

describe('a fault', () => {
  test('stays: nothing is found behind it, in this chunk or a later one', () => {
    const decoder = decoderOf()
    decoder.push(wire`c0 00 || 00 00 || c0 00`)
    expect(decoder.next()).toBe(PacketType.Pingreq)
    expect(decoder.next()).toBe(0)
    expect(decoder).toMatchObject({ fault: Fault.PacketTypeReserved, unreadSize: 0, keptSize: 0 })
    for (let i = 0; i < 3; i++) {
      decoder.push(wire`c0 00`)
      expect(decoder.next()).toBe(0)
      decoder.keep()
      expect(decoder).toMatchObject({ fault: Fault.PacketTypeReserved, unreadSize: 0, keptSize: 0 })
    }
  })

  test('in own memory stays too, and lets go of it', () => {
    const decoder = decoderOf()
    feed(decoder, wire`40 02 00`)
    expect(feed(decoder, wire`01 37`)).toEqual([wire`40 02 00 01`])
    expect(decoder.fault).toBe(Fault.PublishQos3)
    expect(feed(decoder, wire`c0 00`)).toEqual([])
    expect(decoder.keptSize).toBe(0)
  })

  test('names the header at fault, also when it is asked again', () => {
    const decoder = decoderOf()
    feed(decoder, wire`62 02 00 01 || 81`)
    expect(decoder).toMatchObject({ fault: Fault.FixedHeaderFlags, type: 8, flags: 1 })
    decoder.next()
    expect(decoder).toMatchObject({ fault: Fault.FixedHeaderFlags, type: 8, flags: 1 })
  })

  test.each([
    ['a TLS ClientHello', wire`16 03 01`],
    ['HTTP', wire`"GET / HTTP/1.1"`],
    ['zeros', wire`00 00 00 00`],
  ])('%s is one at its first byte, where CONNECT is waited for', (_what, bytes) => {
    const decoder = decoderOf()
    decoder.acceptedTypes = 1 << PacketType.Connect
    expect(feed(decoder, bytes.slice(0, 1))).toEqual([])
    expect(decoder.fault).not.toBe(Fault.None)
  })
})

test.each([0, 1, Number.NaN, -5, 1.5, '100'])('a maximumPacketSize of %s is misuse', (value) => {
  expect(
    () => new PacketDecoder(new DecodeContext(), { maximumPacketSize: value as number }),
  ).toThrow(expect.objectContaining({ code: 'ERR_PROMPTMQ_OPTION', field: 'maximumPacketSize' }))
})
