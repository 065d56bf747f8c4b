import * as echarts from 'echarts'
import { type Growth, SHAPES } from './matching.ts'

const SIZE = { width: 1000, height: 460 }

/** Cost of a match and memory of a subscription against their number, as an SVG of two diagrams. */
export function growthChart(growths: readonly Growth[]): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE })
  const shapes = Object.keys(SHAPES)
  const lines = (figure: 'match' | 'bytesEach', index: number) =>
    shapes.map((name) => ({
      name,
      type: 'line' as const,
      xAxisIndex: index,
      yAxisIndex: index,
      symbolSize: 7,
      data: growths.filter(({ shape }) => shape === name).map((one) => [one.count, one[figure]]),
    }))
  const counts = (gridIndex: number) => ({
    gridIndex,
    type: 'log' as const,
    name: 'subscriptions',
    nameLocation: 'middle' as const,
    nameGap: 28,
    min: 1_000,
  })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    legend: { top: 8, itemGap: 40, data: shapes },
    title: [
      {
        text: 'a match without a cached route, ns',
        left: 60,
        top: 40,
        textStyle: { fontSize: 14 },
      },
      { text: 'memory of a subscription, bytes', left: 560, top: 40, textStyle: { fontSize: 14 } },
    ],
    grid: [
      { left: 70, width: 385, top: 80, bottom: 60 },
      { left: 570, width: 385, top: 80, bottom: 60 },
    ],
    xAxis: [counts(0), counts(1)],
    yAxis: [
      { gridIndex: 0, min: 0 },
      { gridIndex: 1, min: 0 },
    ],
    series: [...lines('match', 0), ...lines('bytesEach', 1)],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}
