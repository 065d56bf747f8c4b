/** Below this many bytes a loop beats the call into the runtime (Node 26). */
const SHORT = 32

/**
 * Copies `source[start..end)` to `target[offset]`, without making a view where it can: a view is a
 * hundred bytes of garbage for each message.
 */
export function copyBytes(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start <= SHORT) {
    for (let from = start, to = offset; from < end; from++, to++) target[to] = source[from]!
  } else {
    Buffer.prototype.copy.call(source, target, offset, start, end)
  }
}
