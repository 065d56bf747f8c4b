import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { ReasonCode } from '@promptmq/codec'
import type {
  AuthenticationExchange,
  AuthenticationMethod,
  AuthenticationStep,
} from './authentication.ts'
import { rangeMisuse } from './misuse.ts'

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) as an Authentication Method: a client proves that it knows the
 * password without sending it, and the server that it knows the user, without keeping the password.
 *
 *   CONNECT    n,,n=user,r=CLIENT            client-first
 *   AUTH 0x18  r=CLIENTSERVER,s=SALT,i=4096  server-first
 *   AUTH 0x18  c=biws,r=CLIENTSERVER,p=PROOF client-final
 *   CONNACK    v=SIGNATURE                   server-final
 *
 * Channel binding is not offered.
 */

/** What is kept of a password. */
export interface ScramCredentials {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** What {@link scramSha256} takes. */
export interface ScramOptions {
  /** @returns what is kept of a user's password, `undefined` where nobody has that name. */
  credentials(
    userName: string,
  ): ScramCredentials | undefined | Promise<ScramCredentials | undefined>
  /** The server's part of the nonce, for who repeats an exchange. Default: 18 random bytes. */
  readonly nonce?: () => string
}

const LEAST_ITERATIONS = 4_096
const KEY_SIZE = 32
const SALT_SIZE = 16
const derive = promisify(pbkdf2)

/**
 * What to keep of a password. It is normalized (NFKC), so that it does not matter how it was typed.
 *
 * @param iterations - from 4,096; more costs an attacker, and each client, more.
 * @throws RangeError with code `ERR_PROMPTMQ_ARGUMENT` for fewer.
 */
export async function scramCredentials(
  password: string,
  {
    iterations = LEAST_ITERATIONS,
    salt = randomBytes(SALT_SIZE),
  }: { iterations?: number; salt?: Uint8Array } = {},
): Promise<ScramCredentials> {
  if (!Number.isInteger(iterations) || iterations < LEAST_ITERATIONS) {
    const text = `scramCredentials: iterations must be an integer from 4096, not ${iterations}`
    throw rangeMisuse('ERR_PROMPTMQ_ARGUMENT', text)
  }
  const salted = await derive(password.normalize('NFKC'), salt, iterations, KEY_SIZE, 'sha256')
  const storedKey = hash(hmac(salted, 'Client Key'))
  return { salt, iterations, storedKey, serverKey: hmac(salted, 'Server Key') }
}

/**
 * The Authentication Method SCRAM-SHA-256.
 *
 * @example
 * ```ts
 * import { Broker, scramCredentials, scramSha256 } from '@promptmq/broker'
 *
 * const users = new Map([['ada', await scramCredentials('countess')]])
 * const broker = await Broker.start()
 * broker.use({
 *   name: 'users',
 *   authenticationMethods: [scramSha256({ credentials: (userName) => users.get(userName) })],
 * })
 * ```
 */
export function scramSha256(options: ScramOptions): AuthenticationMethod {
  // Who asks for an unknown user is answered as for a known one, always the same.
  const secret = randomBytes(KEY_SIZE)
  return { name: 'SCRAM-SHA-256', begin: () => new ScramExchange(options, secret) }
}

const REFUSED: AuthenticationStep = {
  kind: 'failure',
  reasonCode: ReasonCode.BadUserNameOrPassword,
}
const NONCE_SIZE = 18

class ScramExchange implements AuthenticationExchange {
  readonly #options: ScramOptions
  readonly #secret: Uint8Array
  #userName = ''
  #credentials: ScramCredentials | undefined
  #channelBinding = ''
  #nonce = ''
  #serverFirst = ''
  #clientFirstBare = ''

  constructor(options: ScramOptions, secret: Uint8Array) {
    this.#options = options
    this.#secret = secret
  }

  next(data: Uint8Array | undefined): AuthenticationStep | Promise<AuthenticationStep> {
    // A client may let the server begin.
    if (data === undefined && this.#nonce === '') return { kind: 'continue' }
    const text = Buffer.from(data ?? []).toString()
    return this.#nonce === '' ? this.#first(text) : this.#final(text)
  }

  async #first(text: string): Promise<AuthenticationStep> {
    const message = /^([ny],(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+))(?:,.*)?$/.exec(
      text,
    )
    if (message === null) return REFUSED
    const [, header, authorizationName, bare, name, clientNonce] = message
    const userName = saslName(name!)
    if (userName === null) return REFUSED
    // Acting for somebody else is not offered.
    if (authorizationName !== undefined && saslName(authorizationName) !== userName) return REFUSED
    this.#userName = userName
    this.#channelBinding = Buffer.from(header!).toString('base64')
    this.#clientFirstBare = bare! + text.slice(header!.length + bare!.length)
    this.#credentials = await this.#options.credentials(userName)
    const { nonce = () => randomBytes(NONCE_SIZE).toString('base64') } = this.#options
    this.#nonce = clientNonce! + nonce()
    const salt = this.#credentials?.salt ?? hmac(this.#secret, userName).subarray(0, SALT_SIZE)
    const iterations = this.#credentials?.iterations ?? LEAST_ITERATIONS
    this.#serverFirst = `r=${this.#nonce},s=${Buffer.from(salt).toString('base64')},i=${iterations}`
    return { kind: 'continue', data: Buffer.from(this.#serverFirst) }
  }

  #final(text: string): AuthenticationStep {
    const message = /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/.exec(text)
    if (message === null) return REFUSED
    const [, withoutProof, channelBinding, nonce, proofText] = message
    const proof = Buffer.from(proofText!, 'base64')
    const isOurs = channelBinding === this.#channelBinding && nonce === this.#nonce
    if (!isOurs || proof.length !== KEY_SIZE || this.#credentials === undefined) return REFUSED
    const { storedKey, serverKey } = this.#credentials
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`
    const clientKey = xor(proof, hmac(storedKey, authMessage))
    if (!timingSafeEqual(hash(clientKey), storedKey)) return REFUSED
    const signature = hmac(serverKey, authMessage).toString('base64')
    return { kind: 'success', userName: this.#userName, data: Buffer.from(`v=${signature}`) }
  }
}

/** `=2C` is a comma, `=3D` an equals sign, and nothing else begins with one. */
function saslName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=').normalize('NFKC')
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, index) => byte ^ other[index]!)
}
