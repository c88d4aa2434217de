import type { BenchmarkResult } from './benchmark-result.ts'
import { rangeOf, rangeText } from './chart-range.ts'
import { chartBase } from './chart-spec.ts'
import type { BenchmarkChart, ChartSpec } from './chart-spec.ts'
import { countText, mebibytesText } from './number-text.ts'
import type { Spread } from './statistics.ts'
import { axesOf, largestSlice, measuredOf } from './sweep-slice.ts'

/** By the two axes of the sweep, and how well the second one scales. */
export function sweepCharts(result: BenchmarkResult): readonly BenchmarkChart[] {
  const { members, fixed } = largestSlice(result)
  const { x, series } = axesOf(result)
  const points = members
    .map(({ configuration: { parameters }, summary }) => ({
      x: Number(parameters[x]),
      series: Number(parameters[series]),
      speed: summary.rowsPerSecond,
      ...rangeOf(summary.rowsPerSecond, 1e6),
    }))
    .toSorted((a, b) => a.series - b.series || a.x - b.x)
  const others = Object.entries(fixed).map(([name, value]) => `${name} ${value}`)
  const rest = others.length === 0 ? '' : ` All with ${others.join(', ')}.`
  const charts: BenchmarkChart[] = []
  if (new Set(points.map((point) => point.x)).size > 1) charts.push(sweepLines(result, points, rest))
  const scaling = efficiencies(points)
  if (scaling.length > 0) charts.push(scalingLines(result, scaling, rest))
  return charts
}

interface SweepPointValue {
  readonly x: number
  readonly series: number
  readonly speed: Spread
  readonly median: number
  readonly low: number
  readonly high: number
}

function sweepLines(result: BenchmarkResult, points: readonly SweepPointValue[], rest: string): BenchmarkChart {
  const { x, series } = axesOf(result)
  const single = measuredOf(result).find(({ configuration }) => configuration.parameters['mode'] === 'single')
  const line = single?.summary.rowsPerSecond.median
  const xText = (value: number): string => (x === 'maxBlobBytes' ? mebibytesText(value) : String(value))
  const axes = sweepAxes(result, points, xText)
  const values = points.map((point) => ({ ...point, x: xText(point.x), series: String(point.series) }))
  return {
    id: 'sweep',
    title: `Rows per second by ${AXIS_TITLES[x] ?? x} and ${AXIS_TITLES[series] ?? series}`,
    caption: `Dots are medians, lines through them 95 % intervals.${line === undefined ? '' : ' The dashed line is the single query.'}${rest}`,
    spec: (size) =>
      chartBase(size, {
        height: size.isNarrow ? 200 : 280,
        data: { values },
        layer: [
          {
            mark: { type: 'line', strokeWidth: 2 },
            encoding: {
              ...axes,
              y: { field: 'median', type: 'quantitative', title: 'million rows per second' },
            },
          },
          {
            mark: { type: 'rule', strokeWidth: 3, opacity: 0.4 },
            encoding: { ...axes, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
          },
          {
            mark: { type: 'point', filled: true, size: 80, opacity: 1 },
            encoding: { ...axes, y: { field: 'median', type: 'quantitative' } },
          },
          ...(line === undefined
            ? []
            : [{ mark: { type: 'rule', strokeDash: [6, 4], opacity: 0.7 }, encoding: { y: { datum: line / 1e6 } } }]),
        ],
      }),
    head: [AXIS_TITLES[x] ?? x, AXIS_TITLES[series] ?? series, 'rows/s', '95 % interval'],
    rows: [
      ...points.map((point) => [
        xText(point.x),
        String(point.series),
        countText(point.speed.median),
        rangeText(point.speed.interval, countText),
      ]),
      ...(line === undefined ? [] : [['single query', '-', countText(line), '-']]),
    ],
  }
}

const AXIS_TITLES: Readonly<Record<string, string>> = {
  partitions: 'partitions',
  workers: 'workers',
  maxBlobBytes: 'blob size',
  uploads: 'uploads at once',
}

/** Position and colour, in the order of the numbers whatever their texts are. */
function sweepAxes(
  result: BenchmarkResult,
  points: readonly SweepPointValue[],
  xText: (x: number) => string,
): ChartSpec {
  const { x, series } = axesOf(result)
  const xs = ascending(points.map((point) => point.x)).map(xText)
  const names = ascending(points.map((point) => point.series)).map(String)
  return {
    x: { field: 'x', type: 'ordinal', sort: xs, title: AXIS_TITLES[x] ?? x, axis: { labelAngle: 0, grid: false } },
    color: { field: 'series', type: 'nominal', sort: names, title: AXIS_TITLES[series] ?? series },
  }
}

function ascending(values: readonly number[]): readonly number[] {
  return [...new Set(values)].toSorted((a, b) => a - b)
}

interface Efficiency {
  readonly x: number
  readonly series: number
  /** Times as fast as with the fewest. */
  readonly speedup: number
  /** Of the speedup that so many more would give if they all helped; 1 is all of it. */
  readonly efficiency: number
}

function efficiencies(points: readonly SweepPointValue[]): readonly Efficiency[] {
  return points.flatMap(({ x, series, median }) => {
    const same = points.filter((point) => point.x === x)
    const fewest = same.toSorted((a, b) => a.series - b.series)[0]
    if (fewest === undefined || same.length < 2) return []
    const speedup = median / fewest.median
    return [{ x, series, speedup, efficiency: speedup / (series / fewest.series) }]
  })
}

function scalingLines(result: BenchmarkResult, points: readonly Efficiency[], rest: string): BenchmarkChart {
  const { x, series } = axesOf(result)
  const xText = (value: number): string => (x === 'maxBlobBytes' ? mebibytesText(value) : String(value))
  const values = points.map((point) => ({ ...point, x: xText(point.x), series: String(point.series) }))
  const what = AXIS_TITLES[series] ?? series
  return {
    id: 'scaling',
    title: `Scaling efficiency of ${what}`,
    caption:
      `How much of the speedup that more ${what} could give is there: at 100 % twice as many are twice as fast, at 50 % they are no faster. ` +
      `The fewest are 100 % by definition.${rest}`,
    spec: (size) =>
      chartBase(size, {
        height: size.isNarrow ? 180 : 240,
        data: { values },
        layer: [
          { mark: { type: 'rule', strokeDash: [6, 4], opacity: 0.7 }, encoding: { y: { datum: 1 } } },
          {
            mark: { type: 'line', strokeWidth: 2, point: { filled: true, size: 80 } },
            encoding: {
              x: {
                field: 'series',
                type: 'ordinal',
                sort: ascending(points.map((point) => point.series)).map(String),
                title: what,
                axis: { labelAngle: 0, grid: false },
              },
              y: {
                field: 'efficiency',
                type: 'quantitative',
                title: 'efficiency',
                axis: { format: '.0%' },
                scale: { zero: true },
              },
              color: {
                field: 'x',
                type: 'nominal',
                sort: ascending(points.map((point) => point.x)).map(xText),
                title: AXIS_TITLES[x] ?? x,
              },
            },
          },
        ],
      }),
    head: [AXIS_TITLES[x] ?? x, what, 'speedup', 'efficiency'],
    rows: points.map((point) => [
      xText(point.x),
      String(point.series),
      `${point.speedup.toFixed(2)} times`,
      `${(point.efficiency * 100).toFixed(0)} %`,
    ]),
  }
}
