/**
 * What is undone when this process ends, be it at its end, at an error or at a signal: brokers and loads
 * are not left behind, nor are their folders.
 */
import { constants } from 'node:os'

const undos = new Set<() => void>()

process.on('exit', () => {
  for (const undo of undos) undo()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]))
}

/**
 * @param undo - is called once at the exit; nothing asynchronous in it happens.
 * @returns what forgets it, where it was undone in time.
 */
export function atExit(undo: () => void): () => void {
  undos.add(undo)
  return () => undos.delete(undo)
}
