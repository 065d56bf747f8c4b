/** What comes from peers of whom nobody knows yet who they are, or that have only just said so. */
import { randomBytes } from 'node:crypto'
import { settle, TestClient, VirtualTransport, wire } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import {
  bytesOf,
  connectBytes,
  expectFlatMemory,
  memoryInUse,
  type Peer,
  Siege,
  scaled,
  until,
} from './attack.ts'

/** Keep Alive 60, Receive Maximum 20, no Client Identifier. */
const CONNECT = wire`10 10 00 04 "MQTT" 05 02 00 3c | 03 21 00 14 | 00 00`
/** Retained, so that it would show if it were ever done. */
const PUBLISH = wire`31 05 00 01 "a" 00 "x"`

const last = (bytes: Buffer, size: number) => bytes.subarray(-size).toString('hex')

describe('integers and lengths', () => {
  test('row 1: [MQTT-1.5.5-1] a Remaining Length of five bytes ends it at the fourth', async () => {
    await using siege = await Siege.lay()
    const peer = await siege.open()
    peer.send(wire`10 ff ff ff`)
    await siege.exchange()
    expect(peer.isEnded).toBe(false)
    peer.send(wire`ff`)
    await peer.closed()
    expect(peer.received).toHaveLength(0)
    // Whatever follows in the same segment is not looked at.
    expect(await siege.answerTo(wire`10 ff ff ff ff 01`, CONNECT)).toHaveLength(0)
    const [connack, disconnect] = [wire`20`, wire`e0 01 81`]
    const answer = await siege.answerTo(CONNECT, wire`30 ff ff ff ff 01`, PUBLISH)
    expect(answer.subarray(0, 1)).toEqual(Buffer.from(connack))
    expect(last(answer, 3)).toBe(Buffer.from(disconnect).toString('hex'))
    await siege.over()
  })

  test('row 1: the same as Property Length of CONNECT: 0x81, and nothing behind it is read', async () => {
    await using siege = await Siege.lay()
    const connect = wire`10 11 00 04 "MQTT" 05 02 00 3c | ff ff ff ff 01 | 00 00`
    const answer = await siege.answerTo(connect, CONNECT, PUBLISH)
    expect(answer).toEqual(Buffer.from(wire`20 03 00 81 00`))
    await siege.over()
  })

  test(`row 2: ${scaled(400, 5_000)} CONNECTs (of 5,000) that announce 256 MB are refused by their header`, async () => {
    await using siege = await Siege.lay()
    await expectFlatMemory(2, async () => {
      const burst = Array.from({ length: scaled(100, 1_250) }, () =>
        siege.answerTo(wire`10 ff ff ff 7f 00`),
      )
      for (const answer of await Promise.all(burst)) expect(answer).toHaveLength(0)
    })
    await siege.over()
  })

  test(`row 2: ${scaled(400, 5_000)} (of 5,000) that announce what may come take no memory, and have 10 s`, async () => {
    await using siege = await Siege.lay()
    const before = await memoryInUse()
    const peers: Peer[] = []
    for (let i = 0; i < scaled(400, 5_000); i++) {
      const peer = await siege.open()
      peer.send(wire`10 80 80 0f 00`) // 245,760 bytes
      peers.push(peer)
    }
    await siege.exchange()
    await until(() => siege.broker.stats().openTransports === peers.length + 1)
    // What each of them costs here is its two sockets, ours and theirs.
    expect((await memoryInUse()) - before).toBeLessThan(peers.length * 40_000 + 5_000_000)
    siege.clock.advance(9_999)
    await siege.exchange()
    expect(peers.some(({ isEnded }) => isEnded)).toBe(false)
    siege.clock.advance(1)
    for (const peer of peers) await peer.ended()
    await siege.over()
  })

  test('row 3: another packet first, however large, is closed on its first byte', async () => {
    await using siege = await Siege.lay()
    expect(await siege.answerTo(wire`30`)).toHaveLength(0)
    expect(await siege.answerTo(wire`30 ff ff ff 7f`)).toHaveLength(0)
    await siege.over()
  })

  test('row 4: [MQTT-3.1.0-1] an acknowledgement before CONNECT, and every other type', async () => {
    await using siege = await Siege.lay()
    for (let type = 0; type < 16; type++) {
      if (type === 1) continue
      const flags = [6, 8, 10].includes(type) ? 2 : 0
      const packet = Uint8Array.of((type << 4) | flags, 2, 0, 1)
      expect(await siege.answerTo(packet, CONNECT)).toHaveLength(0)
    }
    await siege.over()
  })

  test('row 5: a Property Length past the end', async () => {
    await using siege = await Siege.lay()
    const answer = await siege.answerTo(CONNECT, wire`62 02 d3 01`, wire`e0 02 00 20`)
    expect(answer[0]).toBe(0x20)
    expect(last(answer, 5 + 3)).toBe('7003d30192e00181')
    await siege.over()
  })

  test('row 6: properties that reach into the next packet do not take it with them', async () => {
    await using siege = await Siege.lay()
    const other = await siege.join('other')
    other.sendPackets({
      type: 'subscribe',
      packetIdentifier: 1,
      subscriptions: [{ topicFilter: 'a', qos: 0 }],
    })
    await other.await('suback')
    for (const packet of [
      wire`e0 02 00 05`,
      wire`40 04 00 01 00 05`,
      wire`82 04 00 01 05 26`,
      wire`f0 02 18 05`,
    ]) {
      const answer = await siege.answerTo(CONNECT, packet, wire`30 04 00 01 "a" 00`)
      expect(last(answer, 3)).toMatch(/^e0018[12]$/)
    }
    await siege.broker.publish('a', 'end')
    await other.await('publish')
    expect(other.only('publish')).toHaveLength(1)
    other.destroy()
    await siege.over()
  })

  test('row 7: SUBSCRIBE without its options byte: 0x81', async () => {
    await using siege = await Siege.lay()
    const answer = await siege.answerTo(CONNECT, wire`82 06 00 01 00 | 00 01 "a"`)
    expect(last(answer, 3)).toBe('e00181')
    await siege.over()
  })

  test('row 8: a Topic Name past the end 0x81, an empty one [MQTT-4.7.3-1] 0x82', async () => {
    await using siege = await Siege.lay()
    expect(last(await siege.answerTo(CONNECT, wire`30 03 ff ff "a"`), 3)).toBe('e00181')
    expect(last(await siege.answerTo(CONNECT, wire`30 03 00 00 00`), 3)).toBe('e00182')
    await siege.over()
  })
})

describe('what is no MQTT, or not for a server', () => {
  test('row 9: other protocols are closed on their first byte, unless that is one of MQTT', async () => {
    await using siege = await Siege.lay()
    for (const bytes of [
      wire`16 03 01 02 00 01 00 01 fc 03 03`,
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 5000 1883\r\n'),
      wire`0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c`,
      Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
      Buffer.from('\0\0\0\0'),
    ]) {
      expect(await siege.answerTo(bytes.subarray(0, 1))).toHaveLength(0)
      expect(await siege.answerTo(bytes)).toHaveLength(0)
    }
    // 'AMQP' begins like a PUBACK, and HTTP's second version like a PUBREC.
    expect(await siege.answerTo(Buffer.from('AMQP\0\0\x09\x01'))).toHaveLength(0)
    await siege.over()
  })

  test('row 9: 32 MB of noise in pieces of 1 MB, and few lines in the log', async () => {
    const lines: string[] = []
    const line = (_fields: object, message: string) => void lines.push(message)
    const logger = { debug() {}, info: line, warn: line, error: line }
    await using siege = await Siege.lay({ logger })
    for (let i = 0; i < 32; i++) await siege.answerTo(randomBytes(1_000_000))
    expect(lines.length).toBeLessThanOrEqual(32)
    for (let i = 0; i < 300; i++) await siege.answerTo(wire`00`)
    expect(lines).toHaveLength(100)
    siege.clock.advance(1_000)
    await siege.answerTo(wire`00`)
    expect(lines).toHaveLength(101)
    await siege.over()
  })

  test.each([
    ['CONNACK', wire`20 03 00 00 00`],
    ['SUBACK', wire`90 04 00 01 00 00`],
    ['UNSUBACK', wire`b0 04 00 01 00 00`],
    ['PINGRESP', wire`d0 00`],
  ])('row 10: %s from a client: 0x82', async (_name, packet) => {
    await using siege = await Siege.lay()
    expect(last(await siege.answerTo(CONNECT, packet, PUBLISH), 3)).toBe('e00182')
    await siege.over()
  })
})

describe('many properties', () => {
  /** Property Length and `count` User Properties, all empty. */
  const section = (count: number) => {
    const size = 5 * count
    const length = [size & 0x7f, (size >> 7) & 0x7f, size >> 14]
    const bytes = length.map((each, i) => (i < 2 ? each | 0x80 : each))
    return Buffer.concat([Uint8Array.from(bytes), Buffer.alloc(size, wire`26 00 00 00 00`)])
  }
  const packet = (firstByte: number, ...parts: Uint8Array[]) => {
    const body = Buffer.concat(parts)
    const { length } = body
    const header = [firstByte, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]
    return Buffer.concat([Uint8Array.from(header), body])
  }
  const flooded = (count: number) =>
    packet(0x10, wire`00 04 "MQTT" 05 02 00 3c`, section(count), wire`00 00`)

  test('row 11: 50,000 User Properties: above the sizes and above the counts', async () => {
    await using siege = await Siege.lay()
    // 60,000 are more than a CONNECT may have bytes: closed before they are read.
    expect(await siege.answerTo(flooded(60_000))).toHaveLength(0)
    expect(await siege.answerTo(flooded(50_000))).toEqual(Buffer.from(wire`20 03 00 97 00`))
    const publish = packet(0x30, wire`00 01 "a"`, section(60_000))
    expect(last(await siege.answerTo(CONNECT, publish), 3)).toBe('e00197')
    const subscribe = packet(0x82, wire`00 01`, section(60_000), wire`00 01 "a" 00`)
    expect(last(await siege.answerTo(CONNECT, subscribe), 3)).toBe('e00197')
    await siege.over()
  })

  test('row 12: dripped byte by byte they are looked at once, when all are there', async () => {
    await using siege = await Siege.lay()
    const transport = new VirtualTransport()
    siege.broker.connect(transport)
    const bytes = flooded(10_000)
    // The first of them is wrong: a broker that looked earlier would say so earlier.
    bytes[4 + 10 + 3] = 0x7f
    for (let i = 0; i < bytes.length - 1; i++) transport.send(bytes.subarray(i, i + 1))
    expect(transport.isEnded).toBe(false)
    await siege.exchange()
    transport.send(bytes.subarray(-1))
    expect(transport.isEnded).toBe(true)
    await settle()
    expect(Buffer.from(transport.taken())).toEqual(Buffer.from(wire`20 03 00 81 00`))
    // And what is too large is not waited for.
    const large = new VirtualTransport()
    siege.broker.connect(large)
    for (const byte of flooded(60_000).subarray(0, 4)) large.send(Uint8Array.of(byte))
    expect(large.isEnded).toBe(true)
    await siege.over()
  })

  test('row 12: the memory for a packet that drips is at most twice what came', async () => {
    await using siege = await Siege.lay()
    const transports = Array.from({ length: 100 }, () => new VirtualTransport())
    for (const transport of transports) siege.broker.connect(transport)
    const before = await memoryInUse()
    const bytes = flooded(48_000)
    for (const transport of transports) {
      for (let i = 0; i < 20_000; i++) transport.send(bytes.subarray(i, i + 1))
    }
    expect((await memoryInUse()) - before).toBeLessThan(100 * 2 * 20_000 + 2_000_000)
    for (const transport of transports) transport.close()
    await siege.over()
  })
})

describe('a CONNECT that is refused', () => {
  const BAD_WILLS = [
    // A Subscription Identifier among the Will Properties; cut in them; cut in the Will Payload.
    wire`10 14 00 04 "MQTT" 05 06 00 00 00 | 00 00 | 02 0b 01 | 00 01 "w" 00`,
    wire`10 0f 00 04 "MQTT" 05 06 00 00 00 | 00 00 | 05 18`,
    wire`10 14 00 04 "MQTT" 05 06 00 00 00 | 00 00 | 00 | 00 01 "w" 00 09 "x"`,
  ]

  test(`row 13: bad wills, ${scaled(10_000, 100_000)} times (of 100,000): 0x81 and flat memory`, async () => {
    await using siege = await Siege.lay()
    for (const bytes of BAD_WILLS) {
      expect(await siege.answerTo(bytes)).toEqual(Buffer.from(wire`20 03 00 81 00`))
    }
    await expectFlatMemory(scaled(10_000, 100_000) / 2, async (round) => {
      const transport = new VirtualTransport()
      siege.broker.connect(transport)
      transport.send(BAD_WILLS[round % 3]!)
      expect(transport.isEnded).toBe(true)
      if (round % 100 === 0) await settle()
    })
    await siege.over()
  })

  const refusals: [string, Uint8Array, string][] = [
    ['3.1.1, empty id', wire`10 0c 00 04 "MQTT" 04 00 00 3c 00 00`, '20020002'],
    ['3.1, empty id', wire`10 0e 00 06 "MQIsdp" 03 02 00 3c 00 00`, '20020002'],
    ['version 6', wire`10 0d 00 04 "MQTT" 06 02 00 3c 00 00 00`, '2003008400'],
    ['version 2', wire`10 0c 00 04 "MQTT" 02 02 00 3c 00 00`, '20020001'],
    ['3.1.1, denied', wire`10 0d 00 04 "MQTT" 04 02 00 3c 00 01 "d"`, '20020005'],
    ['5.0, denied', wire`10 0e 00 04 "MQTT" 05 02 00 3c 00 00 01 "d"`, '2003008700'],
    ['5.0, denied late', wire`10 0e 00 04 "MQTT" 05 02 00 3c 00 00 01 "l"`, '2003008700'],
    [
      '5.0, a will on $SYS',
      wire`10 17 00 04 "MQTT" 05 06 00 3c 00 00 01 "a" 00 00 04 "$SYS" 00 00`,
      '2003008700',
    ],
    [
      '3.1.1, a will on $SYS',
      wire`10 15 00 04 "MQTT" 04 06 00 3c 00 01 "a" 00 04 "$SYS" 00 00`,
      '20020005',
    ],
    ['5.0, malformed', wire`10 0e 00 04 "MQTT" 05 03 00 3c 00 00 01 "a"`, '2003008100'],
    ['3.1.1, malformed', wire`10 0d 00 04 "MQTT" 04 03 00 3c 00 01 "a"`, ''],
  ]

  test.each(refusals)(
    'row 14: [MQTT-3.2.2-7] %s is told, and closed',
    async (_what, bytes, answer) => {
      await using siege = await Siege.lay({}, (broker) => {
        broker.use({
          name: 'by id',
          authenticate: ({ clientId }) =>
            clientId === 'l' ? Promise.resolve(false) : clientId !== 'd',
        })
      })
      // It never closes its own side: the broker does not wait for that.
      const peer = await siege.open(5, true)
      peer.send(bytes, PUBLISH)
      await until(() => peer.isEnded)
      expect(peer.received.toString('hex')).toBe(answer)
      expect(siege.broker.stats().openTransports).toBe(2)
      siege.clock.advance(2_000)
      await siege.over()
      peer.destroy()
    },
  )

  test('row 15: no user name is none: not null, not "undefined", nobody else', async () => {
    const seen: unknown[] = []
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'templates',
        authenticate(connect) {
          if (connect.clientId !== 'witness') seen.push(connect.userName, connect.password)
          return true
        },
        // What a template would be without a user name is denied by what throws here.
        authorizePublish: ({ userName }, { topicName }) =>
          topicName.startsWith(`${userName!.toLowerCase()}`),
      })
    })
    const anonymous = await siege.join('x', { properties: { sessionExpiryInterval: 60 } })
    expect(seen).toEqual([undefined, undefined])
    for (const topicName of ['undefined', 'null', 'a']) {
      anonymous.sendPackets({
        type: 'publish',
        topicName,
        payload: wire`00`,
        qos: 1,
        packetIdentifier: 1,
      })
    }
    await anonymous.await('puback', 3)
    expect(anonymous.only('puback').map(({ reasonCode }) => reasonCode)).toEqual([0x87, 0x87, 0x87])
    for (const userName of ['undefined', 'null']) {
      const other = await siege.open()
      other.sendPackets({
        type: 'connect',
        clientId: 'x',
        cleanStart: false,
        keepAlive: 0,
        userName,
      })
      expect((await other.await('connack')).reasonCode).toBe(0x87)
    }
    anonymous.sendPackets({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
    await siege.over()
  })
})

describe('slowness', () => {
  test('row 16: a byte of CONNECT each 9 s, 2,000 times: 10 s are for the whole packet', async () => {
    await using siege = await Siege.lay()
    const transports = Array.from({ length: 2_000 }, () => new VirtualTransport())
    const connect = connectBytes('slow')
    for (const transport of transports) {
      siege.broker.connect(transport)
      transport.send(connect.subarray(0, 1))
    }
    siege.clock.advance(9_000)
    for (const transport of transports) transport.send(connect.subarray(1, 2))
    await siege.exchange()
    expect(siege.broker.stats().openTransports).toBe(2_001)
    siege.clock.advance(1_000)
    expect(transports.every(({ isEnded }) => isEnded)).toBe(true)
    await siege.over()
  })

  test('row 17: Keep Alive 65,535 and silence is cut to the Server Keep Alive, before 5.0 too', async () => {
    await using siege = await Siege.lay({ maximumKeepAlive: 60 })
    const old = await siege.join('old', { keepAlive: 65_535 }, 4)
    const none = await siege.join('none', { keepAlive: 0 }, 4)
    const modern = await siege.join('modern', { keepAlive: 65_535 })
    expect(modern.only('connack')[0]!.properties.serverKeepAlive).toBe(60)
    const lively = await siege.join('lively', { keepAlive: 65_535 }, 4)
    siege.clock.advance(89_999)
    await siege.exchange()
    lively.sendPackets({ type: 'pingreq' })
    await lively.await('pingresp')
    expect([old, none, modern].some(({ isEnded }) => isEnded)).toBe(false)
    siege.clock.advance(1)
    for (const peer of [old, none, modern]) await peer.closed()
    expect(modern.packets.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x8d })
    expect(lively.isEnded).toBe(false)
    lively.destroy()
    await siege.over()
  })

  test('row 17: an address has its limit, and others still get in', async () => {
    await using siege = await Siege.lay({ maximumConnectionsPerAddress: 5 })
    const at = (address: string, clientId: string) => {
      const transport = new VirtualTransport(address)
      siege.broker.connect(transport)
      transport.send(connectBytes(clientId))
      return transport
    }
    const inside = Array.from({ length: 5 }, (_, i) => at(`192.0.2.1:${i}`, `a ${i}`))
    // Up to twice as many are told why, the rest is closed at once.
    const told = Array.from({ length: 5 }, (_, i) => at(`192.0.2.1:${i}`, `b ${i}`))
    const silent = new VirtualTransport('192.0.2.1:99')
    const idle = Array.from({ length: 5 }, () => new VirtualTransport('192.0.2.1:100'))
    await settle()
    for (const each of inside) expect(each.taken().subarray(0, 4)[3]).toBe(0)
    for (const each of told) expect(each.taken()).toEqual(wire`20 03 00 97 00`)
    for (const each of idle) siege.broker.connect(each)
    siege.broker.connect(silent)
    expect(silent.isEnded).toBe(true)
    expect(silent.taken()).toHaveLength(0)
    const others = ['192.0.2.2:1', '[2001:db8::1]:1', 'a stream'].map((each) => at(each, each))
    for (const each of others) expect(each.isEnded).toBe(false)
    await siege.exchange()
    const sameHousehold = Array.from({ length: 5 }, (_, i) => at(`[2001:db8::${i}]:1`, `c ${i}`))
    await settle()
    expect(sameHousehold.map(({ isEnded }) => isEnded)).toEqual([false, false, false, false, true])
    // A place that is given back is there again.
    inside[0]!.close()
    for (const each of idle) each.close()
    const next = at('192.0.2.1:7', 'next')
    await settle()
    expect(next.isEnded).toBe(false)
    for (const each of [...inside, ...others, ...sameHousehold, next]) each.close()
    await siege.over()
  })

  test('row 17: all together have their limit', async () => {
    await using siege = await Siege.lay({ maximumConnections: 3 })
    const first = await siege.join('first')
    const second = await siege.join('second')
    expect((await siege.answerTo(connectBytes('third')))[3]).toBe(0x97)
    const idle = await Promise.all(Array.from({ length: 3 }, () => siege.open()))
    await until(() => siege.broker.stats().openTransports === 6)
    expect(await siege.answerTo()).toHaveLength(0)
    for (const peer of [first, second, ...idle]) peer.destroy()
    await siege.over()
    const again = await siege.join('again')
    again.destroy()
    await siege.over()
  })

  test(`row 17: ${scaled(300, 8_000)} (of 10,000) silent clients over sockets cost nobody else`, async () => {
    await using siege = await Siege.lay({ maximumKeepAlive: 60 })
    const peers: Peer[] = []
    for (let i = 0; i < scaled(300, 8_000); i++) {
      peers.push(await siege.join(`silent ${i}`, { keepAlive: 65_535 }, i % 2 === 0 ? 4 : 5))
    }
    // The witness has the same Keep Alive, and keeps it.
    siege.clock.advance(45_000)
    await siege.exchange()
    siege.clock.advance(45_000)
    for (const peer of peers) await peer.closed()
    await siege.over()
  })

  test('row 18: bytes of a packet that is not whole do not feed the Keep Alive', async () => {
    await using siege = await Siege.lay()
    const client = await TestClient.join(siege.broker, { clientId: 'trickle', keepAlive: 2 })
    await client.sendBytes(wire`30 7f`)
    for (let second = 1; second < 3; second++) {
      siege.clock.advance(1_000)
      await client.sendBytes(wire`00`)
    }
    siege.clock.advance(999)
    expect(client.isClosed).toBe(false)
    siege.clock.advance(1)
    expect(client.isClosed).toBe(true)
    await settle()
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8d }])
    await siege.over()
  })
})

test('rows 1 to 18: one after the other on one broker, over and over', async () => {
  await using siege = await Siege.lay()
  const attacks = [
    [wire`10 ff ff ff ff 01`],
    [wire`10 ff ff ff 7f 00`],
    [wire`40 02 00 01`],
    [CONNECT, wire`62 02 d3 01`, wire`e0 02 00 20`],
    [CONNECT, wire`82 06 00 01 00 | 00 01 "a"`],
    [CONNECT, wire`30 03 ff ff "a"`],
    [CONNECT, wire`d0 00`],
    [bytesOf({ type: 'disconnect' })],
  ]
  await expectFlatMemory(scaled(100, 2_000), async (round) => {
    await siege.answerTo(...attacks[round % attacks.length]!)
  })
  await siege.over()
})
