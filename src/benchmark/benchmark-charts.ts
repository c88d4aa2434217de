import type { BenchmarkResult } from './benchmark-result.ts'
import { chartBase, rowHeight } from './chart-spec.ts'
import type { ChartSize, ChartSpec } from './chart-spec.ts'
import { bytesText, countText, mebibytesText, secondsText } from './number-text.ts'
import type { Spread } from './statistics.ts'
import type { PhaseSummary } from './summarize-runs.ts'
import { axesOf, largestSlice, measuredOf } from './sweep-slice.ts'
import type { MeasuredConfiguration } from './sweep-slice.ts'

/** A chart of a report, with how to read it and its numbers. */
export interface BenchmarkChart {
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly spec: (size: ChartSize) => ChartSpec
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The charts that the measured configurations are enough for. */
export function benchmarkCharts(result: BenchmarkResult): readonly BenchmarkChart[] {
  const measured = measuredOf(result)
  if (measured.length === 0) return []
  return [throughput(measured), ...bySweep(result), phaseBreakdown(result, measured), memory(measured)]
}

const LABEL_LIMIT = 640

/** Configurations from top to bottom, in the order given: names on a wide page, ids on a narrow one. */
function configurationAxis({ isNarrow }: ChartSize): ChartSpec {
  const axis = { title: null, labelLimit: LABEL_LIMIT, grid: false }
  return { field: isNarrow ? 'id' : 'label', type: 'nominal', sort: null, axis }
}

function nameOf({ configuration }: MeasuredConfiguration): { readonly id: string; readonly label: string } {
  return { id: configuration.id, label: configuration.label }
}

function named(
  { configuration: { id, label } }: MeasuredConfiguration,
  ...cells: readonly string[]
): readonly string[] {
  return [id, label, ...cells]
}

function throughput(measured: readonly MeasuredConfiguration[]): BenchmarkChart {
  const values = measured.map((one) => ({ ...nameOf(one), ...rangeOf(one.summary.rowsPerSecond, 1e6) }))
  return {
    id: 'throughput',
    title: 'Rows per second of each configuration',
    caption:
      'The dot is the median over the repetitions, the line holds the true median with 95 % confidence. ' +
      'Where two lines overlap, the repetitions do not tell the configurations apart. Further to the right is faster.',
    spec: (size) =>
      chartBase(size, {
        height: rowHeight(size.isNarrow),
        data: { values },
        encoding: { y: configurationAxis(size) },
        layer: [
          {
            mark: { type: 'rule', strokeWidth: 3, opacity: 0.45, color: '#0072b2' },
            encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
          },
          {
            mark: { type: 'point', filled: true, size: 90, color: '#0072b2', opacity: 1 },
            encoding: {
              x: { field: 'median', type: 'quantitative', title: 'million rows per second', scale: { zero: true } },
            },
          },
        ],
      }),
    head: ['id', 'configuration', 'runs', 'rows/s', '95 % interval', 'middle half', 'seconds', 'MB/s'],
    rows: measured.map((one) => {
      const { runs, rowsPerSecond, seconds, bytesPerSecond } = one.summary
      return named(
        one,
        String(runs),
        countText(rowsPerSecond.median),
        rangeText(rowsPerSecond.interval, countText),
        rangeText({ low: rowsPerSecond.q1, high: rowsPerSecond.q3 }, countText),
        secondsText(seconds.median),
        (bytesPerSecond.median / 1e6).toFixed(1),
      )
    }),
  }
}

/** By the two axes of the sweep, and how well the second one scales. */
function bySweep(result: BenchmarkResult): readonly BenchmarkChart[] {
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
              ...xySeries(result),
              y: { field: 'median', type: 'quantitative', title: 'million rows per second' },
            },
          },
          {
            mark: { type: 'rule', strokeWidth: 3, opacity: 0.4 },
            encoding: { ...xySeries(result), y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
          },
          {
            mark: { type: 'point', filled: true, size: 80, opacity: 1 },
            encoding: { ...xySeries(result), y: { field: 'median', type: 'quantitative' } },
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

function xySeries(result: BenchmarkResult): ChartSpec {
  const { x, series } = axesOf(result)
  return {
    x: { field: 'x', type: 'ordinal', sort: null, title: AXIS_TITLES[x] ?? x, axis: { labelAngle: 0, grid: false } },
    color: { field: 'series', type: 'nominal', sort: null, title: AXIS_TITLES[series] ?? series },
  }
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
              x: { field: 'series', type: 'ordinal', sort: null, title: what, axis: { labelAngle: 0, grid: false } },
              y: {
                field: 'efficiency',
                type: 'quantitative',
                title: 'efficiency',
                axis: { format: '.0%' },
                scale: { zero: true },
              },
              color: { field: 'x', type: 'nominal', sort: null, title: AXIS_TITLES[x] ?? x },
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

function phaseBreakdown(result: BenchmarkResult, measured: readonly MeasuredConfiguration[]): BenchmarkChart {
  const phases = [...result.phases, 'other']
  const values = measured.flatMap((one) =>
    phases.map((phase, order) => ({ ...nameOf(one), phase, order, seconds: sharedSeconds(one, phase) })),
  )
  return {
    id: 'phases',
    title: 'Where the time goes',
    caption:
      'Median seconds of each phase. Where several phases were at work at once the time is divided among them, so that a bar is as long as the run. ' +
      '`other` is time in which no phase was seen at work.',
    spec: (size) =>
      chartBase(size, {
        height: rowHeight(size.isNarrow),
        data: { values },
        mark: { type: 'bar', height: { band: 0.75 } },
        encoding: {
          y: configurationAxis(size),
          x: { field: 'seconds', type: 'quantitative', stack: 'zero', title: 'seconds' },
          color: { field: 'phase', type: 'nominal', sort: phases, title: null, scale: { domain: phases } },
          order: { field: 'order', type: 'quantitative' },
        },
      }),
    head: [
      'id',
      'configuration',
      'phase',
      'share of the run',
      'at work',
      'rows',
      'rows/s',
      'moved',
      'MB/s',
      'blobs',
      'requests',
      'peak memory',
    ],
    rows: measured.flatMap((one) =>
      phases.map((phase) => {
        const summary = one.summary.phases[phase]
        return named(
          one,
          phase,
          secondsText(sharedSeconds(one, phase)),
          ...(summary === undefined ? NO_PHASE : phaseCells(summary)),
        )
      }),
    ),
  }
}

/** Rates of a shorter phase would be those of the clock. */
const SHORTEST_SECONDS = 0.001

const NO_PHASE: readonly string[] = Array.from({ length: 8 }, () => '-')

function phaseCells(phase: PhaseSummary): readonly string[] {
  const isTooShort = phase.seconds.median < SHORTEST_SECONDS
  return [
    secondsText(phase.seconds.median),
    some(phase.rows, countText),
    isTooShort ? '-' : some(phase.rowsPerSecond, countText),
    some(phase.bytes, bytesText),
    isTooShort ? '-' : some(phase.bytesPerSecond, (value) => (value / 1e6).toFixed(1)),
    some(phase.blobs, countText),
    some(phase.requests, countText),
    some(phase.peakMemoryBytes, bytesText),
  ]
}

function some(value: number, text: (value: number) => string): string {
  return value === 0 ? '-' : text(value)
}

function sharedSeconds({ summary }: MeasuredConfiguration, phase: string): number {
  if (phase !== 'other') return summary.phases[phase]?.sharedSeconds ?? 0
  const seen = Object.values(summary.phases).reduce((sum, { sharedSeconds: seconds }) => sum + seconds, 0)
  return Math.max(0, summary.seconds.median - seen)
}

function memory(measured: readonly MeasuredConfiguration[]): BenchmarkChart {
  const values = measured.map((one) => ({ ...nameOf(one), ...rangeOf(one.summary.peakMemoryBytes, 1e6) }))
  return {
    id: 'memory',
    title: 'Peak memory of each configuration',
    caption:
      'The most that was resident in this process during a run: median over the repetitions, and its 95 % interval. It holds all of the process: ' +
      'the runtime, what earlier runs left to the allocator, rows that are kept to be checked after the clock has stopped and, where it runs in the same process, the embedded Kusto.',
    spec: (size) =>
      chartBase(size, {
        height: rowHeight(size.isNarrow),
        data: { values },
        encoding: { y: configurationAxis(size) },
        layer: [
          {
            mark: { type: 'bar', height: { band: 0.6 }, color: '#009e73' },
            encoding: { x: { field: 'median', type: 'quantitative', title: 'megabytes' } },
          },
          {
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
          },
        ],
      }),
    head: ['id', 'configuration', 'peak memory', '95 % interval', 'processor seconds'],
    rows: measured.map((one) =>
      named(
        one,
        bytesText(one.summary.peakMemoryBytes.median),
        rangeText(one.summary.peakMemoryBytes.interval, bytesText),
        one.summary.cpuSeconds.toFixed(2),
      ),
    ),
  }
}

/** Median and interval in a unit; without an interval both ends are the median. */
function rangeOf({ median, interval }: Spread, unit: number): { median: number; low: number; high: number } {
  return { median: median / unit, low: (interval?.low ?? median) / unit, high: (interval?.high ?? median) / unit }
}

function rangeText(
  interval: { readonly low: number; readonly high: number } | undefined,
  text: (value: number) => string,
): string {
  return interval === undefined ? 'too few runs' : `${text(interval.low)} to ${text(interval.high)}`
}
