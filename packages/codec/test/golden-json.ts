/**
 * Prints the golden packets for who has no vitest: bytes as hex, and what is read of them left out.
 *
 *   { "valid": [[name, version, hex, hex as encoded]], "refused": [[name, version, sender, hex, code]] }
 *
 * Those that need limits, or are never written, are left out too.
 */
import { GOLDEN } from './golden.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const valid = GOLDEN.flatMap((file) => file.valid)
  .filter(({ limits, encodesAs }) => Object.keys(limits).length === 0 && encodesAs !== null)
  .map(({ name, version, bytes, encodesAs }) => [
    name,
    version,
    hex(bytes),
    hex(encodesAs?.bytes ?? bytes),
  ])
const refused = GOLDEN.flatMap((file) => file.refused)
  .filter(({ limits }) => Object.keys(limits).length === 0)
  .map(({ name, version, sender, bytes, code }) => [name, version, sender, hex(bytes), code])
process.stdout.write(JSON.stringify({ valid, refused }))
