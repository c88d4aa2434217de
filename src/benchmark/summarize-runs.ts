import type { BenchmarkConfiguration, BenchmarkRun, RunMeasures } from './benchmark-result.ts'
import { median, spreadOf } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** Medians of one phase of a configuration. */
export interface PhaseSummary {
  readonly seconds: Spread
  /** The phase's share of the run, where time of several phases at once is divided among them. */
  readonly sharedSeconds: number
  readonly rows: number
  readonly bytes: number
  readonly blobs: number
  readonly requests: number
  /** Rows and bytes per second in which the phase was at work; 0 where it moved none. */
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  readonly peakMemoryBytes: number
}

/** What the measured runs of one configuration say. */
export interface ConfigurationSummary {
  /** Id of the configuration. */
  readonly configuration: string
  /** Runs that count. */
  readonly runs: number
  readonly failed: number
  readonly different: number
  readonly seconds: Spread
  readonly rowsPerSecond: Spread
  readonly bytesPerSecond: Spread
  readonly cpuSeconds: number
  readonly rows: number
  readonly bytes: number
  readonly blobs: number
  readonly requests: number
  readonly peakMemoryBytes: Spread
  readonly afterSeconds: number
  readonly phases: Readonly<Record<string, PhaseSummary>>
}

/** One summary for each configuration with a run that counts, the fastest first. */
export function summarizeRuns(
  configurations: readonly BenchmarkConfiguration[],
  runs: readonly BenchmarkRun[],
  { seed, phases }: { readonly seed: number; readonly phases: readonly string[] },
): readonly ConfigurationSummary[] {
  return configurations
    .flatMap(({ id }): readonly ConfigurationSummary[] => {
      const own = runs.filter(({ configuration }) => configuration === id)
      const measured = own.flatMap(({ outcome, measures }) =>
        outcome === 'measured' && measures !== undefined ? [measures] : [],
      )
      if (measured.length === 0) return []
      const middle = (value: (run: RunMeasures) => number): number => median(measured.map(value))
      const spread = (value: (run: RunMeasures) => number): Spread => spreadOf(measured.map(value), seed)
      return [
        {
          configuration: id,
          runs: measured.length,
          failed: own.filter(({ outcome }) => outcome === 'failed').length,
          different: own.filter(({ outcome }) => outcome === 'different').length,
          seconds: spread((run) => run.seconds),
          rowsPerSecond: spread((run) => run.rows / run.seconds),
          bytesPerSecond: spread((run) => run.bytes / run.seconds),
          cpuSeconds: middle((run) => run.cpuSeconds),
          rows: middle((run) => run.rows),
          bytes: middle((run) => run.bytes),
          blobs: middle((run) => run.blobs),
          requests: middle((run) => run.requests),
          peakMemoryBytes: spread((run) => run.peakMemoryBytes),
          afterSeconds: middle((run) => run.afterSeconds),
          phases: Object.fromEntries(phases.map((phase) => [phase, summarizePhase(measured, phase, seed)])),
        },
      ]
    })
    .toSorted((a, b) => b.rowsPerSecond.median - a.rowsPerSecond.median)
}

function summarizePhase(runs: readonly RunMeasures[], phase: string, seed: number): PhaseSummary {
  const samples = runs.flatMap((run) => run.phases[phase] ?? [])
  const middle = (value: (sample: (typeof samples)[number]) => number): number => median(samples.map(value))
  return {
    seconds: spreadOf(
      samples.map(({ seconds }) => seconds),
      seed,
    ),
    sharedSeconds: middle((sample) => sample.sharedSeconds),
    rows: middle((sample) => sample.rows),
    bytes: middle((sample) => sample.bytes),
    blobs: middle((sample) => sample.blobs),
    requests: middle((sample) => sample.requests),
    rowsPerSecond: middle(({ rows, seconds }) => (seconds > 0 ? rows / seconds : 0)),
    bytesPerSecond: middle(({ bytes, seconds }) => (seconds > 0 ? bytes / seconds : 0)),
    peakMemoryBytes: middle((sample) => sample.peakMemoryBytes),
  }
}
