import type { BenchmarkResult, BenchmarkRun, RunMeasures } from '../../src/benchmark/benchmark-result.ts'
import { EXPORT_PHASES } from '../../src/benchmark/export-phases.ts'
import { exportPoints } from '../../src/benchmark/export-sweep.ts'
import type { ExportChoice } from '../../src/benchmark/export-sweep.ts'
import { recommend } from '../../src/benchmark/recommend.ts'
import { summarizeRuns } from '../../src/benchmark/summarize-runs.ts'

export const MADE_UP_SWEEP: readonly ExportChoice[] = [
  { mode: 'single' },
  ...[1, 2, 4].flatMap((partitions) =>
    [1, 2].map((workers): ExportChoice => ({ mode: 'distributed', partitions, workers })),
  ),
]

/** What a run of so many seconds measures; it moved 1,000 rows. */
export function measuresOf(seconds: number): RunMeasures {
  return {
    seconds,
    cpuSeconds: seconds / 2,
    rows: 1000,
    bytes: 5000,
    blobs: 4,
    requests: 12,
    startMemoryBytes: 100e6,
    peakMemoryBytes: 200e6 + seconds * 1e6,
    afterSeconds: 0.01,
    phases: Object.fromEntries(
      EXPORT_PHASES.map((phase) => [
        phase,
        {
          seconds: seconds / 4,
          sharedSeconds: seconds / 6,
          rows: 1000,
          bytes: 5000,
          blobs: 4,
          requests: 3,
          peakMemoryBytes: 150e6,
        },
      ]),
    ),
  }
}

/** A result with the given seconds of each configuration, in the order of the sweep. */
export function resultOf(
  seconds: readonly (readonly number[])[],
  more: Partial<BenchmarkResult> & { readonly sweep?: readonly ExportChoice[] } = {},
): BenchmarkResult {
  const { sweep = MADE_UP_SWEEP, ...rest } = more
  const configurations = exportPoints(sweep).map(({ configuration }) => configuration)
  const runs = configurations.flatMap(({ id }, index) =>
    (seconds[index] ?? []).map((each, round): BenchmarkRun => {
      return { configuration: id, round: round + 1, outcome: 'measured', measures: measuresOf(each), answer: 0 }
    }),
  )
  const summaries = summarizeRuns(configurations, runs, { seed: 1, phases: EXPORT_PHASES })
  return {
    kind: 'kusto-arrow/benchmark',
    version: 1,
    subject: 'export',
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 12,
    end: 'complete',
    versions: { 'kusto-arrow': '0.1.0', node: '20.20.2' },
    machine: { cpu: 'Some CPU', cores: 2, memoryBytes: 8e9, platform: 'linux x64', node: 'v20.20.2', load: 0.5 },
    service: { host: 'help.kusto.windows.net', database: 'Samples', isEmbedded: false },
    data: 'StormEvents | where State == "a <b> & c"',
    plan: { repetitions: 5, warmups: 1, seed: 1, maxSeconds: 120, maxRows: 1e9, maxBytes: 1e9 },
    phases: EXPORT_PHASES,
    configurations,
    answers: [{ rows: 1000, columns: { a: '00' } }],
    runs,
    summaries,
    recommendation: recommend(configurations, summaries),
    ...rest,
  }
}

/** Five times that differ a little. */
export function around(seconds: number): readonly number[] {
  return [0.98, 1.01, 1, 0.99, 1.02].map((factor) => seconds * factor)
}
