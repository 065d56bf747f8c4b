/**
 * Our broker in a process of its own, which says what it feels: how long its event loop was held up, what
 * memory it takes.
 *
 *   node host.ts      tells its parent the port; answers 'begin' and 'report' of the parent
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Broker } from '@promptmq/broker'

/** Of the time since 'begin'. */
export interface Felt {
  /** Milliseconds of event loop delay beyond the timer's own. */
  readonly delayP99: number
  readonly delayMax: number
  /** Bytes. */
  readonly rss: number
  readonly dropped: number
}

const RESOLUTION_MS = 1

const broker = await Broker.start({ maximumRetainedMessages: 200_000 })
const { port } = await broker.listen({ port: 0 })
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()

process.on('message', (what) => {
  if (what === 'begin') delay.reset()
  else process.send!(felt())
})
process.on('disconnect', () => process.exit(0))
process.send!({ port })

function felt(): Felt {
  return {
    delayP99: delay.percentile(99) / 1e6 - RESOLUTION_MS,
    delayMax: delay.max / 1e6 - RESOLUTION_MS,
    rss: process.memoryUsage.rss(),
    dropped: Object.values(broker.stats().dropped).reduce((sum, count) => sum + count),
  }
}
