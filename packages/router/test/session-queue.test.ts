import { describe, expect, test } from 'vitest'
import { Session } from '../src/index.ts'
import { durableSessionWith, FakeOutlet, sessionWith, sizesOf } from './fakes.ts'
import { messageOf } from './messages.ts'

function deliver(session: Session, ...payloads: string[]): boolean[] {
  return payloads.map((payload) => session.deliver(messageOf(payload), 1, false, []))
}

/** The payloads of what was sent. */
function payloads(outlet: FakeOutlet): string[] {
  return outlet.take().map((line) => line.split(' ').at(-1)!)
}

/** Acknowledges all that is under way, and goes on, until nothing more comes by itself. */
function acknowledgeAll(session: Session, outlet: FakeOutlet): string[] {
  const all: string[] = []
  for (let some = payloads(outlet); some.length > 0; some = payloads(outlet)) {
    all.push(...some)
    for (const { packetIdentifier } of session.inflight.inOrder()) session.puback(packetIdentifier)
    session.advance()
  }
  return all
}

describe('a full queue', () => {
  test('drops the newest', () => {
    const { session, host } = sessionWith({ maximumMessages: 2 })
    expect(deliver(session, 'a', 'b', 'c')).toEqual([true, true, false])
    expect(host.drops).toEqual(['queue full: c'])
    const outlet = new FakeOutlet()
    session.attach(outlet, 10)
    session.advance()
    expect(payloads(outlet)).toEqual(['a', 'b'])
  })

  test('drops the oldest', () => {
    const { session, host, journal } = durableSessionWith({
      maximumMessages: 2,
      whenFull: 'drop oldest',
    })
    expect(deliver(session, 'a', 'b', 'c', 'd')).toEqual([true, true, true, true])
    expect(host.drops).toEqual(['queue full: a', 'queue full: b'])
    expect(journal.takeSteps()).toEqual([
      'add 1',
      'add 2',
      'delete 1',
      'add 3',
      'delete 2',
      'add 4',
    ])
    const outlet = new FakeOutlet()
    session.attach(outlet, 10)
    session.advance()
    expect(payloads(outlet)).toEqual(['c', 'd'])
  })

  test('in memory sessions share what there is for all, and leave as much', () => {
    const KIBIBYTE = 1024
    const limits = { maximumBytes: 10_000 * KIBIBYTE, heldTotal: 1_000 * KIBIBYTE }
    const { host } = sessionWith(limits)
    const sessions = Array.from({ length: 3 }, (_, i) => new Session(0, `c${i}`, host))
    const big = 'x'.repeat(10 * KIBIBYTE)
    for (let i = 0; i < 100; i++) for (const session of sessions) deliver(session, big)
    for (const { outbox } of sessions) {
      expect(outbox.heldBytes).toBeGreaterThan(230 * KIBIBYTE)
      expect(outbox.heldBytes).toBeLessThan(260 * KIBIBYTE)
    }
    expect(host.heldBudget.used).toBe(
      sessions.reduce((sum, { outbox }) => sum + outbox.heldBytes, 0),
    )
    expect(host.drops.length).toBe(
      300 - sessions.reduce((sum, { outbox }) => sum + outbox.count, 0),
    )
    for (const { outbox } of sessions) outbox.clear()
    expect(host.heldBudget.used).toBe(0)
  })

  test('a stored one leaves in the Store what it may not hold, and drops nothing', () => {
    const { session, host } = durableSessionWith({ heldTotal: 1 })
    const big = 'x'.repeat(30_000)
    expect(deliver(session, big, big, big, big)).toEqual([true, true, true, true])
    expect([session.outbox.heldCount, session.outbox.spilledCount]).toEqual([2, 2])
    expect(host.drops).toEqual([])
  })

  test('what is in flight has a bound in bytes as well', () => {
    const { session } = sessionWith({ maximumBytes: 10 })
    const outlet = new FakeOutlet()
    session.attach(outlet, 100)
    deliver(session, '123456789', '1', '2')
    expect(payloads(outlet)).toEqual(['123456789'])
    session.puback(1)
    session.advance()
    expect(payloads(outlet)).toEqual(['1', '2'])
  })

  test('is full in bytes too: payloads and Topic Names', () => {
    const { session, host } = sessionWith({ maximumBytes: 10 })
    expect(deliver(session, '1234', '5678')).toEqual([true, true])
    expect(session.outbox.byteSize).toBe(10)
    expect(deliver(session, '')).toEqual([false])
    expect(host.drops).toEqual(['queue full: '])
  })

  test('drops as many of the oldest as a large one needs', () => {
    const { session, host } = sessionWith({ maximumBytes: 10, whenFull: 'drop oldest' })
    deliver(session, 'a', 'b', 'c', 'd', '12345')
    expect(host.drops).toEqual(['queue full: a', 'queue full: b'])
    expect(session.outbox.count).toBe(3)
  })

  test('takes one that is larger than the bound where it is alone', () => {
    const { session } = sessionWith({ maximumBytes: 4 })
    expect(deliver(session, 'larger than 4', 'a')).toEqual([true, false])
  })

  test('drops the newest where the oldest are in the Store, and asks for them', () => {
    const { session, host, journal } = durableSessionWith({
      maximumMessages: 4,
      maximumHeldMessages: 2,
      whenFull: 'drop oldest',
    })
    deliver(session, 'a', 'b', 'c', 'd')
    expect(sizesOf(session.outbox)).toMatchObject({ heldCount: 2, spilledCount: 2 })
    expect(deliver(session, 'e', 'f')).toEqual([true, true])
    expect(host.drops).toEqual(['queue full: a', 'queue full: b'])
    expect(deliver(session, 'g', 'h')).toEqual([false, false])
    expect(host.reads).toEqual([2])
    journal.commit()
    session.refill(journal.page(host.reads.pop()!, 10))
    expect(deliver(session, 'i')).toEqual([true])
    expect(host.drops.slice(2)).toEqual(['queue full: g', 'queue full: h', 'queue full: c'])
    expect(session.outbox.count).toBe(4)
  })
})

describe('while there is no room', () => {
  test('messages wait in order behind each other', () => {
    const { session, outlet } = sessionWith()
    session.attach(outlet, 10)
    outlet.writable = false
    deliver(session, 'a', 'b')
    outlet.writable = true
    // The socket takes more, but what waits is first.
    deliver(session, 'c')
    expect(payloads(outlet)).toEqual([])
    session.advance()
    expect(payloads(outlet)).toEqual(['a', 'b', 'c'])
  })

  test('sending stops where the peer stops reading', () => {
    const { session, outlet } = sessionWith()
    deliver(session, 'a', 'b', 'c')
    session.attach(
      Object.defineProperty(outlet, 'writable', { get: () => outlet.sent.length < 2 }),
      10,
    )
    session.advance()
    expect(payloads(outlet)).toEqual(['a', 'b'])
    session.advance()
    expect(payloads(outlet)).toEqual(['c'])
  })
})

describe('what is not sent', () => {
  test('[MQTT-3.3.2-5] what expired while it waited', () => {
    const { session, host, journal, outlet } = durableSessionWith()
    for (const [payload, expiresAt] of [
      ['a', 1_000],
      ['b', 2_000],
      ['c', 3_000],
    ] as const) {
      session.deliver(messageOf(payload, { expiresAt }), 1, false, [])
    }
    host.time = 2_000
    session.attach(outlet, 1)
    session.advance()
    expect(payloads(outlet)).toEqual(['c'])
    expect(host.drops).toEqual(['expired: a', 'expired: b'])
    journal.commit()
    expect([...journal.stored.keys()]).toEqual([3])
  })

  test('[MQTT-3.1.2-25] what is too large for the client, at once or after waiting', () => {
    const { session, host, journal, outlet } = durableSessionWith()
    outlet.maximumSize = 5
    deliver(session, 'too large 1', 'a')
    session.attach(outlet, 1)
    session.advance()
    expect(payloads(outlet)).toEqual(['a'])
    session.puback(1)
    expect(deliver(session, 'too large 2', 'b')).toEqual([false, true])
    expect(payloads(outlet)).toEqual(['b'])
    expect(host.drops).toEqual(['too large: too large 1', 'too large: too large 2'])
    // No identifier was used for them, and the Store has none of them.
    expect(session.inflight.inOrder().map(({ packetIdentifier }) => packetIdentifier)).toEqual([2])
    journal.commit()
    expect([...journal.stored.keys()]).toEqual([3])
  })

  test('the same without a journal', () => {
    const { session, host, outlet } = sessionWith()
    outlet.maximumSize = 5
    deliver(session, 'too large', 'a')
    session.attach(outlet, 10)
    session.advance()
    expect(payloads(outlet)).toEqual(['a'])
    expect(host.drops).toEqual(['too large: too large'])
  })
})

describe('what the window does not hold', () => {
  const limits = { maximumHeldMessages: 10, maximumMessages: 20_000 }

  test('is read from the Store page by page, in order', () => {
    const { session, host, journal, outlet } = durableSessionWith(limits)
    const all = Array.from({ length: 10_000 }, (_, i) => String(i))
    deliver(session, ...all)
    expect(sizesOf(session.outbox)).toMatchObject({
      count: 10_000,
      heldCount: 10,
      spilledCount: 9_990,
    })
    journal.commit()
    session.attach(outlet, 7)
    session.advance()
    const sent = acknowledgeAll(session, outlet)
    let pages = 0
    while (host.reads.length > 0) {
      expect(host.reads).toHaveLength(1)
      pages++
      session.refill(journal.page(host.reads.pop()!, 10))
      expect(session.outbox.heldCount).toBeLessThanOrEqual(10)
      sent.push(...acknowledgeAll(session, outlet))
      journal.commit()
    }
    expect(sent).toEqual(all)
    expect(pages).toBe(999)
    expect(sizesOf(session.outbox)).toMatchObject({ count: 0, byteSize: 0 })
    expect(journal.stored.size).toBe(0)
    expect(session.ready).toBe(true)
  })

  test('of a session that is not stored there is nothing', () => {
    const { session } = sessionWith({ ...limits, maximumHeldMessages: 2 })
    deliver(session, 'a', 'b', 'c')
    expect(sizesOf(session.outbox)).toMatchObject({ heldCount: 3, spilledCount: 0 })
  })

  test('stays in front of what comes while a page is read', () => {
    const { session, host, journal, outlet } = durableSessionWith({
      ...limits,
      maximumHeldMessages: 1,
    })
    deliver(session, 'a', 'b', 'c')
    session.attach(outlet, 10)
    session.advance()
    expect(payloads(outlet)).toEqual(['a'])
    expect(host.reads).toEqual([1])
    // Neither of the two may pass b and c, and neither asks again.
    deliver(session, 'd')
    session.advance()
    expect(host.reads).toEqual([1])
    journal.commit()
    const page = journal.page(host.reads.pop()!, 2)
    deliver(session, 'e')
    session.refill(page)
    expect(payloads(outlet)).toEqual(['b', 'c'])
    expect(host.reads).toEqual([3])
    journal.commit()
    session.refill(journal.page(host.reads.pop()!, 10))
    expect(payloads(outlet)).toEqual(['d', 'e'])
    deliver(session, 'f')
    expect(payloads(outlet)).toEqual(['f'])
    expect(host.reads).toEqual([])
  })

  test('is asked for again when it could not be read', () => {
    const { session, host, journal, outlet } = durableSessionWith({
      ...limits,
      maximumHeldMessages: 1,
    })
    deliver(session, 'a', 'b')
    session.attach(outlet, 10)
    session.advance()
    expect(host.reads.splice(0)).toEqual([1])
    session.refillFailed()
    expect(host.reads).toEqual([])
    session.advance()
    expect(host.reads).toEqual([1])
    journal.commit()
    session.refill(journal.page(host.reads.pop()!, 10))
    expect(payloads(outlet)).toEqual(['a', 'b'])
  })

  test('comes in whether the client is still there or not', () => {
    const { session, host, journal, outlet } = durableSessionWith({
      ...limits,
      maximumHeldMessages: 1,
    })
    deliver(session, 'a', 'b', 'c')
    session.attach(outlet, 10)
    session.advance()
    journal.commit()
    const page = journal.page(host.reads.pop()!, 10)
    session.detach()
    session.refill(page)
    expect(sizesOf(session.outbox)).toMatchObject({ heldCount: 2, spilledCount: 0 })
    const next = new FakeOutlet()
    session.attach(next, 10)
    session.advance()
    expect(payloads(next)).toEqual(['a', 'b', 'c'])
    expect(host.reads).toEqual([])
  })

  test('all of it is there after a restart, before what comes then', () => {
    const { session, host, journal, outlet } = durableSessionWith(limits)
    // As a Store says that it has 2 messages that wait.
    for (const payload of ['a', 'b']) {
      journal.queueAdd(session, messageOf(payload), 1, false, [])
    }
    session.outbox.spill(2, 2)
    deliver(session, 'c')
    session.attach(outlet, 10)
    session.advance()
    expect(host.reads).toEqual([0])
    journal.commit()
    session.refill(journal.page(host.reads.pop()!, 10))
    expect(payloads(outlet)).toEqual(['a', 'b', 'c'])
    expect(sizesOf(session.outbox)).toMatchObject({ count: 0, byteSize: 0 })
  })

  test('an empty page ends it: the Store has no more', () => {
    const { session, host, outlet } = durableSessionWith(limits)
    session.outbox.spill(2, 2)
    session.attach(outlet, 10)
    session.advance()
    session.refill([])
    expect(host.reads).toEqual([0])
    deliver(session, 'a')
    expect(payloads(outlet)).toEqual(['a'])
  })
})
