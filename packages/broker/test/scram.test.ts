import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { type AuthenticationStep, scramCredentials, scramSha256 } from '@promptmq/broker'
import { describe, expect, test } from 'vitest'

const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const CLIENT_NONCE = 'rOprNGfwEbeRWgbNEkqO'
const NONCE = `${CLIENT_NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
const FINAL = `c=biws,r=${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`
const REFUSED = { kind: 'failure', reasonCode: 0x86 }

const request = {
  clientId: 'c',
  userName: undefined,
  protocolVersion: 5,
  remoteAddress: 'virtual',
  password: undefined,
  cleanStart: true,
  keepAlive: 0,
} as const

/** The exchange of RFC 7677 §3: user `user`, password `pencil`. */
async function exchange() {
  const pencil = await scramCredentials('pencil', { salt: SALT })
  const method = scramSha256({
    credentials: (userName) => (userName === 'user' ? pencil : undefined),
    nonce: () => NONCE.slice(CLIENT_NONCE.length),
  })
  return method.begin(request)
}

const say = (text: string) => new TextEncoder().encode(text)

function textOf(step: AuthenticationStep): string {
  return step.kind === 'failure' ? 'failure' : Buffer.from(step.data ?? []).toString()
}

describe('SCRAM-SHA-256', () => {
  test('the exchange of RFC 7677', async () => {
    const { next } = bound(await exchange())
    const first = await next(say(`n,,n=user,r=${CLIENT_NONCE}`))
    expect(textOf(first)).toBe(`r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)
    const last = await next(say(FINAL))
    expect(last).toMatchObject({ kind: 'success', userName: 'user' })
    expect(textOf(last)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  })

  test('a client may let the server begin', async () => {
    const { next } = bound(await exchange())
    expect(await next(undefined)).toEqual({ kind: 'continue' })
    expect(textOf(await next(say(`n,,n=user,r=${CLIENT_NONCE}`)))).toContain(NONCE)
  })

  test.each([
    ['no GS2 header', `n=user,r=${CLIENT_NONCE}`],
    ['channel binding', `p=tls-unique,,n=user,r=${CLIENT_NONCE}`],
    ['acting for another', `n,a=root,n=user,r=${CLIENT_NONCE}`],
    ['no nonce', 'n,,n=user'],
    ['an extension that must be understood', `n,,m=x,n=user,r=${CLIENT_NONCE}`],
    ['a name that is badly written', `n,,n=us=er,r=${CLIENT_NONCE}`],
    ['nothing', ''],
  ])('%s is refused at once', async (_what, text) => {
    const { next } = bound(await exchange())
    expect(await next(say(text))).toEqual(REFUSED)
  })

  test.each([
    ['a wrong proof', FINAL.replace('p=dHz', 'p=dHy')],
    ['a proof of the wrong size', FINAL.replace(/p=.*/, 'p=AAAA')],
    ['another nonce', FINAL.replace('%hv', '%hw')],
    ['another channel binding', FINAL.replace('biws', 'eSws')],
    ['no proof', `c=biws,r=${NONCE}`],
  ])('%s is refused', async (_what, text) => {
    const { next } = bound(await exchange())
    await next(say(`n,,n=user,r=${CLIENT_NONCE}`))
    expect(await next(say(text))).toEqual(REFUSED)
  })

  test('an unknown user is found out last, and its salt is always the same', async () => {
    const method = scramSha256({ credentials: () => undefined, nonce: () => 'x' })
    const salts = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const { next } = bound(method.begin(request))
      const first = textOf(await next(say(`n,,n=nobody,r=${CLIENT_NONCE}`)))
      salts.add(/s=([^,]+)/.exec(first)![1]!)
      const final = `c=biws,r=${CLIENT_NONCE}x,p=${'A'.repeat(43)}=`
      expect(await next(say(final))).toEqual(REFUSED)
    }
    expect(salts.size).toBe(1)
  })

  test('names and passwords are normalized; commas and equals signs are written =2C and =3D', async () => {
    const kept = await scramCredentials('pa\u0301ssword', { salt: SALT })
    const asked: string[] = []
    const method = scramSha256({
      credentials: (userName) => {
        asked.push(userName)
        return kept
      },
    })
    const { next } = bound(method.begin(request))
    const bare = 'n=a=2Cb=3Dc,r=abc'
    const first = textOf(await next(say(`y,a=a=2Cb=3Dc,${bare}`)))
    const nonce = /r=([^,]+)/.exec(first)![1]!
    const binding = Buffer.from('y,a=a=2Cb=3Dc,').toString('base64')
    const final = `c=${binding},r=${nonce}`
    const proof = proofOf('p\u00e1ssword', `${bare},${first},${final}`)
    expect(await next(say(`${final},p=${proof}`))).toMatchObject({ userName: 'a,b=c' })
    expect(asked).toEqual(['a,b=c'])
  })

  test('fewer iterations than anybody should use are refused', async () => {
    const few = scramCredentials('x', { iterations: 4_095 })
    await expect(few).rejects.toThrow(/iterations must be an integer from 4096/)
  })
})

/** What a client computes. */
function proofOf(password: string, authMessage: string): string {
  const salted = pbkdf2Sync(password, SALT, 4_096, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest()
  const signature = createHmac('sha256', storedKey).update(authMessage).digest()
  return Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')
}

function bound(exchange: { next(data: Uint8Array | undefined): unknown }) {
  return {
    next: async (data: Uint8Array | undefined) => (await exchange.next(data)) as AuthenticationStep,
  }
}
