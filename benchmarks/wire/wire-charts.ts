import * as echarts from 'echarts'
import type { Row } from './summary.ts'

const WIDTH = 1100
const ROW_HEIGHT = 62
/** Without a screen nobody measures text: room for the longest name. */
const LABEL_WIDTH = 330
/** Where the axis begins. */
const LEAST = 0.01
const COLORS: Readonly<Record<string, string>> = {
  promptmq: '#1f6fb4',
  aedes: '#e08a2e',
  mosquitto: '#7a8794',
  nats: '#4b9c5f',
}

type Figure = (summary: Row['summaries'][number]) => number

/** How many times mosquitto's rate each broker has. */
export const rateChart = (rows: readonly Row[], brokers: readonly string[]): string =>
  bars(
    'Messages a second, as multiples of mosquitto',
    rows.filter(({ scenario }) => scenario.measures === 'rate'),
    brokers,
    1,
    ({ times }) => times,
  )

/** Microseconds. */
export const cpuChart = (rows: readonly Row[], brokers: readonly string[]): string =>
  bars('Processor time a message, microseconds', rows, brokers, LEAST, ({ cpu }) => cpu)

/** Milliseconds. */
export const latencyChart = (rows: readonly Row[], brokers: readonly string[]): string =>
  bars('p99 of the latency, milliseconds', rows, brokers, LEAST, ({ p99 }) => p99)

/** @param start - where bars begin: what is less goes to the left. */
function bars(
  title: string,
  rows: readonly Row[],
  brokers: readonly string[],
  start: number,
  figure: Figure,
): string {
  const height = 110 + ROW_HEIGHT * rows.length
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 36, left: 12, itemGap: 40, data: [...brokers] },
    grid: { left: LABEL_WIDTH, right: 70, top: 70, bottom: 30 },
    xAxis: { type: 'log', min: LEAST, startValue: start },
    yAxis: { type: 'category', inverse: true, data: rows.map(({ scenario }) => scenario.name) },
    series: brokers.map((name) => ({
      name,
      type: 'bar' as const,
      color: COLORS[name],
      data: rows.map(({ summaries }) => {
        const summary = summaries.find(({ broker }) => broker === name)
        const value = summary === undefined ? Number.NaN : figure(summary)
        return Number.isFinite(value) && value > 0 ? Number(value.toPrecision(2)) : null
      }),
      label: { show: true, position: 'right' as const, fontSize: 10 },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}
