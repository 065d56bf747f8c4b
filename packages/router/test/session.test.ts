import { describe, expect, test } from 'vitest'
import { DeliveryState, Session } from '../src/index.ts'
import { durableSessionWith, FakeHost, FakeOutlet, sessionWith } from './fakes.ts'
import { messageOf } from './messages.ts'

function deliver(session: Session, qos: 1 | 2, ...payloads: string[]): void {
  for (const payload of payloads) session.deliver(messageOf(payload), qos, false, [])
}

/** Another connection takes over; what it is sent first is looked at with `take`. */
function reconnect(session: Session, receiveMaximum = 100): FakeOutlet {
  const outlet = new FakeOutlet()
  session.detach()
  session.attach(outlet, receiveMaximum)
  session.advance()
  return outlet
}

describe('QoS 1', () => {
  test('[MQTT-4.3.2-2] is a PUBLISH with an identifier of its own and DUP 0, done at PUBACK', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    expect(session.deliver(messageOf('a'), 1, true, [4, 5])).toBe(true)
    deliver(session, 1, 'b')
    expect(outlet.take()).toEqual(['PUBLISH 1 q1 retain a [4,5]', 'PUBLISH 2 q1 b'])
    expect(session.inflight.state(1)).toBe(DeliveryState.AwaitPuback)
    expect(session.puback(1)).toBe('ok')
    expect(session.inflight.state(1)).toBe(DeliveryState.None)
    expect(session.inflight.count).toBe(1)
    expect(session.puback(1)).toBe('unknown')
    expect(outlet.take()).toEqual([])
  })
})

describe('a packet that is passed on as it came', () => {
  const packet = new Uint8Array(100)
  const forward = (session: Session, qos: 1 | 2 = 1) => session.forward(packet, 0, 100, 20, qos)

  test('takes an identifier and a place, and nothing of it is kept', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 2)
    expect([forward(session), forward(session, 2)]).toEqual([true, true])
    expect(outlet.take()).toEqual(['forwarded as 1', 'forwarded as 2'])
    expect(session.inflight.delivery(1)).toMatchObject({ state: 1, message: null })
    expect(forward(session)).toBe(false)
    expect(session.puback(1)).toBe('ok')
    expect(session.pubrec(2, false)).toBe('ok')
    expect(session.pubcomp(2)).toBe('ok')
    expect(session.inflight.count).toBe(0)
    expect(forward(session)).toBe(true)
  })

  test('is kept where it may have to be sent again or later, or is too large', () => {
    const { session, outlet } = sessionWith()
    expect(forward(session)).toBe(false)
    session.attach(outlet, 10)
    session.sessionExpiryInterval = 1
    expect(forward(session)).toBe(false)
    session.sessionExpiryInterval = 0
    outlet.maximumPacketSize = 99
    expect(forward(session)).toBe(false)
    outlet.maximumPacketSize = 100
    outlet.writable = false
    deliver(session, 1, 'waits')
    outlet.writable = true
    expect(forward(session)).toBe(false)
    expect(outlet.take()).toEqual([])
    const durable = durableSessionWith()
    durable.session.attach(outlet, 10)
    expect(forward(durable.session)).toBe(false)
  })
})

describe('QoS 2', () => {
  test('[MQTT-4.3.3-4] PUBREC is answered with PUBREL, and PUBCOMP ends it', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a')
    expect(outlet.take()).toEqual(['PUBLISH 1 q2 a'])
    expect(session.pubrec(1, false)).toBe('ok')
    expect(outlet.take()).toEqual(['PUBREL 1'])
    expect(session.inflight.delivery(1).message).toBeNull()
    expect(session.pubrec(1, false)).toBe('ok')
    expect(outlet.take()).toEqual(['PUBREL 1'])
    expect(session.pubcomp(1)).toBe('ok')
    expect(session.inflight.count).toBe(0)
    expect(session.pubcomp(1)).toBe('unknown')
    expect(outlet.take()).toEqual([])
  })

  test('[MQTT-4.4.0-2] a PUBREC that refuses ends it at once, without PUBREL', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 1)
    deliver(session, 2, 'a', 'b')
    expect(session.pubrec(1, true)).toBe('ok')
    session.advance()
    expect(outlet.take()).toEqual(['PUBLISH 1 q2 a', 'PUBLISH 2 q2 b'])
    expect(reconnect(session).take()).toEqual(['PUBLISH 2 q2 dup b'])
  })

  test('[MQTT-4.3.3-7] one that was sent is not given up for its expiry', () => {
    const { session, host, outlet } = sessionWith()
    session.attach(outlet, 10)
    session.deliver(messageOf('a', { expiresAt: 1_000 }), 2, false, [])
    host.time = 5_000
    expect(reconnect(session).take()).toEqual(['PUBLISH 1 q2 dup a'])
    expect(host.drops).toEqual([])
  })
})

describe('acknowledgements that fit nothing', () => {
  test.each<['puback' | 'pubrec' | 'pubcomp', string]>([
    ['puback', 'unknown'],
    ['pubrec', 'unknown'],
    ['pubcomp', 'unknown'],
  ])('%s of an identifier that is free is %s and changes nothing', (kind, expected) => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 2)
    for (let i = 0; i < 5; i++) expect(session[kind](9, false)).toBe(expected)
    deliver(session, 1, 'a', 'b', 'c')
    // The quota did not grow [MQTT-3.3.4-9].
    expect(outlet.take()).toEqual(['PUBLISH 1 q1 a', 'PUBLISH 2 q1 b'])
  })

  test('one of another kind is wrong and changes nothing', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a')
    deliver(session, 2, 'b', 'c')
    session.pubrec(3, false)
    outlet.take()
    expect(session.pubrec(1, false)).toBe('wrong')
    expect(session.pubcomp(1)).toBe('wrong')
    expect(session.puback(2)).toBe('wrong')
    expect(session.pubcomp(2)).toBe('wrong')
    expect(session.puback(3)).toBe('wrong')
    expect(session.inflight.inOrder().map(({ state }) => state)).toEqual([1, 2, 3])
    expect(outlet.take()).toEqual([])
  })
})

describe('Receive Maximum', () => {
  test('[MQTT-3.3.4-9] no more than that is under way, the rest follows as it is acknowledged', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 2)
    deliver(session, 1, 'a', 'b', 'c')
    deliver(session, 2, 'd', 'e')
    expect(outlet.take()).toEqual(['PUBLISH 1 q1 a', 'PUBLISH 2 q1 b'])
    expect(session.ready).toBe(false)
    session.puback(2)
    session.advance()
    session.puback(1)
    session.advance()
    expect(outlet.take()).toEqual(['PUBLISH 3 q1 c', 'PUBLISH 4 q2 d'])
    // PUBREC gives no place back, PUBCOMP does (§4.9).
    session.pubrec(4, false)
    session.advance()
    expect(outlet.take()).toEqual(['PUBREL 4'])
    session.pubcomp(4)
    session.advance()
    expect(outlet.take()).toEqual(['PUBLISH 5 q2 e'])
  })

  test('the bound of the host holds where it is lower', () => {
    const { session, outlet } = sessionWith({ maximumInflight: 3 })
    session.attach(outlet, 65_535)
    deliver(session, 1, 'a', 'b', 'c', 'd')
    expect(outlet.take()).toHaveLength(3)
    expect(session.outbox.count).toBe(1)
  })

  test('starts anew with each connection', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 1)
    deliver(session, 1, 'a', 'b', 'c', 'd')
    const next = reconnect(session, 3)
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBLISH 2 q1 b', 'PUBLISH 3 q1 c'])
    const last = reconnect(session, 2)
    expect(last.take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBLISH 2 q1 dup b'])
    session.puback(1)
    session.advance()
    expect(last.take()).toEqual(['PUBLISH 3 q1 dup c'])
    session.puback(2)
    session.advance()
    expect(last.take()).toEqual(['PUBLISH 4 q1 d'])
  })

  test('what was released on an earlier connection takes no place and gives none back', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 2)
    deliver(session, 2, 'a', 'b')
    session.pubrec(1, false)
    session.pubrec(2, false)
    const next = reconnect(session, 2)
    deliver(session, 1, 'c', 'd', 'e')
    expect(next.take()).toEqual(['PUBREL 1', 'PUBREL 2', 'PUBLISH 3 q1 c', 'PUBLISH 4 q1 d'])
    session.pubcomp(1)
    session.pubcomp(2)
    session.advance()
    expect(next.take()).toEqual([])
    session.puback(3)
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 5 q1 e'])
  })

  test('an acknowledgement for what was not sent again yet gives none back', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 3)
    deliver(session, 1, 'a', 'b', 'c', 'd')
    const next = reconnect(session, 1)
    session.puback(2)
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a'])
    session.puback(1)
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 3 q1 dup c'])
  })

  test('a client that never ends its deliveries does not gather them over its connections', () => {
    const { session, outlet } = sessionWith({ maximumInflight: 10 })
    session.attach(outlet, 10)
    for (let connection = 0; connection < 5; connection++) {
      for (let i = 0; i < 10; i++) deliver(session, 2, 'a')
      for (const { packetIdentifier } of session.inflight.inOrder()) {
        session.pubrec(packetIdentifier, false)
      }
      session.advance()
      reconnect(session, 10)
    }
    expect(session.inflight.count).toBe(10)
    expect(session.ready).toBe(false)
    session.pubcomp(1)
    session.advance()
    expect(session.inflight.count).toBe(10)
    expect(session.inflight.state(11)).toBe(DeliveryState.AwaitPubrec)
  })
})

describe('a connection that takes the session over', () => {
  test('[MQTT-4.4.0-1] is sent again what is under way: same identifiers, same order, DUP 1', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a')
    deliver(session, 2, 'b')
    session.deliver(messageOf('c'), 1, true, [7])
    deliver(session, 1, 'd')
    session.puback(1)
    const next = reconnect(session)
    deliver(session, 1, 'e')
    expect(next.take()).toEqual([
      'PUBLISH 2 q2 dup b',
      'PUBLISH 3 q1 dup retain c [7]',
      'PUBLISH 4 q1 dup d',
      'PUBLISH 5 q1 e',
    ])
    session.advance()
    expect(next.take()).toEqual([])
  })

  test('[MQTT-3.3.4-10] is sent each PUBREL, however small its Receive Maximum', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a', 'b', 'c', 'd')
    session.pubrec(3, false)
    session.pubrec(4, false)
    const next = reconnect(session, 1)
    expect(next.take()).toEqual(['PUBLISH 1 q2 dup a', 'PUBREL 3', 'PUBREL 4'])
    session.pubrec(1, false)
    session.pubcomp(1)
    session.advance()
    expect(next.take()).toEqual(['PUBREL 1', 'PUBLISH 2 q2 dup b'])
    expect(reconnect(session).take()).toEqual(['PUBLISH 2 q2 dup b', 'PUBREL 3', 'PUBREL 4'])
  })

  test('is sent one PUBREL for a PUBREC that comes before its PUBLISH was sent again', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a', 'b')
    const next = reconnect(session, 1)
    session.pubrec(2, false)
    expect(next.take()).toEqual(['PUBLISH 1 q2 dup a', 'PUBREL 2'])
    session.pubrec(1, true)
    session.advance()
    expect(next.take()).toEqual([])
    deliver(session, 1, 'c')
    expect(next.take()).toEqual(['PUBLISH 3 q1 c'])
  })

  test('is sent nothing before it is advanced, and new messages only behind the old ones', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a')
    session.detach()
    const next = new FakeOutlet()
    session.attach(next, 10)
    expect(session.ready).toBe(false)
    deliver(session, 1, 'b')
    expect(next.take()).toEqual([])
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBLISH 2 q1 b'])
    expect(session.ready).toBe(true)
  })

  test('is sent no faster than it reads', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a', 'b')
    session.detach()
    const next = new FakeOutlet()
    next.writable = false
    session.attach(next, 10)
    session.advance()
    deliver(session, 1, 'c')
    expect(next.take()).toEqual([])
    next.writable = true
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBLISH 2 q1 dup b', 'PUBLISH 3 q1 c'])
  })

  test('is not sent again what is too large for it', () => {
    const { session, host, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a', 'too large', 'b')
    session.detach()
    const next = new FakeOutlet()
    next.maximumSize = 5
    session.attach(next, 2)
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBLISH 3 q1 dup b'])
    expect(host.drops).toEqual(['too large: too large'])
    expect(session.inflight.state(2)).toBe(DeliveryState.None)
  })

  test('may go in the middle of it', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a', 'b', 'c')
    session.detach()
    class Closing extends FakeOutlet {
      override publish(...parameters: Parameters<FakeOutlet['publish']>): void {
        super.publish(...parameters)
        session.detach()
      }
    }
    const next = new Closing()
    session.attach(next, 10)
    session.advance()
    expect(next.take()).toEqual(['PUBLISH 1 q1 dup a'])
    expect(reconnect(session).take()).toEqual([
      'PUBLISH 1 q1 dup a',
      'PUBLISH 2 q1 dup b',
      'PUBLISH 3 q1 dup c',
    ])
  })
})

describe('while nobody is connected', () => {
  test('messages wait, acknowledgements and commits change nothing that is sent', () => {
    const { session, outlet } = sessionWith()
    deliver(session, 1, 'a')
    session.advance()
    expect(session.ready).toBe(false)
    session.attach(outlet, 10)
    session.advance()
    deliver(session, 2, 'b')
    session.detach()
    session.pubrec(2, false)
    session.advance()
    expect(outlet.take()).toEqual(['PUBLISH 1 q1 a', 'PUBLISH 2 q2 b'])
    expect(reconnect(session).take()).toEqual(['PUBLISH 1 q1 dup a', 'PUBREL 2'])
  })
})

describe('inbound QoS 2', () => {
  test('[MQTT-4.3.3-10] an identifier is held once, until PUBREL', () => {
    const { session, journal } = durableSessionWith()
    expect(session.hold(7)).toBe(true)
    expect(session.hold(7)).toBe(false)
    expect(session.letGo(7)).toBe(true)
    expect(session.letGo(7)).toBe(false)
    expect(session.hold(7)).toBe(true)
    expect(journal.takeSteps()).toEqual(['hold 7', 'let go 7', 'hold 7'])
    expect(sessionWith().session.hold(1)).toBe(true)
    expect(sessionWith().session.letGo(1)).toBe(false)
  })
})

describe('a durable session', () => {
  test('tells the journal of each step', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 1, 'a')
    deliver(session, 2, 'b', 'c')
    journal.commit()
    expect(journal.takeSteps()).toEqual([
      ...['add 1', 'sent 1 as 1', 'add 2', 'sent 2 as 2', 'add 3', 'sent 3 as 3'],
    ])
    session.puback(1)
    session.pubrec(2, false)
    session.pubrec(2, false)
    session.pubrec(3, true)
    session.pubcomp(2)
    expect(journal.takeSteps()).toEqual(['delete 1', 'released 2', 'delete 3', 'delete 2'])
    journal.commit()
    expect(journal.stored.size).toBe(0)
    expect(journal.pendingBatch).toBe(0)
  })

  test('sends a PUBLISH at QoS 2 and a PUBREL when what they say is kept, in order', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a')
    deliver(session, 1, 'b')
    expect(outlet.take()).toEqual(['PUBLISH 2 q1 b'])
    journal.begin()
    deliver(session, 2, 'c')
    expect(outlet.take()).toEqual([])
    journal.finish()
    expect(outlet.take()).toEqual(['PUBLISH 1 q2 a'])
    session.pubrec(1, false)
    expect(outlet.take()).toEqual([])
    journal.commit()
    expect(outlet.take()).toEqual(['PUBLISH 3 q2 c', 'PUBREL 1'])
  })

  test('sends a PUBREL again at once where nothing is left to be kept', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a', 'b')
    journal.commit()
    session.pubrec(1, false)
    journal.commit()
    outlet.take()
    session.pubrec(1, false)
    expect(outlet.take()).toEqual(['PUBREL 1'])
    expect(reconnect(session).take()).toEqual(['PUBREL 1', 'PUBLISH 2 q2 dup b'])
  })

  test('forgets with the connection what was to be sent on it after a commit', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a')
    const next = reconnect(session)
    expect(next.take()).toEqual([])
    journal.commit()
    expect(outlet.take()).toEqual([])
    expect(next.take()).toEqual(['PUBLISH 1 q2 dup a'])
    session.pubrec(1, false)
    session.detach()
    journal.commit()
    expect(next.take()).toEqual([])
  })

  test('keeps that order where another session is told of the commit first', () => {
    const { session: other, journal, host } = durableSessionWith()
    const session = new Session(2, 'client', host, journal)
    const outlet = new FakeOutlet()
    session.attach(outlet, 10)
    deliver(session, 2, 'a')
    journal.commit()
    session.pubrec(1, false)
    journal.commit()
    class Neighbour extends FakeOutlet {
      override publish(...parameters: Parameters<FakeOutlet['publish']>): void {
        super.publish(...parameters)
        session.pubrec(1, false)
      }
    }
    const neighbour = new Neighbour()
    other.attach(neighbour, 10)
    deliver(other, 2, 'b')
    deliver(session, 2, 'c')
    outlet.take()
    journal.commit()
    expect(neighbour.take()).toEqual(['PUBLISH 1 q2 b'])
    expect(outlet.take()).toEqual(['PUBLISH 2 q2 c', 'PUBREL 1'])
  })

  test('sends nothing for a delivery that ended before its batch was kept', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a')
    journal.commit()
    session.pubrec(1, false)
    session.pubcomp(1)
    outlet.take()
    journal.commit()
    expect(outlet.take()).toEqual([])
  })

  test('[MQTT-4.8.2-4] goes on after a restart where it was', () => {
    const { session, journal, outlet } = durableSessionWith()
    session.attach(outlet, 10)
    deliver(session, 2, 'a', 'b')
    journal.commit()
    session.pubrec(2, false)
    journal.commit()
    const restarted = new Session(1, 'client', new FakeHost(), journal)
    for (const { position, packetIdentifier, state, ...one } of journal.stored.values()) {
      restarted.inflight.restore(
        packetIdentifier,
        state === 'released' ? DeliveryState.AwaitPubcomp : DeliveryState.AwaitPubrec,
        state === 'released' ? null : one.message,
        one.retain,
        one.identifiers,
        position,
      )
    }
    expect(reconnect(restarted).take()).toEqual(['PUBLISH 1 q2 dup a', 'PUBREL 2'])
  })
})
