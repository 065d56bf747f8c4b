/** A web page in a real browser, with MQTT.js, on an http server that also serves the page. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Broker } from '@promptmq/broker'
import { attachWebSocket } from '@promptmq/websocket'
import { expect, test } from 'vitest'
import { listenOn } from './harness.ts'

/** Where it must be, its absence is a failure. */
const hasChromium =
  process.env.PROMPTMQ_REQUIRE_MOSQUITTO !== undefined || existsSync('/usr/bin/chromium')

const MQTT_JS = fileURLToPath(new URL('../dist/mqtt.min.js', import.meta.resolve('mqtt')))

/** What is large goes in several frames; the echo comes back in one message. */
const SIZE = 9_000_000

const PAGE = `<!doctype html>
<script src="/mqtt.js"></script>
<script>
  const client = mqtt.connect('ws://' + location.host + '/mqtt', { protocolVersion: 5 })
  const large = new Uint8Array(${SIZE}).map((_, i) => i)
  client.on('connect', () => client.subscribe('echo', { qos: 2 }, () => {
    client.publish('echo', large, { qos: 2 })
  }))
  client.on('message', (topic, payload) => {
    const isSame = payload.length === large.length && payload.every((byte, i) => byte === large[i])
    client.publish('result', isSame ? 'the same' : 'another of ' + payload.length, { qos: 1 })
  })
</script>`

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

test.skipIf(!hasChromium)(
  'a page in Chromium publishes and receives what is large',
  async () => {
    await using broker = await Broker.start()
    const server = createServer((request, response) => {
      const isScript = request.url === '/mqtt.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? readFileSync(MQTT_JS) : PAGE)
    })
    const port = await listenOn(server)
    attachWebSocket(broker, server, { allowedOrigins: [`http://127.0.0.1:${port}`] })
    const results = broker.subscribe('result')
    const profile = mkdtempSync(join(tmpdir(), 'promptmq-chromium-'))
    const parameters = [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`]
    const browser = spawn('chromium', parameters, { stdio: 'ignore' })
    try {
      const { value } = await results.next()
      expect(Buffer.from(value!.payload).toString()).toBe('the same')
    } finally {
      await end(browser)
      await broker.close()
      server.closeAllConnections()
      server.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  },
  60_000,
)
