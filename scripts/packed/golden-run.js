/**
 * Runs the codec over the golden packets, in whatever runs JavaScript: no module of Node, no type.
 *
 * @param {typeof import('@promptmq/codec')} codec
 * @param {{ valid: [name: string, version: number, hex: string, encodesAs: string][],
 *   refused: [name: string, version: number, sender: number, hex: string, code: string][] }} golden
 * @returns {string} `N packets`, or what went wrong first
 */
export function runGolden({ decode, encode }, { valid, refused }) {
  for (const [name, protocolVersion, hex, encodesAs] of valid) {
    const packet = decode(bytesOf(hex), { protocolVersion })
    const again = hexOf(encode(packet, { protocolVersion }))
    if (again !== encodesAs) return `${name}: encoded as ${again.slice(0, 200)}`
  }
  for (const [name, protocolVersion, sender, hex, code] of refused) {
    const found = codeOf(() => decode(bytesOf(hex), { protocolVersion, sender }))
    if (found !== code) return `${name}: ${found} in place of ${code}`
  }
  return `${valid.length + refused.length} packets`
}

function codeOf(decoding) {
  try {
    decoding()
    return 'accepted'
  } catch (error) {
    return error.code ?? String(error)
  }
}

function bytesOf(hex) {
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
