import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PAGE = `<!doctype html>
<script type="importmap">
  { "imports": { "@promptmq/codec": "/node_modules/@promptmq/codec/dist/index.js" } }
</script>
<pre id="out">nothing ran</pre>
<script type="module">
  import * as codec from '@promptmq/codec'
  import { golden } from './golden.js'
  import { runGolden } from './golden-run.js'
  document.getElementById('out').textContent = '\\n' + runGolden(codec, golden) + '\\n'
</script>`

/** No window, no sandbox where it runs as root, and nothing asked of the network. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--dump-dom',
]

/**
 * Opens a page that runs the golden packets, from a server on loopback.
 *
 * @param project - the folder with `golden.js`, `golden-run.js` and `node_modules`.
 * @returns the document once everything in it has run.
 */
export async function showInChromium(project: string): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://127.0.0.1')
    const isPage = pathname === '/'
    response.setHeader('content-type', isPage ? 'text/html' : 'text/javascript')
    try {
      response.end(isPage ? PAGE : readFileSync(join(project, pathname)))
    } catch {
      response.writeHead(404).end()
    }
  })
  const profile = mkdtempSync(join(tmpdir(), 'promptmq-chromium-'))
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const parameters = [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`]
    const { stdout } = await promisify(execFile)('chromium', parameters, { timeout: 60_000 })
    return stdout
  } finally {
    server.close()
    rmSync(profile, { recursive: true, force: true })
  }
}
