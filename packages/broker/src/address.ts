/**
 * Whom a limit counts as one: an IPv4 address, or the first 64 bits of an IPv6 address, since that
 * many are what one household is given.
 *
 *   192.0.2.7:50123              192.0.2.7
 *   [::ffff:192.0.2.7]:50123     192.0.2.7          the same peer through a socket for both
 *   [2001:db8:1::7]:50123        2001:db8:1:0
 *   local                        ''                 no address: nobody to be counted
 */
export function networkOf(remoteAddress: string): string {
  const host = /^\[(.+)\]:\d+$/.exec(remoteAddress)?.[1]
  if (host === undefined) return /^(\d+(?:\.\d+){3}):\d+$/.exec(remoteAddress)?.[1] ?? ''
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(host)?.[1]
  return mapped ?? first64Bits(host)
}

function first64Bits(host: string): string {
  const [left = '', right = ''] = host.split('::')
  const head = left === '' ? [] : left.split(':')
  const tail = right === '' ? [] : right.split(':')
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}

/** Connections by the network that they come from. */
export class NetworkCounts {
  readonly #counts = new Map<string, number>()

  /** Networks that have any. */
  get size(): number {
    return this.#counts.size
  }

  /** @param network - of {@link networkOf}; '' is never counted. */
  of(network: string): number {
    return this.#counts.get(network) ?? 0
  }

  add(network: string): void {
    if (network !== '') this.#counts.set(network, this.of(network) + 1)
  }

  remove(network: string): void {
    const count = this.of(network)
    if (count > 1) this.#counts.set(network, count - 1)
    else this.#counts.delete(network)
  }
}
