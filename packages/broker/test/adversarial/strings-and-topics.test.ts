/** Strings that are none, topics that are too much, and names that mean something elsewhere. */
import type { PacketInput } from '@promptmq/codec'
import { MemoryStore } from '@promptmq/store'
import { settle, TestClient } from '@promptmq/testing'
import { describe, expect, test } from 'vitest'
import { only, payloads, text } from '../harness.ts'
import { bytesOf, connectBytes, type Peer, Siege, scaled, until } from './attack.ts'

/** Stands for four bytes of a string, to be put in when the packet is encoded. */
const HOLE = '$$$$'

/** A packet with other bytes in the place of {@link HOLE}. */
function spoiled(packet: PacketInput, bytes: readonly number[]): Uint8Array {
  const encoded = Buffer.from(bytesOf(packet))
  const at = encoded.indexOf(HOLE)
  if (at < 0) throw new Error(`no hole in ${packet.type}`)
  encoded.set(bytes, at)
  return encoded
}

const connect = { type: 'connect', clientId: 'x', cleanStart: true, keepAlive: 0 } as const
const publish = { type: 'publish', topicName: 't', payload: text('x') } as const
const subscribe = { type: 'subscribe', packetIdentifier: 1 } as const
const will = { topicName: 'w', payload: text(''), qos: 0, retain: false } as const

/** A hole in every string that a client can send. */
const IN_CONNECT: [string, PacketInput][] = [
  ['Client Identifier', { ...connect, clientId: HOLE }],
  ['User Name', { ...connect, userName: HOLE }],
  ['User Property, name', { ...connect, properties: { userProperties: [[HOLE, '']] } }],
  ['User Property, value', { ...connect, properties: { userProperties: [['', HOLE]] } }],
  ['Authentication Method', { ...connect, properties: { authenticationMethod: HOLE } }],
  ['Will Topic', { ...connect, will: { ...will, topicName: HOLE } }],
  ['Will Response Topic', { ...connect, will: { ...will, properties: { responseTopic: HOLE } } }],
  ['Will Content Type', { ...connect, will: { ...will, properties: { contentType: HOLE } } }],
  [
    'Will User Property',
    { ...connect, will: { ...will, properties: { userProperties: [[HOLE, '']] } } },
  ],
]
const LATER: [string, PacketInput][] = [
  ['Topic Name', { ...publish, topicName: HOLE }],
  ['Response Topic', { ...publish, properties: { responseTopic: HOLE } }],
  ['Content Type', { ...publish, properties: { contentType: HOLE } }],
  ['User Property of PUBLISH', { ...publish, properties: { userProperties: [['', HOLE]] } }],
  ['Topic Filter', { ...subscribe, subscriptions: [{ topicFilter: HOLE, qos: 0 }] }],
  ['ShareName', { ...subscribe, subscriptions: [{ topicFilter: `$share/${HOLE}/a`, qos: 0 }] }],
  [
    'User Property of SUBSCRIBE',
    {
      ...subscribe,
      subscriptions: [{ topicFilter: 'a', qos: 0 }],
      properties: { userProperties: [[HOLE, '']] },
    },
  ],
  [
    'Topic Filter of UNSUBSCRIBE',
    { type: 'unsubscribe', packetIdentifier: 1, topicFilters: [HOLE] },
  ],
  [
    'Reason String of PUBACK',
    { type: 'puback', packetIdentifier: 1, reasonCode: 0x80, properties: { reasonString: HOLE } },
  ],
  [
    'Reason String of PUBREL',
    { type: 'pubrel', packetIdentifier: 1, reasonCode: 0x92, properties: { reasonString: HOLE } },
  ],
  [
    'Reason String of DISCONNECT',
    { type: 'disconnect', reasonCode: 4, properties: { reasonString: HOLE } },
  ],
]

const ILL_FORMED: [string, number[]][] = [
  ['U+0000', [0x61, 0x00, 0x62, 0x63]],
  ['a surrogate', [0x61, 0xed, 0xa0, 0x80]],
  ['a pair of surrogates, half of it', [0xed, 0xbf, 0xbf, 0x61]],
  ['an over-long form of two bytes', [0xc0, 0x80, 0x61, 0x62]],
  ['an over-long form of three bytes', [0xe0, 0x9f, 0xbf, 0x61]],
  ['an over-long form of four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
  ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['F5', [0xf5, 0x80, 0x80, 0x80]],
  ['a continuation alone', [0x61, 0x80, 0x62, 0x63]],
  ['a sequence that the string ends', [0x61, 0x62, 0xe2, 0x82]],
]

describe('strings', () => {
  test('row 24: [MQTT-1.5.4-1] [MQTT-1.5.4-2] what is no UTF-8, in every string: 0x81', async () => {
    await using siege = await Siege.lay()
    for (const [_what, bytes] of ILL_FORMED) {
      for (const [where, packet] of IN_CONNECT) {
        const answer = await siege.answerTo(spoiled(packet, bytes))
        expect([where, answer.toString('hex')]).toEqual([where, '2003008100'])
      }
      for (const [where, packet] of LATER) {
        const answer = await siege.answerTo(connectBytes('x'), spoiled(packet, bytes))
        expect([where, answer.subarray(-3).toString('hex')]).toEqual([where, 'e00181'])
      }
    }
    await siege.over()
  })

  const DISALLOWED: [string, number[]][] = [
    ['U+0001', [0x61, 0x01, 0x62, 0x63]],
    ['U+001F', [0x61, 0x1f, 0x62, 0x63]],
    ['U+007F', [0x61, 0x7f, 0x62, 0x63]],
    ['U+009F', [0x61, 0xc2, 0x9f, 0x62]],
    ['U+FDD0', [0x61, 0xef, 0xb7, 0x90]],
    ['U+FFFF', [0x61, 0xef, 0xbf, 0xbf]],
    ['U+10FFFE', [0xf4, 0x8f, 0xbf, 0xbe]],
  ]

  test("row 25: disallowed code points are refused in every string, with 'refuse'", async () => {
    await using siege = await Siege.lay({ disallowedCodePoints: 'refuse' })
    for (const [_what, bytes] of DISALLOWED) {
      for (const [where, packet] of IN_CONNECT) {
        const answer = await siege.answerTo(spoiled(packet, bytes))
        expect([where, answer.toString('hex')]).toEqual([where, '2003008100'])
      }
      for (const [where, packet] of LATER) {
        const answer = await siege.answerTo(connectBytes('x'), spoiled(packet, bytes))
        expect([where, answer.subarray(-3).toString('hex')]).toEqual([where, 'e00181'])
      }
    }
    await siege.over()
  })

  test("row 25: a strict subscriber loops no more, with 'refuse'; by default it is on its own", async () => {
    for (const disallowedCodePoints of ['allow', 'refuse'] as const) {
      await using siege = await Siege.lay({ disallowedCodePoints })
      const session = { cleanStart: false, properties: { sessionExpiryInterval: 600 } }
      let disconnectCount = 0
      /** As a library that refuses them: it disconnects, and comes again. */
      const strict = async (): Promise<Peer> => {
        const peer = await siege.join('strict', session)
        if (disconnectCount === 0) {
          peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: 'c/#', qos: 1 }] })
          await peer.await('suback')
        }
        return peer
      }
      const attacker = await siege.join('attacker')
      let victim = await strict()
      attacker.sendPackets({ ...publish, topicName: 'c/a\u0001b', qos: 1, packetIdentifier: 1 })
      const good = await siege.join('good')
      good.sendPackets({ ...publish, topicName: 'c/good', qos: 1, packetIdentifier: 1 })
      await good.await('puback')
      for (let i = 0; i < 5; i++) {
        const first = await victim.await('publish')
        if (!first.topicName.includes('\u0001')) break
        disconnectCount++
        victim.sendPackets({ type: 'disconnect', reasonCode: 0x81 })
        await victim.closed()
        victim = await strict()
      }
      expect(disconnectCount).toBe(disallowedCodePoints === 'allow' ? 5 : 0)
      if (disallowedCodePoints === 'allow') {
        // Passed on as it came, for who takes it.
        expect((await victim.await('publish')).topicName).toBe('c/a\u0001b')
      } else {
        await attacker.closed()
        expect(attacker.packets.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x81 })
      }
      victim.sendPackets({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
      for (const peer of [attacker, good]) peer.destroy()
      await siege.over()
    }
  })

  test('row 33: [MQTT-4.7.3-4] [MQTT-1.5.4-3] composed, decomposed, case and U+FEFF are distinct', async () => {
    const asked = new Set<string>()
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'one of them',
        authorizePublish: (client, { topicName }) => {
          asked.add(topicName)
          return client.clientId !== 'limited' || topicName === 't/\u00e9'
        },
      })
    })
    const forms = ['\u00e9', 'e\u0301', '\u00c9', 'E\u0301', '\ufeff\u00e9', '\u00e9\ufeff']
    // Session key: each has its own, and none takes another over.
    const peers: Peer[] = []
    for (const form of forms) {
      const peer = await siege.join(form)
      peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: `t/${form}`, qos: 0 }] })
      await peer.await('suback')
      peers.push(peer)
    }
    // Matching and retained messages.
    for (const form of forms) {
      const topicName = `t/${form}`
      peers[0]!.sendPackets({ ...publish, topicName, payload: text(form), retain: true })
    }
    for (const peer of peers) await peer.await('publish')
    await siege.exchange()
    for (const [i, peer] of peers.entries()) {
      expect(peer.isEnded).toBe(false)
      expect(payloads(peer.packets)).toEqual([forms[i]])
    }
    expect(siege.broker.stats().retainedMessages).toBe(forms.length)
    // Authorization.
    const limited = await siege.join('limited')
    for (const [i, form] of forms.entries()) {
      const packetIdentifier = i + 1
      limited.sendPackets({ ...publish, topicName: `t/${form}`, qos: 1, packetIdentifier })
    }
    await limited.await('puback', forms.length)
    const codes = limited.only('puback').map(({ reasonCode }) => reasonCode)
    expect(codes).toEqual([0, 0x87, 0x87, 0x87, 0x87, 0x87])
    for (const form of forms) expect(asked.has(`t/${form}`)).toBe(true)
    for (const form of forms) await siege.broker.publish(`t/${form}`, '', { retain: true })
    for (const peer of [...peers, limited]) peer.destroy()
    await siege.over()
  })
})

describe('topics', () => {
  const slashes = '/'.repeat(65_535)

  test(`row 26: 65,535 slashes, ${scaled(100, 1_000)} times (of 1,000) with another letter: refused`, async () => {
    await using siege = await Siege.lay()
    for (let i = 0; i < scaled(100, 1_000); i++) {
      const deep = slashes.slice(0, i) + String.fromCharCode(97 + (i % 26)) + slashes.slice(i + 1)
      const peer = await siege.join('deep')
      peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: deep, qos: 0 }] })
      expect((await peer.await('suback')).reasonCodes).toEqual([0x8f])
      peer.sendPackets({ type: 'unsubscribe', packetIdentifier: 1, topicFilters: [deep] })
      expect((await peer.await('unsuback')).reasonCodes).toEqual([0x8f])
      peer.sendPackets({ ...publish, topicName: deep })
      await peer.closed()
      expect(peer.packets.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x90 })
    }
    const wills = bytesOf({ ...connect, will: { ...will, topicName: slashes } })
    expect((await siege.answerTo(wills)).toString('hex')).toBe('2003009000')
    await siege.over()
  })

  test('row 26: where so many levels are allowed, nothing recurses over them', async () => {
    await using siege = await Siege.lay({ maximumTopicLevels: 65_536 })
    const peer = await siege.join('deep')
    const topicFilters = [slashes, `${slashes.slice(2)}+/`, `${slashes.slice(1)}#`]
    peer.sendPackets({
      ...subscribe,
      subscriptions: topicFilters.map((topicFilter) => ({ topicFilter, qos: 0 })),
    })
    expect((await peer.await('suback')).reasonCodes).toEqual([0, 0, 0])
    peer.sendPackets({ ...publish, topicName: slashes, retain: true })
    expect((await peer.await('publish')).topicName).toBe(slashes)
    peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: '#', qos: 0 }] })
    await peer.await('publish', 2)
    peer.sendPackets({ type: 'unsubscribe', packetIdentifier: 1, topicFilters })
    expect((await peer.await('unsuback')).reasonCodes).toEqual([0, 0, 0])
    await siege.broker.publish(slashes, '', { retain: true })
    peer.destroy()
    await siege.over()
  })

  test('row 27: 10,000 filters of + and one letter over 32 levels: one copy, then none is left', async () => {
    await using siege = await Siege.lay()
    const peer = await siege.join('exploder')
    const filter = (i: number) =>
      Array.from({ length: 32 }, (_, level) => ((i >> (level % 14)) & 1 ? '+' : 'a')).join('/')
    const topicFilters = [...new Set(Array.from({ length: 16_384 }, (_, i) => filter(i)))]
    const codes: number[] = []
    for (let i = 0; i < topicFilters.length; i += 1_000) {
      const some = topicFilters.slice(i, i + 1_000)
      const subscriptions = some.map((topicFilter) => ({ topicFilter, qos: 0 }) as const)
      peer.sendPackets({ ...subscribe, subscriptions })
      codes.push(...(await peer.await('suback', i / 1_000 + 1)).reasonCodes)
    }
    // Up to the limit of a session, and told so beyond.
    expect(codes.filter((code) => code === 0)).toHaveLength(10_000)
    expect(codes.slice(10_000).every((code) => code === 0x97)).toBe(true)
    expect(siege.broker.stats().subscriptions).toBe(10_001)
    const topicName = Array.from({ length: 32 }, () => 'a').join('/')
    for (let i = 0; i < 10; i++) {
      // Subscribing makes every match anew.
      peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: topicFilters[0]!, qos: 0 }] })
      peer.sendPackets({ ...publish, topicName, payload: text(String(i)) })
      await siege.exchange()
    }
    await peer.await('publish', 10)
    expect(payloads(peer.packets)).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
    peer.destroy()
    await siege.over()
  })

  test('row 28: [MQTT-4.7.2-1] names with $ are refused, and matched by no wildcard', async () => {
    await using siege = await Siege.lay()
    const attacker = await siege.join('attacker')
    const subscriber = await siege.join('subscriber')
    const filters = ['#', '+/x', '+', '$share/g/#', '$share/g/+/y']
    subscriber.sendPackets({
      ...subscribe,
      subscriptions: filters.map((topicFilter) => ({ topicFilter, qos: 1 })),
    })
    await subscriber.await('suback')
    const topicNames = ['$x', '$SYS/y', '$share/g/a', '$SYS/broker/new/clients', '$', '$/x']
    for (const [i, topicName] of topicNames.entries()) {
      attacker.sendPackets({ ...publish, topicName, qos: 1, packetIdentifier: i + 1, retain: true })
      attacker.sendPackets({ ...publish, topicName, retain: true })
    }
    await attacker.await('puback', topicNames.length)
    const codes = attacker.only('puback').map(({ reasonCode }) => reasonCode)
    expect(new Set(codes)).toEqual(new Set([0x87]))
    for (const topicName of topicNames) {
      const dying = bytesOf({ ...connect, will: { ...will, topicName } })
      expect((await siege.answerTo(dying)).toString('hex')).toBe('2003008700')
    }
    // Who owns the broker may use them, and who subscribes to them by name gets them.
    const named = await siege.join('named')
    named.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: '$SYS/#', qos: 0 }] })
    await named.await('suback')
    await siege.broker.publish('$SYS/y', 'from the owner')
    await siege.broker.publish('end', 'end', { qos: 1 })
    await named.await('publish')
    // `end` once for `#` and `+`, once for the group.
    await subscriber.await('publish', 2)
    expect(payloads(subscriber.packets)).toEqual(['end', 'end'])
    expect(payloads(named.packets)).toEqual(['from the owner'])
    expect(siege.broker.stats().retainedMessages).toBe(0)
    for (const peer of [attacker, subscriber, named]) peer.destroy()
    await siege.over()
  })

  test("row 29: the broker's own has no names that a client can reach", async () => {
    await using siege = await Siege.lay()
    const local = siege.broker.subscribe('own/#')
    // Without a Client Identifier one is assigned: nobody gets that of the broker's own sessions.
    const names = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const peer = await siege.join('')
      names.add(peer.only('connack')[0]!.properties.assignedClientIdentifier!)
      peer.destroy()
    }
    expect(names.size).toBe(20)
    for (const name of names) expect(name).toMatch(/^auto-[0-9a-f]{32}$/)
    // Nothing that is published by the broker of itself can be subscribed to: there is nothing.
    const nosy = await siege.join('nosy')
    const filters = ['$SYS/#', '$MQTT/#', '$internal/#', '$queue/#', '$events/#', '$CONTROL/#']
    const subscriptions = filters.map((topicFilter) => ({ topicFilter, qos: 0 }) as const)
    nosy.sendPackets({ ...subscribe, subscriptions })
    await nosy.await('suback')
    const victim = await siege.join('victim')
    victim.destroy()
    await until(() => siege.broker.stats().connections === 2)
    nosy.sendPackets({ ...publish, topicName: 'own/x' })
    expect((await local.next()).value).toMatchObject({ topicName: 'own/x', publisher: 'nosy' })
    expect(nosy.only('publish')).toEqual([])
    await local.return?.()
    nosy.destroy()
    await siege.over()
  })
})

describe('names that mean something elsewhere', () => {
  const METACHARACTERS = [
    '+',
    '#',
    'a/b',
    '.*',
    '(a+)+$',
    '..',
    '../../x',
    '%u',
    '%c',
    '*',
    '?',
    "'--",
  ]
  const JAVASCRIPT = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'prototype',
    '0',
    '-1',
  ]

  test('row 30: metacharacters in Client Identifier and User Name are characters', async () => {
    await using siege = await Siege.lay({}, (broker) => {
      broker.use({
        name: 'own topics',
        authorizePublish: ({ clientId, userName }, { topicName }) =>
          clientId === 'witness' || topicName === `of/${clientId}/${userName}`,
        authorizeSubscribe: ({ clientId }, { topicFilter }) =>
          clientId === 'witness' || topicFilter === `of/${clientId}`,
      })
    })
    const peers: Peer[] = []
    for (const name of METACHARACTERS) {
      const peer = await siege.join(name, { userName: name })
      peers.push(peer)
      // What the pattern of `+` or `#` would reach, if it were one.
      for (const [i, topicName] of ['of/victim/victim', 'of/a/b', 'secret'].entries()) {
        peer.sendPackets({ ...publish, topicName, qos: 1, packetIdentifier: i + 1 })
      }
      const subscriptions = ['of/victim', 'of/a', '#'].map(
        (topicFilter) => ({ topicFilter, qos: 0 }) as const,
      )
      peer.sendPackets({ ...subscribe, subscriptions })
      expect((await peer.await('suback')).reasonCodes).toEqual([0x87, 0x87, 0x87])
      await peer.await('puback', 3)
      for (const { reasonCode } of peer.only('puback')) expect(reasonCode).toBe(0x87)
    }
    // Nobody took anybody over.
    expect(peers.some(({ isEnded }) => isEnded)).toBe(false)
    const again = await siege.join('.*', { userName: '.*' })
    await peers[3]!.closed()
    expect(peers.filter(({ isEnded }) => isEnded)).toHaveLength(1)
    for (const peer of [...peers, again]) peer.destroy()
    await siege.over()
  })

  test('rows 30 and 31: and keep their sessions and messages apart over a restart', async () => {
    const store = new MemoryStore()
    const names = [...METACHARACTERS, ...JAVASCRIPT]
    const kept = { cleanStart: false, properties: { sessionExpiryInterval: 600 } }
    {
      await using siege = await Siege.lay({ store })
      for (const name of names) {
        const peer = await siege.join(name, kept)
        const topicFilter = `t/${name.replaceAll(/[+#]/g, 'x')}`
        peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter, qos: 1 }] })
        await peer.await('suback')
        peer.destroy()
      }
      for (const name of names) {
        const topicName = `t/${name.replaceAll(/[+#]/g, 'x')}`
        await siege.broker.publish(topicName, name, { qos: 1, retain: true })
      }
    }
    await using siege = await Siege.lay({ store })
    expect(siege.broker.stats().sessions).toBe(names.length + 1)
    for (const name of names) {
      const peer = await siege.join(name, kept)
      expect(peer.only('connack')[0]!.sessionPresent).toBe(true)
      await peer.await('publish')
      // `+` and `#` have one topic between them.
      expect(payloads(peer.packets)).toContain(name)
      for (const got of payloads(peer.packets)) expect([name, '+', '#']).toContain(got)
      peer.sendPackets({ type: 'disconnect', properties: { sessionExpiryInterval: 0 } })
      await peer.closed()
    }
    for (const name of names) {
      await siege.broker.publish(`t/${name.replaceAll(/[+#]/g, 'x')}`, '', { retain: true })
    }
    // The former witness left a session that had begun before the restart, and this one took it over.
    await until(() => siege.broker.stats().sessions === 1)
    expect(siege.broker.stats()).toMatchObject({ subscriptions: 1, retainedMessages: 0 })
  })

  test('row 31: names of JavaScript are strings, wherever they stand', async () => {
    await using siege = await Siege.lay()
    const before = Object.getOwnPropertyNames(Object.prototype)
    const peers: Peer[] = []
    for (const name of JAVASCRIPT) {
      const peer = await siege.join(name, {
        userName: name,
        properties: { userProperties: [[name, name]] },
      })
      const filters = [name, `${name}/+`, `$share/${name}/${name}/${name}`]
      const subscriptions = filters.map((topicFilter) => ({ topicFilter, qos: 1 }) as const)
      peer.sendPackets({ ...subscribe, subscriptions })
      expect((await peer.await('suback')).reasonCodes).toEqual([1, 1, 1])
      peers.push(peer)
    }
    for (const [i, name] of JAVASCRIPT.entries()) {
      const topicName = `${name}/${name}`
      const properties = { userProperties: [[name, name]] as [string, string][], topicAlias: 1 }
      peers[i]!.sendPackets({
        ...publish,
        topicName,
        payload: text(name),
        properties,
        retain: true,
      })
      await peers[i]!.await('publish', 2)
      expect(payloads(peers[i]!.packets)).toEqual([name, name])
      for (const each of peers[i]!.only('publish')) {
        expect(each.properties.userProperties).toEqual([[name, name]])
      }
    }
    for (const name of JAVASCRIPT)
      await siege.broker.publish(`${name}/${name}`, '', { retain: true })
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    for (const peer of peers) peer.destroy()
    await siege.over()
  })

  test('row 32: what a peer calls itself forges no line of the log and no error', async () => {
    const written: string[] = []
    const write = (fields: object, message: string) => {
      for (const value of [message, ...Object.values(fields)]) {
        if (typeof value === 'string') written.push(value)
      }
    }
    const logger = { debug: write, info: write, warn: write, error: write }
    await using siege = await Siege.lay({ logger })
    const evil = 'a\r\n2026-01-01 error forged \u001b[2J\u202edcba\u2028'
    const peer = await siege.join(evil, { userName: evil })
    const properties = { reasonString: evil, userProperties: [[evil, evil]] as [string, string][] }
    peer.sendPackets({ ...subscribe, subscriptions: [{ topicFilter: `${evil}/#/`, qos: 0 }] })
    await peer.await('suback')
    peer.sendPackets({ type: 'disconnect', reasonCode: 4, properties })
    await peer.closed()
    const wrong = await siege.join(evil)
    wrong.send(bytesOf({ ...publish, topicName: evil }), Uint8Array.of(0xd0, 0))
    await wrong.closed()
    const long = await siege.join('x'.repeat(65_535))
    long.send(Uint8Array.of(0xd0, 0))
    await long.closed()
    expect(written.some((line) => line.includes('forged'))).toBe(true)
    for (const line of written) {
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/)
      expect(line.length).toBeLessThan(1_600)
    }
    // What an embedder passes on to the broker comes back in an error, which may be logged as well.
    const forwarded = siege.broker.publish(`${evil}/#`, '')
    await expect(forwarded).rejects.toThrow(/a\\u000d\\u000a2026/)
    await expect(forwarded).rejects.not.toThrow(/[\r\n]/)
    expect(() => siege.broker.subscribe(`${evil}/#/`)).toThrow(/a\\u000d\\u000a2026/)
    await siege.over()
  })
})

test('rows 30 to 33: a client that is not there is nobody, whatever it is called', async () => {
  await using siege = await Siege.lay()
  const client = await TestClient.join(siege.broker, { clientId: 'a/b' })
  for (const clientId of ['a', 'b', 'a/', '/b', 'A/B', 'a/b ', 'a\u200b/b']) {
    const other = await TestClient.join(siege.broker, { clientId, cleanStart: false })
    await other.send({ type: 'disconnect' })
  }
  await settle()
  expect(client.isClosed).toBe(false)
  expect(only(client.take(), 'disconnect')).toEqual([])
  await client.drop()
  await siege.over()
})
