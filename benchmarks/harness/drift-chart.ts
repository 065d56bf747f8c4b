import * as echarts from 'echarts'
import type { Drift } from './results.ts'

const ROW_HEIGHT = 34
const WIDTH = 1000
/** Without a screen nobody measures text: room for the longest name. */
const LABEL_WIDTH = 340
const BEFORE = '#b8c4d0'
const NOW = '#2b6cb0'

/**
 * The ratios of two results side by side, as an SVG: how many times faster than its rival each case was
 * before, and is now.
 */
export function driftChart(
  title: string,
  drifts: readonly Drift[],
  labels: { readonly before: string; readonly now: string },
): string {
  const height = 110 + ROW_HEIGHT * drifts.length
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  const series = (name: string, color: string, figures: 'before' | 'now') => ({
    name,
    type: 'bar' as const,
    color,
    data: drifts.map((drift) => rounded(drift[figures]?.ratio)),
    label: { show: true, position: 'right' as const, fontSize: 10, formatter: '{c}x' },
  })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
    legend: { top: 34, left: 12, itemGap: 60, data: [labels.before, labels.now] },
    grid: { left: LABEL_WIDTH, right: 60, top: 66, bottom: 30 },
    xAxis: { type: 'log', name: 'times', min: 0.1 },
    yAxis: {
      type: 'category',
      inverse: true,
      data: drifts.map(({ suite, name }) => `${suite}: ${name}`),
    },
    series: [series(labels.before, BEFORE, 'before'), series(labels.now, NOW, 'now')],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

function rounded(ratio: number | undefined): number | null {
  return ratio === undefined ? null : Number(ratio.toPrecision(3))
}
