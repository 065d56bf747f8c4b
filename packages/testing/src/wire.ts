const encoder = new TextEncoder()

/**
 * Bytes as a reader of the specification writes them: hex pairs, "quoted" UTF-8, and `|` wherever a
 * field ends, which means nothing.
 *
 * @throws Error for a token that is neither.
 *
 * @example
 * ```ts
 * const publish = wire`30 07 | 00 03 "a/b" | 00 | "!"`
 * ```
 */
export function wire(strings: TemplateStringsArray): Uint8Array {
  const bytes: number[] = []
  for (const [token] of strings.raw[0]!.matchAll(/"[^"]*"|[^\s|]+/g)) {
    if (token.startsWith('"')) bytes.push(...encoder.encode(token.slice(1, -1)))
    else if (/^[0-9a-f]{2}$/i.test(token)) bytes.push(Number.parseInt(token, 16))
    else throw new Error(`wire: '${token}' is neither a hex pair nor a "string"`)
  }
  return Uint8Array.from(bytes)
}

/** The other way round, for messages of failed tests: `30 07 00 03`. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}
