import type { BenchmarkResult } from './benchmark-result.ts'
import { rangeOf, rangeText } from './chart-range.ts'
import { chartBase, rowHeight } from './chart-spec.ts'
import type { BenchmarkChart, ChartSize, ChartSpec } from './chart-spec.ts'
import { bytesText, countText, secondsText } from './number-text.ts'
import type { PhaseSummary } from './summarize-runs.ts'
import { sweepCharts } from './sweep-charts.ts'
import { measuredOf } from './sweep-slice.ts'
import type { MeasuredConfiguration } from './sweep-slice.ts'

/** The charts that the measured configurations are enough for. */
export function benchmarkCharts(result: BenchmarkResult): readonly BenchmarkChart[] {
  const measured = measuredOf(result)
  if (measured.length === 0) return []
  return [throughput(measured), ...sweepCharts(result), phaseBreakdown(result, measured), memory(measured)]
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
