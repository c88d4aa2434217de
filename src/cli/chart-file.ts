import { drawChart } from '../index.ts'
import type { ChartSpec } from '../index.ts'
import type { ChartData } from './chart-data.ts'

/** The chart as an SVG picture on white. @throws {KustoUsageError} KUSTO_PEER_MISSING when vega and vega-lite are not installed */
export async function chartSvg(data: ChartData): Promise<string> {
  return drawChart(chartSpec(data))
}

/** A page that holds the picture, the query and nothing from elsewhere. */
export async function chartHtml(data: ChartData, query: string): Promise<string> {
  const title = escapeHtml(data.title === '' ? 'kusto-arrow' : data.title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
body { margin: 0 auto; padding: 24px; max-width: 960px; font: 15px/1.5 system-ui, sans-serif; color: #24292f; background: #fff }
figure { margin: 0; overflow-x: auto }
svg { max-width: 100%; height: auto }
pre { padding: 12px; overflow-x: auto; background: #f6f8fa; border-radius: 6px; font-size: 13px }
</style>
</head>
<body>
<figure>${await chartSvg(data)}</figure>
<pre>${escapeHtml(query)}</pre>
</body>
</html>
`
}

/** Colours that can be told apart, also by the colour-blind (after Okabe and Ito). */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#888888']

const INK = '#24292f'

function chartSpec(data: ChartData): ChartSpec {
  const { title, points, kind } = data
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    ...(kind === 'pie' ? { width: 320, height: 320 } : { width: 720, height: kind === 'bar' ? { step: 24 } : 320 }),
    ...(title === '' ? {} : { title }),
    data: { values: points.filter(({ y }) => y !== null) },
    config: {
      aria: false,
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      range: { category: COLORS },
      mark: { color: COLORS[0] },
      bar: { color: COLORS[0] },
      title: { color: INK, fontSize: 16, anchor: 'start', offset: 12 },
      axis: { labelColor: INK, titleColor: INK, labelFontSize: 12, titleFontSize: 12, gridOpacity: 0.4 },
      legend: { labelColor: INK, titleColor: INK, labelFontSize: 12, orient: 'top', columns: 4, labelLimit: 200 },
    },
    ...marks(data),
  }
}

function marks({ kind, xTitle, yTitle, xType, isStacked, series }: ChartData): ChartSpec {
  const color = series.length > 1 ? { field: 'series', type: 'nominal', title: null, sort: series } : undefined
  const colored = color === undefined ? {} : { color }
  const x = {
    field: 'x',
    type: { time: 'temporal', number: 'quantitative', text: 'nominal' }[xType],
    title: xTitle,
    ...(xType === 'text' ? { sort: null } : {}),
    ...(xType === 'time' ? { scale: { type: 'utc' } } : {}),
  }
  const y = { field: 'y', type: 'quantitative', title: yTitle === '' ? null : yTitle }
  const stack = isStacked ? 'zero' : null
  switch (kind) {
    case 'bar':
      return {
        mark: 'bar',
        encoding: {
          y: { ...x, type: 'nominal', sort: null },
          x: { ...y, stack },
          ...colored,
          ...(isStacked || color === undefined ? {} : { yOffset: { field: 'series' } }),
        },
      }
    case 'column':
      return {
        mark: 'bar',
        encoding: {
          x: { ...x, type: xType === 'time' ? 'ordinal' : 'nominal', sort: null, axis: { labelAngle: -30 } },
          y: { ...y, stack },
          ...colored,
          ...(isStacked || color === undefined ? {} : { xOffset: { field: 'series' } }),
        },
      }
    case 'line':
      return {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { x, y: { ...y, scale: { zero: false } }, ...colored },
      }
    case 'area':
    case 'stackedarea':
      return {
        mark: { type: 'area', opacity: isStacked ? 0.85 : 0.4, line: true },
        encoding: { x, y: { ...y, stack }, ...colored },
      }
    case 'scatter':
      return {
        mark: { type: 'point', filled: true, size: 40, opacity: 0.7 },
        encoding: { x, y: { ...y, scale: { zero: false } }, ...colored },
      }
    case 'pie':
      return {
        mark: { type: 'arc', outerRadius: 150 },
        encoding: {
          theta: { ...y, stack: true },
          color: { field: 'x', type: 'nominal', title: xTitle, sort: null, legend: { orient: 'right', columns: 1 } },
          order: { field: 'y', sort: 'descending' },
        },
      }
    case 'card':
    case 'table':
      return {
        mark: { type: 'text', fontSize: 48 },
        encoding: { text: { field: 'y', type: 'quantitative', format: ',.6~g' } },
      }
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
