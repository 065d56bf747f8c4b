import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for names without commas. */
export class ScramClient {
  readonly #password: string
  readonly #nonce = randomBytes(18).toString('base64')
  readonly #firstBare: string
  #signature = ''

  constructor({ userName, password }: { userName: string; password: string }) {
    this.#password = password
    this.#firstBare = `n=${userName},r=${this.#nonce}`
  }

  /** What CONNECT carries. */
  first(): Buffer {
    return Buffer.from(`n,,${this.#firstBare}`)
  }

  /** The answer to the server's challenge. */
  final(serverFirst: Uint8Array): Buffer {
    const challenge = Buffer.from(serverFirst).toString()
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge)!
    if (!nonce!.startsWith(this.#nonce)) throw new Error(`a nonce of another: ${challenge}`)
    const saltBytes = Buffer.from(salt!, 'base64')
    const salted = pbkdf2Sync(this.#password, saltBytes, Number(iterations), 32, 'sha256')
    const withoutProof = `c=biws,r=${nonce}`
    const authMessage = `${this.#firstBare},${challenge},${withoutProof}`
    const clientKey = hmac(salted, 'Client Key')
    const storedKey = createHash('sha256').update(clientKey).digest()
    const signature = hmac(storedKey, authMessage)
    const proof = clientKey.map((byte, index) => byte ^ signature[index]!)
    this.#signature = hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
  }

  /** Whether the server knows the password too. */
  isServer(serverFinal: Uint8Array | undefined): boolean {
    return Buffer.from(serverFinal ?? []).toString() === `v=${this.#signature}`
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
