import type { BenchmarkResult } from './benchmark-result.ts'
import type { BenchmarkComparison } from './compare-benchmarks.ts'
import { notesOf } from './benchmark-notes.ts'
import { bytesText, countText, percentText, secondsText } from './number-text.ts'
import type { Spread } from './statistics.ts'
import { textTable } from './text-table.ts'

/** A result as text for a terminal: what was measured, one line per configuration, the phases, and the recommendation. */
export function benchmarkText(result: BenchmarkResult): string {
  const { summaries, configurations, phases } = result
  const labels = new Map(configurations.map(({ id, label }) => [id, label]))
  const label = (id: string): string => labels.get(id) ?? id
  const overview = textTable(
    ['configuration', 'runs', 'seconds', 'middle half', 'rows/s', '95 % interval', 'MB/s', 'peak memory'],
    summaries.map((summary) => [
      label(summary.configuration),
      String(summary.runs),
      secondsText(summary.seconds.median),
      spreadText(summary.seconds),
      countText(summary.rowsPerSecond.median),
      intervalText(summary.rowsPerSecond),
      (summary.bytesPerSecond.median / 1e6).toFixed(1),
      bytesText(summary.peakMemoryBytes.median),
    ]),
  )
  const byPhase = textTable(
    ['seconds at work, by phase', ...phases, 'moved', 'blobs', 'requests'],
    summaries.map((summary) => [
      label(summary.configuration),
      ...phases.map((phase) => secondsText(summary.phases[phase]?.seconds.median ?? 0)),
      bytesText(summary.bytes),
      countText(summary.blobs),
      countText(summary.requests),
    ]),
  )
  const tables = summaries.length === 0 ? [] : [overview, byPhase]
  return `${[...tables, result.recommendation.sentence, ...notesOf(result)].join('\n\n')}\n`
}

/** What changed, as text for a terminal. */
export function comparisonText(comparison: BenchmarkComparison): string {
  const { changes, regressionPercent, warnings, onlyBefore, onlyAfter } = comparison
  const table = textTable(
    ['configuration', 'before', 'after', 'change', '95 % interval', 'verdict'],
    changes.map(({ label, before, after, change, interval, verdict, isRegression }) => [
      label,
      before === undefined ? '-' : secondsText(before),
      after === undefined ? '-' : secondsText(after),
      change === undefined ? '-' : percentText(change),
      interval === undefined ? 'too few runs' : `${percentText(interval.low)} to ${percentText(interval.high)}`,
      isRegression ? `${verdict}: REGRESSION` : verdict,
    ]),
  )
  const regressions = changes.filter(({ isRegression }) => isRegression).length
  const end =
    regressions === 0
      ? `No configuration is slower by more than ${regressionPercent} % beyond chance.`
      : `${regressions} of ${changes.length} configurations are slower by more than ${regressionPercent} % beyond chance, or fail.`
  return `${[
    table,
    ...onlyBefore.map((label) => `only before: ${label}`),
    ...onlyAfter.map((label) => `only after: ${label}`),
    ...warnings.map((warning) => `note: ${warning}`),
    end,
  ].join('\n')}\n`
}

/** Half of the samples lie here. */
export function spreadText({ q1, q3 }: Spread): string {
  return `${secondsText(q1)} to ${secondsText(q3)}`
}

/** Where the median lies with 95 % confidence. */
export function intervalText({ interval }: Spread): string {
  return interval === undefined ? 'too few runs' : `${countText(interval.low)} to ${countText(interval.high)}`
}
