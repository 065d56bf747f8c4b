import { expect } from 'vitest'
import { within } from './events.ts'
import { InteropBroker, USER } from './interop-broker.ts'
import { type Area, expectNothingMore } from './scene.ts'

/** Sessions, their end and their take-over; who is let in; Keep Alive. */
export const testSessions: Area = (declare, declareAtOnce) => {
  declare('Clean Session, Clean Start', async ({ name, connect, lasting }) => {
    const topic = name('t')
    const publisher = await connect('publisher')
    const first = await connect('c')
    await first.subscribe(topic, { qos: 1 })
    await first.disconnect()
    await publisher.publish(topic, 'lost with the session', { qos: 1 })

    const second = await connect('c', lasting(3_600))
    expect(second.connack.sessionPresent).toBe(false)
    await second.subscribe(topic, { qos: 1 })
    await second.disconnect()
    await publisher.publish(topic, 'lost by who begins anew', { qos: 1 })

    const third = await connect('c', { clean: true })
    expect(third.connack.sessionPresent).toBe(false)
    await third.subscribe(topic, { qos: 1 })
    await expectNothingMore(third, publisher, topic)
  })

  declare('Session Present', async ({ connect, lasting }) => {
    for (const isPresent of [false, true, true]) {
      const client = await connect('c', lasting(3_600))
      expect(client.connack).toMatchObject({ code: 0, sessionPresent: isPresent })
      await client.disconnect()
    }
    expect((await connect('c')).connack).toMatchObject({ code: 0, sessionPresent: false })
  })

  declare('queue of a session whose client is away', async ({ name, connect, lasting }) => {
    const topic = name('t')
    const away = await connect('away', lasting(3_600))
    await away.subscribe(topic, { qos: 2 })
    await away.disconnect()
    const publisher = await connect('publisher')
    const sent = Array.from({ length: 20 }, (_, i) => `message ${i}`)
    for (const [i, text] of sent.entries()) {
      await publisher.publish(topic, text, { qos: i < 10 ? 1 : 2 })
    }
    const back = await connect('away', lasting(3_600))
    const got = await back.take(20)
    expect(got.map(({ payload }) => payload.toString())).toEqual(sent)
    expect(got.map(({ qos }) => qos)).toEqual(sent.map((_, i) => (i < 10 ? 1 : 2)))
    await expectNothingMore(back, publisher, topic, 2)
  })

  declare('Session Expiry Interval', async ({ shared, connect, lasting }) => {
    const first = await connect('c', lasting(1_000))
    await first.disconnect()
    shared.clock.forward(900)
    const second = await connect('c', lasting(1_000))
    expect(second.connack.sessionPresent).toBe(true)
    await second.disconnect()
    shared.clock.forward(1_001)
    const third = await connect('c', lasting(1_000))
    expect(third.connack.sessionPresent).toBe(false)
  })

  declare('Session Expiry Interval changed by DISCONNECT', async ({ shared, connect, lasting }) => {
    const first = await connect('c', lasting(1_000))
    await first.disconnect({ sessionExpiryInterval: 5_000 })
    shared.clock.forward(4_900)
    const second = await connect('c', lasting(1_000))
    expect(second.connack.sessionPresent).toBe(true)
    await second.disconnect({ sessionExpiryInterval: 0 })
    const third = await connect('c', lasting(1_000))
    expect(third.connack.sessionPresent).toBe(false)
  })

  declare('take-over of a session', async ({ version, kind, connect, tap, lasting }) => {
    const wire = await tap()
    const old = await connect('c', lasting(3_600), wire)
    const next = await connect('c', lasting(3_600))
    expect(next.connack.sessionPresent).toBe(version !== '3.1')
    const reasonCode = await within(old.ended, () => 'the end of the older connection')
    if (version !== '5.0') return
    expect(await wire.find('fromServer', 'disconnect')).toMatchObject({ reasonCode: 0x8e })
    if (kind.tellsReasonCodes) expect(reasonCode).toBe(0x8e)
  })

  declare('Assigned Client Identifier', async ({ version, name, connect }) => {
    const client = await connect('c', { clientId: '' })
    expect(client.connack.code).toBe(0)
    const { assignedClientIdentifier } = client.connack.properties
    if (version === '5.0') expect(assignedClientIdentifier).toMatch(/^.+$/)
    await client.subscribe(name('t'))
    await expectNothingMore(client, client, name('t'), 0)
  })

  declare('enhanced authentication, SCRAM-SHA-256', async ({ name, connect }) => {
    const known = await connect('known', { scram: USER })
    expect(known.connack).toMatchObject({ code: 0, isProved: true })
    await known.subscribe(name('t'))
    await expectNothingMore(known, known, name('t'), 0)
    const wrong = await connect('wrong', { scram: { ...USER, password: 'guess' } })
    expect(wrong.connack.code).toBe(0x86)
    await within(wrong.ended, () => 'the end of a refused connection')
  })

  declare('user name and password', async ({ version, name, connect }) => {
    const known = await connect('known', USER)
    expect(known.connack.code).toBe(0)
    await known.subscribe(name('t'))
    await expectNothingMore(known, known, name('t'), 0)
    const refused = version === '5.0' ? 0x86 : 4
    for (const wrong of [
      { ...USER, password: 'guess' },
      { ...USER, userName: 'nobody' },
    ]) {
      const unknown = await connect('unknown', wrong)
      expect(unknown.connack).toMatchObject({ code: refused, sessionPresent: false })
      await within(unknown.ended, () => 'the end of a refused connection')
    }
  })

  declareAtOnce('Keep Alive: PINGREQ and PINGRESP', async ({ connect, tap }) => {
    const wire = await tap()
    await connect('c', { keepAlive: 1 }, wire)
    await wire.find('fromClient', 'pingreq')
    await wire.find('fromServer', 'pingresp')
  })

  declare('Server Keep Alive', async ({ connect }) => {
    await using broker = await InteropBroker.start({ maximumKeepAlive: 30 })
    const longer = await connect('longer', { keepAlive: 60 }, broker)
    expect(longer.connack.properties.serverKeepAlive).toBe(30)
    const shorter = await connect('shorter', { keepAlive: 20 }, broker)
    expect(shorter.connack.properties.serverKeepAlive).toBeUndefined()
  })

  declare('server shutting down', async ({ version, kind, connect, tap }) => {
    await using broker = await InteropBroker.start()
    const wire = await tap(broker)
    const client = await connect('c', {}, wire)
    await broker.broker.close()
    const reasonCode = await within(client.ended, () => 'the end of the connection')
    if (version !== '5.0') return
    expect(await wire.find('fromServer', 'disconnect')).toMatchObject({ reasonCode: 0x8b })
    if (kind.tellsReasonCodes) expect(reasonCode).toBe(0x8b)
  })
}
