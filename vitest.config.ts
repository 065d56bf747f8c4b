import { defineConfig } from 'vitest/config'

const packages = [
  'codec',
  'router',
  'store',
  'store-sqlite',
  'broker',
  'websocket',
  'promptmq',
  'testing',
]
const gate = { lines: 90, branches: 90 }

export default defineConfig({
  resolve: { conditions: ['promptmq-source'] },
  ssr: { resolve: { conditions: ['promptmq-source'] } },
  test: {
    include: ['{packages/*,scripts,benchmarks}/test/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--conditions=promptmq-source'],
    testTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: Object.fromEntries(packages.map((name) => [`packages/${name}/src/**`, gate])),
    },
  },
})
